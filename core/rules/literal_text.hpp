// Values and literals as people read them.
#pragma once

#include <string>

#include "core/rules/rule.hpp"
#include "core/rules/value.hpp"

namespace mxw::rules {

[[nodiscard]] std::string print(const Literal& literal);  // lists: "[a, b]"
[[nodiscard]] std::string print(const Value& value);      // "unknown"; cut at 80 octets

}  // namespace mxw::rules
