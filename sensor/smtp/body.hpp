// Mail bodies are scanned for their end and never kept.
#pragma once

#include <cstdint>

#include "core/base/bytes.hpp"

namespace mxw::smtp {

// The end of DATA: CR LF "." CR LF (RFC 5321 section 4.1.1.4), across any split. A dot line whose
// line ends are not CR LF (SMTP smuggling, CVE-2023-51764) does not end the body; it is noted.
class BodyScanner {
 public:
  // Octets that belong to the body, its end included; all of them unless ended().
  std::size_t feed(Bytes bytes);
  // Octets are missing: what follows them continues no line that was seen before.
  void gap();
  [[nodiscard]] bool ended() const { return ended_; }
  [[nodiscard]] bool bare_lf_dot() const { return dot_end_ != 0; }
  // Right after a bare-LF dot line a line began with one of MAIL, RCPT, DATA.
  [[nodiscard]] bool verb_after_bare_dot() const { return verb_end_ != 0; }
  // Octets of the body up to the end of the first such dot line, and of the first such verb.
  [[nodiscard]] std::uint64_t dot_end() const { return dot_end_; }
  [[nodiscard]] std::uint64_t verb_end() const { return verb_end_; }

 private:
  // The last octets seen, newest in the low byte; starts as CR LF: the command line before the
  // body.
  std::uint64_t last_ = 0x0d0a;
  bool ended_ = false;
  std::uint64_t fed_ = 0;                     // octets of earlier pieces
  std::uint64_t dot_end_ = 0, verb_end_ = 0;  // 0: none
  std::uint8_t watch_ = 0;                    // octets of a possible verb still to be looked at
  std::uint32_t word_ = 0;
};

}  // namespace mxw::smtp
