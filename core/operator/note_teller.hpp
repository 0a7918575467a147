// NoteTeller: which of the notes on the operator's files are to be logged now: what is new, when
// they change, and no more often than once in kInterval, so that a file written again and again
// fills no log. Pure; one thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/base/time.hpp"
#include "core/operator/state.hpp"

namespace mxw::operators {

class NoteTeller {
 public:
  static constexpr std::int64_t kInterval = 1 * kMinute;

  // The lines that are due at `now` (nanoseconds, any monotonic clock). To be asked now and then,
  // since what came too early is due later.
  [[nodiscard]] std::vector<std::string> due(const OperatorState::Notes& notes, std::int64_t now);

 private:
  std::vector<std::string> told_;
  std::optional<std::int64_t> last_;
};

}  // namespace mxw::operators
