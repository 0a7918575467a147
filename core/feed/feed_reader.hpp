// FeedReader: holds a connection to an owner's feed and tells an Observer what comes (semantics 6).
//
// Comes back after 100 ms to 5 s when the owner is gone, asking for what it has not had yet; after
// a reset that did not reach its end, for everything. Lines that are damaged, over a limit or of a
// later version are passed over and counted. A set that was replaced is told when all of it is
// there, in one piece: no observer ever sees it empty or half. One thread, the loop's.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/base/event_loop.hpp"
#include "core/base/fd.hpp"
#include "core/feed/codec.hpp"
#include "core/feed/observer.hpp"
#include "core/ipc/backoff.hpp"
#include "core/ipc/line_stream.hpp"

namespace mxw::feed {

class FeedReader {
 public:
  struct Counters {
    std::uint64_t lines = 0, bytes = 0;
    std::uint64_t connects = 0, disconnects = 0, resets = 0;
    std::uint64_t started_over = 0;
    std::uint64_t too_long = 0;                   // lines over kLineBytes
    std::array<std::uint64_t, kSkips> skipped{};  // by Skip
  };

  // `from`: what the observer has already (a cache file's sequence), 0 = nothing. The first attempt
  // to connect is made at the loop's next turn. The observer outlives the reader.
  // Error (usage): the path is too long.
  static Result<std::unique_ptr<FeedReader>> create(EventLoop& loop, std::string socket_path,
                                                    Observer& observer, rows::Sequence from);
  ~FeedReader();
  FeedReader(const FeedReader&) = delete;
  FeedReader& operator=(const FeedReader&) = delete;

  // Asks for everything, on a new connection. Not from a call of the observer.
  void start_over();

  [[nodiscard]] bool connected() const { return static_cast<bool>(fd_); }
  // Everything up to here was told; 0 between a reset and its end.
  [[nodiscard]] rows::Sequence sequence() const { return resetting_ ? 0 : sequence_; }
  [[nodiscard]] const Counters& counters() const { return counters_; }

 private:
  FeedReader(EventLoop& loop, std::string path, Observer& observer, rows::Sequence from);
  void connect();
  void on_events(std::uint32_t events);
  bool read_some(bool& open);
  void take(std::string_view line);
  void take(Line&& line);
  void tell(const Line& line);
  void tell_held();
  void disconnect();

  EventLoop& loop_;
  std::string path_;
  Observer& observer_;
  rows::Sequence sequence_;
  bool resetting_ = false;
  std::vector<Line> held_;    // a del and the puts that belong to it, as far as they came
  std::uint32_t wanted_ = 0;  // puts still to come
  Fd fd_;
  ipc::LineStream lines_{kLineBytes};
  std::string buffer_;
  ipc::Backoff backoff_;
  Timer retry_;
  Counters counters_;
};

}  // namespace mxw::feed
