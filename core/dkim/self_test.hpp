// Whether our own signatures will be taken: signs a message and verifies it by the published
// record. Pure but for the key; thread-safe.
#pragma once

#include <string>

#include "core/base/result.hpp"
#include "core/dkim/sign.hpp"
#include "core/dkim/verify.hpp"

namespace mxw::dkim {

// The name to look up for self_test().
[[nodiscard]] std::string key_name(std::string_view selector, std::string_view domain);

// Error (environment) when the record could not be looked up, (usage) when it is missing, belongs
// to another key, is revoked, in test mode, or not for tlsrpt; the message says which and at which
// name.
[[nodiscard]] Result<void> self_test(const SigningKey& key, const std::string& domain,
                                     const std::string& selector, const KeyAnswer& answer,
                                     Time now);

}  // namespace mxw::dkim
