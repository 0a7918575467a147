// LineBuffer: octets to lines, any split. A line ends at LF; CRs before it are dropped. Lines
// longer than limits::kSmtpLineBytes are cut, their true length is kept.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/base/bytes.hpp"
#include "core/evidence/frame.hpp"

namespace mxw::smtp {

struct Line {
  std::string_view text;  // without line end; borrowed from the octets fed and until the next call
  std::uint64_t offset = 0;
  std::uint32_t length = 0;  // octets on the wire with the line end
  evidence::FrameRef first, last;
};

class LineBuffer {
 public:
  // Takes octets up to and including the first LF. True when a line is complete; `taken` says how
  // many octets were used.
  bool feed(Bytes bytes, std::uint64_t offset, const evidence::FrameRef& at, std::size_t& taken,
            Line& line);
  // Nothing waits for its line end.
  [[nodiscard]] bool empty_or_done() const { return length_ == 0 || done_; }
  void clear();

 private:
  std::string text_;
  std::uint64_t offset_ = 0;
  std::uint32_t length_ = 0;
  evidence::FrameRef first_;
  bool done_ = false;  // text_ was handed out as a Line: cleared on the next call
};

}  // namespace mxw::smtp
