// The engine's promises: who waits, what is merged, what is paced, and that neither lookups nor the
// store nor the clock take a policy away.
#include "policyd/engine.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine_support.hpp"

namespace mxw::policyd {
namespace {

using namespace test;
using resolve::Outcome;
using testing::Contains;

const std::string kEnforce = policy_text("enforce", 604'800, {"mx.example.org", "*.example.net"});

TEST_F(EngineTest, AColdQuestionIsAnsweredAfterTheCommit) {
  publish("example.org", kEnforce, "20261121");
  Answer got;
  int commits_before = -1;
  engine->want("Example.ORG.", [&](const Answer& answer) {
    got = answer;
    commits_before = commits;
  });
  EXPECT_EQ(commits_before, -1);
  settle();
  EXPECT_GE(commits_before, 1);
  EXPECT_EQ(got.state, rows::DomainState::policy);
  EXPECT_EQ(got.mode, policy::Mode::enforce);
  EXPECT_EQ(got.policy_id, "20261121");
  EXPECT_EQ(got.mx, (std::vector<std::string>{"mx.example.org", "*.example.net"}));
  EXPECT_EQ(got.valid_until, kStart + 604'800 * kSecond);
  EXPECT_TRUE(*store.inner.current_policy({0, "example.org"}));
}

TEST_F(EngineTest, QuestionsForOneDomainAreOneLook) {
  publish("example.org", kEnforce);
  int answers = 0;
  for (int i = 0; i < 1'000; ++i) {
    engine->want("example.org", [&](const Answer& answer) {
      answers += answer.state == rows::DomainState::policy;
    });
  }
  settle();
  EXPECT_EQ(answers, 1'000);
  EXPECT_EQ(txt_count("example.org"), 1);
  EXPECT_EQ(https.gets["example.org"], 1);
  EXPECT_EQ(engine->counters().merged, 999U);
}

TEST_F(EngineTest, AHotQuestionAsksNobody) {
  publish("example.org", kEnforce);
  EXPECT_EQ(said("example.org"), "enforce 1");
  dns.asked.clear();
  bool answered = false;
  engine->want("example.org", [&](const Answer&) { answered = true; });
  EXPECT_TRUE(answered);
  EXPECT_TRUE(dns.asked.empty());
}

TEST_F(EngineTest, WhatIsNoHostNameIsUnknown) {
  for (const char* name : {"", "192.0.2.1", "[192.0.2.1]", ".example.org", "a/b.example.org",
                           "../etc/passwd", "a..b", "_x.example.org"}) {
    EXPECT_EQ(said(name), "unknown") << name;
    engine->hint(name);
    bool refused = false;
    engine->reread(name, [&](const auto& row) { refused = !row; });
    EXPECT_TRUE(refused);
  }
  EXPECT_TRUE(dns.asked.empty());
  EXPECT_TRUE(engine->idle());
}

// Semantics 11: none is hot for a day, looked at again after an hour.
TEST_F(EngineTest, NoneIsRemembered) {
  EXPECT_EQ(said("example.org"), "none");
  advance(59 * kMinute);
  EXPECT_EQ(said("example.org"), "none");
  EXPECT_EQ(txt_count("example.org"), 1);
  advance(2 * kMinute);
  publish("example.org", kEnforce);
  EXPECT_EQ(said("example.org"), "none") << "at once, from what is known";
  advance(2 * kSecond);
  EXPECT_EQ(said("example.org"), "enforce 1");
}

TEST_F(EngineTest, ANoneOlderThanADayIsCold) {
  EXPECT_EQ(said("example.org"), "none");
  advance(25 * kHour);
  publish("example.org", kEnforce);
  EXPECT_EQ(said("example.org"), "enforce 1");
}

// "DNS temporary error, nothing cached": answered, and retried in 60 s without a question.
TEST_F(EngineTest, AFailedLookupIsRetriedWithinAMinuteOrSo) {
  publish("example.org", kEnforce);
  dns.set("_mta-sts.example.org", dns::Type::txt, Outcome::servfail);
  EXPECT_EQ(said("example.org"), "unknown");
  EXPECT_EQ(said("example.org"), "unknown");
  EXPECT_EQ(txt_count("example.org"), 1) << "held";
  dns.txt("_mta-sts.example.org", "v=STSv1; id=1;");
  advance(75 * kSecond);
  EXPECT_EQ(txt_count("example.org"), 2);
  EXPECT_EQ(said("example.org"), "enforce 1");
}

TEST_F(EngineTest, AFailedGetIsNotRepeatedByQuestions) {
  publish("example.org", kEnforce);
  https.bodies.clear();
  for (int i = 0; i < 299; ++i) {
    EXPECT_EQ(said("example.org"), "unknown");
    advance(kSecond);
  }
  EXPECT_EQ(https.gets["example.org"], 1);
  advance(2 * kSecond);
  EXPECT_EQ(said("example.org"), "unknown");
  EXPECT_EQ(https.gets["example.org"], 2);
}

// C1 for a week of attack on everything, then the end.
TEST_F(EngineTest, ACachedPolicyIsAnsweredWhileEverythingFails) {
  publish("example.org", kEnforce);
  EXPECT_EQ(said("example.org"), "enforce 1");
  dns.all = Outcome::bogus;
  https.bodies.clear();
  for (int hours = 0; hours < 7 * 24; ++hours) {
    EXPECT_EQ(said("example.org"), "enforce 1") << hours;
    advance(kHour);
  }
  advance(kMinute);
  EXPECT_EQ(said("example.org"), "unknown");
  EXPECT_THAT(recorder.events, Contains("fetch-failing"));
  EXPECT_THAT(recorder.events, Contains("policy-expired"));
  EXPECT_LE(https.gets["example.org"], 7 * 24 + 24);
}

TEST_F(EngineTest, APolicyIsKeptFreshWithoutQuestions) {
  publish("example.org", kEnforce);
  EXPECT_EQ(said("example.org"), "enforce 1");
  advance(10 * kDay);
  EXPECT_NEAR(https.gets["example.org"], 11, 2);
  EXPECT_EQ(said("example.org"), "enforce 1");
}

TEST_F(EngineTest, AHintFindsANewId) {
  publish("example.org", kEnforce);
  EXPECT_EQ(said("example.org"), "enforce 1");
  publish("example.org", policy_text("testing", 604'800), "2");
  engine->hint("example.org");
  advance(2 * kSecond);
  EXPECT_EQ(said("example.org"), "enforce 1") << "the TXT answer still holds";
  advance(6 * kMinute);
  engine->hint("example.org");
  advance(2 * kSecond);
  EXPECT_EQ(said("example.org"), "testing 2");
}

TEST_F(EngineTest, HintsAreLimitedByTheSecond) {
  for (int i = 0; i < 150; ++i) engine->hint("d" + std::to_string(i) + ".example.org");
  EXPECT_EQ(engine->counters().hints_dropped, 50U);
  advance(2 * kSecond);
  for (int i = 150; i < 200; ++i) engine->hint("d" + std::to_string(i) + ".example.org");
  EXPECT_EQ(engine->counters().hints_dropped, 50U);
  advance(2 * kSecond);
  EXPECT_EQ(engine->counters().looks, 150U);
}

TEST_F(EngineTest, LooksOfOurOwnAreBounded) {
  for (int i = 0; i < 100; ++i) {
    const std::string domain = "d" + std::to_string(i) + ".example.org";
    dns.silent.insert("_mta-sts." + domain);
    engine->hint(domain);
  }
  advance(5 * kSecond);
  EXPECT_EQ(engine->looks_running(), options.parallel - options.parallel / kKeepShare)
      << "some places are for what is known";
  dns.silent.clear();
  advance(kSecond);
  EXPECT_TRUE(engine->idle());
  EXPECT_EQ(engine->counters().looks, 100U);
}

// After an outage of policyd a thousand domains are due: they are not asked in one burst.
TEST_F(EngineTest, WhatIsDueIsPaced) {
  for (int i = 0; i < 1'000; ++i) {
    const std::string domain = "d" + std::to_string(i) + ".example.org";
    publish(domain, kEnforce);
    want(domain);
  }
  engine.reset();
  clock.step_wall(2 * kDay);
  const auto gets = [this] {
    int sum = 0;
    for (const auto& [domain, count] : https.gets) sum += count;
    return sum;
  };
  ASSERT_EQ(gets(), 1'000);
  int before = gets();
  restart();
  for (int second = 0; second < 30; ++second) {
    EXPECT_LE(gets() - before, static_cast<int>(2 * kDuePerSecond)) << "at the start, too";
    before = gets();
    advance(kSecond);
    EXPECT_LE(gets() - before, static_cast<int>(2 * kDuePerSecond));
    before = gets();
  }
  EXPECT_EQ(gets(), 2'000);
}

TEST_F(EngineTest, MaxAgeZeroAppliesToItsQuestionsAlone) {
  publish("example.org", policy_text("enforce", 0));
  int policies = 0;
  for (int i = 0; i < 3; ++i) {
    engine->want("example.org", [&](const Answer& answer) {
      policies += answer.state == rows::DomainState::policy;
    });
  }
  settle();
  EXPECT_EQ(policies, 3);
  advance(2 * kSecond);
  EXPECT_EQ(said("example.org"), "unknown");
  EXPECT_EQ(https.gets["example.org"], 1);
  advance(5 * kMinute);
  EXPECT_EQ(said("example.org"), "enforce 1");
  EXPECT_EQ(https.gets["example.org"], 2);
  EXPECT_THAT(recorder.events, Contains("short-lived"));
}

TEST_F(EngineTest, ARereadFetchesAndIsWritten) {
  publish("example.org", kEnforce);
  want("example.org");
  publish("example.org", policy_text("none", 86'400, {}), "2");
  std::optional<rows::RereadRow> row;
  engine->reread("example.org", [&](const auto& got) { row = got; });
  settle();
  ASSERT_TRUE(row);
  EXPECT_TRUE(row->ok);
  EXPECT_EQ(row->id, "2");
  EXPECT_EQ(row->mode, policy::Mode::none);
  ASSERT_EQ(recorder.rereads.size(), 1U);
  EXPECT_EQ(recorder.rereads[0], *row);
}

TEST_F(EngineTest, ARereadHappensOnceInFiveMinutes) {
  publish("example.org", kEnforce);
  int rows = 0, refused = 0;
  const auto count = [&](const std::optional<rows::RereadRow>& row) { ++(row ? rows : refused); };
  for (int i = 0; i < 10; ++i) {
    engine->reread("example.org", count);
    advance(30 * kSecond);
  }
  EXPECT_EQ(rows, 1);
  EXPECT_EQ(refused, 9);
  advance(kSecond);
  engine->reread("example.org", count);
  settle();
  EXPECT_EQ(rows, 2);
  EXPECT_EQ(https.gets["example.org"], 2);
}

TEST_F(EngineTest, AFailedRereadSaysSoWithWhatStillHolds) {
  publish("example.org", kEnforce);
  want("example.org");
  dns.all = Outcome::timeout;
  std::optional<rows::RereadRow> row;
  engine->reread("example.org", [&](const auto& got) { row = got; });
  settle();
  ASSERT_TRUE(row);
  EXPECT_FALSE(row->ok);
  EXPECT_EQ(row->id, "1");
  EXPECT_EQ(row->mode, policy::Mode::enforce);
}

TEST_F(EngineTest, ARereadEndsAfterAMinute) {
  publish("example.org", kEnforce);
  dns.silent.insert("_mta-sts.example.org");
  std::optional<rows::RereadRow> row;
  engine->reread("example.org", [&](const auto& got) { row = got; });
  advance(59 * kSecond);
  EXPECT_FALSE(row);
  advance(2 * kSecond);
  ASSERT_TRUE(row);
  EXPECT_FALSE(row->ok);
  dns.silent.clear();
  advance(kSecond);
  EXPECT_EQ(recorder.rereads.size(), 1U);
}

TEST_F(EngineTest, ARereadDuringALookIsTheNextLook) {
  publish("example.org", kEnforce);
  https.silent = true;
  engine->want("example.org", [](const Answer&) {});
  settle();
  int rows = 0;
  engine->reread("example.org", [&](const auto& row) { rows += row.has_value(); });
  engine->reread("example.org", [&](const auto& row) { rows += row.has_value(); });
  https.silent = false;
  settle();
  EXPECT_EQ(rows, 2);
  EXPECT_EQ(recorder.rereads.size(), 1U);
  EXPECT_EQ(https.gets["example.org"], 2);
}

TEST_F(EngineTest, WithTheDiskFullAnswersComeFromMemory) {
  publish("example.org", kEnforce);
  store.writes_fail = true;
  EXPECT_EQ(said("example.org"), "enforce 1");
  EXPECT_EQ(said("example.org"), "enforce 1");
  EXPECT_EQ(https.gets["example.org"], 1);
  EXPECT_FALSE(recorder.errors.empty());
  EXPECT_EQ(engine->shelf().held(), 1U);
  EXPECT_FALSE(*store.inner.current_policy({0, "example.org"}));
  store.writes_fail = false;
  advance(2 * kSecond);
  EXPECT_EQ(engine->shelf().held(), 0U);
  EXPECT_TRUE(*store.inner.current_policy({0, "example.org"}));
}

// What cannot be read must not be written over as unknown (go-mtasts loses it so).
TEST_F(EngineTest, AnUnreadableStoreLosesNothing) {
  publish("example.org", kEnforce);
  EXPECT_EQ(said("example.org"), "enforce 1");
  store.reads_fail = true;
  dns.all = Outcome::servfail;
  EXPECT_EQ(said("example.org"), "unknown");
  dns.all = Outcome::nxdomain;
  EXPECT_EQ(said("example.org"), "unknown");
  advance(kHour);
  store.reads_fail = false;
  dns.all = Outcome::servfail;
  EXPECT_EQ(said("example.org"), "enforce 1");
  EXPECT_TRUE((*store.inner.domain({0, "example.org"}))->refresh_at);
}

TEST_F(EngineTest, AnUnreadableStoreIsDoneWithout) {
  publish("example.org", kEnforce);
  store.reads_fail = store.writes_fail = true;
  EXPECT_EQ(said("example.org"), "enforce 1");
  EXPECT_EQ(said("example.org"), "enforce 1");
}

// Semantics 11, Clock: a policy of a week survives a clock that jumps by a year, either way.
TEST_F(EngineTest, AStepOfTheClockEndsNoPolicyAndStopsNoRefresh) {
  for (const std::int64_t step : {365 * kDay, -365 * kDay, 10 * kMinute, -3 * kDay}) {
    const std::string domain = "d" + std::to_string(recorder.steps.size()) + ".example.org";
    publish(domain, kEnforce);
    EXPECT_EQ(said(domain), "enforce 1");
    const int gets = https.gets[domain];
    https.bodies.erase(domain);  // nothing is refreshed: the row must live by itself
    clock.step_wall(step);
    EXPECT_EQ(said(domain), "enforce 1") << step << " before anything else noticed";
    advance(2 * kSecond);
    EXPECT_EQ(recorder.steps.back(), step);
    EXPECT_EQ(said(domain), "enforce 1") << step;
    EXPECT_NEAR(static_cast<double>(want(domain).valid_until - clock.wall()) / kSecond, 604'800,
                60);
    advance(3 * kDay);
    EXPECT_EQ(said(domain), "enforce 1") << step;
    EXPECT_GT(https.gets[domain], gets) << "refreshes go on";
    advance(5 * kDay);
    EXPECT_EQ(said(domain), "unknown") << "and it ends by the time that passed";
  }
  EXPECT_THAT(recorder.events, Contains("clock-step"));
}

TEST_F(EngineTest, AClockBehindItsStoreIsToldAndPrunesNothing) {
  publish("example.org", kEnforce);
  want("example.org");
  engine.reset();
  clock.step_wall(-2 * kHour);
  store.prunes = 0;
  restart();
  advance(30 * kMinute);
  EXPECT_EQ(recorder.behind, 1);
  EXPECT_EQ(store.prunes, 0);
  EXPECT_EQ(said("example.org"), "enforce 1");
  advance(2 * kHour);
  EXPECT_GT(store.prunes, 0);
}

TEST_F(EngineTest, DestroyedInTheMiddleItCallsNobody) {
  publish("example.org", kEnforce);
  bool called = false;
  dns.silent.insert("_mta-sts.other.test");
  engine->want("example.org", [&](const Answer&) { called = true; });
  engine->reread("other.test", [&](const auto&) { called = true; });
  dns.deliver();
  dns.silent.clear();
  engine.reset();
  settle();
  EXPECT_FALSE(called);
}

TEST_F(EngineTest, TlsrptRecordsAreTold) {
  publish("example.org", kEnforce);
  dns.txt("_smtp._tls.example.org", "v=TLSRPTv1; rua=mailto:t@example.org");
  dns.set("_smtp._tls.other.test", dns::Type::txt, Outcome::servfail);
  want("example.org");
  want("other.test");
  want("third.test");
  ASSERT_EQ(recorder.tlsrpt.size(), 2U) << "a lookup that failed says nothing";
  EXPECT_EQ(recorder.tlsrpt[0].record, "v=TLSRPTv1; rua=mailto:t@example.org");
  EXPECT_EQ(recorder.tlsrpt[1].domain, "third.test");
  EXPECT_EQ(recorder.tlsrpt[1].record, "");
}

TEST_F(EngineTest, PinnedDomainsAreKeptWithoutQuestions) {
  publish("example.org", kEnforce);
  engine->set_pinned({"example.org", "plain.test"});
  dns.mx("plain.test", {"mx.plain.test"});
  dns.address("mx.plain.test");
  advance(40 * kDay);
  EXPECT_EQ(txt_count("example.org") > 40, true);
  EXPECT_EQ(said("example.org"), "enforce 1");
  ASSERT_EQ(routes("plain.test").size(), 1U);
  EXPECT_GT(routes("plain.test")[0].until, clock.wall());
}

TEST_F(EngineTest, TooManyColdQuestionsAreAnsweredUnknown) {
  for (std::size_t i = 0; i < kLooks; ++i) {
    const std::string domain = "d" + std::to_string(i) + ".example.org";
    dns.silent.insert("_mta-sts." + domain);
    engine->want(domain, [](const Answer&) {});
  }
  EXPECT_EQ(said("one-more.example.org"), "unknown");
  EXPECT_EQ(engine->counters().refused, 1U);
}

// The policy host has no address, or only ones that are not to be reached: a fetch failure.
TEST_F(EngineTest, APolicyHostWithoutAddressIsAFailedFetch) {
  publish("example.org", kEnforce);
  dns.set("mta-sts.example.org", dns::Type::a, Outcome::servfail);
  dns.set("mta-sts.example.org", dns::Type::aaaa, Outcome::timeout);
  EXPECT_EQ(said("example.org"), "unknown");
  const auto events = *store.inner.events({0, "example.org"}, 10);
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(events[0].result_type, "sts-policy-fetch-error");
  EXPECT_NE(events[0].detail.find("A: servfail, AAAA: timeout"), std::string::npos)
      << events[0].detail;
}

// RFC 8461 section 3.1: records of others beside ours, and strings that are joined as they are.
TEST_F(EngineTest, ForeignTxtRecordsChangeNothing) {
  publish("example.org", kEnforce);
  const auto answer = [this](std::vector<dns::Txt> records) {
    dns.put("_mta-sts.example.org", dns::Type::txt, {records.begin(), records.end()});
  };
  answer({{{"verification=1"}}, {{"v=STSv1; id=a", "b;"}}, {{"v=spf1 -all"}}});
  EXPECT_EQ(said("example.org"), "enforce ab");
  publish("two.test", kEnforce);
  dns.put("_mta-sts.two.test", dns::Type::txt,
          {dns::Txt{{"v=STSv1; id=a;"}}, dns::Txt{{"v=STSv1; id=b;"}}});
  EXPECT_EQ(said("two.test"), "none") << "two of ours are none";
  publish("apart.test", kEnforce);
  dns.put("_mta-sts.apart.test", dns::Type::txt, {dns::Txt{{"v=STSv1; "}}, dns::Txt{{"id=a;"}}});
  EXPECT_EQ(said("apart.test"), "none") << "records are not joined";
}

// KumoMTA #484: one domain's broken policy is nobody else's on the same MX.
TEST_F(EngineTest, VerdictsAreByDomain) {
  publish("a.test", policy_text("enforce", 604'800, {"other.test"}));
  publish("b.test", policy_text("enforce", 604'800, {"mx.test"}));
  for (const char* domain : {"a.test", "b.test"}) dns.mx(domain, {"mx.test"});
  dns.address("mx.test");
  for (const char* freshness : {"cold", "hot"}) {
    EXPECT_EQ(want("a.test").mx, std::vector<std::string>{"other.test"}) << freshness;
    EXPECT_EQ(want("b.test").mx, std::vector<std::string>{"mx.test"}) << freshness;
  }
  EXPECT_EQ(routes("a.test").at(0).mx_host, routes("b.test").at(0).mx_host);
}

}  // namespace
}  // namespace mxw::policyd
