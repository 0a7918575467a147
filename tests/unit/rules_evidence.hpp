// Prepared evidence for the tests of the rules: "ehlo.starttls=absent base.mx.sessions=20" gives
// each field a value of its type; a field that is not named is unknown. `field=?` takes a field
// away again.
#pragma once

#include <gtest/gtest.h>

#include <charconv>
#include <deque>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/rules/value.hpp"

namespace mxw::rules {

class TestEvidence : public FieldSource {
 public:
  TestEvidence() = default;
  explicit TestEvidence(std::string_view text) { set(text); }

  TestEvidence& set(std::string_view text) {
    while (!text.empty()) {
      const std::size_t end = std::min(text.find(' '), text.size());
      if (end > 0) set_one(text.substr(0, end));
      text.remove_prefix(std::min(end + 1, text.size()));
    }
    return *this;
  }

  [[nodiscard]] Value get(Field field) const override {
    asked_.push_back(field);
    const auto it = values_.find(field);
    return it == values_.end() ? Value::unknown() : it->second;
  }

  [[nodiscard]] const std::vector<Field>& asked() const { return asked_; }

 private:
  void set_one(std::string_view word) {
    const std::size_t eq = word.find('=');
    ASSERT_NE(eq, std::string_view::npos) << word;
    const auto field = find_field(word.substr(0, eq));
    ASSERT_TRUE(field) << word;
    const std::string_view value = word.substr(eq + 1);
    values_[*field] = value == "?" ? Value::unknown() : parsed(*field, value);
  }

  template <typename T>
  static T number(std::string_view text) {
    T value{};
    const auto result = std::from_chars(text.data(), text.data() + text.size(), value);
    EXPECT_EQ(result.ptr, text.data() + text.size()) << text;
    return value;
  }

  Value parsed(Field field, std::string_view text) {
    switch (info(field).type) {
      case FieldType::boolean:
        return Value::boolean(text == "true");
      case FieldType::unsigned_integer:
        return Value::uint(number<std::uint64_t>(text));
      case FieldType::integer:
      case FieldType::time:
        return Value::integer(number<std::int64_t>(text));
      case FieldType::real:
        return Value::real(number<double>(text));
      case FieldType::text:
      case FieldType::enumeration:
        return Value::text(kept_.emplace_back(text));
      case FieldType::text_set:
        return Value::set(sets_.emplace_back(split(text)));
    }
    return Value::unknown();
  }

  static std::vector<std::string> split(std::string_view text) {
    std::vector<std::string> words;
    while (!text.empty()) {
      const std::size_t end = std::min(text.find(','), text.size());
      words.emplace_back(text.substr(0, end));
      text.remove_prefix(std::min(end + 1, text.size()));
    }
    return words;
  }

  std::map<Field, Value> values_;
  std::deque<std::string> kept_;
  std::deque<std::vector<std::string>> sets_;
  mutable std::vector<Field> asked_;
};

}  // namespace mxw::rules
