// What looks at a domain say about its failures (RFC 8460 section 4.3), and what follows for the
// spans that are stored. Pure functions.
//
//   sts-policy-fetch-error, sts-policy-invalid, sts-webpki-invalid: a GET that failed, with or
//     without a policy in the cache; not of a policy of mode none (RFC 8461 section 10.2), and not
//     by our own trouble. It ends with a policy that was fetched, or when there is none any more.
//   dnssec-invalid: an answer for the MX set, an MX host's addresses or its TLSA records that does
//     not validate; SERVFAIL of TLSA records, too, since those are only asked for in signed zones.
//   tlsa-invalid: signed TLSA records of an MX host, none of them usable (RFC 7672 section 2.2).
//
// dane-required never comes from here: no setting of ours requires DANE of a domain. A lookup that
// failed in another way says nothing, and what was known before goes on.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/rows/policy_rows.hpp"
#include "policyd/discovery.hpp"
#include "policyd/refresh.hpp"

namespace mxw::policyd {

struct Trouble {
  std::string mx_host;  // empty: of the domain
  std::string result, reason;
};

// What one look found, and about what it can say anything: open spans outside of that go on.
struct Judgement {
  enum class Scope : std::uint8_t {
    nothing,
    policy,  // the three of MTA-STS
    routes,  // the others, but for the hosts in `unknown`
  };
  Scope scope = Scope::nothing;
  std::vector<Trouble> troubles;
  std::vector<std::string> unknown;  // MX hosts of which it could not be found out

  [[nodiscard]] bool covers(const rows::PolicyFailureRow& row) const;
};
[[nodiscard]] Judgement judge_policy(const Conclusion& conclusion, const TxtAnswer& txt,
                                     const std::optional<FetchAnswer>& fetch);
[[nodiscard]] Judgement judge_routes(const MxFound& found);

// The rows to be written: spans that begin, go on or end with this look. `open`: those of the
// domain that are stored as open. A wall clock that has stepped back ends none before its begin.
[[nodiscard]] std::vector<rows::PolicyFailureRow> failure_rows(
    std::span<const rows::PolicyFailureRow> open, const Judgement& judgement, rows::Key key,
    const std::string& origin, Time now);

}  // namespace mxw::policyd
