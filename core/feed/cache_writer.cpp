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

CacheWriter::~CacheWriter() = default;

void CacheWriter::tick() {
  timer_.start(write_slice() ? 0 : interval_ns_);
}

// Whether more is to be written at once. What was overtaken waits for the next time: the old file
// stands, and a table is seldom built anew.
bool CacheWriter::write_slice() {
  if (!saving_) {
    if (!replica_.changed()) return false;
    auto begun = Replica::Saving::begin(replica_, path_);
    if (!begun) {
      failed(std::move(begun.error()));
      return false;
    }
    saving_ = std::move(*begun);
  }
  const auto step = saving_->step();
  if (step && *step == Replica::Saving::Step::more) return true;
  if (!step)
    failed(step.error());
  else if (*step == Replica::Saving::Step::done)
    ++written_;
  else
    ++overtaken_;
  saving_.reset();
  return false;
}

void CacheWriter::failed(Error error) {
  ++failed_;
  last_error_ = std::move(error.message);
}

void CacheWriter::write_now() {
  saving_.reset();
  if (!replica_.changed()) return;
  if (auto saved = replica_.save(path_); saved) {
    ++written_;
  } else {
    failed(std::move(saved.error()));
  }
}

}  // namespace mxw::feed
