// Does a presented chain satisfy a TLSA set, as SMTP asks for it (RFC 7672 section 3)? Certificates
// and records are hostile input. One thread at a time is not required: there is no state.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/time.hpp"
#include "core/dns/message.hpp"

namespace mxw::x509 {

enum class TlsaMatch : std::uint8_t {
  authenticated,
  no_match,  // there are usable records and none holds: the host must not be delivered to
  unusable,  // no usable record: TLS is required, nobody is authenticated (RFC 7672 section 2.2)
};
[[nodiscard]] std::string_view tlsa_match_name(TlsaMatch match);

struct TlsaResult {
  TlsaMatch match = TlsaMatch::no_match;
  std::optional<std::size_t> record;  // the one that held, its place in the set
  std::string reason;  // for people, why not: `no record matches the chain`, `expired`, ...
};

// `leaf_first`: the certificates as presented, DER; at most limits::kTlsCertificates are read.
// Usage 3 looks at the leaf alone: names and dates do not matter. Usage 2 asks for a path from the
// leaf to a presented issuer the record matches (or, for 2 0 0, to the certificate in the record),
// valid at `at`, and a leaf that stands for one of `references` (section 3.2.2: the TLSA base
// domain, the next-hop domain and its CNAME-expanded form). The web PKI is not asked. Digest
// agility as in dns::applicable.
[[nodiscard]] TlsaResult match_tlsa(const std::vector<std::vector<std::uint8_t>>& leaf_first,
                                    std::span<const dns::Tlsa> records,
                                    std::span<const std::string> references, Time at);

}  // namespace mxw::x509
