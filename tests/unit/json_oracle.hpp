// JsonReader beside nlohmann's parser: what both say of the same octets.
#pragma once

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/json_reader.hpp"

namespace mxw {

// Objects and arrays in one another; of text that is no JSON, at least as many as are open at once.
inline std::size_t json_depth(std::string_view text) {
  std::size_t depth = 0, most = 0;
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quoted && c == '\\') {
      ++i;
    } else if (c == '"') {
      quoted = !quoted;
    } else if (!quoted && (c == '{' || c == '[')) {
      most = std::max(most, ++depth);
    } else if (!quoted && (c == '}' || c == ']') && depth > 0) {
      --depth;
    }
  }
  return most;
}

// The other parser takes a NUL for the end of the text and passes over a byte order mark.
inline std::optional<nlohmann::json> json_of_other(std::string_view text, std::size_t depth) {
  if (text.contains('\0') || text.starts_with("\xef\xbb\xbf") || json_depth(text) > depth)
    return std::nullopt;
  nlohmann::json json = nlohmann::json::parse(text, nullptr, false);
  if (!json.is_object()) return std::nullopt;
  return json;
}

// Whether `value` says what `other` does; what is nested is read to its last value.
inline bool same_json(const JsonValue& value, const nlohmann::json& other, std::size_t depth);

inline bool same_object(std::string_view text, const nlohmann::json& other, std::size_t depth) {
  JsonReader reader(text, depth);
  std::map<std::string, JsonValue> last;
  while (reader.next()) last.insert_or_assign(std::string(reader.key()), reader.value());
  if (!reader.whole() || !other.is_object() || last.size() != other.size()) return false;
  for (const auto& [key, value] : last) {
    const auto at = other.find(key);
    if (at == other.end() || !same_json(value, *at, depth - 1)) return false;
  }
  return true;
}

inline bool same_json(const JsonValue& value, const nlohmann::json& other, std::size_t depth) {
  std::string buffer;
  switch (value.kind) {
    case JsonValue::Kind::object:
      return same_object(value.raw, other, depth);
    case JsonValue::Kind::array:
      return other.is_array() && nlohmann::json::parse(value.raw, nullptr, false) == other;
    case JsonValue::Kind::string:
      return other.is_string() && value.text(buffer) == other.get_ref<const std::string&>() &&
             value.string() == value.text(buffer) && value.size == value.string().size();
    case JsonValue::Kind::integer:
      if (!other.is_number_integer() || value.negative == other.is_number_unsigned()) return false;
      return value.magnitude ==
             (value.negative ? 0 - other.get<std::uint64_t>() : other.get<std::uint64_t>());
    case JsonValue::Kind::real:
      return other.is_number_float();
    case JsonValue::Kind::boolean:
      return other.is_boolean() && other.get<bool>() == value.truth;
    case JsonValue::Kind::null:
      return other.is_null();
  }
  return false;
}

// Both take the text and read the same in it, or both do not.
inline bool agree_on(std::string_view text, std::size_t depth) {
  const auto other = json_of_other(text, depth);
  if (other) return same_object(text, *other, depth);
  JsonReader reader(text, depth);
  while (reader.next()) {
  }
  return !reader.whole();
}

}  // namespace mxw
