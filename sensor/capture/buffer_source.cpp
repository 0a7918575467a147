#include "sensor/capture/buffer_source.hpp"

#include <algorithm>
#include <cstring>

namespace mxw::capture {
namespace {

// One read(2) or inflate() call; Linux pipes hold 64 KiB.
constexpr std::size_t kChunk = 256 << 10;

}  // namespace

bool BufferSource::fill(std::size_t n) {
  const std::size_t kept = available();
  if (kept > 0 && at_ != buffer_.data()) std::memmove(buffer_.data(), at_, kept);
  buffer_.resize(std::max({buffer_.size(), n, kChunk}));
  std::size_t filled = kept;
  while (filled < n) {
    const std::size_t got = produce(std::span(buffer_).subspan(filled));
    if (got == 0) break;
    filled += got;
    shown_ += got;
  }
  at_ = buffer_.data();
  end_ = at_ + filled;
  return filled >= n;
}

}  // namespace mxw::capture
