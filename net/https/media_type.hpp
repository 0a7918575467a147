// The Content-Type of a policy.
#pragma once

#include <string_view>

namespace mxw::https {

// RFC 8461 section 3.2: text/plain, so that an upload of another kind cannot pass for a policy.
// Parameters are ignored, whatever the charset: the policy grammar decides about the octets.
[[nodiscard]] bool is_plain_text(std::string_view content_type);

}  // namespace mxw::https
