// Verdicts as a reader holds them: found by what they are about, for as long as they count.
#include "core/feed/verdict_replica.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "core/feed/replica.hpp"
#include "tests/unit/feed_support.hpp"

namespace mxw::feed {
namespace {

using rows::VerdictRow;
using rows::VerdictState;
using testing::ElementsAre;
using testing::IsEmpty;

IpAddress ip(const char* text) {
  return IpAddress::parse(text).value_or(IpAddress{});
}

std::vector<std::string> ids(VerdictReplica::Found found) {
  std::vector<std::string> ids;
  for (const HeldVerdict* const held : found) ids.push_back(held->row.id);
  std::ranges::sort(ids);
  return ids;
}

VerdictRow in_state(VerdictRow row, VerdictState state) {
  row.state = state;
  return row;
}

TEST(VerdictReplica, FindsByWhatAVerdictIsAbout) {
  VerdictReplica held;
  held.on_change(path_verdict("a", "192.0.2.25"));
  held.on_change(path_verdict("b", "192.0.2.25", "R29"));
  held.on_change(path_verdict("c", "2001:db8::25"));
  held.on_change(domain_verdict("d", "example.org"));
  held.on_change(session_verdict("e", 40'000));
  held.on_change(session_verdict("f", 40'001));
  VerdictRow other = path_verdict("g", "192.0.2.25");
  other.tenant = 7;
  held.on_change(other);
  EXPECT_THAT(ids(held.of_path(ip("192.0.2.25"))), ElementsAre("a", "b"));
  EXPECT_THAT(ids(held.of_path(ip("192.0.2.25"), 7)), ElementsAre("g"));
  EXPECT_THAT(ids(held.of_path(ip("2001:db8::25"))), ElementsAre("c"));
  EXPECT_THAT(ids(held.of_path(ip("192.0.2.26"))), IsEmpty());
  EXPECT_THAT(ids(held.of_domain("example.org")), ElementsAre("d"));
  EXPECT_THAT(ids(held.of_domain("example.com")), IsEmpty());
  const Endpoint client{ip("198.51.100.7"), 40'001}, server{ip("192.0.2.25"), 25};
  EXPECT_THAT(ids(held.of_session(client, server)), ElementsAre("f"));
  EXPECT_THAT(ids(held.of_session(server, client)), IsEmpty());
  EXPECT_EQ(held.size(), 7U);
}

TEST(VerdictReplica, LetsClearedAndVoidOnesGoAtOnceAndKeepsExpiredOnes) {
  for (const VerdictState state : {VerdictState::cleared, VerdictState::voided}) {
    VerdictReplica held;
    held.on_change(path_verdict("a", "192.0.2.25"));
    held.on_change(in_state(path_verdict("a", "192.0.2.25"), state));
    EXPECT_EQ(held.size(), 0U);
    EXPECT_THAT(ids(held.of_path(ip("192.0.2.25"))), IsEmpty());
  }
  VerdictReplica held;
  held.on_change(path_verdict("a", "192.0.2.25"));
  held.on_change(in_state(path_verdict("a", "192.0.2.25"), VerdictState::expired));
  EXPECT_THAT(ids(held.of_path(ip("192.0.2.25"))), ElementsAre("a"));
}

TEST(VerdictReplica, GoesByOriginAndId) {
  VerdictReplica held;
  VerdictRow second = path_verdict("a", "192.0.2.25");
  second.origin = "sensor-b";
  held.on_change(path_verdict("a", "192.0.2.25"));
  held.on_change(second);
  EXPECT_EQ(held.size(), 2U);
  held.on_change(in_state(second, VerdictState::cleared));
  EXPECT_THAT(ids(held.of_path(ip("192.0.2.25"))), ElementsAre("a"));
  held.on_change(path_verdict("a", "192.0.2.26"));  // about something else now
  EXPECT_THAT(ids(held.of_path(ip("192.0.2.25"))), IsEmpty());
  EXPECT_THAT(ids(held.of_path(ip("192.0.2.26"))), ElementsAre("a"));
}

// Known to its end and five minutes longer, also when nobody tells any more.
TEST(VerdictReplica, HoldsWithoutTheSensorUntilItsTimeIsOver) {
  VerdictReplica held;
  held.on_state(true);
  held.on_change(path_verdict("a", "192.0.2.25"));
  held.on_state(false);
  const Time end = path_verdict("a", "192.0.2.25").expires;
  EXPECT_EQ(held.prune(end + VerdictReplica::kAfter), 0U);
  EXPECT_EQ(held.size(), 1U);
  EXPECT_EQ(held.prune(end + VerdictReplica::kAfter + 1), 1U);
  EXPECT_EQ(held.size(), 0U);
  EXPECT_EQ(held.counters().pruned, 1U);
}

TEST(VerdictReplica, EndsWhatIsNotToldAgain) {
  VerdictReplica held;
  held.on_change(path_verdict("a", "192.0.2.25"));
  held.on_change(path_verdict("b", "192.0.2.26"));
  held.on_reset();
  held.on_change(path_verdict("b", "192.0.2.26"));
  EXPECT_EQ(held.size(), 2U);  // the old ones hold until the end
  EXPECT_EQ(held.sequence(), 0U);
  held.on_end(99);
  EXPECT_THAT(ids(held.of_path(ip("192.0.2.25"))), IsEmpty());
  EXPECT_THAT(ids(held.of_path(ip("192.0.2.26"))), ElementsAre("b"));
  EXPECT_EQ(held.sequence(), 99U);
  EXPECT_TRUE(held.complete());
  EXPECT_EQ(held.counters().swept, 1U);
}

TEST(VerdictReplica, RefusesWhatIsOverItsBounds) {
  VerdictReplica held({.verdicts = 3, .of_subject = 2});
  for (const char* const id : {"a", "b", "c"}) held.on_change(path_verdict(id, "192.0.2.25"));
  EXPECT_THAT(ids(held.of_path(ip("192.0.2.25"))), ElementsAre("a", "b"));
  held.on_change(path_verdict("d", "192.0.2.26"));
  held.on_change(path_verdict("e", "192.0.2.27"));
  EXPECT_EQ(held.size(), 3U);
  EXPECT_EQ(held.counters().refused, 2U);
  // What is held is renewed all the same, and old ones make room in a new telling.
  VerdictRow more = path_verdict("a", "192.0.2.25");
  more.count = 9;
  held.on_change(more);
  EXPECT_EQ(held.counters().refused, 2U);
  held.on_reset();
  held.on_change(path_verdict("e", "192.0.2.27"));
  EXPECT_THAT(ids(held.of_path(ip("192.0.2.27"))), ElementsAre("e"));
  EXPECT_EQ(held.counters().refused, 2U);
}

// Whoever asks policyd to read again goes by this.
TEST(VerdictReplica, TellsOfThoseThatRiseAndSinceWhenTheyStand) {
  VerdictReplica held;
  std::vector<std::string> risen;
  held.on_risen([&](const VerdictRow& row) { risen.push_back(row.id); });
  VerdictRow row = path_verdict("a", "192.0.2.25");
  held.on_change(row);
  EXPECT_THAT(risen, ElementsAre("a"));
  EXPECT_EQ(held.of_path(ip("192.0.2.25"))[0]->since, row.first_seen);

  row.last_seen = row.expires;  // one more bad session before its end: it goes on
  row.expires = row.last_seen + 900 * kSecond;
  held.on_change(row);
  EXPECT_THAT(risen, ElementsAre("a"));
  EXPECT_EQ(held.of_path(ip("192.0.2.25"))[0]->since, row.first_seen);

  row.last_seen = row.expires + 1;  // armed again after it
  row.expires = row.last_seen + 900 * kSecond;
  held.on_change(row);
  EXPECT_THAT(risen, ElementsAre("a", "a"));
  EXPECT_EQ(held.of_path(ip("192.0.2.25"))[0]->since, row.last_seen);

  held.on_change(in_state(row, VerdictState::expired));
  EXPECT_THAT(risen, ElementsAre("a", "a"));
  row.last_seen = row.last_seen + kSecond;
  held.on_change(row);
  EXPECT_THAT(risen, ElementsAre("a", "a", "a"));
  EXPECT_EQ(held.of_path(ip("192.0.2.25"))[0]->since, row.last_seen);
}

// What was pruned, or told before a restart, comes again as a row that began long ago.
TEST(VerdictReplica, OneThatIsNewHereStandsSinceItsEndMayHavePassed) {
  VerdictReplica held;
  VerdictRow row = path_verdict("a", "192.0.2.25");  // 0, 60, 960
  held.on_change(row);
  ASSERT_EQ(held.prune(row.expires + VerdictReplica::kAfter + 1), 1U);
  row.last_seen = at(2'000);
  row.expires = at(2'900);
  held.on_change(row);
  EXPECT_EQ(held.of_path(ip("192.0.2.25"))[0]->since, at(2'000));
  const auto since = [&row](Time first, Time last, Time expires) {
    row.first_seen = first, row.last_seen = last, row.expires = expires;
    VerdictReplica fresh;
    fresh.on_change(row);
    return fresh.of_path(ip("192.0.2.25"))[0]->since;
  };
  EXPECT_EQ(since(at(0), at(2'000), at(2'900)), at(2'000)) << "a reader that has just begun";
  EXPECT_EQ(since(at(0), at(900), at(1'800)), at(0)) << "it cannot have ended between";
  EXPECT_EQ(since(at(0), at(901), at(1'801)), at(901));
  constexpr Time kFirst{std::numeric_limits<std::int64_t>::min()};
  constexpr Time kLast{std::numeric_limits<std::int64_t>::max()};
  EXPECT_EQ(since(kFirst, kLast, kLast), kLast);
  EXPECT_EQ(since(kLast, kFirst, kLast), kFirst);
}

TEST(VerdictReplica, IsNoBusinessOfPolicydsReaders) {
  Replica policies;
  VerdictRow verdict = domain_verdict("a", "example.org");
  verdict.seq = 7;
  policies.on_change(verdict);
  EXPECT_EQ(policies.find("example.org"), nullptr);
  EXPECT_EQ(policies.sequence(), 7U);
  VerdictReplica verdicts;
  rows::PolicyRow policy = policy_row("example.org");
  policy.seq = 8;
  verdicts.on_change(policy);
  EXPECT_EQ(verdicts.size(), 0U);
  EXPECT_EQ(verdicts.sequence(), 8U);
}

}  // namespace
}  // namespace mxw::feed
