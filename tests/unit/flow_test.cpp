// Connections: where they begin and end, resets, checksums, acknowledgements, causal order.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "core/base/limits.hpp"
#include "tests/unit/flow_support.hpp"

namespace mxw::flow {
namespace {

using test::Dialogue;
using test::kAckFlag;
using test::kFinFlag;
using test::kPshFlag;
using test::kRstFlag;
using test::kSynFlag;
using testing::ElementsAre;

const test::Turns kHello = {{'S', "220 hi\r\n"}, {'C', "EHLO a\r\n"}, {'S', "250 ok\r\n"}};

Dialogue conversation(test::Peers peers = {}) {
  Dialogue d(std::move(peers));
  d.open();
  d.say(kHello);
  d.close();
  return d;
}

TEST(Flow, AConversationIsDeliveredInOrderAndEnds) {
  Bench bench;
  const Told& told = bench.play(conversation().packets);
  EXPECT_THAT(told.log, ElementsAre("S \"220 hi\r\n\"", "C \"EHLO a\r\n\"", "S \"250 ok\r\n\"",
                                    "end fin", "removed"));
  EXPECT_EQ(bench.table.counters().gaps, 0U);
  EXPECT_EQ(bench.table.counters().connections, 1U);
  EXPECT_EQ(bench.table.counters().active, 0U);
}

TEST(Flow, SequenceNumbersWrapAround) {
  for (std::uint32_t back = 0; back < 24; ++back) {
    Bench bench;
    const Told& told = bench.play(
        conversation({.client_isn = 0xffff'ffff - back, .server_isn = 0xffff'fffe - back}).packets);
    EXPECT_EQ(told.stream[0], "EHLO a\r\n") << back;
    EXPECT_EQ(told.stream[1], "220 hi\r\n250 ok\r\n") << back;
    EXPECT_EQ(told.log.back(), "removed");
    EXPECT_EQ(bench.table.counters().gaps, 0U);
  }
}

TEST(Flow, RepliesNeverComeBeforeWhatTheyAcknowledge) {
  Dialogue d = conversation();
  std::swap(d.packets[4], d.packets[5]);  // the answer to EHLO was captured first
  Bench bench;
  EXPECT_THAT(bench.play(d.packets).log, ElementsAre("S \"220 hi\r\n\"", "C \"EHLO a\r\n\"",
                                                     "S \"250 ok\r\n\"", "end fin", "removed"));
}

TEST(Flow, SynAckBeforeSynIsTheSameConnection) {
  Dialogue d = conversation();
  std::swap(d.packets[0], d.packets[1]);
  Bench bench;
  const Told& told = bench.play(d.packets);
  EXPECT_EQ(bench.told.size(), 1U);
  EXPECT_EQ(told.stream[0], "EHLO a\r\n");
  EXPECT_EQ(bench.table.counters().midstream, 0U);
  EXPECT_EQ(bench.table.counters().syn_ignored, 0U);
}

TEST(Flow, WithoutItsSynTheSynAckTellsBothBeginnings) {
  Dialogue d = conversation();
  d.packets.erase(d.packets.begin());
  Bench bench;
  EXPECT_EQ(bench.play(d.packets).stream[0], "EHLO a\r\n");
  EXPECT_EQ(bench.table.counters().midstream, 0U);
}

// Else the answer to EHLO would be taken for the banner.
TEST(Flow, WithoutSynAckAndBannerTheClientTellsWhereTheServerBegan) {
  Dialogue d = conversation();
  d.packets.erase(d.packets.begin() + 3);
  d.packets.erase(d.packets.begin() + 1);
  Bench bench;
  const Told& told = bench.play(d.packets);
  EXPECT_EQ(told.gap_octets[1], 8U);
  EXPECT_EQ(told.stream[1], "????????250 ok\r\n");
}

TEST(Flow, MidstreamBeginsAtItsFirstOctet) {
  Dialogue d = conversation();
  d.packets.erase(d.packets.begin(), d.packets.begin() + 4);
  Bench bench;
  const Told& told = bench.play(d.packets);
  EXPECT_EQ(told.stream[0], "EHLO a\r\n");
  EXPECT_EQ(told.stream[1], "250 ok\r\n");
  EXPECT_EQ(bench.table.counters().midstream, 1U);
}

TEST(Flow, OneSideAloneIsDelivered) {
  for (const std::size_t side : {0U, 1U}) {
    const Dialogue d = conversation();
    Bench bench;
    for (const test::Captured& packet : d.packets)
      if ((packet.bytes[29] == 10) == (side == 0)) bench.give(packet);  // last octet of the source
    bench.table.finish();
    EXPECT_EQ(bench.told.front().stream[side], side == 0 ? "EHLO a\r\n" : "220 hi\r\n250 ok\r\n");
    EXPECT_EQ(bench.told.front().stream[1 - side], "");
    EXPECT_EQ(bench.table.counters().gaps, 0U);
  }
}

TEST(Flow, ResetEndsAndDataAfterItIsTold) {
  Dialogue d;
  d.open();
  d.say(kHello);
  const std::uint32_t seq = d.seq('S');
  d.forge('S', kRstFlag, seq, 0);
  d.forge('S', kPshFlag | kAckFlag, seq - 8, d.seq('C'), "250 ok\r\n");  // sent before it
  d.say({'S', "250 more\r\n"});
  d.say({'S', "250 again\r\n"});
  Bench bench;
  const Told& told = bench.play(d.packets);
  EXPECT_THAT(std::vector(told.log.begin() + 3, told.log.end()),
              ElementsAre("S reset", "end rst", "S data after reset", "removed"));
}

TEST(Flow, ResetsOutsideTheWindowAreIgnored) {
  Dialogue d;
  d.open();
  d.say(kHello);
  d.forge('S', kRstFlag, d.seq('S') + (1 << 20), 0);
  d.forge('C', kRstFlag, d.seq('C') - (1 << 20), 0);
  d.say({'C', "QUIT\r\n"});
  d.close();
  Bench bench;
  EXPECT_EQ(bench.play(d.packets).log.back(), "removed");
  EXPECT_EQ(bench.told.front().stream[0], "EHLO a\r\nQUIT\r\n");
  EXPECT_EQ(bench.table.counters().resets_ignored, 2U);
}

TEST(Flow, AResetOfNothingIsNoConnection) {
  Dialogue d;
  d.reset('S');
  Bench bench;
  bench.give(d.packets);
  EXPECT_EQ(bench.asked, 0U);
}

TEST(Flow, AnUnseenFinIsNoGap) {
  Dialogue d;
  d.open();
  d.say(kHello);
  d.fin('C');
  d.packets.pop_back();
  d.acknowledge('S');
  d.wait(kSecond);
  d.acknowledge('S');
  d.fin('S');
  d.acknowledge('C');
  Bench bench;
  const Told& told = bench.play(d.packets);
  EXPECT_EQ(told.gap_octets[0], 0U);
  EXPECT_EQ(bench.table.counters().gaps, 0U);
  EXPECT_THAT(told.log, testing::Contains("end fin"));
}

TEST(Flow, WhatLookedLikeAnUnseenFinMayBeALostOctet) {
  Dialogue d;
  d.open();
  d.lose({'C', "E"});
  d.acknowledge('S');
  d.wait(kSecond);
  d.acknowledge('S');
  d.acknowledge('S');
  d.say({'C', "HLO a\r\n"});
  d.say({'S', "250 ok\r\n"});
  d.wait(kSecond);
  d.acknowledge('S');
  d.close();
  Bench bench;
  const Told& told = bench.play(d.packets);
  EXPECT_EQ(told.stream[0], "?HLO a\r\n");
  EXPECT_TRUE(told.contiguous);
}

TEST(Flow, BehindAFinThereIsNothing) {
  Dialogue d;
  d.open();
  d.say({'S', "220 hi\r\n"});
  d.fin('C');
  d.say({'C', "MAIL FROM:<>\r\n"});
  d.fin('S');
  Bench bench;
  EXPECT_EQ(bench.play(d.packets).stream[0], "");
}

TEST(Flow, ABadChecksumCountsOnlyWhereNoGoodOneWas) {
  Dialogue d;
  d.open();
  d.say(kHello);
  Bench offload;
  auto broken = d.packets;
  for (test::Captured& packet : broken) packet.bytes[14 + 20 + 16] ^= 0x55;
  EXPECT_EQ(offload.play(broken).stream[1], "220 hi\r\n250 ok\r\n");
  EXPECT_EQ(offload.table.counters().bad_checksum_accepted, broken.size());

  // Behind a good SYN a bad one is dropped, as its receiver drops it: here its good copy follows.
  auto copied = d.packets;
  copied.insert(copied.begin() + 4, copied[4]);
  copied[4].bytes[14 + 20 + 16] ^= 0x55;
  copied[4].bytes.back() ^= 0x55;
  Bench bench;
  const auto& told = bench.play(copied);
  EXPECT_EQ(told.stream[0], "EHLO a\r\n");
  EXPECT_EQ(bench.table.counters().bad_checksum_ignored, 1U);
  EXPECT_EQ(bench.table.counters().bad_checksum_taken, 0U);
}

// A capture whose octets were edited afterwards: the receiver acknowledged what now has a bad sum.
TEST(Flow, ABadChecksumIsTakenWhenThePeerAcknowledgedItAndNoGoodCopyCame) {
  Dialogue d;
  d.open();
  d.say(kHello);
  auto edited = d.packets;
  edited[4].bytes[14 + 20 + 16] ^= 0x55;  // EHLO, behind a good SYN
  Bench bench;
  EXPECT_EQ(bench.play(edited).stream[0], "EHLO a\r\n");
  EXPECT_EQ(bench.table.counters().bad_checksum_ignored, 1U);
  EXPECT_EQ(bench.table.counters().bad_checksum_taken, 1U);
  EXPECT_EQ(bench.table.counters().gaps, 0U);
}

TEST(Flow, ASynWithABadChecksumStartsNothingAnew) {
  Dialogue d;
  d.open();
  d.say(kHello);
  d.wait(2 * limits::kPortReuseIdle);
  d.forge('C', kSynFlag, 77, 0);
  d.packets.back().bytes[14 + 20 + 16] ^= 0x55;
  d.say({'C', "QUIT\r\n"});
  Bench bench;
  bench.play(d.packets);
  EXPECT_EQ(bench.told.size(), 1U);
  EXPECT_EQ(bench.told.front().stream[0], "EHLO a\r\nQUIT\r\n");
}

TEST(Flow, APortUsedAgainIsANewConnection) {
  Dialogue first = conversation();
  Dialogue second = conversation({.client_isn = 500'000, .start = first.now() + kMillisecond});
  Bench bench;
  bench.give(first.packets);
  bench.play(second.packets);
  ASSERT_EQ(bench.told.size(), 2U);
  EXPECT_EQ(bench.told.back().log, bench.told.front().log);
}

TEST(Flow, ASynForAnOpenConnectionIsIgnoredUntilItSlept) {
  Dialogue d;
  d.open();
  d.say(kHello);
  d.forge('C', kSynFlag, 0x7777'7777, 0);
  d.forge('C', kSynFlag, d.seq('C') - 9, 0);  // the first SYN again
  d.say({'C', "QUIT\r\n"});
  Bench bench;
  bench.play(d.packets);
  EXPECT_EQ(bench.told.size(), 1U);
  EXPECT_EQ(bench.told.front().stream[0], "EHLO a\r\nQUIT\r\n");
  EXPECT_EQ(bench.table.counters().syn_ignored, 1U);
}

TEST(Flow, IdleConnectionsEndInTheOrderOfTheirLastPacket) {
  Bench bench;
  std::vector<Dialogue> all;
  for (std::uint16_t i = 0; i < 3; ++i) {
    all.emplace_back(test::Peers{.client_port = static_cast<std::uint16_t>(5'000 + i),
                                 .start = 1'700'000'000'000'000'000 + i * kSecond});
    all.back().open();
  }
  for (Dialogue& d : all) bench.give(d.packets);
  all[0].wait(10 * kSecond);
  all[0].say({'S', "220 hi\r\n"});
  bench.give(all[0].packets.back());
  bench.table.advance(Time{all[0].now()} + limits::kFlowIdle);
  EXPECT_EQ(bench.table.counters().timeouts, 2U);
  bench.table.advance(Time{all[0].now()} + limits::kFlowIdle + 1);
  EXPECT_EQ(bench.table.counters().timeouts, 3U);
  EXPECT_THAT(bench.told.back().log, ElementsAre("end timeout", "removed"));
}

TEST(Flow, ConnectionsNobodyWantsLeaveNothing) {
  Bench bench;
  bench.wishes.taken = false;
  bench.give(conversation().packets);
  EXPECT_GT(bench.asked, 1U);
  EXPECT_EQ(bench.table.counters().active, 0U);

  Bench let_go;
  let_go.wishes.connection = false;
  let_go.give(conversation().packets);
  EXPECT_EQ(let_go.table.counters().active, 0U);
  for (const Told& told : let_go.told)
    EXPECT_THAT(told.log, testing::Each(testing::Not("end fin")));
}

TEST(Flow, UnwantedPayloadIsSkippedAndTheEndStillSeen) {
  Bench bench;
  bench.wishes.data = false;
  EXPECT_THAT(bench.play(conversation().packets).log, ElementsAre("end fin", "removed"));
}

TEST(Flow, AFinThatWaitsIsSeenWhenPayloadIsNoLongerWanted) {
  Dialogue d = conversation();
  const test::Captured ehlo = d.packets[4];
  d.packets.erase(d.packets.begin() + 4);
  Bench bench;
  bench.give(d.packets);  // all behind the missing EHLO waits, both FINs too
  bench.wishes.data = false;
  bench.give(ehlo);
  EXPECT_THAT(bench.told.front().log, testing::Contains("end fin"));
}

}  // namespace
}  // namespace mxw::flow
