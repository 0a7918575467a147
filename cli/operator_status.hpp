// What the operator's files say, for people and as JSON. Pure.
#pragma once

#include <string>

#include "core/base/time.hpp"
#include "core/operator/state.hpp"

namespace mxw::cli {

[[nodiscard]] std::string status_text(const operators::OperatorState& state, Time now);

// {enforcement: {off, unreadable, until, reason, who}, domains: [{domain, action, holds, until,
// reason, who, mx}], ignored, over_limit, notes: [text]}
[[nodiscard]] std::string status_json(const operators::OperatorState& state, Time now);

}  // namespace mxw::cli
