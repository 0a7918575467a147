#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "core/feed/hint_gate.hpp"
#include "map/waiting.hpp"
#include "tests/unit/map_support.hpp"

namespace mxw::map {
namespace {

using Turn = Waiting::Turn;
using Tickets = std::vector<Waiting::Ticket>;

std::size_t expire(Waiting& waiting, std::int64_t now) {
  return waiting.expired(now).size();
}

TEST(MapWaiting, QuestionsForOneDomainAreMergedAndShareItsDeadline) {
  Waiting waiting({});
  EXPECT_EQ(waiting.ask("a.example", 1, 100), Turn::first);
  EXPECT_EQ(waiting.ask("a.example", 2, 200), Turn::merged);
  EXPECT_EQ(waiting.ask("b.example", 3, 300), Turn::first);
  EXPECT_EQ(waiting.next_deadline(), 100 + 3 * kSecond);
  EXPECT_EQ(waiting.size(), 3U);
  EXPECT_EQ(waiting.answered("a.example", 400), (Tickets{1, 2}));
  EXPECT_EQ(waiting.answered("a.example", 500), Tickets{});
  EXPECT_EQ(waiting.size(), 1U);
}

TEST(MapWaiting, NoMoreThanTheBoundWait) {
  Waiting::Settings settings;
  settings.max_waiting = 2;
  Waiting waiting(settings);
  EXPECT_EQ(waiting.ask("a.example", 1, 0), Turn::first);
  EXPECT_EQ(waiting.ask("a.example", 2, 0), Turn::merged);
  EXPECT_EQ(waiting.ask("a.example", 3, 0), Turn::no);
  EXPECT_EQ(waiting.ask("b.example", 4, 0), Turn::no);
  waiting.forget(2, "a.example");
  EXPECT_EQ(waiting.ask("b.example", 5, 0), Turn::first);
}

TEST(MapWaiting, ADomainThatWaitedInVainIsNotWaitedForAMinute) {
  Waiting waiting({});
  EXPECT_EQ(waiting.ask("a.example", 1, 0), Turn::first);
  EXPECT_EQ(expire(waiting, 3 * kSecond - 1), 0U);
  const auto vain = waiting.expired(3 * kSecond);
  ASSERT_EQ(vain.size(), 1U);
  EXPECT_EQ(vain[0].domain, "a.example");
  EXPECT_EQ(vain[0].tickets, Tickets{1});
  EXPECT_EQ(waiting.ask("a.example", 2, 3 * kSecond), Turn::no);
  EXPECT_EQ(waiting.ask("a.example", 3, 63 * kSecond - 1), Turn::no);
  EXPECT_EQ(waiting.ask("a.example", 4, 63 * kSecond), Turn::first);
}

TEST(MapWaiting, AfterThreeVainWaitsNobodyWaitsUntilAPong) {
  Waiting waiting({});
  for (const char* domain : {"a.example", "b.example", "c.example"}) waiting.ask(domain, 1, 0);
  EXPECT_EQ(waiting.ask("d.example", 1, kSecond), Turn::first);
  EXPECT_FALSE(waiting.ping_due(kSecond));
  EXPECT_EQ(expire(waiting, 3 * kSecond), 3U);
  EXPECT_TRUE(waiting.asleep());
  EXPECT_EQ(waiting.ask("e.example", 1, 3 * kSecond), Turn::no);
  EXPECT_EQ(waiting.ask("d.example", 2, 3 * kSecond), Turn::no);  // also not with those who wait
  EXPECT_TRUE(waiting.ping_due(3 * kSecond));
  EXPECT_FALSE(waiting.ping_due(8 * kSecond - 1));
  EXPECT_TRUE(waiting.ping_due(8 * kSecond));
  EXPECT_EQ(expire(waiting, 4 * kSecond), 1U);  // who waited before it fell asleep
  waiting.pong();
  EXPECT_FALSE(waiting.asleep());
  EXPECT_FALSE(waiting.ping_due(60 * kSecond));
  EXPECT_EQ(waiting.ask("e.example", 3, 9 * kSecond), Turn::first);
}

TEST(MapWaiting, OneAnswerEndsTheRowOfVainWaits) {
  Waiting waiting({});
  waiting.ask("a.example", 1, 0);
  waiting.ask("b.example", 2, 0);
  EXPECT_EQ(expire(waiting, 3 * kSecond), 2U);
  waiting.answered("elsewhere.example", 3 * kSecond);
  waiting.ask("c.example", 3, 3 * kSecond);
  EXPECT_EQ(expire(waiting, 6 * kSecond), 1U);
  EXPECT_FALSE(waiting.asleep());
}

TEST(MapWaiting, WhatCouldNotBeAskedLeavesNoTrace) {
  Waiting waiting({});
  EXPECT_EQ(waiting.ask("a.example", 1, 0), Turn::first);
  EXPECT_EQ(waiting.withdraw("a.example"), Tickets{1});
  EXPECT_EQ(expire(waiting, 10 * kSecond), 0U);
  EXPECT_EQ(waiting.ask("a.example", 2, 10 * kSecond), Turn::first);
}

// Asked again after an answer, a domain has its new deadline, not the old one.
TEST(MapWaiting, AnOldDeadlineDoesNotEndANewWait) {
  Waiting waiting({});
  waiting.ask("other.example", 9, 0);
  waiting.ask("a.example", 1, 0);
  waiting.answered("a.example", 1);
  EXPECT_EQ(waiting.ask("a.example", 2, 2 * kSecond), Turn::first);
  EXPECT_EQ(expire(waiting, 3 * kSecond), 1U);  // other.example
  const auto vain = waiting.expired(5 * kSecond);
  ASSERT_EQ(vain.size(), 1U);
  EXPECT_EQ(vain[0].tickets, Tickets{2});
}

TEST(MapWaiting, ManyDomainsInVainEndTheWaitingNotTheMemory) {
  Waiting::Settings settings;
  settings.vain_domains = 4;
  Waiting waiting(settings);
  std::int64_t now = 0;
  for (int i = 0; i < 4; ++i, now += 3 * kSecond) {
    ASSERT_EQ(waiting.ask(std::to_string(i), 1, now), Turn::first);
    ASSERT_EQ(expire(waiting, now + 3 * kSecond), 1U);
    waiting.pong();
  }
  EXPECT_EQ(waiting.ask("more", 1, now), Turn::no);
  EXPECT_EQ(waiting.ask("more", 1, 3 * kSecond + 60 * kSecond), Turn::first);
}

TEST(MapHints, ADomainIsHintedOnceAMinute) {
  feed::HintGate gate;
  EXPECT_TRUE(gate.pass(1, kSecond));
  EXPECT_FALSE(gate.pass(1, 2 * kSecond));
  EXPECT_FALSE(gate.pass(1, 61 * kSecond - 1));
  EXPECT_TRUE(gate.pass(1, 61 * kSecond));
}

TEST(MapHints, AHundredASecondPass) {
  feed::HintGate gate;
  unsigned passed = 0;
  for (std::uint64_t i = 0; i < 1'000; ++i) passed += gate.pass(i + 1, kSecond) ? 1 : 0;
  EXPECT_EQ(passed, 100U);
  EXPECT_TRUE(gate.pass(5'000, 2 * kSecond));
}

TEST(MapColdDesk, AsksPolicydOncePerDomainAndWaitsOnlyWhenItCanBeAsked) {
  Bench bench;
  EXPECT_TRUE(bench.desk.wait("a.example", 1, 1));
  EXPECT_TRUE(bench.desk.wait("a.example", 1, 2));
  EXPECT_EQ(bench.policyd.wanted, std::vector<std::string>{"a.example"});
  bench.policyd.connected = false;
  EXPECT_FALSE(bench.desk.wait("b.example", 2, 3));
  bench.policyd.connected = true;
  EXPECT_TRUE(bench.desk.wait("b.example", 2, 4));
}

TEST(MapColdDesk, InVainEndsWithoutKnowledgeThenNobodyWaitsUntilThePong) {
  Waiting::Settings settings;
  settings.cold_wait = 5 * kMillisecond;
  Bench bench(enforcing(), settings);
  std::vector<bool> told;
  bench.on_ready = [&](Waiting::Ticket, const Known* known) {
    told.push_back(known != nullptr);
    if (told.size() == 3) bench.loop->post([&bench] { bench.loop->stop(); });
  };
  for (Waiting::Ticket i = 1; i <= 3; ++i) {
    ASSERT_TRUE(bench.desk.wait(std::to_string(i), i, i));
  }
  bench.loop->run();
  EXPECT_EQ(told, (std::vector<bool>{false, false, false}));
  EXPECT_TRUE(bench.desk.asleep());
  EXPECT_EQ(bench.policyd.pings, 1);
  EXPECT_FALSE(bench.desk.wait("d.example", 4, 4));
  EXPECT_EQ(bench.policyd.hinted, std::vector<std::string>{"d.example"});
  bench.policyd.pong();
  EXPECT_TRUE(bench.desk.wait("e.example", 5, 5));
}

// Policyd down for long: nothing of it may be left when it is back.
TEST(Waiting, WhatWasWithdrawnTakesNoPlace) {
  Waiting waiting({.max_waiting = 10, .cold_wait = 3 * kSecond, .vain_domains = 100});
  for (std::uint64_t i = 0; i < 1'000; ++i) {
    const std::string domain = "d" + std::to_string(i % 7) + ".example";
    ASSERT_EQ(waiting.ask(domain, i, kSecond), Waiting::Turn::first) << i;
    EXPECT_EQ(waiting.withdraw(domain).size(), 1U);
  }
  EXPECT_FALSE(waiting.next_deadline());
}

}  // namespace
}  // namespace mxw::map
