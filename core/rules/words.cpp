#include "core/rules/words.hpp"

#include <algorithm>
#include <array>

namespace mxw::rules {
namespace {

using std::string_view;

// Each in the order of its enumeration.
constexpr std::array<string_view, 5> kSeverities{"info", "low", "medium", "high", "critical"};
constexpr std::array<string_view, 4> kConfidences{"low", "medium", "high", "certain"};
constexpr std::array<string_view, 6> kScopes{"session", "retry", "dns", "policy", "peer", "health"};
constexpr std::array<string_view, 5> kPoints{"greeting", "command", "handshake", "mail", "end"};
constexpr std::array<string_view, 5> kRoles{"outbound", "inbound", "internal", "transit",
                                            "unknown"};
constexpr std::array<string_view, 4> kActions{"log", "alert", "tag", "defer"};

constexpr std::array<string_view, 11> kTlsRptResults{
    "starttls-not-supported", "certificate-host-mismatch",
    "certificate-expired",    "certificate-not-trusted",
    "validation-failure",     "tlsa-invalid",
    "dnssec-invalid",         "dane-required",
    "sts-policy-fetch-error", "sts-policy-invalid",
    "sts-webpki-invalid"};

template <typename E, std::size_t N>
string_view word_of(const std::array<string_view, N>& words, E value) {
  return words.at(static_cast<std::size_t>(value));
}

template <typename E, std::size_t N>
std::optional<E> value_of(const std::array<string_view, N>& words, string_view word) {
  const auto it = std::ranges::find(words, word);
  if (it == words.end()) return std::nullopt;
  return static_cast<E>(it - words.begin());
}

}  // namespace

string_view name(Severity severity) {
  return word_of(kSeverities, severity);
}
string_view name(Confidence confidence) {
  return word_of(kConfidences, confidence);
}
string_view name(Scope scope) {
  return word_of(kScopes, scope);
}
string_view name(At at) {
  return word_of(kPoints, at);
}
string_view name(Role role) {
  return word_of(kRoles, role);
}
string_view name(Action action) {
  return word_of(kActions, action);
}

std::optional<Severity> parse_severity(string_view w) {
  return value_of<Severity>(kSeverities, w);
}
std::optional<Confidence> parse_confidence(string_view w) {
  return value_of<Confidence>(kConfidences, w);
}
std::optional<Scope> parse_scope(string_view w) {
  return value_of<Scope>(kScopes, w);
}
std::optional<At> parse_at(string_view w) {
  return value_of<At>(kPoints, w);
}
std::optional<Role> parse_role(string_view w) {
  return value_of<Role>(kRoles, w);
}
std::optional<Action> parse_action(string_view w) {
  return value_of<Action>(kActions, w);
}

Confidence step_down(Confidence confidence) {
  if (confidence == Confidence::low) return confidence;
  return static_cast<Confidence>(static_cast<std::uint8_t>(confidence) - 1);
}

std::span<const string_view> tlsrpt_results() {
  return kTlsRptResults;
}

bool is_tlsrpt_result(string_view word) {
  return std::ranges::find(kTlsRptResults, word) != kTlsRptResults.end();
}

}  // namespace mxw::rules
