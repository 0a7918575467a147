// A domain under the refresh state machine with a manual clock: what is stored, what is answered.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "core/policy/mta_sts.hpp"
#include "policyd/refresh.hpp"

namespace mxw::policyd::test {

inline constexpr Time kStart{1'795'000'000 * kSecond};

inline std::string policy_text(const std::string& mode, std::uint64_t max_age,
                               const std::vector<std::string>& mx = {"mx.example.org"}) {
  std::string text = "version: STSv1\nmode: " + mode + "\n";
  for (const std::string& pattern : mx) text += "mx: " + pattern + "\n";
  return text + "max_age: " + std::to_string(max_age) + "\n";
}

inline TxtAnswer txt_record(const std::string& id, std::uint32_t ttl = 300) {
  return {TxtKind::record, id, ttl, "ok"};
}
inline TxtAnswer txt_none() {
  return {TxtKind::none, "", 0, "nxdomain"};
}
inline TxtAnswer txt_invalid() {
  return {TxtKind::invalid, "", 0, "ok"};
}
inline TxtAnswer txt_failure(const std::string& word = "servfail") {
  return {TxtKind::failure, "", 0, word};
}
inline FetchAnswer fetched(const std::string& body) {
  return {https::Cause::ok, body, ""};
}
inline FetchAnswer failed(https::Cause cause = https::Cause::connect) {
  return {cause, "", "refused"};
}

struct Domain {
  Domain() {
    stored.domain.name = "example.org";
    stored.domain.last_asked = kStart;
  }

  // One look; `fetch` is what the policy host would answer. True when it was asked.
  bool look(const TxtAnswer& txt, const FetchAnswer& fetch, bool reread = false) {
    const Moment moment{now, jitter, kDay, reread};
    const bool get = wants_get(stored, txt, recent, moment);
    last = conclude(stored, txt, get ? std::optional(fetch) : std::nullopt, recent, moment);
    for (const auto& event : last.events) events.push_back(event.kind);
    store();
    return get;
  }
  void ask() { stored.domain.last_asked = now; }

  // As the store does it.
  void store() {
    if (last.end) stored.policy.reset();
    if (last.put) {
      if (rows::compare(stored.policy ? &*stored.policy : nullptr, *last.put) ==
          rows::PolicyChange::renewed)
        last.put->valid_from = stored.policy->valid_from;
      stored.policy = last.put;
    }
    stored.domain = last.domain;
    EXPECT_EQ(stored.domain.state == rows::DomainState::policy, stored.policy.has_value());
    EXPECT_FALSE(rows::over_limit(stored.domain));
  }

  [[nodiscard]] std::string mode() const {
    return is_live(stored.policy, now) ? std::string(policy::mode_name(stored.policy->mode)) : "-";
  }
  [[nodiscard]] std::string state() const { return std::string(rows::name(stored.domain.state)); }
  std::vector<std::string> take_events() { return std::exchange(events, {}); }

  Stored stored;
  Recent recent;
  Time now = kStart;
  double jitter = 0.5;
  Conclusion last;
  std::vector<std::string> events;
};

}  // namespace mxw::policyd::test
