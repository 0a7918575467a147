// CacheWriter: writes a Replica to its cache file once a minute when something changed (semantics
// 6). Blocks while it writes: it belongs to the thread of the replica, never to one that serves.
#pragma once

#include <cstdint>
#include <string>

#include "core/base/event_loop.hpp"
#include "core/feed/replica.hpp"

namespace mxw::feed {

class CacheWriter {
 public:
  static constexpr std::int64_t kInterval = kMinute;

  // The replica outlives it.
  CacheWriter(EventLoop& loop, Replica& replica, std::string path,
              std::int64_t interval_ns = kInterval);

  void write_now();  // when something changed; at a regular end too

  [[nodiscard]] std::uint64_t written() const { return written_; }
  [[nodiscard]] std::uint64_t failed() const { return failed_; }
  [[nodiscard]] const std::string& last_error() const { return last_error_; }

 private:
  void tick();

  Replica& replica_;
  std::string path_;
  std::int64_t interval_ns_;
  std::uint64_t written_ = 0, failed_ = 0;
  std::string last_error_;
  Timer timer_;
};

}  // namespace mxw::feed
