// The kinds of policy events (EventRow.kind), a closed list: readers may switch on them. What each
// says in `detail` is for people, except where a form is given.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace mxw::policyd {

enum class EventKind : std::uint8_t {
  policy_new,       // the first policy, or one after another had run out
  policy_changed,   // another policy, not weaker
  policy_weakened,  // evidence for R23; detail: `mode enforce->none; max_age 604800->60; mx ...`
  policy_expired,   // ran out without a renewal; result_type: what failed last
  body_changed,     // the same id with another body (RFC 8461 section 3.1 asks for a new id)
  id_changed,       // a new id with the same body
  id_flapping,      // kFlaps other ids within a day
  short_lived,      // max_age below kShortLife: cannot be kept alive safely
  txt_missing,      // R20: a policy is cached, the record is gone or there are several
  txt_failing,      // R20: a policy is cached, the record cannot be looked up
  fetch_failing,    // R21: a policy is cached, it cannot be fetched; result_type of RFC 8460
  recovered,        // after one of the three above
  policy_removed,   // by the operator; detail of this and the like: `by USER (uid N): why`
  policy_imported,  // by the operator
  clock_step,       // the wall clock moved; without a domain
  refresh_asked,    // by the operator
};

inline constexpr std::array<std::string_view, 16> kEventKinds = {
    "policy-new",     "policy-changed",  "policy-weakened", "policy-expired",
    "body-changed",   "id-changed",      "id-flapping",     "short-lived",
    "txt-missing",    "txt-failing",     "fetch-failing",   "recovered",
    "policy-removed", "policy-imported", "clock-step",      "refresh-asked"};

[[nodiscard]] constexpr std::string_view name(EventKind kind) {
  return kEventKinds.at(static_cast<std::size_t>(kind));
}

}  // namespace mxw::policyd
