// Writing operator files: the operator's tool. A file is written beside its place, with mode 0664,
// synchronised and renamed, so a reader sees the old one or the new one, whole. Blocking.
// Errors: usage for a name or text a reader would refuse, environment for the file system.
#pragma once

#include <string>
#include <string_view>

#include "core/base/result.hpp"
#include "core/operator/state.hpp"

namespace mxw::operators {

// REQUIRES of all: `dir` is the operator directory; `domain/` in it is made when missing.
[[nodiscard]] Result<void> write_enforcement_off(const std::string& dir, const Enforcement& off);
[[nodiscard]] Result<bool> remove_enforcement_off(const std::string& dir);  // false: was not there

[[nodiscard]] Result<void> write_brake(const std::string& dir, std::string_view domain,
                                       const DomainBrake& brake);
[[nodiscard]] Result<bool> remove_brake(const std::string& dir, std::string_view domain);

// The texts of the files, with a final LF.
[[nodiscard]] std::string enforcement_json(const Enforcement& off);
[[nodiscard]] std::string brake_json(const DomainBrake& brake);

}  // namespace mxw::operators
