// Finding: a rule matched. What the sinks write, and what a reader needs to check it with other
// tools.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/evidence/session.hpp"
#include "core/policy/decide.hpp"
#include "core/rules/evaluate.hpp"
#include "sensor/dns/answer.hpp"
#include "sensor/judge/domain_map.hpp"

namespace mxw::judge {

struct Finding {
  // Borrowed for the call.
  const rules::Rule* rule = nullptr;
  const evidence::SessionEvidence* session = nullptr;  // scope session and retry
  const dnswire::DnsAnswer* answer = nullptr;          // scope dns

  rules::Severity severity = rules::Severity::info;
  rules::Confidence confidence = rules::Confidence::low;
  std::string reason, result_type;  // result_type: RFC 8460, only where a report may be made of it
  rules::Role role = rules::Role::unknown;
  evidence::FrameRef at;  // of the decisive packet
  evidence::Point point = evidence::Point::end;

  std::vector<std::string> policy_domains;  // more than one: the map is ambiguous
  DomainBasis basis = DomainBasis::none;
  std::string mx_host;
  const policy::CachedPolicy* policy = nullptr;
  policy::Judgement judgement;
  std::vector<std::string> notes;  // "policy fetched later", "role unknown", ...

  std::vector<std::uint64_t> frames;  // ascending, unique
  std::uint16_t file = 0;
  std::vector<std::string>
      evidence;        // dialogue lines `S 17: 250-STARTTLS`, policy lines, certificate facts
  std::string filter;  // Wireshark display filter
};

// What the sinks add to session events.
struct SessionContext {
  rules::Role role = rules::Role::unknown;
  std::string mx_host;
  std::vector<std::string> policy_domains;
  DomainBasis basis = DomainBasis::none;
  bool alerted = false;  // some rule matched
};

}  // namespace mxw::judge
