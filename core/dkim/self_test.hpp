// Whether our own signatures will be taken: signs a message and verifies it by the published
// record. Pure but for the key; thread-safe.
#pragma once

#include <string>

#include "core/base/result.hpp"
#include "core/dkim/sign.hpp"
#include "core/dkim/verify.hpp"

namespace mxw::dkim {

// `answer` is what stands at key_name(). Error (environment) when the record could not be looked
// up, (usage) when it is missing, belongs to another key, is revoked, in test mode, or not for
// tlsrpt; the message says which and at which name.
[[nodiscard]] Result<void> self_test(const SigningKey& key, const std::string& domain,
                                     const std::string& selector, const KeyAnswer& answer,
                                     Time now);

}  // namespace mxw::dkim
