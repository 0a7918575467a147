// What the operator's files say, for people and as JSON. Pure.
#pragma once

#include <string>
#include <string_view>

#include "core/base/time.hpp"
#include "core/operator/state.hpp"

namespace mxw::cli {

// False: the files could not be read, so that what they say is not known.
[[nodiscard]] bool status_known(const operators::OperatorState& state);

[[nodiscard]] std::string status_text(const operators::OperatorState& state, Time now);

// {enforcement: {known, off, unreadable, until, reason, who}, domains: [{domain, action, holds,
// until, reason, who, mx}], domains_known, ignored, over_limit, notes: [text]}; `off` is left out
// where it is not known.
[[nodiscard]] std::string status_json(const operators::OperatorState& state, Time now);

// What holds at `now` for one domain, what comes first above: lines indented by two, or none.
[[nodiscard]] std::string domain_status_text(const operators::OperatorState& state,
                                             std::string_view domain, Time now);

// The same as rows beside those of the feed (core/feed/codec.hpp), table `operator`:
// {domain, action: off | bypass | report_only | pin, until, reason, who, mx}; `until` as there.
[[nodiscard]] std::string domain_status_rows(const operators::OperatorState& state,
                                             std::string_view domain, Time now);

// `a bypass`, `report-only`, `a pin`, `` `enforcement off` ``: what comes before a policy; empty:
// nothing does.
[[nodiscard]] std::string overruled_by(const operators::OperatorState& state,
                                       std::string_view domain, Time now);

}  // namespace mxw::cli
