// Two taps: captures of the same connections taken at two places must not be merged into one.
#pragma once

#include <string>
#include <vector>

namespace mxw::sensor {

// True when a SYN of one 5-tuple stands in two of the files within one second and is no exact
// duplicate (semantics 4). Reads the files once, headers only; files that cannot be read twice are
// left out.
[[nodiscard]] bool are_two_taps(const std::vector<std::string>& paths);

}  // namespace mxw::sensor
