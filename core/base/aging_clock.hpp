// AgingClock: wall time by which knowledge ages, kept from jumping (semantics 11, Clock).
//
// Elapsed time is CLOCK_BOOTTIME's. Wall time is followed as long as it agrees with that to within
// kStep, so that it drifts with the machine's own corrections; after a larger step it is no longer
// believed until StepWatch says so: a clock set wrong must neither end all policies at once nor
// keep them for ever. One thread, or a copy each.
#pragma once

#include <cstdint>

#include "core/base/time.hpp"

namespace mxw {

class AgingClock {
 public:
  static constexpr std::int64_t kStep = 5 * kMinute;

  // Reads both clocks; the wall clock at this moment is the beginning.
  AgingClock();
  // For tests.
  AgingClock(Time wall, std::int64_t boot_ns) : wall_(wall), boot_(boot_ns) {}

  [[nodiscard]] Time now();
  // What now() makes of two readings.
  [[nodiscard]] Time read(Time wall, std::int64_t boot_ns);

  // Follows wall time again, wherever it is now.
  void accept() { *this = AgingClock(); }

  [[nodiscard]] static Time wall();  // the system's

  // Wall time stepped and is not followed any more; by how much at the last reading.
  [[nodiscard]] bool stepped() const { return stepped_; }
  [[nodiscard]] std::int64_t step() const { return step_; }

 private:
  Time wall_;          // at boot_
  std::int64_t boot_;  // CLOCK_BOOTTIME
  bool stepped_ = false;
  std::int64_t step_ = 0;
};

// When a clock that stepped may be followed again: rows age by it, and whoever feeds them writes
// them anew in the new time (policyd walks its store, 256 rows a second), so after kTelling of an
// unbroken feed they are of one time again.
class StepWatch {
 public:
  static constexpr unsigned kTelling = 1'800;  // seconds: 300,000 rows, and half as much again

  // To be called once a second. True when `clock` was just accepted.
  bool over(AgingClock& clock, bool fed) {
    if (!clock.stepped() || !fed) {
      seconds_ = 0;
      return false;
    }
    if (++seconds_ < kTelling) return false;
    seconds_ = 0;
    clock.accept();
    return true;
  }

 private:
  unsigned seconds_ = 0;
};

}  // namespace mxw
