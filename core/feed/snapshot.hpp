// Everything a feed tells, once: for tools and replays that look and go.
#pragma once

#include <cstdint>
#include <string>

#include "core/base/result.hpp"
#include "core/feed/replica.hpp"

namespace mxw::feed {

inline constexpr std::int64_t kConnectTimeout = 3 * kSecond;

// Fills an empty replica with all rows that hold now. Blocks the calling thread for at most
// `timeout_ns`. Error: usage (the path is too long), environment (nobody there, not allowed, or not
// all told in time; what came before is in the replica, which then is not complete()).
Result<void> read_all(const std::string& socket_path, Replica& replica, std::int64_t timeout_ns);

}  // namespace mxw::feed
