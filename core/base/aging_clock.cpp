#include "core/base/aging_clock.hpp"

#include <time.h>

#include <cstdlib>

namespace mxw {
namespace {

std::int64_t nanoseconds(clockid_t clock) {
  timespec now{};
  ::clock_gettime(clock, &now);
  return static_cast<std::int64_t>(now.tv_sec) * kSecond + now.tv_nsec;
}

}  // namespace

AgingClock::AgingClock() : AgingClock({nanoseconds(CLOCK_REALTIME)}, nanoseconds(CLOCK_BOOTTIME)) {}

Time AgingClock::wall() {
  return {nanoseconds(CLOCK_REALTIME)};
}

Time AgingClock::now() {
  return read({nanoseconds(CLOCK_REALTIME)}, nanoseconds(CLOCK_BOOTTIME));
}

Time AgingClock::read(Time wall, std::int64_t boot_ns) {
  const Time expected = wall_ + (boot_ns - boot_);
  step_ = wall - expected;
  stepped_ = stepped_ || std::llabs(step_) > kStep;
  if (stepped_) return expected;
  wall_ = wall;
  boot_ = boot_ns;
  return wall;
}

}  // namespace mxw
