// The unix socket of a milter, as far as libmilter does not care for it.
#pragma once

#include <string>

#include "core/base/result.hpp"

namespace mxw::milter {

// Of `local:/path`, `unix:/path`, `/path`; empty for an address of another kind.
[[nodiscard]] std::string unix_path(const std::string& socket);

// Whether somebody takes connections there. Does not wait.
[[nodiscard]] bool answers(const std::string& path);

// Group (a name, empty: left) and mode. Error: usage (no such group), environment.
[[nodiscard]] Result<void> set_access(const std::string& path, const std::string& group,
                                      unsigned mode);

}  // namespace mxw::milter
