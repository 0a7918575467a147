// Refill: when a reader that had to refuse rows shall ask for everything again. A refused row is
// told no more until it changes or all is told anew; so once there is room, and at most every five
// minutes (a full telling is some 100 MB at the bounds), the reader starts over. Pure; `now` is of
// any clock that never runs back, in nanoseconds.
#pragma once

#include <cstdint>

#include "core/feed/replica.hpp"

namespace mxw::feed {

class Refill {
 public:
  static constexpr std::int64_t kEvery = 5 * kMinute;

  // Whether to call FeedReader::start_over() now.
  bool due(const Replica& replica, std::int64_t now) {
    if (!replica.lacks() || !replica.has_room() || replica.resetting() || !replica.connected())
      return false;
    if (now < next_) return false;
    next_ = now + kEvery;
    return true;
  }

 private:
  std::int64_t next_ = 0;
};

}  // namespace mxw::feed
