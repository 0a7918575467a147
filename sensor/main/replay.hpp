// Replay: captures in, findings out. Opens everything the options name, runs the pipeline, writes
// the result.
#pragma once

#include "sensor/main/options.hpp"

namespace mxw::sensor {

// The exit code (README.md). Messages go to standard error.
[[nodiscard]] int replay(const Options& options);

}  // namespace mxw::sensor
