#include "sensor/session/text.hpp"

#include <algorithm>

#include "core/base/limits.hpp"

namespace mxw::session {

std::string shown(const Redactor& redactor, std::string_view text) {
  // The line buffer cuts at kSmtpLineBytes: the last word may be the start of an address. A word
  // longer than an address can be (RFC 5321 section 4.5.3.1: 64 octets, `@`, 255) is none.
  constexpr std::size_t kAddress = 64 + 1 + 255;
  if (text.size() >= limits::kSmtpLineBytes) {
    const std::size_t blank = text.find_last_of(" \t\r\n");
    const std::size_t word = blank == std::string_view::npos ? 0 : blank;
    if (text.size() - word <= kAddress) text = text.substr(0, word);
  }
  std::string out = redactor.text(text);
  if (out.size() > limits::kSmtpTextBytes) out.resize(limits::kSmtpTextBytes);
  return out;
}

}  // namespace mxw::session
