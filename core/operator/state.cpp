#include "core/operator/state.hpp"

#include <array>
#include <utility>

namespace mxw::operators {
namespace {

constexpr std::array<std::pair<Action, std::string_view>, 3> kActions{{
    {Action::bypass, "bypass"},
    {Action::pin, "pin"},
    {Action::report_only, "report_only"},
}};

Word word_of(Action action) {
  switch (action) {
    case Action::bypass:
      return Word::bypass;
    case Action::pin:
      return Word::pin;
    case Action::report_only:
      return Word::report_only;
  }
  return Word::none;
}

}  // namespace

std::string_view name(Action action) {
  for (const auto& [value, word] : kActions)
    if (value == action) return word;
  return "bypass";
}

std::optional<Action> parse_action(std::string_view word) {
  for (const auto& [value, known] : kActions)
    if (known == word) return value;
  return std::nullopt;
}

const DomainBrake* OperatorState::find(std::string_view domain, Time now) const {
  const auto at = brakes_.find(domain);
  return at != brakes_.end() && at->second->holds(now) ? at->second.get() : nullptr;
}

Said OperatorState::said(std::string_view domain, Time now) const {
  if (enforcement_off(now)) return {Word::off, nullptr};
  const DomainBrake* const brake = find(domain, now);
  if (brake == nullptr) return {};
  return {word_of(brake->action), brake};
}

}  // namespace mxw::operators
