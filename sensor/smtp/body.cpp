#include "sensor/smtp/body.hpp"

#include <cstring>

namespace mxw::smtp {
namespace {

constexpr std::uint32_t word(const char (&text)[5]) {
  return static_cast<std::uint32_t>(text[0]) << 24 | static_cast<std::uint32_t>(text[1]) << 16 |
         static_cast<std::uint32_t>(text[2]) << 8 | static_cast<std::uint32_t>(text[3]);
}

constexpr std::uint64_t kEnd = 0x0d0a2e0d0a;  // CR LF . CR LF

}  // namespace

void BodyScanner::gap() {
  last_ = 0;
  watch_ = 0;
}

std::size_t BodyScanner::feed(Bytes bytes) {
  std::size_t i = 0;
  while (i < bytes.size()) {
    // Away from a line end nothing can end the body: go to the next LF at once.
    if (watch_ == 0 && (last_ & 0xff) != 0x0a && (last_ & 0xffff) != 0x0a2e &&
        (last_ & 0xffffff) != 0x0a2e0d) {
      const void* const lf = std::memchr(bytes.data() + i, '\n', bytes.size() - i);
      const std::size_t stop =
          lf != nullptr
              ? static_cast<std::size_t>(static_cast<const std::uint8_t*>(lf) - bytes.data())
              : bytes.size();
      const std::size_t from = stop - i > 8 ? stop - 8 : i;
      for (std::size_t k = from; k < stop; ++k) last_ = last_ << 8 | bytes[k];
      i = stop;
      if (i == bytes.size()) break;
    }
    last_ = last_ << 8 | bytes[i++];
    if ((last_ & 0xffffffffff) == kEnd) {
      ended_ = true;
      return i;
    }
    if (watch_ > 0) {
      word_ = word_ << 8 | (bytes[i - 1] & 0xdfU);
      const bool whole = --watch_ == 0;
      if (whole && verb_end_ == 0 &&
          (word_ == word("MAIL") || word_ == word("RCPT") || word_ == word("DATA")))
        verb_end_ = fed_ + i;
    }
    const bool bare = (last_ & 0xffffff) == 0x0a2e0a ||
                      ((last_ & 0xffffffff) == 0x0a2e0d0a && (last_ >> 32 & 0xff) != 0x0d);
    if (bare) {
      if (dot_end_ == 0) dot_end_ = fed_ + i;
      watch_ = 4;
      word_ = 0;
    }
  }
  fed_ += bytes.size();
  return bytes.size();
}

}  // namespace mxw::smtp
