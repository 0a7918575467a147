#include "sensor/session/text.hpp"

#include <algorithm>

#include "core/base/limits.hpp"

namespace mxw::session {

std::string shown(const Redactor& redactor, std::string_view text) {
  constexpr std::size_t kRead = limits::kSmtpLineBytes / 2;
  if (text.size() > kRead) {
    const std::size_t blank = text.substr(0, kRead).find_last_of(" \t\r\n");
    text = text.substr(0, blank == std::string_view::npos ? 0 : blank);
  }
  std::string out = redactor.text(text);
  if (out.size() > limits::kSmtpTextBytes) out.resize(limits::kSmtpTextBytes);
  return out;
}

}  // namespace mxw::session
