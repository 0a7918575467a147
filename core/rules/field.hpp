// The evidence fields: the closed vocabulary between detectors, which state facts, and rules, which
// judge them. The table itself is core/rules/field.def.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace mxw::rules {

enum class FieldType : std::uint8_t {
  boolean,
  unsigned_integer,
  integer,
  real,
  text,
  enumeration,  // a text that is one of enum_values
  text_set,
  time,  // nanoseconds, as mxw::Time; carried by Value::integer
};

enum class Field : std::uint16_t {
#define MXW_FIELD(identifier, ...) identifier,
#include "core/rules/field.def"
#undef MXW_FIELD
};

// Static data, valid for the life of the program.
struct FieldInfo {
  std::string_view name;  // "ehlo.starttls"
  FieldType type = FieldType::boolean;
  std::span<const std::string_view> enum_values;  // empty but for enumeration
  std::string_view unit;                          // empty where there is none
  std::string_view filled_by;  // "sensor replay", "sensor live", "policyd"; empty: nobody yet
  std::string_view meaning;
};

[[nodiscard]] const FieldInfo& info(Field field);
[[nodiscard]] std::optional<Field> find_field(std::string_view name);

// In the order of the table; the index is the numeric value of Field.
[[nodiscard]] std::span<const FieldInfo> all_fields();

[[nodiscard]] std::string_view name(FieldType type);

}  // namespace mxw::rules
