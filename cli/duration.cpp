#include "cli/duration.hpp"

#include <array>
#include <chrono>
#include <utility>

#include "core/base/ascii.hpp"

namespace mxw::cli {
namespace {

struct Unit {
  char letter;
  std::int64_t ns;
  const char* name;
};
constexpr std::array<Unit, 4> kUnits{
    {{'d', kDay, "d"}, {'h', kHour, "h"}, {'m', kMinute, "min"}, {'s', kSecond, "s"}}};

}  // namespace

std::optional<std::int64_t> parse_duration(std::string_view text) {
  if (text.empty()) return std::nullopt;
  for (const Unit& unit : kUnits) {
    if (unit.letter != text.back()) continue;
    const auto number = ascii::parse_u64(text.substr(0, text.size() - 1));
    if (!number || *number == 0) return std::nullopt;
    if (*number > static_cast<std::uint64_t>(kLongestDuration / unit.ns)) return std::nullopt;
    return static_cast<std::int64_t>(*number) * unit.ns;
  }
  return std::nullopt;
}

std::string duration_text(std::int64_t ns) {
  std::string out;
  int parts = 0;
  for (const Unit& unit : kUnits) {
    const std::int64_t number = ns / unit.ns;
    if (parts > 0) ++parts;
    if (parts > 2) break;
    if (number <= 0) continue;
    if (parts == 0) parts = 1;
    out += (out.empty() ? "" : " ") + std::to_string(number) + ' ' + unit.name;
    ns -= number * unit.ns;
  }
  return out.empty() ? "less than a second" : out;
}

std::string moment_text(Time time) {
  return format_human(time) + " UTC";
}

Time wall_clock() {
  return {std::chrono::duration_cast<std::chrono::nanoseconds>(
              std::chrono::system_clock::now().time_since_epoch())
              .count()};
}

}  // namespace mxw::cli
