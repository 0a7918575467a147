#include "core/rules/literal_text.hpp"

#include <array>
#include <charconv>
#include <type_traits>

namespace mxw::rules {
namespace {

constexpr std::size_t kMaxText = 80;

struct Printer {
  std::string operator()(std::monostate) const { return "unknown"; }
  std::string operator()(bool value) const { return value ? "true" : "false"; }
  std::string operator()(std::uint64_t value) const { return std::to_string(value); }
  std::string operator()(std::int64_t value) const { return std::to_string(value); }
  std::string operator()(double value) const {
    std::array<char, 32> buffer{};
    const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value).ptr;
    return {buffer.data(), end};
  }
  std::string operator()(std::string_view value) const { return std::string(value); }
  template <typename Range>
  std::string operator()(const Range& values) const
    requires(!std::is_convertible_v<const Range&, std::string_view>)
  {
    std::string text = "[";
    for (const auto& value : values) {
      if (text.size() > 1) text += ", ";
      text += (*this)(value);
    }
    return text + ']';
  }
};

}  // namespace

std::string print(const Literal& literal) {
  return std::visit([](const auto& v) { return Printer()(v); }, literal);
}

std::string print(const Value& value) {
  std::string text = value.visit(Printer());
  if (text.size() <= kMaxText) return text;
  std::size_t end = kMaxText;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;  // UTF-8
  return text.substr(0, end) + "...";
}

}  // namespace mxw::rules
