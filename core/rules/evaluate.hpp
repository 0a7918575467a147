// Applies one rule to one piece of evidence. Pure: no state, no clock, no output; any thread.
//
// The role filter, the step down in confidence and the caps for testing policies and ambiguous
// domains are the judge's, not the engine's.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/ip.hpp"
#include "core/base/time.hpp"
#include "core/rules/rule.hpp"
#include "core/rules/value.hpp"

namespace mxw::rules {

enum class Outcome : std::uint8_t {
  match,
  no_match,  // a clause is known not to hold
  unknown,   // the nearest case stopped at evidence that is not there
  blocked,   // an `unless` clause holds, or its capture.* field is unknown
  exempt,    // matched, but the operator exempts the subject
};
[[nodiscard]] std::string_view name(Outcome outcome);

// Text and pointers are borrowed from the Rule.
struct Evaluation {
  Outcome outcome = Outcome::no_match;
  const Case* matched = nullptr;  // match, exempt
  Severity severity = Severity::info;
  Confidence confidence = Confidence::low;
  std::string_view reason, tlsrpt_result, tlsrpt_reason;
  const Case* nearest =
      nullptr;  // not matched: the case that came farthest, nullptr when none spoke
  const Clause* decisive = nullptr;  // and the clause that stopped it (for --why)
  unsigned clauses_held = 0;         // `when` and `any` clauses found to hold in that case
  std::string exempt_reason;         // exempt: "client 192.0.2.0/24: their firewall"
};

// Who is judged, for the exemptions. Empty or nullopt = unknown = not exempt.
struct Subject {
  std::optional<IpAddress> client;
  std::string_view mx_host, policy_domain, issuer_spki;  // lower case
  Time now;                                              // of the packet, for `until`
};

// The cases of this scope and, in the scopes session and retry, of this decision point, in file
// order: the first that holds speaks. A disabled rule never matches.
[[nodiscard]] Evaluation evaluate(const Rule& rule, Scope scope, At point,
                                  const FieldSource& source, const Subject& subject);

// Both session and retry cases of this decision point.
[[nodiscard]] Evaluation evaluate(const Rule& rule, At point, const FieldSource& source,
                                  const Subject& subject);

// "base.mx.sessions >= 20 (is 7)", "(is unknown)". Long texts are cut at 80 octets.
[[nodiscard]] std::string describe(const Clause& clause, const FieldSource& source);

}  // namespace mxw::rules
