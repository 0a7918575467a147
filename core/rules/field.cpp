#include "core/rules/field.hpp"

#include <array>

namespace mxw::rules {
namespace {

template <typename... Word>
consteval std::array<std::string_view, sizeof...(Word)> words(Word... word) {
  return {word...};
}

// One array of words per field (of length 0 but for enumerations), then the table that points to
// them.
namespace enumeration_words {
#define MXW_FIELD(identifier, field_name, type, unit, filled_by, meaning, ...) \
  constexpr auto identifier = words(__VA_ARGS__);
#include "core/rules/field.def"
#undef MXW_FIELD
}  // namespace enumeration_words

constexpr std::array kFields{
#define MXW_FIELD(identifier, field_name, type, unit, filled_by, meaning, ...) \
  FieldInfo{field_name, FieldType::type, enumeration_words::identifier, unit, filled_by, meaning},
#include "core/rules/field.def"
#undef MXW_FIELD
};

}  // namespace

const FieldInfo& info(Field field) {
  return kFields.at(static_cast<std::size_t>(field));
}

std::optional<Field> find_field(std::string_view name) {
  for (std::size_t i = 0; i < kFields.size(); ++i) {
    if (kFields[i].name == name) return static_cast<Field>(i);
  }
  return std::nullopt;
}

std::span<const FieldInfo> all_fields() {
  return kFields;
}

std::string_view name(FieldType type) {
  static constexpr std::array<std::string_view, 8> kNames{
      "boolean", "unsigned integer", "integer",     "number",
      "text",    "enumeration",      "set of text", "time"};
  return kNames.at(static_cast<std::size_t>(type));
}

}  // namespace mxw::rules
