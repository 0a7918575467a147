#include "sensor/smtp/line_buffer.hpp"

#include <algorithm>
#include <cstring>

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
  taken = complete ? static_cast<std::size_t>(static_cast<const std::uint8_t*>(lf) - bytes.data()) + 1
                   : bytes.size();
  const std::size_t room = limits::kSmtpLineBytes - std::min(limits::kSmtpLineBytes, text_.size());
  text_ += as_text(bytes.first(std::min(taken, room)));
  length_ += static_cast<std::uint32_t>(taken);
  if (!complete) return false;
  std::string_view text = text_;
  if (!text.empty() && text.back() == '\n') text.remove_suffix(1);
  line.bare_lf = text.empty() || text.back() != '\r';
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
