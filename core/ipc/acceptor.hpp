// Acceptor: takes connections from a listening unix socket, asks who it is and hands on who may.
//
// Out of descriptors (EMFILE, ENFILE) or memory it pauses and tries again by a timer instead of
// spinning; those who wait are in the backlog. One thread, the loop's.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "core/base/event_loop.hpp"
#include "core/base/fd.hpp"
#include "core/ipc/peer.hpp"

namespace mxw::ipc {

class Acceptor {
 public:
  static constexpr std::int64_t kPause = 100 * kMillisecond;  // after a failed accept
  static constexpr int kPerTurn = 64;                         // as the loop's events of one turn

  struct Counters {
    std::uint64_t accepted = 0;  // handed on
    std::uint64_t refused = 0;   // not allowed by PeerCheck
    std::uint64_t full = 0;      // `room` said no
    std::uint64_t failed = 0;    // accept() failed for want of something
  };

  // `room`: whether one more may come; else the connection is closed at once.
  using Room = std::function<bool()>;
  using Take = std::function<void(Fd, Credentials)>;

  // `listen_fd` (non-blocking, listening) stays the caller's and outlives the acceptor.
  // Error (environment) when the loop refuses it.
  static Result<std::unique_ptr<Acceptor>> create(EventLoop& loop, int listen_fd, PeerCheck peers,
                                                  Room room, Take take);
  ~Acceptor();
  Acceptor(const Acceptor&) = delete;
  Acceptor& operator=(const Acceptor&) = delete;

  [[nodiscard]] const Counters& counters() const { return counters_; }

 private:
  Acceptor(EventLoop& loop, int listen_fd, PeerCheck peers, Room room, Take take);
  void accept_some();
  void welcome(Fd fd);
  void pause();

  EventLoop& loop_;
  int listen_fd_;
  PeerCheck peers_;
  Room room_;
  Take take_;
  Timer resume_;
  Counters counters_;
};

}  // namespace mxw::ipc
