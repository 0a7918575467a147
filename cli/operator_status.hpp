// What the operator's files say, for people and as JSON. Pure.
#pragma once

#include <string>

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

}  // namespace mxw::cli
