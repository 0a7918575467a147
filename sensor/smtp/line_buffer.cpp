#include "sensor/smtp/line_buffer.hpp"

#include <algorithm>
#include <cstring>
#include <limits>

#include "core/base/limits.hpp"

namespace mxw::smtp {

void LineBuffer::clear() {
  text_.clear();
  length_ = 0;
  done_ = false;
}

bool LineBuffer::feed(Bytes bytes, std::uint64_t offset, const evidence::FrameRef& at,
                      std::size_t& taken, Line& line) {
  if (done_) clear();
  taken = 0;
  if (bytes.empty()) return false;
  if (length_ == 0) {
    offset_ = offset;
    first_ = at;
  }
  const void* const lf = std::memchr(bytes.data(), '\n', bytes.size());
  const bool complete = lf != nullptr;
  taken = complete
              ? static_cast<std::size_t>(static_cast<const std::uint8_t*>(lf) - bytes.data()) + 1
              : bytes.size();
  std::string_view text = as_text(bytes.first(std::min(taken, limits::kSmtpLineBytes)));
  if (!complete || length_ > 0) {  // most lines come whole and need no copy
    const std::size_t room = limits::kSmtpLineBytes - text_.size();
    text_ += as_text(bytes.first(std::min(taken, room)));
    text = text_;
  }
  constexpr auto kMost = std::numeric_limits<std::uint32_t>::max();
  length_ += static_cast<std::uint32_t>(std::min<std::size_t>(taken, kMost - length_));
  if (!complete) return false;
  if (!text.empty() && text.back() == '\n') text.remove_suffix(1);
  while (!text.empty() && text.back() == '\r') text.remove_suffix(1);
  line.text = text;
  line.offset = offset_;
  line.length = length_;
  line.first = first_;
  line.last = at;
  done_ = true;
  return true;
}

}  // namespace mxw::smtp
