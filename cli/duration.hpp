// Durations as people write them: `90s`, `15m`, `4h`, `7d`.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/time.hpp"

namespace mxw::cli {

// Nanoseconds. Nothing for no number, no unit, zero, and over ten years.
inline constexpr std::int64_t kLongestDuration = 3650 * kDay;
[[nodiscard]] std::optional<std::int64_t> parse_duration(std::string_view text);

// The two largest parts: `3 h 59 min`, `2 d`, `less than a second`.
[[nodiscard]] std::string duration_text(std::int64_t ns);

// `2026-11-21 12:00:00 UTC`
[[nodiscard]] std::string moment_text(Time time);

[[nodiscard]] Time wall_clock();

}  // namespace mxw::cli
