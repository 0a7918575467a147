// Value: one piece of evidence as a rule sees it, and FieldSource, which gives it.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "core/base/time.hpp"
#include "core/rules/field.hpp"

namespace mxw::rules {

// Trivially copyable. text() and set() borrow: what they point to must outlive the evaluation.
class Value {
 public:
  using Set = std::span<const std::string>;

  Value() = default;  // unknown

  static Value unknown() { return {}; }
  static Value boolean(bool v) { return Value(v); }
  static Value uint(std::uint64_t v) { return Value(v); }
  static Value integer(std::int64_t v) { return Value(v); }
  static Value real(double v) { return Value(v); }
  static Value text(std::string_view v) { return Value(v); }  // also the word of an enumeration
  static Value set(Set v) { return Value(v); }
  static Value time(Time v) { return Value(v.ns); }

  [[nodiscard]] bool known() const { return !std::holds_alternative<std::monostate>(data_); }

  // nullptr when the value is unknown or of another kind.
  template <typename T>
  [[nodiscard]] const T* as() const {
    return std::get_if<T>(&data_);
  }
  template <typename Visitor>
  auto visit(Visitor visitor) const {
    return std::visit(visitor, data_);
  }

 private:
  template <typename T>
  explicit Value(T v) : data_(v) {}

  std::variant<std::monostate, bool, std::uint64_t, std::int64_t, double, std::string_view, Set>
      data_;
};

// The evidence of one subject (session and domain, retry pair, DNS answer ...) at one decision
// point. Asked lazily: only the fields that the clauses reach. For one field the same answer until
// the evaluation ends. A value must be of its field's type (an enumeration: one of its words);
// anything else is a defect of the source and aborts.
class FieldSource {
 public:
  virtual ~FieldSource() = default;
  [[nodiscard]] virtual Value get(Field field) const = 0;
};

}  // namespace mxw::rules
