// What protects a policy domain at one moment (semantics 2): the input of every policy-based rule.
// A pure function of cached knowledge and a time; no lookups.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/time.hpp"
#include "core/policy/mta_sts.hpp"

namespace mxw::policy {

enum class Protection : std::uint8_t { none, sts_testing, sts_enforce, dane, pin };
enum class State : std::uint8_t { none_known, none, testing, enforce_valid, expired };

// One cached policy with its dates; a date that is not known is nullopt ("undated").
struct CachedPolicy {
  std::string domain;  // A-label
  StsPolicy policy;
  std::string id;  // of the TXT record, empty when not known
  std::optional<Time> fetched_at, valid_until;
  bool pinned = false;  // operator's pin
  std::string source;   // file name or store
  std::string sha256;   // hex, of the policy text
};

// valid_until, else fetched_at + max_age; nullopt when neither date is known.
[[nodiscard]] std::optional<Time> end_of_validity(const CachedPolicy& cached);

// `state` speaks of the cached policy whatever protects the domain. Each of the two flags
// makes a protection that rests on the policy or the pin one step less certain; with DANE they stay
// false.
struct Judgement {
  Protection protection = Protection::none;
  State state = State::none_known;
  bool fetched_later = false;  // the packet is older than fetched_at: applied all the same
  bool undated = false;        // the end of validity is not known: taken as valid
  const CachedPolicy* policy = nullptr;  // borrowed from the argument, also when expired
};

// `secure_dane` = a secure usable TLSA set is known for the MX. Order: pin, dane, sts. A policy is
// valid up to and including valid_until (fetched_at + max_age where only that is known). A pin is
// the operator's word: it protects in every mode and after the policy has expired.
[[nodiscard]] Judgement decide(const CachedPolicy* cached, bool secure_dane, Time at);

[[nodiscard]] std::string_view protection_name(Protection protection);
[[nodiscard]] std::string_view state_name(State state);

}  // namespace mxw::policy
