// Rule: one rule file, checked. Data only; core/rules/loader.hpp makes it, evaluate.hpp applies it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "core/base/ip.hpp"
#include "core/base/time.hpp"
#include "core/rules/field.hpp"
#include "core/rules/words.hpp"

namespace mxw::rules {

// in, not_in: the literal is a list; has, lacks: the field is a text_set.
enum class Op : std::uint8_t { eq, ne, lt, le, gt, ge, in, not_in, has, lacks };
[[nodiscard]] std::string_view name(Op op);  // "==", "not_in"

// Of the field's type: unsigned_integer -> uint64, integer and time -> int64, text and words ->
// string.
using Literal =
    std::variant<bool, std::uint64_t, std::int64_t, double, std::string, std::vector<std::uint64_t>,
                 std::vector<std::int64_t>, std::vector<std::string>>;

struct Clause {
  Field field{};
  Op op = Op::eq;
  Literal literal;         // parameters already put in
  std::uint32_t line = 0;  // in the rule file
};

struct TlsRpt {
  std::string result;  // empty: nothing to report
  std::string reason;  // failure-reason-code (RFC 8460 section 4.4), may be empty
};

// All of `when`, at least one of `any` (where there are some), none of `unless`.
struct Case {
  std::vector<Clause> when, any, unless;
  std::optional<Severity> severity;
  std::optional<Confidence> confidence;
  std::string reason;  // short word for the cause; empty: the rule's title says it
  std::optional<Scope> scope;
  std::optional<At> at;
  std::optional<TlsRpt> tlsrpt;
  std::uint32_t line = 0;
};

// One entry of a list of exemptions. `text` is the value as written (host lists: lower case).
struct Exemption {
  std::string text;
  std::optional<Cidr> cidr;   // of the client list
  std::optional<Time> until;  // last instant it holds
  std::string reason, by;
};

struct Exemptions {
  std::vector<Exemption> client;         // prefixes
  std::vector<Exemption> mx;             // names, `*.x` = exactly one label more
  std::vector<Exemption> policy_domain;  // as mx
  std::vector<Exemption> issuer_spki;    // 64 hex digits
};

struct ThrottleSpec {
  std::vector<Field> key;
  std::int64_t window = 0;  // ns; 0 = no throttle
  std::uint64_t max = 0;    // alerts of one key in one window
};

struct Documentation {
  std::vector<std::string> refs;          // "RFC3207#6", "CWE-757", "T1557"
  std::vector<std::string> fp;            // codes of rules/CATALOGUE.md, "F2"
  std::vector<std::string> not_excluded;  // sentences: what else could explain the finding
  std::string next;                       // one sentence: what to do
};

struct Rule {
  std::string id;                        // "R01"
  unsigned number = 0;                   // 1; signature id is 8461000 + number
  std::string title, category, created;  // created: YYYY-MM-DD
  unsigned rev = 0;
  Scope scope = Scope::session;
  At at = At::end;
  RoleSet roles;
  Severity severity = Severity::info;
  std::optional<Severity> severity_cap;  // by the override file: no case exceeds it
  Confidence confidence = Confidence::low;
  std::vector<Case> cases;
  std::vector<std::pair<std::string, Literal>> params;  // as in force, sorted by name
  std::vector<Field> allow_unknown;
  Exemptions exempt;
  ThrottleSpec throttle;
  ActionSet base, protected_;  // protected_: when policy.protection is not none
  TlsRpt tlsrpt;
  Documentation doc;
  std::vector<Field> reads;  // of all clauses, each once, in the order of the table
  std::string sha256;        // hex; of the file's bytes and, when overridden, of the override
  bool enabled = true;
  bool overridden = false;
  std::string file;

  // A clause reads policy.* or dane.*: the rule is judged once per policy domain.
  [[nodiscard]] bool reads_policy() const;
  // A clause of a case that speaks at this scope (and point) exists.
  [[nodiscard]] bool speaks(Scope at_scope, At point) const;
};

// Decision points exist in the scopes session and retry only.
[[nodiscard]] bool has_points(Scope scope);

// The scope and decision point of a case.
[[nodiscard]] Scope effective_scope(const Rule& rule, const Case& c);
[[nodiscard]] At effective_at(const Rule& rule, const Case& c);

}  // namespace mxw::rules
