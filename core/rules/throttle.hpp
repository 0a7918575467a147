// Limits live alerts: of one rule and one key (`[throttle] key`) at most `max` in a window, which
// begins with the first alert let through. Replay does not throttle.
//
// Bounded: when the table is full the key with the oldest window is forgotten, so that too much
// memory never makes an alert disappear; it can only come once more. One thread.
#pragma once

#include <cstdint>
#include <list>
#include <string>
#include <unordered_map>

#include "core/base/siphash.hpp"
#include "core/base/time.hpp"
#include "core/rules/rule.hpp"
#include "core/rules/value.hpp"

namespace mxw::rules {

inline constexpr std::size_t kThrottleKeys = 65'536;  // an hour of new alerts at 18 a second

class Throttle {
 public:
  // `hash_key`: random_hash_key(); addresses and names of strangers are part of the keys.
  explicit Throttle(HashKey hash_key, std::size_t max_keys = kThrottleKeys);

  struct Answer {
    bool pass = true;
    std::uint64_t suppressed = 0;  // of this key in the window before, told with the next alert
  };
  // `now` must not run backwards.
  Answer ask(const Rule& rule, const FieldSource& source, Time now);

  [[nodiscard]] std::size_t size() const { return order_.size(); }

 private:
  struct Entry {
    std::string key;
    Time start;
    std::uint64_t passed = 0, suppressed = 0;
  };
  struct Hash {
    HashKey key;
    std::size_t operator()(const std::string& text) const;
  };
  std::size_t max_keys_;
  std::list<Entry> order_;  // oldest window first
  std::unordered_map<std::string, std::list<Entry>::iterator, Hash> table_;
};

}  // namespace mxw::rules
