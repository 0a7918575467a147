#include "sensor/capture/pcapng_time.hpp"

#include <algorithm>

namespace mxw::capture {
namespace {

__extension__ using Wide = __int128;  // 64-bit units times 10^9 need 94 bits

constexpr unsigned kNanoExponent = 9;
constexpr unsigned kMaxTenExponent = 19;  // 10^19 still fits 64 bits

std::uint64_t power_of_ten(unsigned exponent) {
  std::uint64_t value = 1;
  while (exponent-- > 0) value *= 10;
  return value;
}

}  // namespace

void TimeScale::set_resolution(std::uint8_t tsresol) {
  const unsigned exponent = tsresol & 0x7f;
  multiplier_ = divisor_ = 1;
  shift_ = 0;
  if ((tsresol & 0x80) != 0) {
    multiplier_ = kSecond;
    shift_ = exponent;
  } else if (exponent <= kNanoExponent) {
    multiplier_ = power_of_ten(kNanoExponent - exponent);
  } else {
    // Beyond 10^-28 s no 64-bit count reaches a nanosecond; the cap leaves less than 2 ns of any.
    divisor_ = power_of_ten(std::min(exponent - kNanoExponent, kMaxTenExponent));
  }
}

Time TimeScale::at(std::uint64_t units) const {
  Wide value = static_cast<Wide>(units) * multiplier_;
  value >>= shift_;
  if (divisor_ != 1) value /= divisor_;
  value += static_cast<Wide>(offset_) * kSecond;
  return {static_cast<std::int64_t>(std::clamp<Wide>(value, 0, kLatestTime.ns))};
}

}  // namespace mxw::capture
