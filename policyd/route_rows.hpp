// From what was found about the MX hosts of a domain to the rows that are stored (how: see
// core/rows/dane_rows.hpp). Pure functions.
#pragma once

#include <map>
#include <span>
#include <string>
#include <vector>

#include "core/rows/policy_rows.hpp"
#include "policyd/discovery.hpp"

namespace mxw::policyd {

// A route lives its TTL, but is not looked up more often than this nor more seldom than that.
inline constexpr std::int64_t kRouteLeast = 5 * kMinute;
inline constexpr std::int64_t kRouteMost = 1 * kDay;
inline constexpr std::int64_t kTlsaLeast = 60 * kSecond;

struct RouteRows {
  bool known = false;  // the MX set is; else what is stored stays
  std::vector<rows::RouteRow> routes;
  // By TLSA name, whole sets; a lookup that failed is not among them.
  std::map<std::string, std::vector<rows::TlsaRow>> tlsa;
  Time until;  // look again after this
};

// `key`: tenant and domain. `before`: the routes stored now, whose addresses stand in for those of
// a host that could not be looked up.
[[nodiscard]] RouteRows route_rows(const MxFound& found, rows::Key key, const std::string& origin,
                                   std::span<const rows::RouteRow> before, Time now);

[[nodiscard]] policy::DaneState dane_of_found(const MxFound& found);

}  // namespace mxw::policyd
