// FlowTable against an oracle that knows what each side said: segments of random length, reordered,
// repeated, overlapping, lost. The seed of a failing run is printed.
#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <random>

#include "tests/unit/flow_support.hpp"

namespace mxw::flow {
namespace {

using test::Dialogue;
using test::kAckFlag;
using test::kPshFlag;

class Chance {
 public:
  explicit Chance(std::uint32_t seed) : engine_(seed) {}
  // 0 .. n - 1; not std::uniform_int_distribution, whose numbers differ between libraries.
  std::size_t below(std::size_t n) { return engine_() % n; }
  bool one_in(std::size_t n) { return below(n) == 0; }

 private:
  std::mt19937 engine_;
};

// Both streams of a conversation, and for each turn how much of the other side came before it.
struct Script {
  std::array<std::string, 2> stream;
  struct Before {
    std::size_t side, begin, other;
  };
  std::vector<Before> turns;
  std::vector<test::Captured> packets;
};

struct Trouble {
  bool repeat = false, overlap = false, conflict = false;
  std::size_t reorder = 0;  // places
};

Script script(Chance& chance, const Trouble& trouble) {
  Script s;
  Dialogue d({.client_isn = static_cast<std::uint32_t>(chance.below(2)) - 200,
              .server_isn = static_cast<std::uint32_t>(chance.below(2)) - 300,
              .step = 100'000});
  d.open();
  const std::array<std::uint32_t, 2> base = {d.seq('C'), d.seq('S')};
  for (std::size_t turn = 0; turn < 12; ++turn) {
    const std::size_t side = turn % 2;
    const char who = side == 0 ? 'C' : 'S';
    s.turns.push_back({side, s.stream[side].size(), s.stream[1 - side].size()});
    std::string bytes;
    for (std::size_t n = 1 + chance.below(80); n > 0; --n)
      bytes += static_cast<char>('a' + chance.below(26));
    s.stream[side] += bytes;
    std::vector<std::size_t> cut;
    for (int i = 0; i < 5; ++i) cut.push_back(1 + chance.below(20));
    d.say({who, bytes}, cut);
    const std::uint32_t ack = d.seq(side == 0 ? 'S' : 'C');
    const std::string& all = s.stream[side];
    const auto again = [&](std::size_t from, std::size_t length, bool differs) {
      std::string copy = all.substr(from, length);
      if (differs) copy[copy.size() / 2] = '#';
      d.forge(who, kPshFlag | kAckFlag, base[side] + static_cast<std::uint32_t>(from), ack, copy);
    };
    if (trouble.repeat && chance.one_in(3)) again(all.size() - bytes.size(), bytes.size(), false);
    if (trouble.overlap && chance.one_in(2)) {
      const std::size_t from = chance.below(bytes.size());
      again(all.size() - bytes.size() + from, 1 + chance.below(bytes.size() - from), false);
    }
    if (trouble.conflict && chance.one_in(2) && bytes.size() > 4)
      again(all.size() - bytes.size(), bytes.size(), true);
  }
  d.close();
  s.packets = std::move(d.packets);
  for (std::size_t i = 3; trouble.reorder > 0 && i < s.packets.size(); ++i) {
    const std::size_t j = i + chance.below(trouble.reorder);
    if (j < s.packets.size()) std::swap(s.packets[i].bytes, s.packets[j].bytes);
  }
  return s;
}

// Replays the log: at each piece of a turn everything the turn answers must have been told.
void expect_causal(const Script& s, const Told& told, std::uint32_t seed) {
  std::array<std::size_t, 2> at{};
  for (const std::string& line : told.log) {
    if (line[0] != 'C' && line[0] != 'S') continue;
    if (line.size() < 4 || line[2] != '"') continue;
    const std::size_t side = line[0] == 'C' ? 0 : 1;
    std::size_t needed = 0;
    for (const Script::Before& turn : s.turns)
      if (turn.side == side && turn.begin <= at[side]) needed = turn.other;
    EXPECT_GE(at[1 - side], needed) << "seed " << seed << ' ' << line;
    at[side] += line.size() - 4;
  }
}

void expect_whole(const Trouble& trouble, std::uint32_t seeds) {
  for (std::uint32_t seed = 1; seed <= seeds; ++seed) {
    Chance chance(seed);
    const Script s = script(chance, trouble);
    Bench bench;
    const Told& told = bench.play(s.packets);
    ASSERT_EQ(told.stream[0], s.stream[0]) << "seed " << seed;
    ASSERT_EQ(told.stream[1], s.stream[1]) << "seed " << seed;
    ASSERT_TRUE(told.contiguous) << "seed " << seed;
    ASSERT_EQ(bench.table.counters().gaps, 0U) << "seed " << seed;
    ASSERT_EQ(told.conflicts, 0U) << "seed " << seed;
    ASSERT_EQ(bench.told.size(), 1U) << "seed " << seed;
    ASSERT_EQ(std::count(told.log.begin(), told.log.end(), "end fin"), 1) << "seed " << seed;
    expect_causal(s, told, seed);
  }
}

TEST(FlowOracle, AnySegmentation) {
  expect_whole({}, 300);
}
TEST(FlowOracle, Repeated) {
  expect_whole({.repeat = true}, 300);
}
TEST(FlowOracle, Overlapping) {
  expect_whole({.repeat = true, .overlap = true}, 300);
}
TEST(FlowOracle, Reordered) {
  expect_whole({.reorder = 6}, 300);
}
TEST(FlowOracle, AllTogether) {
  expect_whole({.repeat = true, .overlap = true, .reorder = 8}, 600);
}

TEST(FlowOracle, OfConflictingCopiesTheFirstWins) {
  std::uint64_t conflicts = 0;
  for (std::uint32_t seed = 1; seed <= 300; ++seed) {
    Chance chance(seed);
    const Script s = script(chance, {.conflict = true});
    Bench bench;
    const Told& told = bench.play(s.packets);
    ASSERT_EQ(told.stream[0], s.stream[0]) << "seed " << seed;
    ASSERT_EQ(told.stream[1], s.stream[1]) << "seed " << seed;
    conflicts += told.conflicts;
    ASSERT_EQ(told.conflicts, bench.table.counters().conflicts);
  }
  EXPECT_GT(conflicts, 300U);
}

// The octets of dropped packets, and only they, are gaps.
TEST(FlowOracle, WhatWasLostIsAGapAndNothingElse) {
  for (std::uint32_t seed = 1; seed <= 400; ++seed) {
    Chance chance(seed);
    Script s = script(chance, {});
    std::array<std::string, 2> expected = s.stream;
    std::vector<test::Captured> kept;
    std::array<std::optional<std::uint32_t>, 2> base;
    for (const test::Captured& packet : s.packets) {
      const std::size_t side = packet.bytes[29] == 10 ? 0 : 1;
      std::uint32_t seq = 0;
      for (int i = 0; i < 4; ++i) seq = seq << 8 | packet.bytes[14 + 20 + 4 + i];
      const std::size_t length = packet.bytes.size() - 54;
      if (!base[side]) base[side] = seq + 1;
      if (length == 0 || !chance.one_in(6)) {
        kept.push_back(packet);
        continue;
      }
      expected[side].replace(seq - *base[side], length, length, '?');
    }
    Bench bench;
    const Told& told = bench.play(kept);
    ASSERT_EQ(told.stream[0], expected[0]) << "seed " << seed;
    ASSERT_EQ(told.stream[1], expected[1]) << "seed " << seed;
    ASSERT_EQ(bench.table.counters().gap_octets,
              static_cast<std::uint64_t>(std::count(expected[0].begin(), expected[0].end(), '?') +
                                         std::count(expected[1].begin(), expected[1].end(), '?')))
        << "seed " << seed;
  }
}

TEST(FlowOracle, TheHashKeyChangesNothing) {
  for (std::uint32_t seed = 1; seed <= 20; ++seed) {
    std::vector<test::Captured> packets;
    for (std::uint16_t port = 0; port < 30; ++port) {
      Chance chance(seed * 100 + port);
      Dialogue d({.client_port = static_cast<std::uint16_t>(30'000 + port)});
      d.open();
      for (int i = 0; i < 5; ++i) d.say({'S', std::to_string(chance.below(1'000))});
      if (port % 2 == 0) d.close();
      packets.insert(packets.end(), d.packets.begin(), d.packets.end());
    }
    std::stable_sort(packets.begin(), packets.end(),
                     [](const auto& a, const auto& b) { return a.ns < b.ns; });
    std::array<std::vector<std::string>, 2> logs;
    for (std::size_t i = 0; i < 2; ++i) {
      Bench bench(HashKey{i * 77, i * 1'234'567});
      bench.play(packets);
      for (const Told& told : bench.told)
        logs[i].insert(logs[i].end(), told.log.begin(), told.log.end());
    }
    EXPECT_EQ(logs[0], logs[1]);
  }
}

}  // namespace
}  // namespace mxw::flow
