// What the operator's files say, for verbs that show it beside what policyd knows.
#pragma once

#include <memory>

#include "cli/options.hpp"
#include "core/base/time.hpp"
#include "core/operator/state.hpp"

namespace mxw::cli {

// Never nullptr. What stands in the way is a warning on standard error, for what else the verb
// shows is true without it. `ok`: everything that is said there is in the state.
struct OperatorRead {
  std::shared_ptr<const operators::OperatorState> state;
  bool ok = false;
};
[[nodiscard]] OperatorRead read_operator(const Given& given, Time now);

}  // namespace mxw::cli
