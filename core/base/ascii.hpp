// ASCII helpers for protocol text. Locale-free: only A-Z fold, bytes above 127 are never letters.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace mxw::ascii {

[[nodiscard]] constexpr char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
}
[[nodiscard]] constexpr char upper(char c) {
  return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
}
[[nodiscard]] constexpr bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
[[nodiscard]] constexpr bool is_alpha(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}
[[nodiscard]] constexpr bool is_alnum(char c) {
  return is_digit(c) || is_alpha(c);
}
[[nodiscard]] constexpr bool is_blank(char c) {
  return c == ' ' || c == '\t';
}

[[nodiscard]] std::string to_lower(std::string_view text);
[[nodiscard]] std::string to_upper(std::string_view text);
[[nodiscard]] bool iequals(std::string_view a, std::string_view b);
[[nodiscard]] bool istarts_with(std::string_view text, std::string_view prefix);

// Without blanks and tabs (and, for trim_line, CR and LF) at either end.
[[nodiscard]] std::string_view trim(std::string_view text);
[[nodiscard]] std::string_view trim_line(std::string_view text);

// The text up to the first blank, and the rest without leading blanks.
struct Split {
  std::string_view head, tail;
};
[[nodiscard]] Split split_word(std::string_view text);

// Decimal digits only, no sign, no blank, no overflow; else nullopt.
[[nodiscard]] std::optional<std::uint64_t> parse_u64(std::string_view text);

// Lower-case hexadecimal of the bytes.
[[nodiscard]] std::string hex(std::string_view bytes);

}  // namespace mxw::ascii
