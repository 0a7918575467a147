// CacheWriter: writes a Replica to its cache file once a minute when something changed (semantics
// 6), slice by slice between the other work of its loop. It belongs to the thread of the replica,
// never to one that serves: each write may wait for the disk.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "core/base/event_loop.hpp"
#include "core/feed/replica.hpp"
#include "core/feed/saving.hpp"

namespace mxw::feed {

class CacheWriter {
 public:
  static constexpr std::int64_t kInterval = kMinute;

  // The replica outlives it.
  CacheWriter(EventLoop& loop, Replica& replica, std::string path,
              std::int64_t interval_ns = kInterval);
  ~CacheWriter();

  void write_now();  // all at once when something changed, or is half written; at a regular end

  [[nodiscard]] std::uint64_t written() const { return written_; }
  [[nodiscard]] std::uint64_t failed() const { return failed_; }
  [[nodiscard]] std::uint64_t overtaken() const { return overtaken_; }
  [[nodiscard]] const std::string& last_error() const { return last_error_; }

 private:
  void tick();
  bool write_slice();
  void failed(Error error);

  Replica& replica_;
  std::string path_;
  std::int64_t interval_ns_;
  std::unique_ptr<Replica::Saving> saving_;
  std::uint64_t written_ = 0, failed_ = 0, overtaken_ = 0;
  std::string last_error_;
  Timer timer_;
};

}  // namespace mxw::feed
