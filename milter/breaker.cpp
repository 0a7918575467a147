#include "milter/breaker.hpp"

#include <algorithm>

namespace mxw::milter {

void Breaker::set_limits(Limits limits) {
  const std::lock_guard lock(mutex_);
  limits_ = limits;
}

// Minutes only go on. A clock set back by more than the slack of threads that read it one after
// the other begins anew; what is open stays open, for no longer than it would by the new clock.
void Breaker::move_to(Time now) {
  const std::int64_t minute = std::max<std::int64_t>(now.ns / kMinute, 0);
  if (minute + 1 < newest_) {
    minutes_.fill({});
    open_until_ = std::min(open_until_, now + kOpen);
  }
  if (minute > newest_ || minute + 1 < newest_) newest_ = minute;
  if (current().minute != newest_) current() = {newest_, {}};
}

Breaker::Counts Breaker::sum(std::int64_t newest) const {
  Counts all;
  for (const Minute& one : minutes_) {
    if (one.minute <= newest - kMinutes) continue;
    all.rcpts += one.counts.rcpts;
    all.deferrals += one.counts.deferrals;
  }
  return all;
}

void Breaker::rcpt(Time now) {
  const std::lock_guard lock(mutex_);
  move_to(now);
  ++current().counts.rcpts;
}

bool Breaker::deferral(Time now) {
  const std::lock_guard lock(mutex_);
  move_to(now);
  ++current().counts.deferrals;
  if (now < open_until_) return false;
  const Counts all = sum(newest_);
  const double share = 100.0 * static_cast<double>(all.deferrals);
  if (all.deferrals < limits_.min_count ||
      share <= limits_.max_share * static_cast<double>(all.rcpts))
    return false;
  open_until_ = now + kOpen;
  return true;
}

bool Breaker::open(Time now) {
  const std::lock_guard lock(mutex_);
  move_to(now);
  return now < open_until_;
}

Breaker::Counts Breaker::counts(Time now) {
  const std::lock_guard lock(mutex_);
  move_to(now);
  return sum(newest_);
}

Breaker::Shown Breaker::shown(Time now) const {
  const std::lock_guard lock(mutex_);
  const std::int64_t minute = std::max<std::int64_t>(now.ns / kMinute, 0);
  return {now < open_until_, sum(std::max(newest_, minute))};
}

}  // namespace mxw::milter
