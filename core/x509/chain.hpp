// Reading one presented chain: summaries, the path to a root, its dates. Private to core/x509.
#pragma once

#include <vector>

#include "core/base/redact.hpp"
#include "core/x509/certificate.hpp"
#include "core/x509/openssl.hpp"

namespace mxw::x509 {

using DerChain = std::vector<std::vector<std::uint8_t>>;

// All of Chain but its sha256. `roots` may be null: nothing is verified then. At most
// limits::kTlsCertificates of the chain are read.
[[nodiscard]] Chain read_chain(X509_STORE* roots, const DerChain& leaf_first,
                               const Redactor& redactor);

}  // namespace mxw::x509
