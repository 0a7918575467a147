// The names of several processes of one program on a host (`--instance NAME`), which daemons and
// the operator's tool build the same way. Pure; thread-safe.
#pragma once

#include <string>
#include <string_view>

namespace mxw::service {

// Small letters, digits, `-` and `_`, 1 to 64: it is part of the names of folders.
[[nodiscard]] bool is_instance(std::string_view name);
inline constexpr const char* kInstanceNames =
    "--instance: a name of small letters, digits, `-` and `_`";

// `milter`, `milter-NAME`: its folder below paths.run and paths.state. `instance` empty: the one
// without a name.
[[nodiscard]] std::string instance_folder(std::string_view program, std::string_view instance);

}  // namespace mxw::service
