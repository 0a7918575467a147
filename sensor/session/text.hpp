// Free text of the wire as evidence: redacted first, then bounded. The other order would cut an
// address before its `@` and let its local part pass as a word.
#pragma once

#include <string>
#include <string_view>

#include "core/base/redact.hpp"

namespace mxw::session {

// At most limits::kSmtpTextBytes. REQUIRES: text was not cut, or at limits::kSmtpLineBytes.
[[nodiscard]] std::string shown(const Redactor& redactor, std::string_view text);

}  // namespace mxw::session
