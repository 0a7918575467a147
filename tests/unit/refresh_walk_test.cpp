// The refresh state machine over simulated months: random answers from a seeded generator, with the
// guarantees of refresh.hpp checked after every step.
#include <gtest/gtest.h>

#include <map>
#include <random>

#include "refresh_support.hpp"

namespace mxw::policyd {
namespace {

using namespace test;

class Walk {
 public:
  explicit Walk(std::uint64_t seed) : random_(seed) {}

  int pick(int n) { return std::uniform_int_distribution<int>(0, n - 1)(random_); }

  TxtAnswer txt() {
    switch (pick(8)) {
      case 0:
        return txt_none();
      case 1:
        return txt_invalid();
      case 2:
      case 3:
        return txt_failure();
      default:
        return txt_record(std::to_string(pick(4)), static_cast<std::uint32_t>(pick(10'000)));
    }
  }
  FetchAnswer fetch() {
    if (pick(3) == 0) return failed(static_cast<https::Cause>(1 + pick(19)));
    constexpr std::uint64_t kAges[] = {0, 1, 2, 119, 120, 601, 3'600, 86'400, 604'800, 31'557'600};
    constexpr const char* kModes[] = {"enforce", "enforce", "testing", "none"};
    if (pick(10) == 0) return fetched("garbage");
    return fetched(
        policy_text(kModes[pick(4)], kAges[pick(10)], {pick(2) ? "a.test" : "*.b.test"}));
  }
  std::int64_t pause() {
    constexpr std::int64_t kPauses[] = {0, kSecond, kMinute, 7 * kMinute, kHour, kDay};
    return std::uniform_int_distribution<std::int64_t>(0, kPauses[pick(6)])(random_);
  }
  double jitter() { return std::uniform_real_distribution<double>(0, 1)(random_); }

 private:
  std::mt19937_64 random_;
};

// After every step: what may never happen.
class Invariants {
 public:
  void check(const Domain& domain, const Stored& before, const TxtAnswer& txt,
             const FetchAnswer& fetch, bool get) {
    const Time now = domain.now;
    const bool valid_fetch =
        get && fetch.cause == https::Cause::ok && policy::parse_sts_policy(fetch.body).has_value();
    if (is_live(before.policy, now) && !valid_fetch) {
      ASSERT_TRUE(domain.stored.policy) << "a policy was dropped before its end";
      EXPECT_EQ(*domain.stored.policy, *before.policy);
      ASSERT_TRUE(domain.last.effective);
      EXPECT_EQ(domain.last.effective->body, before.policy->body);
    }
    if (domain.last.effective && !valid_fetch)
      EXPECT_LE(now, domain.last.effective->valid_until()) << "used after its end";
    if (get) check_get(txt, fetch, before, now, valid_fetch);
    const auto refresh = domain.stored.domain.refresh_at;
    if (refresh) EXPECT_GT(*refresh, now);
    if (valid_fetch && domain.last.put->max_age >= 120) {
      ASSERT_TRUE(refresh);
      const std::int64_t life = domain.last.put->valid_until() - now;
      EXPECT_LE(*refresh - now, std::max(life / 2, 60 * kSecond)) << "not later than half its life";
      EXPECT_LE(*refresh - now, kDay * 11 / 10);
    }
    if (is_live(domain.stored.policy, now) && domain.stored.policy->mode != policy::Mode::none &&
        domain.stored.policy->max_age >= 120)
      EXPECT_TRUE(refresh) << "a live policy is always to be looked at again";
  }
  int gets = 0;

 private:
  void check_get(const TxtAnswer& txt, const FetchAnswer& fetch, const Stored& before, Time now,
                 bool valid_fetch) {
    ++gets;
    const std::string id = txt.kind == TxtKind::record ? txt.id : before.policy->id;
    const auto failed_at = failures_.find(id);
    if (failed_at != failures_.end()) EXPECT_GE(now - failed_at->second, kGetHold) << id;
    if (valid_fetch || fetch.cause == https::Cause::busy || fetch.cause == https::Cause::local)
      failures_.erase(id);
    else
      failures_[id] = now;
  }
  std::map<std::string, Time> failures_;  // by id
};

TEST(RefreshWalk, GuaranteesHoldForAnyAnswers) {
  int steps = 0, gets = 0;
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    Walk walk(seed);
    Domain domain;
    Invariants invariants;
    for (int i = 0; i < 1'000 && !testing::Test::HasFailure(); ++i, ++steps) {
      SCOPED_TRACE("seed " + std::to_string(seed) + " step " + std::to_string(i));
      domain.now = domain.now + walk.pause();
      domain.ask();
      domain.jitter = walk.jitter();
      const Stored before = domain.stored;
      const TxtAnswer txt = walk.txt();
      const FetchAnswer fetch = walk.fetch();
      const bool get = domain.look(txt, fetch, walk.pick(5) == 0);
      invariants.check(domain, before, txt, fetch, get);
    }
    gets += invariants.gets;
  }
  EXPECT_EQ(steps, 40'000);
  EXPECT_GT(gets, 5'000) << "the walk hardly ever fetches: it shows nothing";
}

// Every look at its time, every answer good: the policy never runs out, for half a year.
TEST(RefreshWalk, WhileAnswersComeAPolicyNeverRunsOut) {
  for (const std::uint64_t age : {120U, 600U, 3'600U, 86'400U, 604'800U, 31'557'600U}) {
    Walk walk(age);
    Domain domain;
    domain.look(txt_record("1"), fetched(policy_text("enforce", age)));
    int gets = 1;
    const Time end = kStart + (age < 3'600 ? 2 : 180) * kDay;
    while (domain.now < end) {
      domain.jitter = walk.jitter();
      ASSERT_TRUE(domain.stored.domain.refresh_at) << age;
      domain.now = *domain.stored.domain.refresh_at;
      domain.ask();
      ASSERT_EQ(domain.mode(), "enforce") << age;
      gets += domain.look(walk.pick(4) ? txt_record("1") : walk.txt(),
                          fetched(policy_text("enforce", age)));
    }
    if (age >= 604'800) {
      EXPECT_NEAR(gets, 180, 20) << "about one GET a day";
    }
  }
}

// A week's policy with the policy host down for five days of every seven.
TEST(RefreshWalk, LongOutagesAreSurvived) {
  Walk walk(7);
  Domain domain;
  const std::string body = policy_text("enforce", 604'800);
  domain.look(txt_record("1"), fetched(body));
  int gets = 0;
  while (domain.now < kStart + 180 * kDay) {
    domain.jitter = walk.jitter();
    domain.now = *domain.stored.domain.refresh_at;
    domain.ask();
    ASSERT_EQ(domain.mode(), "enforce");
    const bool up = (domain.now - kStart) / kDay % 7 >= 5;
    gets += domain.look(up ? txt_record("1") : txt_failure(), up ? fetched(body) : failed());
  }
  EXPECT_LT(gets, 180 * 25) << "at most hourly";
}

// 10,000 domains fetched in the same minute are not fetched in the same minute of the next day.
TEST(RefreshWalk, NoBurstFollowsABurst) {
  Walk walk(11);
  std::map<std::int64_t, int> by_minute;
  for (int i = 0; i < 10'000; ++i) {
    Domain domain;
    domain.jitter = walk.jitter();
    domain.look(txt_record("1"), fetched(policy_text("enforce", 604'800)));
    ++by_minute[(*domain.stored.domain.refresh_at - kStart) / kMinute];
  }
  for (const auto& [minute, count] : by_minute) EXPECT_LT(count, 80) << minute;
}

}  // namespace
}  // namespace mxw::policyd
