// Files the settings name: the lists of `policyd.domains_from`, the authorities of `fetch.ca_file`.
// Blocking, for a start or `--check-config`. They change without the settings, so that a mistake in
// one keeps policyd from nothing else at a start: it is told. `--check-config` refuses it.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "core/base/result.hpp"
#include "core/config/config.hpp"

namespace mxw::policyd {

inline constexpr std::size_t kListNotes = 16;  // lines of one list that are told; all are counted

// The domains of lists `file:PATH`, as A-labels: one a line, empty lines and `#` comments aside.
// `notes`: what was left out, `FILE:LINE: why`.
[[nodiscard]] std::set<std::string> listed_domains(const std::vector<std::string>& sources,
                                                   std::vector<std::string>& notes);

// Why the file of authorities cannot be used; empty: it can, or the system's are meant.
[[nodiscard]] std::string ca_trouble(const std::string& ca_file);

// Whether every one can be read and is what it should be. Error: usage, with file and line.
[[nodiscard]] Result<void> check_files(const config::Config& config);

}  // namespace mxw::policyd
