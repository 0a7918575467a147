// Random: the same numbers for the same seed on every machine (the distributions of <random> differ
// between libraries). SplitMix64, public domain algorithm of G. Steele, D. Lea and C. Flood (2014).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace mxw::bench {

class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}

  std::uint64_t next() {
    state_ += 0x9e37'79b9'7f4a'7c15;
    std::uint64_t z = state_;
    z = (z ^ z >> 30) * 0xbf58'476d'1ce4'e5b9;
    z = (z ^ z >> 27) * 0x94d0'49bb'1331'11eb;
    return z ^ z >> 31;
  }
  // 0..limit-1. The bias of the remainder is of no matter for limits far below 2^64.
  std::size_t below(std::size_t limit) { return static_cast<std::size_t>(next() % limit); }
  double unit() { return static_cast<double>(next() >> 11) * 0x1p-53; }  // [0, 1)
  void fill(std::span<std::uint8_t> octets) {
    for (std::uint8_t& octet : octets) octet = static_cast<std::uint8_t>(next() >> 56);
  }

 private:
  std::uint64_t state_;
};

}  // namespace mxw::bench
