// Timescale: what a wall clock that jumps does to rows already written (semantics 11, Clock).
//
// Rows carry wall time; in a process they age by CLOCK_BOOTTIME. When the wall clock moves by more
// than kStep against it, rows written before keep their remaining life: their times are read moved
// by as much as the clock was. A row written after needs no correction. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "core/base/time.hpp"
#include "core/rows/policy_rows.hpp"

namespace mxw::policyd {

class Timescale {
 public:
  static constexpr std::int64_t kStep = 5 * kMinute;  // semantics 11
  static constexpr std::size_t kSteps = 16;           // remembered; then the oldest two are one

  Timescale(Time wall, std::int64_t boot) : offset_(wall.ns - boot), start_(wall), now_(wall) {}

  // To be called often. By how much the wall clock has just jumped; smaller moves are followed.
  [[nodiscard]] std::optional<std::int64_t> observe(Time wall, std::int64_t boot);

  // The jump of observe() happened when the store's head was here.
  void stepped(std::int64_t by, rows::Sequence head);

  // To be added to the times of a row of this sequence; nothing for a row without one (0).
  [[nodiscard]] std::int64_t correction(rows::Sequence row) const;
  [[nodiscard]] bool ever_stepped() const { return !steps_.empty(); }

  // The store's head when this process began: what is up to here, others wrote.
  void begun(rows::Sequence head) { first_ = head; }

  // A policy others wrote that had run out by the clock this process began with, which has been set
  // back since to a time after its fetch: no remaining life is to be kept, and it was that clock
  // that was wrong. It is judged by its own times.
  [[nodiscard]] bool misjudged(const rows::PolicyRow& row) const;

 private:
  struct Step {
    rows::Sequence head;
    std::int64_t by;
  };
  std::int64_t offset_;  // wall - boot
  Time start_, now_;     // the wall clock at the beginning and when last observed
  rows::Sequence first_ = 0;
  std::vector<Step> steps_;
};

}  // namespace mxw::policyd
