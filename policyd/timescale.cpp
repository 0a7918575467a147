#include "policyd/timescale.hpp"

namespace mxw::policyd {

std::optional<std::int64_t> Timescale::observe(Time wall, std::int64_t boot) {
  const std::int64_t moved = wall.ns - boot - offset_;
  offset_ += moved;
  now_ = wall;
  if (moved >= -kStep && moved <= kStep) return std::nullopt;
  return moved;
}

void Timescale::stepped(std::int64_t by, rows::Sequence head) {
  if (steps_.size() == kSteps) {
    steps_[1].by += steps_[0].by;
    steps_.erase(steps_.begin());
  }
  steps_.push_back({head, by});
}

std::int64_t Timescale::correction(rows::Sequence row) const {
  if (row == 0) return 0;
  std::int64_t sum = 0;
  for (const Step& step : steps_) {
    if (row <= step.head) sum += step.by;
  }
  return sum;
}

bool Timescale::misjudged(const rows::PolicyRow& row) const {
  const bool by_others = row.seq != 0 && row.seq <= first_;
  return by_others && row.valid_until() < start_ && now_ < start_ && row.fetched_at <= now_;
}

}  // namespace mxw::policyd
