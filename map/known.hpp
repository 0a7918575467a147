// What is known of one domain: the facts an answer is made from. Compiled by the knowledge thread
// from policyd's feed, or taken from one answer of its ask socket. A value.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/base/time.hpp"
#include "core/policy/mta_sts.hpp"
#include "core/rows/policy_rows.hpp"

namespace mxw::map {

// Of the MX hosts of a domain: how many have a secure and usable TLSA set (RFC 7672). `error`: it
// could not be found out for one of them, which is never the same as none.
enum class DaneState : std::uint8_t { none, some, all, error };

struct Known {
  rows::DomainState state = rows::DomainState::unknown;
  policy::Mode mode = policy::Mode::none;  // the rest of the policy only with state `policy`
  std::vector<std::string> mx;             // patterns as the policy has them, lower case
  std::string policy_id;
  Time valid_until;               // the last moment the policy counts
  Time checked_at;                // last looked up
  std::optional<Time> txt_until;  // end of the TXT record's TTL
  DaneState dane = DaneState::none;
  Time dane_until;          // the last moment `dane` counts
  std::string policy_text;  // as served; only needed with tlsrpt_attributes
};

}  // namespace mxw::map
