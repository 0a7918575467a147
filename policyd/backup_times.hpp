// When the daily backup is due: a day after the last that was written, also by an earlier process,
// since one that never runs for a day would never write one; the first, an hour after the start. By
// the boot clock, as the wall clock may be wrong.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>

#include "core/base/time.hpp"

namespace mxw::policyd {

class BackupTimes {
 public:
  static constexpr std::int64_t kEvery = 1 * kDay;
  static constexpr std::int64_t kFirst = 1 * kHour;
  static constexpr std::int64_t kAgain = 1 * kHour;  // after one that failed

  // `last`: when the backup that is there was written (its mtime); none: there is none. A time in
  // the future says nothing: it counts as now.
  BackupTimes(std::optional<Time> last, Time wall, std::int64_t boot)
      : next_(boot + (last ? std::clamp(kEvery - (wall - *last), kFirst, kEvery) : kFirst)) {}

  [[nodiscard]] bool due(std::int64_t boot) const { return boot >= next_; }
  void tried(bool written, std::int64_t boot) { next_ = boot + (written ? kEvery : kAgain); }

 private:
  std::int64_t next_;  // CLOCK_BOOTTIME
};

}  // namespace mxw::policyd
