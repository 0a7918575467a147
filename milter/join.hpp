// The join of semantics 7: what policyd's rows, the sensor's verdicts and the operator's word say
// of the paths to one domain at one moment. A pure function over rows that are already held; it
// allocates its result and nothing else that grows.
//
// How much a verdict counts for a domain:
//   - about a path: R01 R02 R05 R12 R29 whatever domain it was seen with, R16 with this one. It
//     meets an MX host that has the address;
//   - about the domain: R18 of a session. It meets every host by itself;
//   - pending until policyd has read the policy again: with two sessions or more once that was
//     tried, with one after it succeeded. A verdict about another policy than the one held is void;
//   - for five minutes after its end it counts as ended: single messages are probes.
// A host is met when each of its addresses is; one without an address of our families never is.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "core/base/ip.hpp"
#include "core/feed/replica.hpp"
#include "core/feed/verdict_replica.hpp"
#include "core/operator/state.hpp"
#include "milter/path.hpp"

namespace mxw::milter {

struct JoinSettings {
  std::vector<unsigned> families = {4};  // of MX addresses that count
  std::vector<IpAddress> egress;         // empty: verdicts about paths from anywhere
};

struct Joined {
  DomainPath path;
  // A verdict that meets a host of this protected domain waits for the policy to be read again.
  bool reread_wanted = false;
};

// A re-read counts for verdicts that came to stand up to this long after it: policyd makes one in
// 5 min and domain at most (semantics 7).
inline constexpr std::int64_t kRereadHolds = 5 * kMinute;
// An MX row counts this long after it was seen, or for its TTL (semantics 7).
inline constexpr std::int64_t kRouteHolds = 24 * kHour;
// That a domain has no policy is known this long (semantics 11).
inline constexpr std::int64_t kNoneHolds = 24 * kHour;
inline constexpr std::size_t kVerdictIds = 16;  // told of one path

// `domain`: lower-case A-label. Tenant 0. `wall`: the wall clock, where it is another than the one
// that knowledge ages by; a verdict has ended when either says so.
[[nodiscard]] Joined join(std::string_view domain, const feed::Replica& known,
                          const feed::VerdictReplica& verdicts, const operators::Said& said,
                          const JoinSettings& settings, Time now,
                          std::optional<Time> wall = std::nullopt);

}  // namespace mxw::milter
