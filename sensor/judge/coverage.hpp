// Coverage: what was judged, what was not and why. Part of every result: "no finding" without it
// means nothing.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "core/evidence/session.hpp"
#include "core/rules/words.hpp"

namespace mxw::judge {

struct Coverage {
  std::uint64_t sessions = 0;
  std::uint64_t connections_without_data = 0;
  std::array<std::uint64_t, 7> outcomes{};  // by evidence::Outcome
  std::array<std::uint64_t, 5> roles{};     // by rules::Role

  std::uint64_t judged = 0;
  std::uint64_t midstream = 0, one_sided = 0, gap = 0, cut = 0,
                ambiguous = 0;  // the first that holds

  // Of the handshakes that completed: sum = tls + implicit_tls.
  std::uint64_t cert_visible = 0, cert_anonymous = 0, cert_hidden = 0, cert_resumed = 0,
                cert_not_seen = 0;

  std::uint64_t policy_known = 0, policy_denied = 0, policy_not_given = 0, domain_unknown = 0;
  std::uint64_t dns_answers = 0, mx_answers = 0;
  std::uint64_t servers = 0, mature_servers = 0;  // of the baseline

  // Rules that could not fire in this run, with the reason in words.
  std::vector<std::pair<std::string, std::string>> unable;

  // The coverage of another vantage point judged in the same run: counts are summed, a rule could
  // not fire only when it could in none.
  void add(const Coverage& other);
};

}  // namespace mxw::judge
