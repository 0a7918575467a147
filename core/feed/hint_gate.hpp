// HintGate: which hints are worth sending. At most kHintsPerSecond a second, and a domain
// once a minute as long as its place in a small table is not taken by another: forgetting one costs
// a hint too many, which the rate bounds. Fixed memory; pure logic with injected time.
#pragma once

#include <array>
#include <cstdint>

#include "core/base/time.hpp"

namespace mxw::feed {

// Semantics 11: 100/s; one domain once a minute.
inline constexpr unsigned kHintsPerSecond = 100;
inline constexpr std::int64_t kHintAgain = 60 * kSecond;

class HintGate {
 public:
  // `hash` stands for the domain; from a keyed hash.
  bool pass(std::uint64_t hash, std::int64_t now);

 private:
  struct Place {
    std::uint64_t hash = 0;
    std::int64_t until = 0;
  };
  static constexpr std::size_t kPlaces = 4'096;  // most domains hinted in a minute are 6,000

  bool take_token(std::int64_t now);

  std::array<Place, kPlaces> places_{};
  std::int64_t second_began_ = 0;
  unsigned sent_ = 0;
};

}  // namespace mxw::feed
