// Loss, cut packets, overlaps, probes, limits.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/limits.hpp"
#include "tests/unit/flow_support.hpp"

namespace mxw::flow {
namespace {

using test::Dialogue;
using test::kAckFlag;
using test::kPshFlag;

TEST(FlowLoss, AnAcknowledgedHoleIsGivenUpAfterItsTime) {
  Dialogue d;
  d.open();
  d.lose({'C', "EHLO a\r\n"});
  d.say({'S', "250 ok\r\n"});
  Bench bench;
  bench.give(d.packets);
  EXPECT_THAT(bench.told.front().log, testing::IsEmpty());  // it may still come
  d.wait(limits::kReorderWait);
  d.acknowledge('C');
  bench.give(d.packets.back());
  EXPECT_THAT(bench.told.front().log, testing::ElementsAre("C gap 8@0", "S \"250 ok\r\n\""));
}

TEST(FlowLoss, OrAfterSoManyPackets) {
  Dialogue d;
  d.open();
  d.lose({'C', "EHLO a\r\n"});
  d.say({'S', "250 ok\r\n"});
  Bench bench;
  bench.give(d.packets);
  for (std::size_t i = 0; i + 1 < limits::kReorderPackets; ++i) {
    d.wait(-900'000);  // packets come faster than their usual step
    d.acknowledge('C');
    bench.give(d.packets.back());
    ASSERT_THAT(bench.told.front().log, testing::IsEmpty()) << i;
  }
  d.acknowledge('C');
  bench.give(d.packets.back());
  EXPECT_THAT(bench.told.front().log, testing::ElementsAre("C gap 8@0", "S \"250 ok\r\n\""));
}

TEST(FlowLoss, WhatNobodyAcknowledgedIsWaitedFor) {
  Dialogue d;
  d.open();
  const std::uint32_t seq = d.seq('C'), ack = d.seq('S');
  d.lose({'C', "EHLO "});  // lost before the server too
  d.say({'C', "a\r\n"});
  Bench bench;
  bench.give(d.packets);
  for (int i = 0; i < 200; ++i) {
    d.wait(kSecond);
    d.forge('S', kAckFlag, ack, seq);  // duplicate acknowledgements
    bench.give(d.packets.back());
  }
  EXPECT_THAT(bench.told.front().log, testing::IsEmpty());
  d.forge('C', kPshFlag | kAckFlag, seq, ack, "EHLO ");
  bench.give(d.packets.back());
  EXPECT_EQ(bench.told.front().stream[0], "EHLO a\r\n");
  EXPECT_EQ(bench.table.counters().gaps, 0U);
}

TEST(FlowLoss, LateOctetsAreCountedAndNotDelivered) {
  Dialogue d;
  d.open();
  const std::uint32_t seq = d.seq('C'), ack = d.seq('S');
  d.lose({'C', "EHLO a\r\n"});
  d.say({'S', "250 ok\r\n"});
  d.wait(kSecond);
  d.acknowledge('C');
  d.forge('C', kPshFlag | kAckFlag, seq, ack, "EHLO a\r\n");
  Bench bench;
  EXPECT_EQ(bench.play(d.packets).stream[0], "????????");
  EXPECT_EQ(bench.table.counters().late_octets, 8U);
}

TEST(FlowLoss, AForgedAcknowledgementFarAheadHoldsNothingUp) {
  Dialogue d;
  d.open();
  d.forge('S', kPshFlag | kAckFlag, d.seq('S'), d.seq('C') + (64U << 20), "220 hi\r\n");
  Bench bench;
  bench.give(d.packets);
  EXPECT_EQ(bench.told.front().stream[1], "220 hi\r\n");
  bench.table.finish();
  EXPECT_EQ(bench.table.counters().gaps, 0U);
}

TEST(FlowLoss, AForgedAcknowledgementIsTakenBackByLaterOctets) {
  Dialogue d;
  d.open();
  d.say({'S', "220 hi\r\n"});
  d.forge('S', kAckFlag, d.seq('S'), d.seq('C') + 100'000);
  d.say({'C', "EHLO a\r\n"});
  d.say({'S', "250 ok\r\n"});
  d.wait(2 * kSecond);
  d.say({'C', "QUIT\r\n"});
  d.say({'S', "221 ok\r\n"});
  d.close();
  Bench bench;
  const Told& told = bench.play(d.packets);
  EXPECT_EQ(told.stream[0], "EHLO a\r\nQUIT\r\n");
  EXPECT_EQ(bench.table.counters().gaps, 0U);
}

TEST(FlowLoss, OctetsThatAcknowledgeEachOtherAreDeliveredInTheEnd) {
  Dialogue d;
  d.open();
  d.forge('S', kPshFlag | kAckFlag, d.seq('S'), d.seq('C') + 8, "220 hi\r\n");
  d.forge('C', kPshFlag | kAckFlag, d.seq('C'), d.seq('S') + 8, "EHLO a\r\n");
  d.wait(2 * limits::kReorderWait);
  d.forge('C', kAckFlag, d.seq('C') + 8, d.seq('S') + 8);
  Bench bench;
  bench.give(d.packets);
  EXPECT_EQ(bench.told.front().stream[0], "EHLO a\r\n");
  EXPECT_EQ(bench.told.front().stream[1], "220 hi\r\n");
  bench.table.finish();
  EXPECT_EQ(bench.table.counters().gaps, 0U);
}

TEST(FlowLoss, SegmentsFarAheadBelongToNoOne) {
  Dialogue d;
  d.open();
  d.forge('S', kPshFlag | kAckFlag, d.seq('S') + (64U << 20), d.seq('C'), "forged");
  d.say({'S', "220 hi\r\n"});
  d.close();
  Bench bench;
  EXPECT_EQ(bench.play(d.packets).stream[1], "220 hi\r\n");
  EXPECT_EQ(bench.table.counters().gaps, 0U);
  EXPECT_EQ(bench.table.counters().out_of_window, 1U);
}

TEST(FlowLoss, CutPacketsGiveWhatIsThereAndACut) {
  Dialogue d;
  d.open();
  d.say({'S', "220 mx.example.org\r\n"});
  test::Captured& packet = d.packets.back();
  packet.wire_length = static_cast<std::uint32_t>(packet.bytes.size());
  packet.bytes.erase(packet.bytes.end() - 10, packet.bytes.end());
  d.say({'C', "EHLO a\r\n"});
  Bench bench;
  const Told& told = bench.play(d.packets);
  EXPECT_THAT(told.log, testing::ElementsAre("S \"220 mx.exa\"", "S cut 10@10", "C \"EHLO a\r\n\"",
                                             "end input_end", "removed"));
  EXPECT_EQ(bench.table.counters().gaps, 0U);
}

TEST(FlowLoss, TheFirstDataWinsAndADifferentCopyIsAConflict) {
  Dialogue d;
  d.open();
  const std::uint32_t seq = d.seq('S'), ack = d.seq('C');
  d.say({'S', "250-STARTTLS\r\n"});
  d.forge('S', kPshFlag | kAckFlag, seq, ack, "250-XXXXXXXX\r\n");
  Bench bench;
  const Told& told = bench.play(d.packets);
  EXPECT_EQ(told.stream[1], "250-STARTTLS\r\n");
  EXPECT_THAT(told.log, testing::Contains("S conflict @4"));
}

TEST(FlowLoss, SoDoWaitingCopies) {
  Dialogue d;
  d.open();
  const std::uint32_t seq = d.seq('S'), ack = d.seq('C');
  d.forge('S', kPshFlag | kAckFlag, seq + 4, ack, "STARTTLS\r\n");
  d.forge('S', kPshFlag | kAckFlag, seq + 2, ack, "0-STXXXXXX\r\n");
  d.forge('S', kPshFlag | kAckFlag, seq, ack, "250-");
  Bench bench;
  const Told& told = bench.play(d.packets);
  EXPECT_EQ(told.stream[1], "250-STARTTLS\r\n");
  EXPECT_EQ(told.log.front(), "S conflict @6");
}

TEST(FlowLoss, KeepAlivesAndProbesNeverConflict) {
  Dialogue d;
  d.open();
  d.say({'S', "220 hi\r\n"});
  d.forge('S', kAckFlag, d.seq('S') - 1, d.seq('C'), std::string_view("\0", 1));
  d.forge('S', kAckFlag, d.seq('S') - 1, d.seq('C'));
  d.forge('C', kAckFlag, d.seq('C') - 1, d.seq('S'), std::string_view("\0", 1));
  d.forge('C', kAckFlag, d.seq('C'), d.seq('S'), "E");  // a probe of a closed window: sent again
  d.say({'C', "EHLO a\r\n"});
  Bench bench;
  const Told& told = bench.play(d.packets);
  EXPECT_EQ(told.conflicts, 0U);
  EXPECT_EQ(told.stream[0], "EHLO a\r\n");
  EXPECT_EQ(told.stream[1], "220 hi\r\n");
}

TEST(FlowLoss, TooMuchThatWaitsIsGivenUp) {
  Dialogue d;
  d.open();
  const std::uint32_t seq = d.seq('S'), ack = d.seq('C');
  const std::string block(1'000, 'x');
  std::uint32_t at = seq + 1;
  for (std::size_t sent = 0; sent <= limits::kFlowBufferBytes; sent += block.size()) {
    d.forge('S', kPshFlag | kAckFlag, at, ack, block);
    at += static_cast<std::uint32_t>(block.size());
  }
  Bench bench;
  const Told& told = bench.play(d.packets);
  EXPECT_EQ(bench.table.counters().buffer_limit, 1U);
  EXPECT_EQ(told.gap_octets[1], 1U);
  EXPECT_EQ(told.stream[1].size(), at - seq);
}

TEST(FlowLoss, SoAreTooManySegments) {
  Dialogue d;
  d.open();
  for (std::uint32_t i = 0; i <= limits::kFlowSegments; ++i)
    d.forge('S', kPshFlag | kAckFlag, d.seq('S') + 1 + 2 * i, d.seq('C'), "x");
  Bench bench;
  bench.play(d.packets);
  EXPECT_EQ(bench.table.counters().buffer_limit, 1U);
  EXPECT_TRUE(bench.told.front().contiguous);
}

}  // namespace
}  // namespace mxw::flow
