// Timestamps of pcapng interfaces (draft-ietf-opsawg-pcapng section 4.2: if_tsresol, if_tsoffset).
#pragma once

#include <cstdint>

#include "core/base/time.hpp"

namespace mxw::capture {

// The year 2116. No packet is later, so times of packets can be subtracted, and spans of years
// added to them, without a thought about overflow.
inline constexpr Time kLatestTime{(std::int64_t{1} << 62) - 1};

class TimeScale {
 public:
  TimeScale() = default;  // microseconds since 1970, what an interface without options has

  // if_tsresol: the top bit tells powers of two from powers of ten, the rest is the negative
  // exponent.
  void set_resolution(std::uint8_t tsresol);
  void set_offset(std::int64_t seconds) { offset_ = seconds; }

  // Nanoseconds since 1970, rounded down; clamped to 0 .. kLatestTime.
  [[nodiscard]] Time at(std::uint64_t units) const;

 private:
  std::uint64_t multiplier_ = kMicrosecond;
  std::uint64_t divisor_ = 1;
  unsigned shift_ = 0;
  std::int64_t offset_ = 0;
};

}  // namespace mxw::capture
