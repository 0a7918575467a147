#include "core/policy/decide.hpp"

namespace mxw::policy {
namespace {

State state_of(const CachedPolicy& cached, std::optional<Time> end, Time at) {
  if (end && at > *end) return State::expired;
  switch (cached.policy.mode) {
    case Mode::none:
      return State::none;
    case Mode::testing:
      return State::testing;
    case Mode::enforce:
      return State::enforce_valid;
  }
  return State::none;
}

Protection by_policy(State state) {
  if (state == State::enforce_valid) return Protection::sts_enforce;
  if (state == State::testing) return Protection::sts_testing;
  return Protection::none;
}

}  // namespace

std::optional<Time> end_of_validity(const CachedPolicy& cached) {
  if (cached.valid_until) return cached.valid_until;
  if (!cached.fetched_at) return std::nullopt;
  return *cached.fetched_at + static_cast<std::int64_t>(cached.policy.max_age) * kSecond;
}

Judgement decide(const CachedPolicy* cached, bool secure_dane, Time at) {
  Judgement judgement;
  if (secure_dane) judgement.protection = Protection::dane;
  if (cached == nullptr) return judgement;

  const auto end = end_of_validity(*cached);
  judgement.policy = cached;
  judgement.state = state_of(*cached, end, at);
  if (cached->pinned) {
    judgement.protection = Protection::pin;
  } else if (secure_dane) {
    return judgement;  // the policy's dates say nothing about DANE
  } else {
    judgement.protection = by_policy(judgement.state);
  }
  judgement.fetched_later = cached->fetched_at && at < *cached->fetched_at;
  judgement.undated = !end;
  return judgement;
}

std::string_view protection_name(Protection protection) {
  switch (protection) {
    case Protection::none:
      return "none";
    case Protection::sts_testing:
      return "sts_testing";
    case Protection::sts_enforce:
      return "sts_enforce";
    case Protection::dane:
      return "dane";
    case Protection::pin:
      return "pin";
  }
  return "none";
}

std::string_view state_name(State state) {
  switch (state) {
    case State::none_known:
      return "none_known";
    case State::none:
      return "none";
    case State::testing:
      return "testing";
    case State::enforce_valid:
      return "enforce_valid";
    case State::expired:
      return "expired";
  }
  return "none_known";
}

}  // namespace mxw::policy
