#include "reportd/day.hpp"

namespace mxw::reportd {

std::string day_text(store::Day day) {
  return format_date(begin_of(day));
}

std::optional<store::Day> parse_day(std::string_view text) {
  constexpr std::size_t kDate = 10;
  if (text.size() != kDate) return std::nullopt;
  const auto time = parse_rfc3339(std::string(text) + "T00:00:00Z");
  if (!time || time->ns < 0) return std::nullopt;
  return store::day_of(*time);
}

}  // namespace mxw::reportd
