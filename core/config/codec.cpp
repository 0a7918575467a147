#include "core/config/codec.hpp"

namespace mxw::config {

std::string quoted(std::string_view text) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string out = "\"";
  for (const char c : text) {
    const auto octet = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (octet < 0x20 || octet == 0x7f) {
      out += "\\u00";
      out += kHex[octet >> 4];
      out += kHex[octet & 15];
    } else {
      out += c;
    }
  }
  return out + '"';
}

std::optional<std::string> Text::read(const toml::Node& node, std::string_view key,
                                      toml::Problems& problems) const {
  const auto* text = node.as<std::string>();
  if (text == nullptr) {
    problems.add(node, quoted(key) + " is not a text: " + std::string(what));
    return std::nullopt;
  }
  if (text->empty() && may_be_empty) return *text;
  if (const std::string why = check(*text); !why.empty()) {
    problems.add(node, quoted(key) + ": " + why);
    return std::nullopt;
  }
  return *text;
}

std::optional<bool> Boolean::read(const toml::Node& node, std::string_view key,
                                  toml::Problems& problems) const {
  const auto* value = node.as<bool>();
  if (value == nullptr) {
    problems.add(node, quoted(key) + " is not true or false");
    return std::nullopt;
  }
  return *value;
}

}  // namespace mxw::config
