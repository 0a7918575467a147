// DANE from stored rows: what the routes of a domain and the TLSA rows of its hosts say. For every
// holder of the rows: policyd itself, and readers of its feed. Pure functions, thread-safe.
//
// How policyd keeps what it learned:
//   - every MX host has at least one RouteRow; its `source` is a word of route_source(), its `ad`
//     says that the MX set and the address are signed;
//   - the TLSA rows that count for a host stand under tlsa_base(host), also when they were found at
//     the CNAME-expanded name (then under that name, too; `found_at` names it). One row without
//     rdata is a denial;
//   - a lookup that failed writes no TLSA row: a host whose TLSA counts and that has no live row is
//     an error, never none (RFC 7672 section 2.1.2).
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/policy/dane.hpp"
#include "core/rows/policy_rows.hpp"

namespace mxw::rows {

struct RouteFacts {
  bool implicit = false;   // no MX: the domain itself (RFC 5321 section 5.1)
  bool mx_secure = false;  // the MX answer, or its denial, is signed
  policy::AddressSecurity address = policy::AddressSecurity::error;

  friend bool operator==(const RouteFacts&, const RouteFacts&) = default;
};

// `mx signed secure`, `mx unsigned error`, `implicit signed none`, ...
[[nodiscard]] std::string route_source(const RouteFacts& facts);
[[nodiscard]] std::optional<RouteFacts> parse_route_source(std::string_view source);

// `_25._tcp.HOST`
[[nodiscard]] std::string tlsa_base(std::string_view host);

struct DaneOfHost {
  std::string mx_host;
  policy::HostDane dane = policy::HostDane::error;
};

struct DaneOfDomain {
  policy::DaneState state = policy::DaneState::none;
  Time until;  // it has to be asked again after this; the epoch when there are no routes
  std::vector<DaneOfHost> hosts;  // in the order of the rows
};

// The names a certificate may stand for under usage 2 (RFC 7672 section 3.2.2), for
// x509::match_tlsa: the TLSA base domain of the host, and where the MX answer is signed the domain
// mail is for. `tlsa`: the rows under tlsa_base() of the route's host.
[[nodiscard]] std::vector<std::string> tlsa_references(const RouteRow& route,
                                                       std::span<const TlsaRow> tlsa);

// A route counts for a day after its `until` (semantics 7), a TLSA row only up to it: a signature
// speaks for its TTL. Routes of another source than policyd's are no basis and are passed over.
using TlsaOf = std::function<std::span<const TlsaRow>(std::string_view base)>;
[[nodiscard]] DaneOfDomain dane_of(std::span<const RouteRow> routes, const TlsaOf& tlsa, Time now);

}  // namespace mxw::rows
