// What is known of one domain: the facts an answer is made from. Compiled by the knowledge thread
// from policyd's feed, or taken from one answer of its ask socket. A value.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/base/time.hpp"
#include "core/policy/dane.hpp"
#include "core/policy/mta_sts.hpp"
#include "core/rows/policy_rows.hpp"

namespace mxw::map {

using policy::DaneState;

struct Known {
  rows::DomainState state = rows::DomainState::unknown;
  policy::Mode mode = policy::Mode::none;  // the rest of the policy only with state `policy`
  std::vector<std::string> mx;             // patterns as the policy has them, lower case
  std::string policy_id;
  Time valid_until;               // the last moment the policy counts
  Time checked_at;                // last looked up
  std::optional<Time> txt_until;  // end of the TXT record's TTL
  DaneState dane = DaneState::none;
  Time dane_until;          // the last moment `dane` counts; for a day after it, an error
  std::string policy_text;  // as served; only needed with tlsrpt_attributes
};

}  // namespace mxw::map
