// JsonWriter: one JSON value written into a string, whatever bytes the text holds.
//
// Output is always valid UTF-8 JSON: a byte that is no valid UTF-8 becomes U+FFFD, control
// characters are escaped, lines never break. Fields come in the order they are written, so the same
// evidence gives the same bytes. Not thread-safe; the target string must outlive the writer.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>

namespace mxw {

class JsonWriter {
 public:
  explicit JsonWriter(std::string& out) : out_(out) {}

  JsonWriter& begin_object() { return open('{'); }
  JsonWriter& end_object() { return close('}'); }
  JsonWriter& begin_array() { return open('['); }
  JsonWriter& end_array() { return close(']'); }

  // A member name; the next call writes its value. REQUIRES: inside an object.
  JsonWriter& key(std::string_view name);

  JsonWriter& string(std::string_view text);
  JsonWriter& boolean(bool value);
  JsonWriter& number(std::int64_t value);
  JsonWriter& number(std::uint64_t value);
  JsonWriter& number(int value) { return number(static_cast<std::int64_t>(value)); }
  JsonWriter& number(unsigned value) { return number(static_cast<std::uint64_t>(value)); }
  JsonWriter& decimal(double value, int places);
  JsonWriter& raw(std::string_view json);  // REQUIRES: json is one valid JSON value

  JsonWriter& member(std::string_view name, std::string_view text) {
    return key(name).string(text);
  }
  JsonWriter& member(std::string_view name, const char* text) { return key(name).string(text); }
  JsonWriter& member(std::string_view name, bool value) { return key(name).boolean(value); }
  template <typename Integer>
    requires std::is_integral_v<Integer>
  JsonWriter& member(std::string_view name, Integer value) {
    if constexpr (std::is_signed_v<Integer>)
      return key(name).number(static_cast<std::int64_t>(value));
    else
      return key(name).number(static_cast<std::uint64_t>(value));
  }

 private:
  JsonWriter& open(char c);
  JsonWriter& close(char c);
  void separate();

  std::string& out_;
  bool comma_ = false;  // a value stands before: the next member or element needs a comma
};

// Appends the text as a JSON string with its quotes.
void append_json_string(std::string& out, std::string_view text);

}  // namespace mxw
