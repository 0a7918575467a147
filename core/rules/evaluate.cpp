#include "core/rules/evaluate.hpp"

#include <algorithm>
#include <array>

#include "core/base/ascii.hpp"
#include "core/base/check.hpp"
#include "core/rules/literal_text.hpp"

namespace mxw::rules {
namespace {

enum class Truth : std::uint8_t { no, yes, unknown };

Truth truth(bool value) {
  return value ? Truth::yes : Truth::no;
}

template <typename T>
bool ordered(Op op, const T& a, const T& b) {
  switch (op) {
    case Op::eq:
      return a == b;
    case Op::ne:
      return a != b;
    case Op::lt:
      return a < b;
    case Op::le:
      return a <= b;
    case Op::gt:
      return a > b;
    case Op::ge:
      return a >= b;
    default:
      break;
  }
  MXW_CHECK(false);  // the loader admits no other operator with a single literal
  return false;
}

template <typename T, typename L = T>
bool compare(const Clause& clause, const T& value) {
  if (clause.op == Op::in || clause.op == Op::not_in) {
    const auto& list = std::get<std::vector<L>>(clause.literal);
    const bool found = std::ranges::find(list, value) != list.end();
    return found == (clause.op == Op::in);
  }
  return ordered<T>(clause.op, value, std::get<L>(clause.literal));
}

bool compare_real(const Clause& clause, double value) {
  return ordered(clause.op, value, std::get<double>(clause.literal));
}

bool compare_set(const Clause& clause, Value::Set set) {
  const bool found = std::ranges::find(set, std::get<std::string>(clause.literal)) != set.end();
  return found == (clause.op == Op::has);
}

template <typename T>
const T& held(const Value& value) {
  const T* pointer = value.as<T>();
  MXW_CHECK(pointer != nullptr);  // the source gave a value of another type than the field's
  return *pointer;
}

Truth test(const Clause& clause, const FieldSource& source) {
  const Value value = source.get(clause.field);
  if (!value.known()) return Truth::unknown;
  const FieldInfo& field = info(clause.field);
  switch (field.type) {
    case FieldType::boolean:
      return truth(ordered(clause.op, held<bool>(value), std::get<bool>(clause.literal)));
    case FieldType::unsigned_integer:
      return truth(compare(clause, held<std::uint64_t>(value)));
    case FieldType::integer:
    case FieldType::time:
      return truth(compare(clause, held<std::int64_t>(value)));
    case FieldType::real:
      return truth(compare_real(clause, held<double>(value)));
    case FieldType::enumeration:
      MXW_CHECK(std::ranges::find(field.enum_values, held<std::string_view>(value)) !=
                field.enum_values.end());
      [[fallthrough]];
    case FieldType::text:
      return truth(compare<std::string_view, std::string>(clause, held<std::string_view>(value)));
    case FieldType::text_set:
      return truth(compare_set(clause, held<Value::Set>(value)));
  }
  return Truth::unknown;
}

// How far one case came.
struct Attempt {
  Outcome outcome = Outcome::match;
  const Clause* decisive = nullptr;
  unsigned held = 0;
};

bool try_when(const Case& c, const FieldSource& source, Attempt& attempt) {
  for (const Clause& clause : c.when) {
    const Truth result = test(clause, source);
    if (result == Truth::yes) {
      ++attempt.held;
      continue;
    }
    attempt.outcome = result == Truth::unknown ? Outcome::unknown : Outcome::no_match;
    attempt.decisive = &clause;
    return false;
  }
  return true;
}

// Several clauses fail together: an unknown one is named first, since it could still have held.
bool try_any(const Case& c, const FieldSource& source, Attempt& attempt) {
  if (c.any.empty()) return true;
  attempt.outcome = Outcome::no_match;
  attempt.decisive = &c.any.front();
  for (const Clause& clause : c.any) {
    const Truth result = test(clause, source);
    if (result == Truth::yes) {
      ++attempt.held;
      attempt.outcome = Outcome::match;
      attempt.decisive = nullptr;
      return true;
    }
    if (result == Truth::unknown && attempt.outcome != Outcome::unknown) {
      attempt.outcome = Outcome::unknown;
      attempt.decisive = &clause;
    }
  }
  return false;
}

bool blocks_unknown(const Rule& rule, Field field) {
  return info(field).name.starts_with("capture.") &&
         std::ranges::find(rule.allow_unknown, field) == rule.allow_unknown.end();
}

bool try_unless(const Rule& rule, const Case& c, const FieldSource& source, Attempt& attempt) {
  for (const Clause& clause : c.unless) {
    const Truth result = test(clause, source);
    if (result == Truth::no) continue;
    if (result == Truth::unknown && !blocks_unknown(rule, clause.field)) continue;
    attempt.outcome = Outcome::blocked;
    attempt.decisive = &clause;
    return false;
  }
  return true;
}

Attempt attempt_case(const Rule& rule, const Case& c, const FieldSource& source) {
  Attempt attempt;
  if (try_when(c, source, attempt) && try_any(c, source, attempt)) {
    try_unless(rule, c, source, attempt);
  }
  return attempt;
}

// `*.x` = exactly one label before x.
bool name_matches(std::string_view pattern, std::string_view host) {
  if (!pattern.starts_with("*.")) return ascii::iequals(pattern, host);
  const std::size_t dot = host.find('.');
  return dot != std::string_view::npos && dot > 0 &&
         ascii::iequals(pattern.substr(1), host.substr(dot));
}

std::string exemption_text(std::string_view list, const Exemption& entry) {
  std::string text = std::string(list) + ' ' + entry.text;
  if (!entry.reason.empty()) text += ": " + entry.reason;
  if (!entry.by.empty()) text += " (" + entry.by + ')';
  return text;
}

template <typename Matches>
std::string first_exemption(std::string_view list, const std::vector<Exemption>& entries, Time now,
                            Matches matches) {
  for (const Exemption& entry : entries) {
    if (entry.until && now > *entry.until) continue;
    if (matches(entry)) return exemption_text(list, entry);
  }
  return {};
}

std::string exempt_reason(const Exemptions& exempt, const Subject& subject) {
  std::string reason;
  if (subject.client) {
    reason = first_exemption("client", exempt.client, subject.now, [&](const Exemption& e) {
      return e.cidr && e.cidr->contains(*subject.client);
    });
  }
  struct List {
    std::string_view name, value;
    const std::vector<Exemption>& entries;
  };
  const std::array<List, 3> lists{
      List{"mx", subject.mx_host, exempt.mx},
      List{"policy_domain", subject.policy_domain, exempt.policy_domain},
      List{"issuer_spki", subject.issuer_spki, exempt.issuer_spki}};
  for (const List& list : lists) {
    if (!reason.empty() || list.value.empty()) continue;
    reason = first_exemption(list.name, list.entries, subject.now,
                             [&](const Exemption& e) { return name_matches(e.text, list.value); });
  }
  return reason;
}

void speak(const Rule& rule, const Case& c, const Subject& subject, Evaluation& result) {
  result.outcome = Outcome::match;
  result.matched = &c;
  result.nearest = nullptr;
  result.decisive = nullptr;
  result.severity = c.severity.value_or(rule.severity);
  if (rule.severity_cap) result.severity = std::min(result.severity, *rule.severity_cap);
  result.confidence = c.confidence.value_or(rule.confidence);
  result.reason = c.reason;
  const TlsRpt& report = c.tlsrpt ? *c.tlsrpt : rule.tlsrpt;
  result.tlsrpt_result = report.result;
  result.tlsrpt_reason = report.reason;
  result.exempt_reason = exempt_reason(rule.exempt, subject);
  if (!result.exempt_reason.empty()) result.outcome = Outcome::exempt;
}

template <typename Speaks>
Evaluation evaluate_cases(const Rule& rule, const FieldSource& source, const Subject& subject,
                          Speaks speaks) {
  Evaluation result;
  if (!rule.enabled) return result;
  for (const Case& c : rule.cases) {
    if (!speaks(c)) continue;
    const Attempt attempt = attempt_case(rule, c, source);
    if (attempt.outcome == Outcome::match) {
      result.clauses_held = attempt.held;
      speak(rule, c, subject, result);
      return result;
    }
    // A blocked case came farther than any that stopped in `when` or `any` with as many clauses.
    const bool farther =
        attempt.held > result.clauses_held ||
        (attempt.held == result.clauses_held && attempt.outcome == Outcome::blocked &&
         result.outcome != Outcome::blocked);
    if (result.nearest != nullptr && !farther) continue;
    result.outcome = attempt.outcome;
    result.nearest = &c;
    result.decisive = attempt.decisive;
    result.clauses_held = attempt.held;
  }
  return result;
}

}  // namespace

std::string_view name(Outcome outcome) {
  static constexpr std::array<std::string_view, 5> kNames{"match", "no_match", "unknown", "blocked",
                                                          "exempt"};
  return kNames.at(static_cast<std::size_t>(outcome));
}

Evaluation evaluate(const Rule& rule, Scope scope, At point, const FieldSource& source,
                    const Subject& subject) {
  return evaluate_cases(rule, source, subject, [&](const Case& c) {
    return effective_scope(rule, c) == scope &&
           (!has_points(scope) || effective_at(rule, c) == point);
  });
}

Evaluation evaluate(const Rule& rule, At point, const FieldSource& source, const Subject& subject) {
  return evaluate_cases(rule, source, subject, [&](const Case& c) {
    return has_points(effective_scope(rule, c)) && effective_at(rule, c) == point;
  });
}

std::string describe(const Clause& clause, const FieldSource& source) {
  return std::string(info(clause.field).name) + ' ' + std::string(name(clause.op)) + ' ' +
         print(clause.literal) + " (is " + print(source.get(clause.field)) + ')';
}

}  // namespace mxw::rules
