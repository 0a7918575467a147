// The engine with a clock that was wrong at start, and with a store that refuses some rows for
// ever.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine_support.hpp"

namespace mxw::policyd {
namespace {

using namespace test;
using testing::Contains;
using testing::IsEmpty;
using testing::Not;

// Semantics 11, Clock: a start with a clock that is far ahead, while nothing can be looked up or,
// since every certificate has run out by that clock, nothing can be fetched.
class ClockAhead : public EngineTest {
 protected:
  void start_ahead() {
    publish("example.org", policy_text("enforce", 604'800));
    ASSERT_EQ(said("example.org"), "enforce 1");
    advance(kHour);
    engine.reset();
    clock.step_wall(365 * kDay);
    dns.all = resolve::Outcome::timeout;
  }
  [[nodiscard]] bool stored() {
    return (*store.inner.current_policy({0, "example.org"})).has_value();
  }
};

TEST_F(ClockAhead, EndsNoPolicyForGood) {
  for (const bool by_dns : {true, false}) {
    SCOPED_TRACE(by_dns);
    start_ahead();
    if (!by_dns) {
      dns.all.reset();
      https.bodies.clear();
      https.cause = https::Cause::certificate_expired;
    }
    recorder.events.clear();
    restart();
    EXPECT_EQ(said("example.org"), "unknown") << "what is past its end does not count";
    advance(3 * kHour);
    EXPECT_EQ(said("example.org"), "unknown");
    EXPECT_TRUE(stored());
    EXPECT_THAT(recorder.events, Not(Contains("policy-expired")));

    clock.step_wall(-365 * kDay);
    EXPECT_EQ(said("example.org"), "enforce 1") << "at once";
    advance(kHour);
    EXPECT_EQ(said("example.org"), "enforce 1") << "written in the new scale";
    restart();
    EXPECT_EQ(said("example.org"), "enforce 1") << "after a restart";
    dns.all.reset();
  }
}

TEST_F(ClockAhead, ARestartWithTheRightClockBringsItBack) {
  start_ahead();
  restart();
  advance(3 * kHour);
  engine.reset();
  clock.step_wall(-365 * kDay);
  restart();
  EXPECT_EQ(said("example.org"), "enforce 1");
}

// By the right clock the policy is live, and no denial ends what is live (RFC 8461 section 10.2):
// else one forged answer and one wrong clock together would end it for good.
TEST_F(ClockAhead, ADenialEndsNothing) {
  for (const char* const record : {"", "v=STSv1; no id"}) {
    SCOPED_TRACE(record);
    start_ahead();
    dns.all.reset();
    if (*record == '\0')
      dns.set("_mta-sts.example.org", dns::Type::txt, resolve::Outcome::nxdomain);
    else
      dns.txt("_mta-sts.example.org", record);
    recorder.events.clear();
    restart();
    EXPECT_EQ(said("example.org"), "unknown") << "what is past its end does not count";
    advance(3 * kHour);
    EXPECT_TRUE(stored());
    EXPECT_THAT(recorder.events, Not(Contains("policy-expired")));
    clock.step_wall(-365 * kDay);
    EXPECT_EQ(said("example.org"), "enforce 1") << "at once";
    restart();
    EXPECT_EQ(said("example.org"), "enforce 1") << "after a restart";
  }
}

TEST_F(ClockAhead, ADayOfDenialsEndsIt) {
  start_ahead();
  dns.all.reset();
  dns.set("_mta-sts.example.org", dns::Type::txt, resolve::Outcome::nxdomain);
  restart();
  want("example.org");
  advance(23 * kHour);
  EXPECT_TRUE(stored());
  advance(3 * kHour);
  EXPECT_EQ(said("example.org"), "none");
  EXPECT_FALSE(stored());
}

TEST_F(ClockAhead, AFetchReplacesIt) {
  start_ahead();
  dns.all.reset();
  restart();
  EXPECT_EQ(said("example.org"), "enforce 1");
}

TEST_F(ClockAhead, ADayOfFailuresEndsIt) {
  start_ahead();
  restart();
  want("example.org");
  advance(23 * kHour);
  EXPECT_TRUE(stored());
  advance(3 * kHour);
  EXPECT_FALSE(stored());
  EXPECT_THAT(recorder.events, Contains("policy-expired"));
}

TEST_F(ClockAhead, WhatNobodyAskedForIsTriedAgainWhenTheClockIsRight) {
  start_ahead();
  restart();
  advance(3 * kHour);
  dns.all.reset();
  clock.step_wall(-365 * kDay);
  const int before = https.gets["example.org"];
  advance(2 * kHour);
  EXPECT_GT(https.gets["example.org"], before);
}

// A policy that had really run out before the start, and a clock that then steps back a little, or
// to a time before the fetch: nothing comes back.
TEST_F(EngineTest, AStepBackBringsNothingBackThatHadRunOut) {
  publish("example.org", policy_text("enforce", 86'400));
  want("example.org");
  dns.all = resolve::Outcome::timeout;
  engine.reset();
  clock.advance(3 * kDay, [] {});
  restart();
  EXPECT_EQ(said("example.org"), "unknown");
  clock.step_wall(-kHour);
  EXPECT_EQ(said("example.org"), "unknown");
  clock.step_wall(-365 * kDay);
  EXPECT_EQ(said("example.org"), "unknown");
}

class RefusingStore : public EngineTest {
 protected:
  void begin_with_full_disk(store::Fault fault) {
    engine.reset();
    store.inner = store::MemoryPolicyStore(clock.wall());
    store.refused.clear();
    store.refusal_fault = fault;
    store.writes_fail = true;
    restart();
  }
};

// One row the store will never take holds up nothing, whichever place it has among the others.
TEST_F(RefusingStore, ARefusedRowHoldsUpNoOther) {
  for (const store::Fault fault : {store::Fault::limit, store::Fault::constraint}) {
    for (const std::string& bad : {"a.example.org", "m.example.org", "z.example.org"}) {
      SCOPED_TRACE(bad);
      begin_with_full_disk(fault);
      for (const std::string& domain : {"a.example.org", "m.example.org", "z.example.org"}) {
        publish(domain, policy_text("enforce", 604'800));
        want(domain);
      }
      ASSERT_EQ(engine->shelf().held(), 3U);
      store.writes_fail = false;
      store.refused = {bad};
      advance(2 * kSecond);
      EXPECT_EQ(engine->shelf().held(), 1U);
      EXPECT_EQ(said(bad), "enforce 1") << "from memory";
      recorder.errors.clear();
      advance(kMinute);
      EXPECT_THAT(recorder.errors, IsEmpty()) << "it is not tried again and again";
      EXPECT_EQ(engine->shelf().refused(), 1U);
    }
  }
}

// Trouble that may pass ends a round; the next one begins behind the row that met it.
TEST_F(RefusingStore, ARowThatAlwaysMeetsTroubleHoldsUpNoOther) {
  begin_with_full_disk(store::Fault::io);
  for (const std::string& domain : {"a.example.org", "m.example.org", "z.example.org"}) {
    publish(domain, policy_text("enforce", 604'800));
    want(domain);
  }
  store.writes_fail = false;
  store.refused = {"a.example.org"};
  advance(3 * kSecond);
  EXPECT_EQ(engine->shelf().held(), 1U);
  EXPECT_EQ(engine->shelf().refused(), 0U);
  store.refused.clear();
  advance(2 * kSecond);
  EXPECT_EQ(engine->shelf().held(), 0U);
}

// While nothing can be written, the rows that were looked at stay the first that are due.
TEST_F(EngineTest, WithTheDiskFullEveryDueDomainHasItsTurn) {
  constexpr int kDomains = 3 * static_cast<int>(kDuePerSecond) + 10;
  const auto domain = [](int i) { return "d" + std::to_string(i) + ".example.org"; };
  for (int i = 0; i < kDomains; ++i) {
    publish(domain(i), policy_text("enforce", 604'800));
    want(domain(i));
  }
  engine.reset();
  clock.step_wall(2 * kDay);
  store.writes_fail = true;
  restart();
  advance(20 * kSecond);
  for (int i = 0; i < kDomains; ++i) EXPECT_EQ(https.gets[domain(i)], 2) << i;
}

}  // namespace
}  // namespace mxw::policyd
