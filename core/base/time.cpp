#include "core/base/time.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>

namespace mxw {
namespace {

constexpr std::int64_t kLastSecond = 253'402'300'799;  // 9999-12-31T23:59:59Z

struct Civil {
  int year;
  unsigned month, day;
  int hour, minute, second;
  std::int64_t fraction_ns;
};

Civil civil(Time t) {
  std::int64_t seconds = t.ns / kSecond;
  std::int64_t fraction = t.ns % kSecond;
  if (fraction < 0) {
    fraction += kSecond;
    --seconds;
  }
  seconds = std::clamp<std::int64_t>(seconds, 0, kLastSecond);
  const std::chrono::sys_days day{std::chrono::days{seconds / 86'400}};
  const std::chrono::year_month_day ymd{day};
  const auto rest = static_cast<int>(seconds % 86'400);
  return {static_cast<int>(ymd.year()),
          static_cast<unsigned>(ymd.month()),
          static_cast<unsigned>(ymd.day()),
          rest / 3600,
          rest / 60 % 60,
          rest % 60,
          fraction};
}

// Reads exactly `digits` decimal digits at `at` and advances; -1 when there are none.
int number(std::string_view text, std::size_t& at, std::size_t digits) {
  if (text.size() - std::min(at, text.size()) < digits) return -1;
  int value = 0;
  for (std::size_t i = 0; i < digits; ++i, ++at) {
    if (text[at] < '0' || text[at] > '9') return -1;
    value = value * 10 + (text[at] - '0');
  }
  return value;
}

bool literal(std::string_view text, std::size_t& at, char c) {
  if (at >= text.size() || text[at] != c) return false;
  ++at;
  return true;
}

std::optional<std::int64_t> fraction(std::string_view text, std::size_t& at) {
  if (!literal(text, at, '.')) return 0;
  std::int64_t value = 0;
  std::int64_t scale = kSecond / 10;
  const std::size_t first = at;
  for (; at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at, scale /= 10)
    value += (text[at] - '0') * scale;
  if (at == first) return std::nullopt;
  return value;
}

// Seconds east of UTC: `Z`, `z`, `+hh:mm` or `-hh:mm`.
std::optional<int> offset(std::string_view text, std::size_t& at) {
  if (literal(text, at, 'Z') || literal(text, at, 'z')) return 0;
  const bool minus = at < text.size() && text[at] == '-';
  if (!literal(text, at, '+') && !literal(text, at, '-')) return std::nullopt;
  const int hours = number(text, at, 2);
  if (!literal(text, at, ':')) return std::nullopt;
  const int minutes = number(text, at, 2);
  if (hours < 0 || hours > 23 || minutes < 0 || minutes > 59) return std::nullopt;
  return (hours * 60 + minutes) * (minus ? -60 : 60);
}

}  // namespace

std::string format_eve(Time t) {
  const Civil c = civil(t);
  char buffer[48];
  std::snprintf(buffer, sizeof buffer, "%04d-%02u-%02uT%02d:%02d:%02d.%06d+0000", c.year, c.month,
                c.day, c.hour, c.minute, c.second, static_cast<int>(c.fraction_ns / 1000));
  return buffer;
}

std::string format_rfc3339(Time t) {
  const Civil c = civil(t);
  char buffer[48];
  int n = std::snprintf(buffer, sizeof buffer, "%04d-%02u-%02uT%02d:%02d:%02d", c.year, c.month,
                        c.day, c.hour, c.minute, c.second);
  std::string out(buffer, static_cast<std::size_t>(n));
  if (c.fraction_ns != 0) {
    n = std::snprintf(buffer, sizeof buffer, ".%09d", static_cast<int>(c.fraction_ns));
    out.append(buffer, static_cast<std::size_t>(n));
    while (out.back() == '0') out.pop_back();
  }
  return out + 'Z';
}

std::string format_human(Time t) {
  const Civil c = civil(t);
  char buffer[40];
  std::snprintf(buffer, sizeof buffer, "%04d-%02u-%02u %02d:%02d:%02d", c.year, c.month, c.day,
                c.hour, c.minute, c.second);
  return buffer;
}

std::string format_date(Time t) {
  return format_human(t).substr(0, 10);
}

std::optional<Time> parse_rfc3339(std::string_view text) {
  std::size_t at = 0;
  const int year = number(text, at, 4);
  if (!literal(text, at, '-')) return std::nullopt;
  const int month = number(text, at, 2);
  if (!literal(text, at, '-')) return std::nullopt;
  const int day = number(text, at, 2);
  if (!literal(text, at, 'T') && !literal(text, at, 't') && !literal(text, at, ' '))
    return std::nullopt;
  const int hour = number(text, at, 2);
  if (!literal(text, at, ':')) return std::nullopt;
  const int minute = number(text, at, 2);
  if (!literal(text, at, ':')) return std::nullopt;
  const int second = number(text, at, 2);
  const auto part = fraction(text, at);
  const auto east = offset(text, at);
  if (!part || !east || at != text.size()) return std::nullopt;
  if (year < 1970 || month < 1 || day < 1 || hour < 0 || hour > 23 || minute < 0 || minute > 59 ||
      second < 0 || second > 60)
    return std::nullopt;
  const std::chrono::year_month_day ymd{std::chrono::year{year},
                                        std::chrono::month{static_cast<unsigned>(month)},
                                        std::chrono::day{static_cast<unsigned>(day)}};
  if (!ymd.ok()) return std::nullopt;
  const std::int64_t days = std::chrono::sys_days{ymd}.time_since_epoch().count();
  const std::int64_t seconds = days * 86'400 + hour * 3600 + minute * 60 + second - *east;
  if (seconds < 0 || seconds > 9'000'000'000) return std::nullopt;
  return Time{seconds * kSecond + *part};
}

}  // namespace mxw
