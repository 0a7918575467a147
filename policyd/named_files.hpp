// Files the settings name: the lists of `policyd.domains_from`, the authorities of `fetch.ca_file`.
// Blocking, for a start or `--check-config`. Errors: usage, with file and line.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "core/base/result.hpp"
#include "core/config/config.hpp"

namespace mxw::policyd {

// The domains of lists `file:PATH`, as A-labels: one a line, empty lines and `#` comments aside.
[[nodiscard]] Result<std::set<std::string>> listed_domains(const std::vector<std::string>& sources);

// Whether every one can be read and is what it should be.
[[nodiscard]] Result<void> check_files(const config::Config& config);

}  // namespace mxw::policyd
