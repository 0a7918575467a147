// RunFacts: what a result needs beside its findings: inputs, versions, counters. Filled by
// sensor/main.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "sensor/capture/reader.hpp"
#include "sensor/decode/decoder.hpp"
#include "sensor/dns/tracker.hpp"
#include "sensor/flow/flow_table.hpp"
#include "sensor/judge/coverage.hpp"

namespace mxw::sink {

struct RunFacts {
  // What was used.
  std::string version, commit;
  std::string rules_sha256, ca_name, ca_sha256, privacy;
  std::size_t rules = 0;
  std::size_t policies = 0, policies_enforce = 0, policies_undated = 0;
  std::vector<std::string> own;
  // What was read.
  std::vector<capture::FileFacts> inputs;
  std::vector<std::string> notes;  // "inputs 1 and 2 are two taps: kept apart"
  // What came of it.
  decode::Counters decode;
  flow::Counters flow;
  dnswire::Counters dns;
  judge::Coverage coverage;
  Time last;  // of the last packet: the time of the stats event
  std::string exit_line;
};

}  // namespace mxw::sink
