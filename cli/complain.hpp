// The exit codes of all verbs (README.md) and how trouble is told.
#pragma once

#include <string>

#include "core/base/result.hpp"

namespace mxw::cli {

inline constexpr int kOk = 0;
inline constexpr int kFound = 1;    // something is wrong with what was looked at
inline constexpr int kUsage = 2;    // options, settings
inline constexpr int kInputs = 3;   // a file cannot be read or was changed
inline constexpr int kTrouble = 4;  // temporary: try again

// One line on standard error; the exit code.
int complain(const std::string& message, int code);
int complain(const Error& error);
void warn(const std::string& message);

}  // namespace mxw::cli
