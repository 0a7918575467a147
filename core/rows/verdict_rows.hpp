// The rows of the sensor's verdicts (semantics 7): what was seen on the wire of a
// path, a session or a domain, and holds for a while. Kept by core/store, told onward by core/feed,
// joined by the milter. Value types; names are lower-case A-labels, times wall clock.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "core/base/ip.hpp"
#include "core/base/time.hpp"
#include "core/rows/sequence.hpp"

namespace mxw::rows {

// `voided`: its policy was outdated when re-read (semantics 7); the word is `void`.
enum class VerdictState : std::uint8_t { active, cleared, expired, voided };
[[nodiscard]] std::string_view name(VerdictState state);
// A word of a newer version must not act: it is `voided`.
[[nodiscard]] VerdictState verdict_state(std::string_view word);

struct PathSubject {
  IpAddress egress_ip, mx_ip;
  std::string mx_host;  // empty: not known
  friend bool operator==(const PathSubject&, const PathSubject&) = default;
};
struct SessionSubject {
  Endpoint client, server;
  Time start;
  friend bool operator==(const SessionSubject&, const SessionSubject&) = default;
};
struct DomainSubject {
  std::string domain;
  friend bool operator==(const DomainSubject&, const DomainSubject&) = default;
};
using Subject = std::variant<PathSubject, SessionSubject, DomainSubject>;

struct VerdictRow {
  std::string id;  // unique for its origin
  std::string origin;
  std::uint32_t tenant = 0;
  std::string rule;      // `R02`
  std::string severity;  // word of core/rules
  Subject subject;
  std::string policy_domain, domain_basis, policy_id;  // empty: none
  Time first_seen, last_seen, expires;
  std::uint64_t count = 0;  // distinct sessions
  VerdictState state = VerdictState::active;
  std::string evidence_ref;
  Sequence seq = 0;  // set by the store

  friend bool operator==(const VerdictRow&, const VerdictRow&) = default;
};

// Nothing, or what is too large.
[[nodiscard]] std::optional<std::string> over_limit(const VerdictRow& row);

}  // namespace mxw::rows
