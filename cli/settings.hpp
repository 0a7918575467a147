// Which settings a verb works with: `--config FILE`, else the system's file where there is one,
// else the defaults.
#pragma once

#include <string>

#include "cli/options.hpp"
#include "core/base/result.hpp"
#include "core/config/config.hpp"

namespace mxw::cli {

inline constexpr Option kConfigOption{"config", "FILE",
                                      "settings (default: /etc/mxwarden/mxwarden.toml where it "
                                      "exists, else the defaults of all settings)"};
inline constexpr Option kOperatorDirOption{
    "operator-dir", "DIR", "directory of the operator's files (default: paths.operator)"};

// Error (usage): the file is wrong, or was named and is not there.
[[nodiscard]] Result<config::Config> settings(const Given& given);

// `--operator-dir`, else paths.operator: with the former no settings are read, so a wrong file
// never stands between the operator and a brake.
[[nodiscard]] Result<std::string> operator_dir(const Given& given);

}  // namespace mxw::cli
