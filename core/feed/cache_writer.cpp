#include "core/feed/cache_writer.hpp"

#include <utility>

namespace mxw::feed {

CacheWriter::CacheWriter(EventLoop& loop, Replica& replica, std::string path,
                         std::int64_t interval_ns)
    : replica_(replica),
      path_(std::move(path)),
      interval_ns_(interval_ns),
      timer_(loop, [this] { tick(); }) {
  timer_.start(interval_ns_);
}

void CacheWriter::tick() {
  write_now();
  timer_.start(interval_ns_);
}

void CacheWriter::write_now() {
  if (!replica_.changed()) return;
  if (auto saved = replica_.save(path_); saved) {
    ++written_;
  } else {
    ++failed_;
    last_error_ = std::move(saved.error().message);
  }
}

}  // namespace mxw::feed
