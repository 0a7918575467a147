// The file under a store: made private, and put aside when it is damaged.
#pragma once

#include <string>

#include "core/base/time.hpp"
#include "core/store/error.hpp"

namespace mxw::store {

// Makes an empty file of mode 0600, or takes group's and others' rights from the one that is there.
// Anything but a regular file is refused, a symbolic link too.
[[nodiscard]] Result<void> make_private_file(const std::string& path);

// Renames a damaged store to `PATH.corrupt-TIME` (RFC 3339, UTC), its -wal with it, and gives the
// new name; the caller then opens an empty one. Nothing is overwritten: a name that is taken is an
// error. How many such files may lie there is the operator's matter. REQUIRES: no Database open on
// it.
[[nodiscard]] Result<std::string> quarantine(const std::string& path, Time now);

}  // namespace mxw::store
