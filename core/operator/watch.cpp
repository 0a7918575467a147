#include "core/operator/watch.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include "core/operator/scanner.hpp"

namespace mxw::operators {
namespace {

Time wall_clock() {
  return {std::chrono::duration_cast<std::chrono::nanoseconds>(
              std::chrono::system_clock::now().time_since_epoch())
              .count()};
}

}  // namespace

OperatorWatch::OperatorWatch(EventLoop& loop, std::string dir, Callback on_change, Clock clock)
    : dir_(std::move(dir)),
      scanner_(std::make_unique<Scanner>(dir_, kChecksPerTurn)),
      on_change_(std::move(on_change)),
      clock_(clock ? std::move(clock) : Clock(wall_clock)),
      timer_(loop, [this] { turn(); }) {
  last_ = clock_();
  scanner_->scan(last_);
  take();
  timer_.start(kPeriod);
}

OperatorWatch::~OperatorWatch() = default;

void OperatorWatch::turn() {
  timer_.start(kPeriod);
  look();
}

void OperatorWatch::look() {
  const Time now = clock_();
  // Set back, the clock may bring an ended one to life again.
  const bool ended = now >= next_end_ || now < last_;
  const bool changed = scanner_->scan(now);
  last_ = now;
  if (changed || ended) {
    take();
    if (on_change_) on_change_(state_);
  }
  tell_notes();
}

void OperatorWatch::on_notes(Tell tell) {
  tell_ = std::move(tell);
  tell_notes();
}

void OperatorWatch::tell_notes() {
  if (!tell_) return;
  for (const std::string& note : teller_.due(state_->notes(), EventLoop::now()))
    tell_("the operator's files in " + dir_ + ": " + note);
}

void OperatorWatch::take() {
  state_ = scanner_->state();
  next_end_ = Time{INT64_MAX};
  const auto note = [this](Time end) {
    if (end > last_) next_end_ = std::min(next_end_, end);
  };
  if (state_->enforcement().off) note(state_->enforcement().until);
  for (const auto& [domain, brake] : state_->brakes())
    if (brake->until) note(*brake->until);
}

}  // namespace mxw::operators
