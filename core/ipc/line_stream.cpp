#include "core/ipc/line_stream.hpp"

namespace mxw::ipc {

void LineStream::feed(std::string_view octets) {
  if (begin_ > 0) {
    buffer_.erase(0, begin_);
    scanned_ -= begin_;
    begin_ = 0;
  }
  buffer_ += octets;
}

std::optional<std::string_view> LineStream::next() {
  for (;;) {
    const std::size_t end = buffer_.find('\n', scanned_);
    const bool whole = end != std::string::npos;
    const std::size_t length = (whole ? end : buffer_.size()) - begin_;
    if (!passing_over_ && length > line_bytes_) {
      passing_over_ = true;
      ++too_long_;
    }
    if (!whole) {
      if (passing_over_) begin_ = buffer_.size();
      scanned_ = buffer_.size();
      return std::nullopt;
    }
    const std::string_view line = std::string_view(buffer_).substr(begin_, length);
    begin_ = scanned_ = end + 1;
    if (!passing_over_) return line;
    passing_over_ = false;
  }
}

void LineStream::clear() {
  buffer_.clear();
  begin_ = scanned_ = 0;
  passing_over_ = false;
}

}  // namespace mxw::ipc
