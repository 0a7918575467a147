// Breaker: stops deferring when too much is deferred, because then the error is more likely ours
// (semantics 12). Share of first deferrals among the RCPTs that could be deferred, per process,
// over sliding 60 minutes in steps of one minute. It trips above `max_share` and at `min_count` or
// more; then nothing is deferred for 60 minutes. Any thread; a lock is held for the call only.
#pragma once

#include <array>
#include <cstdint>
#include <mutex>

#include "core/base/time.hpp"

namespace mxw::milter {

class Breaker {
 public:
  static constexpr std::int64_t kWindow = 60 * kMinute;
  static constexpr std::int64_t kOpen = 60 * kMinute;

  struct Limits {
    double max_share = 1.0;   // per cent
    unsigned min_count = 20;  // deferrals
  };
  struct Counts {
    std::uint64_t rcpts = 0, deferrals = 0;
  };

  explicit Breaker(Limits limits) : limits_(limits) {}
  void set_limits(Limits limits);  // a reload; what is counted stays

  void rcpt(Time now);
  // A first deferral. True: by it the breaker has tripped, which is told once.
  [[nodiscard]] bool deferral(Time now);
  [[nodiscard]] bool open(Time now);
  [[nodiscard]] Counts counts(Time now);  // within the window

  // For people: looks and moves nothing, whatever clock they look by.
  struct Shown {
    bool open = false;
    Counts counts;
  };
  [[nodiscard]] Shown shown(Time now) const;

 private:
  static constexpr std::int64_t kMinutes = kWindow / kMinute;
  struct Minute {
    std::int64_t minute = -1;
    Counts counts;
  };
  void move_to(Time now);
  [[nodiscard]] Counts sum(std::int64_t newest) const;
  Minute& current() { return minutes_[static_cast<std::size_t>(newest_ % kMinutes)]; }

  mutable std::mutex mutex_;
  Limits limits_;
  std::array<Minute, static_cast<std::size_t>(kMinutes)> minutes_{};
  std::int64_t newest_ = 0;
  Time open_until_;
};

}  // namespace mxw::milter
