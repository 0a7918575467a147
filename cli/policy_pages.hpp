// All policies of policyd, page by page.
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "cli/control.hpp"

namespace mxw::cli {

struct PolicyAndRoutes {
  rows::PolicyRow policy;  // without its text
  std::vector<rows::RouteRow> routes;
};

// Calls `take` for each policy that holds now, or that was the newest one known at `at`. Ends with
// the first error, policyd's or of `take`.
using TakePolicy = std::function<Result<void>(const PolicyAndRoutes&)>;
[[nodiscard]] Result<void> for_each_policy(const Control& control, std::optional<Time> at,
                                           const TakePolicy& take);

}  // namespace mxw::cli
