// The words of a reply. Nothing of a policy goes into one that is not a host name: Postfix's
// grammar has blanks, commas, colons and braces, and a policy's owner is a stranger. Pure,
// thread-safe.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "map/known.hpp"
#include "map/query.hpp"

namespace mxw::map {

// `NOTFOUND ` as one netstring.
inline constexpr std::string_view kNotFound = "9:NOTFOUND ,";

// The patterns of a policy or a pin that are host names or `*.` and one, as they are matched:
// duplicates and what is neither are left out.
[[nodiscard]] std::vector<std::string> usable_patterns(const std::vector<std::string>& mx);

struct SecureWords {
  bool servername = true;
  bool tlsrpt = false;  // the attributes of Postfix 3.10
};

// `OK secure match=a.example:.b.example servername=hostname`, without the netstring. `*.x` is
// written `.x`, as Postfix has it. nullopt when there is no pattern, or when the list is larger
// than limits::kReplyBytes (a policy's 256 patterns fit, a pin of some thousand does not): a list
// cut short would turn away hosts the policy names.
//
// With `tlsrpt` and a known policy: `policy_type=sts policy_domain=D`, one `mx_host_pattern=P` a
// pattern, and the lines of the policy as `{ policy_string = mx: P }`, written anew from what was
// understood of it. (Postfix TLSRPT_README and smtp_tls_policy.c: braces hold a value with blanks;
// policy_ttl is deprecated and optional, so it is not sent.) When all together are too large, the
// lines are left out, then all attributes.
[[nodiscard]] std::optional<std::string> secure_text(std::string_view domain,
                                                     const std::vector<std::string>& patterns,
                                                     SecureWords words, const Known* policy);

}  // namespace mxw::map
