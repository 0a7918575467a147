// What the engine owes to everybody while somebody asks for too much: hints, re-reads, long lists,
// large policies; and how rows are written anew after a step of the clock.
#include <gtest/gtest.h>

#include "engine_support.hpp"

namespace mxw::policyd {
namespace {

using namespace test;

const std::string kEnforce = policy_text("enforce", 604'800);

// Hints to names whose policy hosts are slow, more than there are places and more than may wait:
// the refreshes of everybody go on.
TEST_F(EngineTest, HintsToSlowHostsStopNoRefresh) {
  options.interval = kHour;
  restart();
  constexpr int kKnown = 20;
  for (int i = 0; i < kKnown; ++i) {
    const std::string domain = "known" + std::to_string(i) + ".example.org";
    publish(domain, kEnforce);
    want(domain);
  }
  const auto hint = [this](int second) {
    for (std::size_t i = 0; i < kHintsPerSecond; ++i) {
      const std::string domain =
          "slow" + std::to_string(second) + "-" + std::to_string(i) + ".test";
      dns.silent.insert("_mta-sts." + domain);
      engine->hint(domain);
    }
  };
  int second = 0;
  for (; second < static_cast<int>(kQueue / kHintsPerSecond) + 10; ++second) {
    hint(second);
    advance(kSecond);
  }
  ASSERT_GT(engine->counters().hints_dropped, 0U) << "there are more than may wait";
  advance(2 * kHour);
  for (int i = 0; i < kKnown; ++i) {
    const std::string domain = "known" + std::to_string(i) + ".example.org";
    EXPECT_GE(https.gets[domain], 2) << domain;
  }
  EXPECT_GE(engine->looks_running(), options.parallel / 2) << "the slow ones still hold theirs";
}

// A name that waits among hints is overtaken when its refresh is due.
TEST_F(EngineTest, AHintedDomainIsRefreshedWhenItIsDue) {
  options.interval = 3 * kHour;
  restart();
  publish("example.org", kEnforce);
  want("example.org");
  for (int i = 0; i < 99; ++i) {
    const std::string domain = "slow" + std::to_string(i) + ".test";
    dns.silent.insert("_mta-sts." + domain);
    engine->hint(domain);
  }
  advance(kHour);
  engine->hint("example.org");
  const int before = txt_count("example.org");
  advance(kHour);
  ASSERT_EQ(txt_count("example.org"), before) << "it waits behind the others";
  advance(2 * kHour);
  EXPECT_EQ(https.gets["example.org"], 2);
}

// A message a line must not make a list that grows for as long as a GET takes.
TEST_F(EngineTest, FewRereadsWaitForALook) {
  publish("example.org", kEnforce);
  https.silent = true;
  engine->want("example.org", [](const Answer&) {});
  settle();
  std::size_t rows = 0, refused = 0;
  for (int i = 0; i < 1'000; ++i)
    engine->reread("example.org", [&](const auto& row) { ++(row ? rows : refused); });
  EXPECT_EQ(refused, 1'000 - kRereadsWaiting) << "at once";
  EXPECT_EQ(engine->counters().rereads_refused, 1'000 - kRereadsWaiting);
  https.silent = false;
  settle();
  EXPECT_EQ(rows, kRereadsWaiting);
  EXPECT_EQ(https.gets["example.org"], 2);
}

// A long list holds up nobody: it is gone through in slices, and all of it.
TEST_F(EngineTest, ALongListOfPinnedDomainsIsWalkedInSlices) {
  constexpr std::size_t kNames = 3'000;
  std::set<std::string> pinned;
  for (std::size_t i = 0; i < kNames; ++i) pinned.insert("d" + std::to_string(i) + ".example.org");
  dns.all = resolve::Outcome::nxdomain;
  engine->set_pinned(pinned);
  advance(kMinute);
  EXPECT_GE(engine->counters().looks, kNames) << "each was looked at";
  dns.all = resolve::Outcome::timeout;
  std::size_t sum = 0;
  for (int second = 0; second < 120; ++second) {
    store.domain_reads = 0;
    advance(kSecond);
    sum += store.domain_reads;
    // The names of the slice, and looks at some, each of which reads a few times.
    EXPECT_LE(store.domain_reads, 8 * kPinnedPerSecond);
  }
  EXPECT_GE(sum, 2 * kNames) << "once a minute";
}

TEST_F(EngineTest, QuestionsAreNotedInSlices) {
  engine->set_pinned({});
  for (std::size_t i = 0; i < kTouchRows + 100; ++i) want("d" + std::to_string(i) + ".example.org");
  for (std::size_t i = 0; i < kTouchRows + 100; ++i) want("d" + std::to_string(i) + ".example.org");
  advance(kHour);
  for (std::size_t i = 0; i < kTouchRows + 100; ++i) want("d" + std::to_string(i) + ".example.org");
  store.most_touched = 0;
  const Time asked = clock.wall();
  advance(3 * kSecond);
  EXPECT_EQ(store.most_touched, kTouchRows);
  for (std::size_t i = 0; i < kTouchRows + 100; ++i) {
    const auto row = *store.inner.domain({0, "d" + std::to_string(i) + ".example.org"});
    ASSERT_TRUE(row);
    EXPECT_GE(row->last_asked, asked);
  }
}

// Strangers with large policies do not fill the disk until the next ten minutes are over.
TEST_F(EngineTest, ManyOctetsArePrunedSoon) {
  advance(kMinute);
  ASSERT_EQ(store.prunes, 0);
  const std::string body = kEnforce + "x: " + std::string(60'000, 'y') + "\n";
  const auto enough = static_cast<int>(kPruneBytes / body.size()) + 1;
  for (int i = 0; i < enough; ++i) {
    const std::string domain = "d" + std::to_string(i) + ".test";
    publish(domain, body);
    ASSERT_EQ(said(domain), "enforce 1");
  }
  advance(2 * kSecond);
  EXPECT_EQ(store.prunes, 1);
  advance(5 * kMinute);
  EXPECT_EQ(store.prunes, 1) << "only once";
}

// Readers follow wall time again half an hour after a step: rows must be of it by then, though
// nothing could be fetched.
TEST_F(EngineTest, AfterAStepPoliciesAreWrittenInTheNewScale) {
  publish("example.org", kEnforce);
  EXPECT_EQ(said("example.org"), "enforce 1");
  advance(kMinute);
  https.bodies.clear();
  for (const std::int64_t step : {365 * kDay, -500 * kDay}) {
    const Time until = want("example.org").valid_until;
    clock.step_wall(step);
    const int commits_before = commits;
    advance(10 * kSecond);
    const auto row = *store.inner.current_policy({0, "example.org"});
    ASSERT_TRUE(row);
    EXPECT_EQ(row->valid_until(), until + step);
    EXPECT_GT(commits, commits_before) << "readers are told";
    EXPECT_EQ(want("example.org").valid_until, until + step) << "and it is not moved twice";
    const rows::Sequence seq = row->seq;
    advance(kMinute);
    EXPECT_EQ((*store.inner.current_policy({0, "example.org"}))->seq, seq) << "once";
  }
}

// A refresh by the new clock: from it on the policy lives for its max_age, not for the step more.
TEST_F(EngineTest, AfterAStepARenewedPolicyLivesForItsMaxAge) {
  for (const std::int64_t step : {365 * kDay, -365 * kDay, -3 * kDay}) {
    const std::string domain = "d" + std::to_string(recorder.steps.size()) + ".example.org";
    publish(domain, kEnforce);
    EXPECT_EQ(said(domain), "enforce 1");
    clock.step_wall(step);
    advance(2 * kSecond);
    engine->refresh(domain);
    const int gets = https.gets[domain];
    advance(2 * kSecond);
    ASSERT_GT(https.gets[domain], gets);
    EXPECT_NEAR(static_cast<double>(want(domain).valid_until - clock.wall()) / kSecond, 604'800, 60)
        << step;
    https.bodies.erase(domain);
    advance(6 * kDay);
    EXPECT_EQ(said(domain), "enforce 1") << step;
    advance(2 * kDay);
    EXPECT_EQ(said(domain), "unknown") << step;
  }
}

}  // namespace
}  // namespace mxw::policyd
