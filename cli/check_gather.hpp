// The lookups of `policy check`, all at once, until the last has ended. Writes nothing, needs no
// daemon. Blocks for at most the time the slowest lookup may take.
#pragma once

#include <string>

#include "cli/check_facts.hpp"
#include "core/base/result.hpp"
#include "core/config/config.hpp"

namespace mxw::cli {

// Asks resolver.servers and fetches as `config` says. REQUIRES: `domain` is a lower-case A-label.
// Error: usage or environment, of what is needed to ask at all.
[[nodiscard]] Result<CheckFacts> gather_facts(const std::string& domain,
                                              const config::Config& config);

// The name servers of a resolv.conf(5), port 53, at most resolve::kServers; addresses with a zone
// are left out.
[[nodiscard]] std::vector<Endpoint> name_servers(std::string_view resolv_conf);

}  // namespace mxw::cli
