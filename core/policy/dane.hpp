// DANE for SMTP (RFC 7672): what DNS says about each MX host of a domain, and what follows for the
// domain. Pure functions, thread-safe. A lookup that failed is never the same as a denial.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "core/dns/message.hpp"

namespace mxw::policy {

// Of the A and AAAA answers of an MX host (RFC 7672 section 2.2.2), together.
enum class AddressSecurity : std::uint8_t {
  none,      // the host has no address: unreachable, TLSA is not asked for
  insecure,  // not signed, or nobody validated: TLSA is not asked for
  secure,
  secure_alias,  // the address is insecure, yet the CNAME that leads to it is secure
  error,         // not known
};
[[nodiscard]] std::string_view name(AddressSecurity security);

// Whether TLSA records are looked for.
[[nodiscard]] inline bool asks_tlsa(AddressSecurity security) {
  return security == AddressSecurity::secure || security == AddressSecurity::secure_alias;
}

// Of the TLSA answer that counts: at the CNAME-expanded name, else at the host's own.
enum class TlsaAnswer : std::uint8_t {
  not_asked,
  absent,    // denied, signed or not
  insecure,  // there are records, but they are not signed: as absent (section 2.2.3)
  present,   // signed records
  error,     // not known
};

struct DaneFacts {
  AddressSecurity address = AddressSecurity::error;
  TlsaAnswer tlsa = TlsaAnswer::not_asked;
  std::vector<dns::Tlsa> records;  // with `present`
};

enum class HostDane : std::uint8_t {
  none,           // DANE does not apply
  usable,         // the host must authenticate by its records
  unusable_only,  // TLS is required, nobody is authenticated (section 2.2)
  error,          // the host is not to be delivered to now (section 2.1.2)
};
[[nodiscard]] std::string_view name(HostDane dane);
[[nodiscard]] HostDane judge_host(const DaneFacts& facts);

// Of a domain, the word of the ask socket. `error`: for one host or for the MX set itself it could
// not be found out. `all`: every host has usable records and the MX set is signed, too: only then
// nothing else can be put in its place (section 2.2.1). `some`: any host has records.
enum class DaneState : std::uint8_t { none, some, all, error };
[[nodiscard]] std::string_view name(DaneState state);
[[nodiscard]] DaneState summarize(std::span<const HostDane> hosts, bool mx_secure);

}  // namespace mxw::policy
