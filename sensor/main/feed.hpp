// Policies and MX routes from policyd's feed, for a replay that judges by what is known now.
#pragma once

#include <string>

#include "core/base/result.hpp"
#include "sensor/judge/judge.hpp"

namespace mxw::sensor {

// How long a replay waits for the feed to tell everything: 300,000 domains take some seconds.
inline constexpr std::int64_t kFeedTimeout = 60 * kSecond;

// Sets config.policies (sorted by domain) and adds to config.mx_map. A stored text that is no
// policy any more is left out. Blocks. Error as feed::read_all().
[[nodiscard]] Result<void> load_feed(const std::string& socket_path, judge::Config& config);

}  // namespace mxw::sensor
