// SeqpacketClient: a daemon's end of a SEQPACKET socket (semantics 11, ask socket). Never waits:
// what cannot be sent now is dropped and said so. Comes back by itself after the other end was
// gone. One thread, the loop's. Create and destroy it outside of its own callbacks.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "core/base/event_loop.hpp"
#include "core/base/fd.hpp"
#include "core/ipc/backoff.hpp"

namespace mxw::ipc {

class SeqpacketClient {
 public:
  using Received = std::function<void(std::string_view message)>;
  using State = std::function<void(bool connected)>;

  struct Options {
    std::size_t message_bytes = 64 << 10;  // a longer one from the other end closes the connection
    int messages_per_turn = 64;
  };

  struct Counters {
    std::uint64_t sent = 0, received = 0;
    std::uint64_t dropped = 0;  // not connected, or the other end does not read
    std::uint64_t connects = 0, disconnects = 0;
    std::uint64_t too_large = 0;
  };

  // The first attempt is made at the loop's next turn. Error (usage): the path is too long.
  static Result<std::unique_ptr<SeqpacketClient>> create(EventLoop& loop, std::string path,
                                                         Received received, State state,
                                                         Options options);
  static Result<std::unique_ptr<SeqpacketClient>> create(EventLoop& loop, std::string path,
                                                         Received received, State state = {}) {
    return create(loop, std::move(path), std::move(received), std::move(state), Options{});
  }
  ~SeqpacketClient();
  SeqpacketClient(const SeqpacketClient&) = delete;
  SeqpacketClient& operator=(const SeqpacketClient&) = delete;

  // False: dropped. True says only that the kernel has it.
  bool send(std::string_view message);
  [[nodiscard]] bool connected() const { return static_cast<bool>(fd_); }
  [[nodiscard]] const Counters& counters() const { return counters_; }

 private:
  SeqpacketClient(EventLoop& loop, std::string path, Received received, State state,
                  Options options);
  void connect();
  void on_events(std::uint32_t events);
  bool read_one();
  void disconnect();

  EventLoop& loop_;
  std::string path_;
  Received received_;
  State state_;
  Options options_;
  Fd fd_;
  std::string buffer_;
  Backoff backoff_;
  std::int64_t since_ = 0;  // connected, by the loop's clock
  Timer retry_;
  Counters counters_;
};

}  // namespace mxw::ipc
