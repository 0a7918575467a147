// The days of reports: UTC days (RFC 8460 section 4.1, semantics 8). Pure, thread-safe.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/store/report_rows.hpp"

namespace mxw::reportd {

// After midnight: what a sensor sends again, and policyd's looks, still belong to the day before.
inline constexpr std::int64_t kFreezeAfter = 30 * kMinute;

// The last day that is complete at `now`.
[[nodiscard]] inline store::Day last_complete(Time now) {
  return store::day_of(now - kFreezeAfter) - 1;
}
[[nodiscard]] inline Time begin_of(store::Day day) {
  return {std::int64_t{day} * kDay};
}

[[nodiscard]] std::string day_text(store::Day day);                        // `2026-11-26`
[[nodiscard]] std::optional<store::Day> parse_day(std::string_view text);  // the same, 1970 on

}  // namespace mxw::reportd
