// The case manifest: what a result was made from, so that `mxwarden verify` can make it again.
#pragma once

#include <string>
#include <vector>

#include "core/base/result.hpp"
#include "core/policy/decide.hpp"
#include "sensor/main/options.hpp"
#include "sensor/sink/run.hpp"

namespace mxw::sensor {

[[nodiscard]] Result<void> write_manifest(const Options& options, const sink::RunFacts& facts,
                                          const std::vector<policy::CachedPolicy>& policies,
                                          const std::string& output_sha256, const char* format);

}  // namespace mxw::sensor
