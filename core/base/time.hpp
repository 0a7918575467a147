// Time: an instant in UTC with the packet's own resolution.
//
// Time comes with the packet or from a clock interface, never from the system inside a parser or a
// rule: the same input must give the same bytes. Values are nanoseconds since 1970-01-01T00:00:00Z,
// leap seconds not counted (POSIX).
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace mxw {

struct Time {
  std::int64_t ns = 0;
  friend auto operator<=>(Time, Time) = default;
};

inline constexpr std::int64_t kMicrosecond = 1'000;
inline constexpr std::int64_t kMillisecond = 1'000'000;
inline constexpr std::int64_t kSecond = 1'000'000'000;
inline constexpr std::int64_t kMinute = 60 * kSecond;
inline constexpr std::int64_t kHour = 60 * kMinute;
inline constexpr std::int64_t kDay = 24 * kHour;

inline Time operator+(Time t, std::int64_t ns) {
  return {t.ns + ns};
}
inline Time operator-(Time t, std::int64_t ns) {
  return {t.ns - ns};
}
inline std::int64_t operator-(Time a, Time b) {
  return a.ns - b.ns;
}

// `2026-11-21T08:00:03.123456+0000`: exactly 31 characters, as readers of Suricata's EVE take them
// by position. Years outside 1970..9999 are clamped, so the length holds for any input.
[[nodiscard]] std::string format_eve(Time t);

// `2026-11-21T08:00:03Z`, or with fraction where it is not zero.
[[nodiscard]] std::string format_rfc3339(Time t);

// `2026-11-21 08:00:03` for people (UTC).
[[nodiscard]] std::string format_human(Time t);

// RFC 3339 with `Z` or a numeric offset; anything else is nullopt.
[[nodiscard]] std::optional<Time> parse_rfc3339(std::string_view text);

// `YYYY-MM-DD` of the UTC day.
[[nodiscard]] std::string format_date(Time t);

}  // namespace mxw
