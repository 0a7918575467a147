// The refresh state machine, step by step: the clauses of RFC 8461 that bind a sender and the bugs
// other senders have with them (docs/pitfalls.md).
#include "policyd/refresh.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/limits.hpp"
#include "refresh_support.hpp"

namespace mxw::policyd {
namespace {

using namespace test;
using https::Cause;
using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Not;

const std::string kEnforce = policy_text("enforce", 604'800);
const std::string kNone = policy_text("none", 86'400, {});

Domain with_policy(const std::string& body = kEnforce, const std::string& id = "1") {
  Domain domain;
  EXPECT_TRUE(domain.look(txt_record(id), fetched(body)));
  domain.take_events();
  return domain;
}

TEST(Refresh, AFirstPolicyIsStoredAsServed) {
  Domain domain;
  EXPECT_TRUE(domain.look(txt_record("20261121T080000", 600), fetched(kEnforce)));
  ASSERT_TRUE(domain.last.put);
  EXPECT_EQ(domain.last.put->body, kEnforce);
  EXPECT_EQ(domain.last.put->id, "20261121T080000");
  EXPECT_EQ(domain.last.put->max_age, 604'800U);
  EXPECT_EQ(domain.last.put->fetched_at, kStart);
  EXPECT_EQ(domain.stored.domain.txt_id, "20261121T080000");
  EXPECT_EQ(domain.stored.domain.txt_until, kStart + 10 * kMinute);
  EXPECT_EQ(domain.stored.domain.check_result, "ok");
  EXPECT_EQ(domain.mode(), "enforce");
  EXPECT_THAT(domain.events, ElementsAre("policy-new"));
}

// T1, T2: whatever is no valid record is no policy, and nothing is fetched.
TEST(Refresh, WithoutARecordNothingIsFetched) {
  for (const TxtAnswer& txt : {txt_none(), txt_invalid()}) {
    Domain domain;
    EXPECT_FALSE(domain.look(txt, fetched(kEnforce)));
    EXPECT_EQ(domain.state(), "none");
    EXPECT_EQ(domain.stored.domain.checked_at, kStart);
    EXPECT_EQ(domain.stored.domain.neg_until, kStart + kHour);
    EXPECT_FALSE(domain.stored.domain.refresh_at);
    EXPECT_FALSE(domain.last.effective);
    EXPECT_THAT(domain.events, IsEmpty());
  }
}

// "DNS temporary error, nothing cached": NOTFOUND, retried in 60 s.
TEST(Refresh, AFailedLookupIsNotADenial) {
  for (const char* word : {"servfail", "timeout", "bogus", "refused", "malformed", "network"}) {
    Domain domain;
    EXPECT_FALSE(domain.look(txt_failure(word), fetched(kEnforce)));
    EXPECT_EQ(domain.state(), "unknown") << word;
    EXPECT_EQ(domain.stored.domain.check_result, "txt-" + std::string(word));
    EXPECT_EQ(domain.stored.domain.neg_until, kStart + kMinute);
    EXPECT_GE(domain.stored.domain.refresh_at, kStart + kMinute);
    EXPECT_LE(domain.stored.domain.refresh_at, kStart + 72 * kSecond);
    EXPECT_FALSE(domain.stored.domain.checked_at);
  }
}

TEST(Refresh, AFailedLookupAfterADenialLeavesTheDenial) {
  Domain domain;
  domain.look(txt_none(), failed());
  domain.now = kStart + 2 * kHour;
  domain.look(txt_failure(), failed());
  EXPECT_EQ(domain.state(), "none");
  EXPECT_EQ(domain.stored.domain.checked_at, kStart);
}

// C2, F5: "TXT ok, HTTPS failed, nothing cached: next try after 300 s per id".
TEST(Refresh, AFailedGetIsRepeatedAfterFiveMinutesPerId) {
  Domain domain;
  EXPECT_TRUE(domain.look(txt_record("1"), failed()));
  EXPECT_EQ(domain.state(), "unknown");
  EXPECT_EQ(domain.stored.domain.fail_type, "sts-policy-fetch-error");
  EXPECT_EQ(domain.stored.domain.check_result, "fetch-connect");
  EXPECT_TRUE(is_held(domain.stored.domain, kStart + 5 * kMinute - 1));
  EXPECT_FALSE(is_held(domain.stored.domain, kStart + 5 * kMinute));
  domain.now = kStart + 5 * kMinute - 1;
  EXPECT_FALSE(domain.look(txt_record("1"), fetched(kEnforce)));
  EXPECT_EQ(domain.stored.domain.fail_count, 1U);
  EXPECT_TRUE(domain.look(txt_record("2"), failed())) << "another id is another matter";
  EXPECT_FALSE(domain.look(txt_record("1"), failed())) << "and the first stays held";
  domain.now = kStart + 5 * kMinute;
  EXPECT_TRUE(domain.look(txt_record("1"), fetched(kEnforce)));
  EXPECT_EQ(domain.mode(), "enforce");
}

TEST(Refresh, TheHoldSurvivesARestart) {
  Domain domain;
  domain.look(txt_record("1"), failed());
  domain.recent = {};
  domain.now = kStart + kMinute;
  EXPECT_FALSE(domain.look(txt_record("1"), failed()));
  EXPECT_FALSE(domain.look(txt_failure(), failed()));
  EXPECT_FALSE(domain.look(txt_record("1"), failed()));
}

// Ids that change with every answer force no storm of GETs.
TEST(Refresh, FlappingIdsThatFailAreBounded) {
  Domain domain;
  int gets = 0;
  for (int i = 0; i < 100; ++i) gets += domain.look(txt_record(std::to_string(i)), failed());
  EXPECT_LE(gets, static_cast<int>(kHeldIds));
  EXPECT_THAT(domain.events, Contains("id-flapping"));
  domain.now = kStart + 6 * kMinute;
  EXPECT_TRUE(domain.look(txt_record("x"), fetched(kEnforce)));
}

// C1, also when the id changed (Stalwart, KumoMTA), and for a vanished policy host (mailauth).
TEST(Refresh, ACachedPolicyOutlivesEveryFailure) {
  const TxtAnswer txts[] = {
      txt_none(),           txt_invalid(),   txt_failure("servfail"), txt_failure("timeout"),
      txt_failure("bogus"), txt_record("1"), txt_record("2")};
  for (const TxtAnswer& txt : txts) {
    for (int cause = 1; cause <= static_cast<int>(Cause::empty_body); ++cause) {
      Domain domain = with_policy();
      domain.now = kStart + 604'800 * kSecond;
      domain.look(txt, failed(static_cast<Cause>(cause)));
      EXPECT_EQ(domain.mode(), "enforce");
      ASSERT_TRUE(domain.last.effective);
      EXPECT_EQ(domain.last.effective->id, "1");
    }
    Domain domain = with_policy();
    domain.now = kStart + 604'800 * kSecond;
    domain.look(txt, fetched("no policy at all"));
    EXPECT_EQ(domain.mode(), "enforce");
  }
}

TEST(Refresh, NothingCountsAfterItsEnd) {
  Domain domain = with_policy();
  domain.now = kStart + 604'801 * kSecond;
  EXPECT_EQ(domain.mode(), "-");
  domain.look(txt_failure(), failed());
  EXPECT_TRUE(domain.last.end);
  EXPECT_FALSE(domain.last.effective);
  EXPECT_EQ(domain.state(), "unknown");
  EXPECT_THAT(domain.events, Contains("policy-expired"));
}

// "cached, expired, id changed, fetch fails": no policy.
TEST(Refresh, ExpiredAndNotFetchedIsNoPolicy) {
  Domain domain = with_policy();
  domain.now = kStart + 604'801 * kSecond;
  EXPECT_TRUE(domain.look(txt_record("2"), failed()));
  EXPECT_FALSE(domain.last.effective);
}

// tlspol looks at the id only after max_age, up to 30 days later.
TEST(Refresh, ANewIdIsFetchedAtOnce) {
  Domain domain = with_policy();
  domain.now = kStart + 10 * kMinute;
  EXPECT_TRUE(domain.look(txt_record("2"), fetched(policy_text("testing", 604'800))));
  EXPECT_EQ(domain.mode(), "testing");
  EXPECT_THAT(domain.events, ElementsAre("policy-weakened"));
}

// Snawoot #113: the owner changed the file and forgot the id.
TEST(Refresh, ADayLaterTheSameIdIsFetchedAgain) {
  Domain domain = with_policy();
  domain.now = kStart + 20 * kHour;
  EXPECT_FALSE(domain.look(txt_record("1"), failed())) << "not due yet";
  domain.now = kStart + 27 * kHour;
  const std::string moved = policy_text("enforce", 604'800, {"mx.example.org", "mx2.example.org"});
  EXPECT_TRUE(domain.look(txt_record("1"), fetched(moved)));
  EXPECT_EQ(domain.stored.policy->body, moved);
  EXPECT_THAT(domain.events, ElementsAre("body-changed", "policy-weakened"));
}

TEST(Refresh, ANewIdWithTheSameBodyIsToldAndRenewed) {
  Domain domain = with_policy();
  domain.now = kStart + kHour;
  EXPECT_TRUE(domain.look(txt_record("2"), fetched(kEnforce)));
  EXPECT_EQ(domain.stored.policy->id, "2");
  EXPECT_THAT(domain.events, ElementsAre("id-changed"));
}

// 10.2: a refresh does not depend on the record; T4: a record alone removes nothing.
TEST(Refresh, TheDailyGetGoesOnWithoutTheRecord) {
  for (const TxtAnswer& txt : {txt_none(), txt_invalid(), txt_failure("timeout")}) {
    Domain domain = with_policy();
    domain.now = kStart + 27 * kHour;
    EXPECT_TRUE(domain.look(txt, fetched(kEnforce)));
    EXPECT_EQ(domain.stored.policy->id, "1");
    EXPECT_EQ(domain.stored.policy->fetched_at, domain.now);
    EXPECT_EQ(domain.stored.domain.fail_count, 1U);
    EXPECT_EQ(domain.stored.domain.fail_type, "");
    EXPECT_NE(domain.stored.domain.check_result, "ok");
    domain.look(txt_record("1"), fetched(kEnforce));
    EXPECT_EQ(domain.stored.domain.fail_count, 0U);
    EXPECT_EQ(domain.events.back(), "recovered");
  }
}

// 8.3: clean removal. P1: mode none without mx is a policy (Stalwart, chasquid).
TEST(Refresh, ModeNoneRemoves) {
  Domain domain = with_policy();
  domain.now = kStart + kHour;
  EXPECT_TRUE(domain.look(txt_record("2"), fetched(kNone)));
  EXPECT_EQ(domain.mode(), "none");
  EXPECT_THAT(domain.take_events(), ElementsAre("policy-weakened"));
  domain.now = kStart + 25 * kHour;
  EXPECT_FALSE(domain.look(txt_none(), failed()));
  domain.now = kStart + 26 * kHour;
  domain.look(txt_none(), failed());
  EXPECT_EQ(domain.state(), "none");
  EXPECT_THAT(domain.events, IsEmpty()) << "10.2: no alarm about a policy that is leaving";
}

// Semantics 11: max_age 0 or 1 applies to the questions of that look; next GET after five minutes.
TEST(Refresh, MaxAgeZeroAndOneApplyOnce) {
  for (const std::uint64_t age : {0U, 1U}) {
    Domain domain;
    EXPECT_TRUE(domain.look(txt_record("1"), fetched(policy_text("enforce", age))));
    ASSERT_TRUE(domain.last.effective);
    EXPECT_EQ(domain.last.effective->mode, policy::Mode::enforce);
    EXPECT_THAT(domain.events, ElementsAre("policy-new", "short-lived"));
    domain.now = kStart + 2 * kSecond;
    EXPECT_EQ(domain.mode(), "-");
    EXPECT_TRUE(is_held(domain.stored.domain, domain.now));
    EXPECT_FALSE(domain.look(txt_record("1"), fetched(kEnforce)));
    EXPECT_FALSE(domain.last.effective);
    domain.now = kStart + 5 * kMinute;
    EXPECT_TRUE(domain.look(txt_record("1"), fetched(policy_text("enforce", age))));
    EXPECT_TRUE(domain.last.effective);
  }
}

// "cached, max_age 1 elapsed, fetch ok": refetch.
TEST(Refresh, MaxAgeOneIsFetchedAgain) {
  Domain domain;
  domain.look(txt_record("1"), fetched(policy_text("enforce", 1)));
  domain.now = kStart + kGetHold;
  EXPECT_TRUE(domain.look(txt_record("1"), fetched(kEnforce)));
  EXPECT_EQ(domain.mode(), "enforce");
}

// Stalwart and mimecast lengthen a low max_age; mox, KumoMTA and go-mtasts do not cap a high one.
TEST(Refresh, MaxAgeIsTheOwnersUpToAYear) {
  Domain domain;
  domain.look(txt_record("1"), fetched(policy_text("enforce", 3'600)));
  EXPECT_EQ(domain.stored.policy->valid_until(), kStart + kHour);
  domain.now = kStart + 10 * kMinute;
  domain.look(txt_record("2"), fetched(policy_text("enforce", 4'000'000'000)));
  EXPECT_EQ(domain.stored.policy->max_age, limits::kPolicyMaxAge);
}

struct Wait {
  std::uint64_t max_age;
  double jitter;
  std::int64_t wait;  // 0: none
};

TEST(Refresh, LongBeforeExpiryAndSpread) {
  const Wait cases[] = {{604'800, 0.0, kDay * 9 / 10},
                        {604'800, 0.5, kDay},
                        {31'557'600, 0.5, kDay},
                        {86'400, 0.0, 86'400 * kSecond * 4 / 10},
                        {3'600, 0.5, 1'620 * kSecond},
                        {120, 0.0, 60 * kSecond},
                        {119, 0.5, 0},
                        {1, 0.5, 0},
                        {0, 0.5, 0}};
  for (const Wait& one : cases) {
    Domain domain;
    domain.jitter = one.jitter;
    domain.look(txt_record("1"), fetched(policy_text("enforce", one.max_age)));
    const auto refresh = domain.stored.domain.refresh_at;
    ASSERT_EQ(refresh.has_value(), one.wait != 0) << one.max_age;
    if (refresh) {
      EXPECT_NEAR(static_cast<double>(*refresh - kStart), static_cast<double>(one.wait), 10.0)
          << one.max_age;
    }
  }
}

TEST(Refresh, FailuresAreTriedMoreOftenThanADayAndToldOnceInAWhile) {
  Domain domain = with_policy();
  std::vector<std::int64_t> waits;
  domain.jitter = 0;
  domain.now = *domain.stored.domain.refresh_at;
  for (int i = 0; i < 25; ++i) {
    EXPECT_TRUE(domain.look(txt_record("1"), failed(Cause::certificate_name)));
    waits.push_back((*domain.stored.domain.refresh_at - domain.now) / kMinute);
    domain.now = *domain.stored.domain.refresh_at;
  }
  waits.resize(6);
  EXPECT_THAT(waits, ElementsAre(5, 10, 20, 40, 60, 60));
  EXPECT_THAT(domain.events, ElementsAre("fetch-failing", "fetch-failing", "fetch-failing"));
  EXPECT_EQ(domain.stored.domain.fail_type, "sts-webpki-invalid");
  domain.look(txt_record("1"), fetched(kEnforce));
  EXPECT_EQ(domain.events.back(), "recovered");
  EXPECT_EQ(domain.stored.domain.fail_count, 0U);
  EXPECT_EQ(domain.stored.domain.fail_type, "");
}

TEST(Refresh, TheEventOfAFailureSaysWhatIsLeft) {
  Domain domain = with_policy();
  domain.now = kStart + 604'000 * kSecond;
  domain.look(txt_record("1"), failed(Cause::timeout));
  ASSERT_EQ(domain.last.events.size(), 1U);
  EXPECT_EQ(domain.last.events[0].kind, "fetch-failing");
  EXPECT_EQ(domain.last.events[0].result_type, "sts-policy-fetch-error");
  EXPECT_EQ(domain.last.events[0].detail,
            "1 times; policy left 800 of 604800; fetch-timeout: refused");
}

TEST(Refresh, TheRecordGoneOrFailingIsTold) {
  Domain domain = with_policy();
  domain.now = kStart + 10 * kMinute;
  domain.look(txt_none(), failed());
  EXPECT_THAT(domain.take_events(), ElementsAre("txt-missing"));
  domain.look(txt_failure("bogus"), failed());
  domain.look(txt_failure("bogus"), failed());
  EXPECT_THAT(domain.take_events(), ElementsAre("txt-failing"));
  EXPECT_EQ(domain.stored.domain.fail_count, 3U);
}

TEST(Refresh, AnInvalidPolicyIsAFailureAndKeepsTheCachedOne) {
  for (const std::string& body :
       {std::string("garbage"), policy_text("enforce", 1, {"192.0.2.1"}),
        std::string("version: STSv1\nmode: enforce\nmax_age: 1\n"),
        policy_text("enforce", 604'800) + std::string(limits::kPolicyBytes, 'x')}) {
    Domain domain = with_policy();
    domain.now = kStart + 27 * kHour;
    EXPECT_TRUE(domain.look(txt_record("1"), fetched(body)));
    EXPECT_EQ(domain.mode(), "enforce");
    EXPECT_EQ(domain.stored.domain.fail_type, "sts-policy-invalid");
    EXPECT_EQ(domain.stored.domain.check_result, "policy-invalid");
    EXPECT_THAT(domain.events, ElementsAre("fetch-failing"));
  }
}

// Our own trouble is not the domain's: no failure, no five minutes, no event.
TEST(Refresh, BusyIsNobodysFailure) {
  for (const Cause cause : {Cause::busy, Cause::local}) {
    Domain domain;
    EXPECT_TRUE(domain.look(txt_record("1"), failed(cause)));
    EXPECT_EQ(domain.stored.domain.fail_count, 0U);
    EXPECT_EQ(domain.stored.domain.fail_type, "");
    EXPECT_THAT(domain.events, IsEmpty());
    domain.now = kStart + kMinute;
    EXPECT_TRUE(domain.look(txt_record("1"), fetched(kEnforce)));
  }
}

TEST(Refresh, AReReadFetchesAlthoughNothingIsDue) {
  Domain domain = with_policy();
  domain.now = kStart + kHour;
  EXPECT_FALSE(domain.look(txt_record("1"), fetched(kEnforce)));
  EXPECT_TRUE(domain.look(txt_record("1"), fetched(kEnforce), true));
  EXPECT_EQ(domain.stored.policy->fetched_at, domain.now);
  EXPECT_TRUE(domain.look(txt_record("1"), failed(), true));
  EXPECT_FALSE(domain.look(txt_record("1"), failed(), true)) << "held after a failure";
}

TEST(Refresh, NobodyAskedForAMonthNobodyRefreshes) {
  Domain domain = with_policy(policy_text("enforce", 31'557'600));
  domain.now = kStart + 31 * kDay;
  domain.look(txt_record("1"), fetched(policy_text("enforce", 31'557'600)));
  EXPECT_FALSE(domain.stored.domain.refresh_at);
  EXPECT_EQ(domain.mode(), "enforce");
}

TEST(Refresh, WithoutAPolicyTriesEndADayAfterTheLastQuestion) {
  Domain domain;
  domain.now = kStart + 25 * kHour;
  domain.look(txt_record("1"), failed());
  EXPECT_FALSE(domain.stored.domain.refresh_at);
  domain.look(txt_failure(), failed());
  EXPECT_FALSE(domain.stored.domain.refresh_at);
}

struct Weakening {
  std::string before, after, kind, detail;
};

TEST(Refresh, ChangesAndWhetherTheyWeaken) {
  const std::string wild = policy_text("enforce", 604'800, {"*.example.org"});
  const Weakening cases[] = {
      {kEnforce, policy_text("testing", 604'800), "policy-weakened", "mode enforce->testing"},
      {kEnforce, kNone, "policy-weakened",
       "mode enforce->none; max_age 604800->86400; mx narrowed"},
      {kEnforce, policy_text("enforce", 60'479), "policy-weakened", "max_age 604800->60479"},
      {kEnforce, policy_text("enforce", 60'480), "policy-changed", "max_age 604800->60480"},
      {kEnforce, policy_text("enforce", 604'800, {"mx.example.net"}), "policy-weakened",
       "mx disjoint: mx.example.net"},
      {kEnforce, wild, "policy-weakened", "mx widened: *.example.org"},
      {wild, kEnforce, "policy-changed", "mx narrowed"},
      {policy_text("testing", 604'800), kEnforce, "policy-changed", "mode testing->enforce"},
      {kNone, kEnforce, "policy-changed",
       "mode none->enforce; max_age 86400->604800; mx widened: mx.example.org"},
  };
  for (const Weakening& one : cases) {
    Domain domain = with_policy(one.before);
    domain.now = kStart + kHour;
    EXPECT_TRUE(domain.look(txt_record("2"), fetched(one.after)));
    ASSERT_EQ(domain.last.events.size(), 1U) << one.after;
    EXPECT_EQ(domain.last.events[0].kind, one.kind) << one.after;
    EXPECT_EQ(domain.last.events[0].detail, one.detail);
    EXPECT_EQ(domain.stored.policy->body, one.after) << "evidence, no reason to refuse it";
  }
}

// "cache file parses but policy invalid": refetch, cache repaired. The row of a version before.
TEST(Refresh, ARowThatDoesNotParseIsReplaced) {
  Domain domain = with_policy();
  domain.stored.policy->body = "not a policy";
  domain.now = kStart + 27 * kHour;
  EXPECT_TRUE(domain.look(txt_record("1"), fetched(kEnforce)));
  EXPECT_EQ(domain.stored.policy->body, kEnforce);
}

TEST(Refresh, HintsAreActedOnWhenSomethingRanOut) {
  Domain domain = with_policy();
  EXPECT_FALSE(is_stale(domain.stored, kStart + 5 * kMinute - 1));
  EXPECT_TRUE(is_stale(domain.stored, kStart + 5 * kMinute));
  Domain none;
  EXPECT_TRUE(is_stale(none.stored, kStart));
  none.look(txt_none(), failed());
  EXPECT_FALSE(is_stale(none.stored, kStart + kHour - 1));
  EXPECT_TRUE(is_stale(none.stored, kStart + kHour));
}

}  // namespace
}  // namespace mxw::policyd
