// What sys4's tlsrpt-fetcher prints of one domain, so that its reportd can be fed from our tallies:
// one JSON object {"d", "policies": {RECORD: {POLICY: {"cntrtotal", "cntrfailure", "failures":
// {FAILURE: N}}}}} in which POLICY and FAILURE are JSON texts as libtlsrpt's datagrams have them.
#pragma once

#include <string>

#include "core/store/report_store.hpp"

namespace mxw::reportd {

// Blocks for the disk. Without a record of the day the text has no policies.
[[nodiscard]] store::Result<std::string> fetcher_text(store::ReportStore& store,
                                                      const store::ReportKey& key);

}  // namespace mxw::reportd
