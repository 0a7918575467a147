// `mxwarden verify case.json`: was this result made from these files? Runs the recorded case again
// and compares.
#pragma once

#include <string>

namespace mxw::cli {

inline constexpr int kIdentical = 0, kDifferent = 1, kUsage = 2, kInputs = 3, kTrouble = 4;

// The exit code. Results go to standard output, messages to standard error. Nothing is written but
// a temporary folder, which is removed.
[[nodiscard]] int verify(const std::string& case_path);

}  // namespace mxw::cli
