// The words of rule files: severity, confidence, scope, decision point, role, action, TLS-RPT
// results.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <string_view>

namespace mxw::rules {

// In rising order; comparison operators are meaningful.
enum class Severity : std::uint8_t { info, low, medium, high, critical };
enum class Confidence : std::uint8_t { low, medium, high, certain };

// What the evidence is about.
enum class Scope : std::uint8_t { session, retry, dns, policy, peer, health };

// When a case of scope session or retry is judged. greeting: an EHLO or HELO was accepted; command:
// every command and reply; handshake: TLS settled; mail: a 2xx to MAIL; end: the session ended.
enum class At : std::uint8_t { greeting, command, handshake, mail, end };

enum class Role : std::uint8_t { outbound, inbound, internal, transit, unknown };
enum class Action : std::uint8_t { log, alert, tag, defer };

[[nodiscard]] std::string_view name(Severity severity);
[[nodiscard]] std::string_view name(Confidence confidence);
[[nodiscard]] std::string_view name(Scope scope);
[[nodiscard]] std::string_view name(At at);
[[nodiscard]] std::string_view name(Role role);
[[nodiscard]] std::string_view name(Action action);

// The words exactly as name() gives them; else nullopt.
[[nodiscard]] std::optional<Severity> parse_severity(std::string_view word);
[[nodiscard]] std::optional<Confidence> parse_confidence(std::string_view word);
[[nodiscard]] std::optional<Scope> parse_scope(std::string_view word);
[[nodiscard]] std::optional<At> parse_at(std::string_view word);
[[nodiscard]] std::optional<Role> parse_role(std::string_view word);
[[nodiscard]] std::optional<Action> parse_action(std::string_view word);

// One step lower; low stays low.
[[nodiscard]] Confidence step_down(Confidence confidence);

// RFC 8460 section 4.3 and the IANA registry "STARTTLS Validation Result Types", with
// sts-policy-fetch-error as every implementation writes it.
[[nodiscard]] std::span<const std::string_view> tlsrpt_results();
[[nodiscard]] bool is_tlsrpt_result(std::string_view word);

// A set of the values of one enumeration above.
template <typename E>
class WordSet {
 public:
  WordSet() = default;
  WordSet(std::initializer_list<E> values) {
    for (const E v : values) insert(v);
  }
  void insert(E v) { bits_ = static_cast<std::uint8_t>(bits_ | bit(v)); }
  void erase(E v) { bits_ = static_cast<std::uint8_t>(bits_ & ~bit(v)); }
  [[nodiscard]] bool has(E v) const { return (bits_ & bit(v)) != 0; }
  [[nodiscard]] bool empty() const { return bits_ == 0; }
  friend bool operator==(WordSet, WordSet) = default;

 private:
  static unsigned bit(E v) { return 1U << static_cast<unsigned>(v); }
  std::uint8_t bits_ = 0;
};
using RoleSet = WordSet<Role>;
using ActionSet = WordSet<Action>;

}  // namespace mxw::rules
