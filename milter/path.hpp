// What is known about the paths to a recipient domain: the join of policyd's rows with the sensor's
// verdicts (semantics 7), at one moment. A value: made under the knowledge's lock, read without it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/base/time.hpp"
#include "core/policy/decide.hpp"

namespace mxw::milter {

// What a blocked path failed at; decides the reply code (semantics 12).
enum class Failure : std::uint8_t {
  none,
  starttls,     // no offer, mail in clear: 4.7.4
  certificate,  // certificate, or MX name against the policy: 4.7.5
  other,        // 4.7.0
};

enum class PathState : std::uint8_t {
  unknown,      // nothing is known of the domain yet, or the feed never told
  unprotected,  // known: nothing protects it
  clear,        // protected, no active verdict meets it
  partial,      // verdicts meet some of its policy-matching MX hosts, not all
  no_route,     // protected, but no policy-matching MX in routes that still count
  reread,       // every MX is met, the policy has not been read again yet: `reread-pending`
  blocked,      // every MX is met by an active verdict
  probing,      // the verdicts that blocked it ended less than five minutes ago
};
[[nodiscard]] std::string_view name(PathState state);

struct DomainPath {
  std::string domain;  // A-label
  PathState state = PathState::unknown;
  policy::Protection protection = policy::Protection::none;
  std::string policy_id;  // empty: none
  Time policy_until;
  bool bypass = false;                   // the operator's `policy bypass`
  bool report_only = false;              // the operator's `policy report-only`
  Failure failure = Failure::none;       // with reread, blocked, probing
  std::vector<std::string> verdict_ids;  // those that meet it, sorted; at most 16
  std::string rule;                      // of the most severe of them
  Time verdict_until;                    // the first end among them
};

}  // namespace mxw::milter
