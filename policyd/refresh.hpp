// The refresh state machine (RFC 8461 sections 3.3, 5.1, 10.2; semantics 11): from what is stored
// about a domain and what one look at it brought, what is to be stored. Pure: time and chance are
// handed in, nothing is looked up, and the same input gives the same output.
//
// What it guarantees, whatever the answers:
//   - an unexpired policy is only ever replaced by a valid policy that was fetched;
//   - no policy counts after its valid_until, except for the questions of the look that fetched it;
//   - after a failed GET the same id is not fetched again for kGetHold;
//   - while answers come, a policy of max_age >= 2 kShortest is fetched again before it runs out.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/time.hpp"
#include "core/rows/policy_rows.hpp"
#include "policyd/observation.hpp"

namespace mxw::policyd {

inline constexpr std::int64_t kGetHold = 5 * kMinute;    // RFC 8461 section 3.3
inline constexpr std::int64_t kTxtHold = 5 * kMinute;    // semantics 11: max(TXT TTL, 5 min)
inline constexpr std::int64_t kTxtMost = 1 * kDay;       // the id is looked at daily (section 10.2)
inline constexpr std::int64_t kDnsHold = 60 * kSecond;   // semantics 11: retried in 60 s
inline constexpr std::int64_t kNoneHold = 1 * kHour;     // semantics 11: older is hinted
inline constexpr std::int64_t kNoneHot = 24 * kHour;     // semantics 11
inline constexpr std::int64_t kRetryMost = 1 * kHour;    // 24 tries a day while a policy runs out
inline constexpr std::int64_t kIdle = 30 * kDay;         // as PolicyBounds::idle_age
inline constexpr std::int64_t kColdRetry = 1 * kDay;     // without a policy: tried while asked for
inline constexpr std::int64_t kShortest = 60 * kSecond;  // between two GETs that succeed
inline constexpr std::uint64_t kShortLife = 600;         // max_age in seconds: warned about
inline constexpr std::size_t kHeldIds = 8;               // failing within kGetHold
inline constexpr std::size_t kFlaps = 4;                 // other ids in kFlapSpan: told
inline constexpr std::int64_t kFlapSpan = 1 * kDay;
inline constexpr std::string_view kSource = "fetch";  // PolicyRow.source of what was fetched

// What need not survive a restart, of one domain.
struct Recent {
  struct Held {
    std::string id;
    Time until;
  };
  std::vector<Held> held;        // failed GETs, at most kHeldIds
  std::vector<Time> id_changes;  // seen in TXT, at most kFlaps
};

struct Stored {
  rows::DomainRow domain;
  std::optional<rows::PolicyRow> policy;  // the current row, expired or not
};

struct Moment {
  Time now;
  double jitter = 0.5;               // uniform in [0, 1)
  std::int64_t interval = 1 * kDay;  // between refreshes; RFC 8461 section 3.3 suggests a day
  bool reread = false;               // fetch although nothing is due (semantics 7)
  // False: `now` may be far ahead (a start with a wrong clock, semantics 11). What is past its end
  // does not count then either, but only another policy that was fetched closes it. A GET that
  // fails does not: with a wrong clock every certificate has run out. Nor does a denial: it may be
  // forged, and a live policy outlives any denial (RFC 8461 section 10.2).
  bool settled = true;
};

// Valid up to and including valid_until, as core/policy decides.
[[nodiscard]] bool is_live(const std::optional<rows::PolicyRow>& policy, Time now);

// Nothing can be learned now: the last try failed and its hold is not over.
[[nodiscard]] bool is_held(const rows::DomainRow& domain, Time now);

// Whether a hint leads to a look: the TXT answer, the denial or the hold has run out.
[[nodiscard]] bool is_stale(const Stored& stored, Time now);

// After TXT was answered: is the policy to be fetched?
[[nodiscard]] bool wants_get(const Stored& stored, const TxtAnswer& txt, const Recent& recent,
                             const Moment& moment);

struct Conclusion {
  rows::DomainRow domain;              // to be stored, with `put` when there is one
  std::optional<rows::PolicyRow> put;  // fetched and valid
  bool end = false;                    // the stored policy ran out: close it at `domain`'s time
  std::vector<rows::EventRow> events;  // in order
  std::optional<rows::PolicyRow> effective;  // what holds for the questions of this look
};

// `fetch` is absent when wants_get() said no. REQUIRES: stored.domain.name is the domain.
[[nodiscard]] Conclusion conclude(const Stored& stored, const TxtAnswer& txt,
                                  const std::optional<FetchAnswer>& fetch, Recent& recent,
                                  const Moment& moment);

}  // namespace mxw::policyd
