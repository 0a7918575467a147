// Replies (RFC 5321 section 4.2): lines put together to one reply, strict enough to resynchronise
// on.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "sensor/smtp/line_buffer.hpp"

namespace mxw::smtp {

struct ReplyLine {
  std::string text;  // behind the code and its separator
  std::uint64_t offset = 0;
  std::uint32_t length = 0;
  evidence::FrameRef at;
};

struct Reply {
  std::uint16_t code = 0;        // of the first line; 0: the first line is no reply line
  std::vector<ReplyLine> lines;  // at most limits::kSmtpReplyLines
  std::uint32_t dropped_lines = 0;
  evidence::FrameRef first, last;

  [[nodiscard]] bool positive() const { return code >= 200 && code < 300; }
};

// True for `ddd`, `ddd text` and `ddd-text`.
[[nodiscard]] bool is_reply_line(std::string_view line);

class ReplyBuilder {
 public:
  // True when this line ends a reply; `reply` then holds it and the builder is empty.
  bool add(const Line& line, Reply& reply);
  [[nodiscard]] bool empty() const { return current_.lines.empty(); }
  void clear() { current_ = {}; }

 private:
  Reply current_;
};

}  // namespace mxw::smtp
