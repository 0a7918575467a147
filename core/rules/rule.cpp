#include "core/rules/rule.hpp"

#include <algorithm>
#include <array>

namespace mxw::rules {

std::string_view name(Op op) {
  static constexpr std::array<std::string_view, 10> kNames{"==", "!=", "<",      "<=",  ">",
                                                           ">=", "in", "not_in", "has", "lacks"};
  return kNames.at(static_cast<std::size_t>(op));
}

bool Rule::reads_policy() const {
  return std::ranges::any_of(reads, [](Field field) {
    const std::string_view field_name = info(field).name;
    return field_name.starts_with("policy.") || field_name.starts_with("dane.");
  });
}

bool Rule::speaks(Scope at_scope, At point) const {
  return std::ranges::any_of(cases, [&](const Case& c) {
    return effective_scope(*this, c) == at_scope &&
           (!has_points(at_scope) || effective_at(*this, c) == point);
  });
}

bool has_points(Scope scope) {
  return scope == Scope::session || scope == Scope::retry;
}

Scope effective_scope(const Rule& rule, const Case& c) {
  return c.scope.value_or(rule.scope);
}

At effective_at(const Rule& rule, const Case& c) {
  return c.at.value_or(rule.at);
}

}  // namespace mxw::rules
