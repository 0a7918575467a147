#include "core/feed/hint_gate.hpp"

namespace mxw::feed {

bool HintGate::take_token(std::int64_t now) {
  if (now - second_began_ >= kSecond || second_began_ == 0) {
    second_began_ = now;
    sent_ = 0;
  }
  if (sent_ >= kHintsPerSecond) return false;
  ++sent_;
  return true;
}

bool HintGate::pass(std::uint64_t hash, std::int64_t now) {
  Place& place = places_[hash % kPlaces];
  if (place.hash == hash && now < place.until) return false;
  if (!take_token(now)) return false;
  place = {hash, now + kHintAgain};
  return true;
}

}  // namespace mxw::feed
