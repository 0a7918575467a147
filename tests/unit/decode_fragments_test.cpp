// Fragment reassembly of IPv4 and IPv6.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <random>

#include "core/base/limits.hpp"
#include "tests/unit/decode_support.hpp"

namespace mxw::decode {
namespace {

using test::ethernet;
using test::ip_packet;
using test::Octets;
using test::octets;
using test::put;

constexpr const char* kClient = "192.0.2.10";
constexpr const char* kServer = "198.51.100.25";
constexpr const char* kClient6 = "2001:db8::10";
constexpr const char* kServer6 = "2001:db8:1::25";

struct Family {
  bool v6;
  const char *client, *server;
};
constexpr Family kFamilies[] = {{false, kClient, kServer}, {true, kClient6, kServer6}};

std::string long_text(std::size_t length) {
  std::string text(length, ' ');
  for (std::size_t i = 0; i < length; ++i) text[i] = static_cast<char>('a' + i % 23);
  return text;
}

Octets transport(const Family& family, const std::string& text) {
  return test::tcp_octets(family.client, 40'000, family.server, 25, 1, 2, kAck, text);
}

// The octets [begin, end) of a transport payload as one fragment.
Octets piece(const Family& family, const Octets& whole, std::size_t begin, std::size_t end,
             bool more, std::uint32_t id = 7, std::uint8_t protocol = 6, std::uint8_t ttl = 64) {
  const Octets part(whole.begin() + static_cast<std::ptrdiff_t>(begin),
                    whole.begin() + static_cast<std::ptrdiff_t>(end));
  if (!family.v6) {
    const auto field = static_cast<std::uint16_t>((more ? 0x2000 : 0) | begin / 8);
    return ethernet(ip_packet(family.client, family.server, part,
                              {.protocol = protocol,
                               .ttl = ttl,
                               .id = static_cast<std::uint16_t>(id),
                               .fragment = field}));
  }
  Octets header{protocol, 0};
  put(header, begin | (more ? 1 : 0), 2);
  put(header, id, 4);
  test::append(header, part);
  return ethernet(ip_packet(family.client, family.server, header, {.protocol = 44, .ttl = ttl}));
}

std::vector<Octets> pieces(const Family& family, const Octets& whole, std::size_t size,
                           std::uint32_t id = 7) {
  std::vector<Octets> out;
  for (std::size_t at = 0; at < whole.size(); at += size) {
    const std::size_t end = std::min(whole.size(), at + size);
    out.push_back(piece(family, whole, at, end, end < whole.size(), id, 6,
                        at == 0 ? std::uint8_t{64} : std::uint8_t{63}));
  }
  return out;
}

TEST(Fragments, AnyOrderGivesTheSameSegment) {
  for (const Family& family : kFamilies) {
    const std::string text = long_text(70);
    const std::vector<Octets> parts = pieces(family, transport(family, text), 24);
    ASSERT_EQ(parts.size(), 4u);
    std::vector<std::size_t> order(parts.size());
    std::iota(order.begin(), order.end(), 0);
    do {
      Bench run;
      run.stable = false;
      for (const std::size_t i : order) run.give(parts[i]);
      ASSERT_EQ(run.segments.size(), 1u);
      const Segment& s = run.segments[0].segment;
      EXPECT_EQ(run.segments[0].payload, text);
      EXPECT_EQ(run.segments[0].checksum, Checksum::good);
      EXPECT_TRUE(s.whole);
      EXPECT_TRUE(s.ip.fragmented);
      EXPECT_EQ(s.ip.ttl, 64);
      EXPECT_EQ(s.at.frame, 4u);
      EXPECT_EQ(run.counters().fragments, 4u);
      EXPECT_EQ(run.counters().fragments_reassembled, 1u);
      EXPECT_EQ(accounted(run.counters()), 4u);
    } while (std::next_permutation(order.begin(), order.end()));
  }
}

TEST(Fragments, DatagramsAreKeptApart) {
  for (const Family& family : kFamilies) {
    const std::string text[] = {long_text(60), long_text(61), long_text(90)};
    std::vector<std::vector<Octets>> parts;
    for (std::uint32_t id = 0; id < 3; ++id)
      parts.push_back(pieces(family, transport(family, text[id]), 40, id));
    Bench run;
    for (std::size_t i = 0; i < 3; ++i)
      for (const auto& datagram : parts)
        if (i < datagram.size()) run.give(datagram[i]);
    std::vector<std::string> payloads;
    for (const auto& seen : run.segments) payloads.push_back(seen.payload);
    EXPECT_THAT(payloads, testing::UnorderedElementsAre(text[0], text[1], text[2]));
  }
}

TEST(Fragments, TheLargestDatagramIsTakenAndALargerOneRefused) {
  for (const Family& family : kFamilies) {
    const std::size_t most = family.v6 ? 65'535 : 65'515;
    const Octets whole = transport(family, long_text(most - 20));
    Bench run;
    for (const Octets& part : pieces(family, whole, 1'448)) run.give(part);
    ASSERT_EQ(run.segments.size(), 1u);
    EXPECT_EQ(run.segments[0].segment.payload_length, most - 20);

    Octets longer = whole;
    longer.push_back('x');
    Bench refused;
    for (const Octets& part : pieces(family, longer, 1'448)) refused.give(part);
    EXPECT_EQ(refused.segments.size(), 0u);
    EXPECT_EQ(refused.counters().fragments_dropped, 1u);
  }
}

TEST(Fragments, HostilePiecesAreCountedAndNeverDelivered) {
  for (const Family& family : kFamilies) {
    const Octets whole = transport(family, long_text(200));
    const struct {
      const char* what;
      std::vector<Octets> frames;
      std::uint64_t dropped;
    } cases[] = {
        {"empty", {piece(family, whole, 0, 0, true)}, 1},
        {"not of eight octets", {piece(family, whole, 0, 9, true)}, 1},
        {"beyond the largest datagram",
         {piece(family, Octets(65'528 + 8), 65'528, 65'536, false)},
         1},
        {"two ends", {piece(family, whole, 64, 72, false), piece(family, whole, 64, 80, false)}, 1},
        {"an end within",
         {piece(family, whole, 64, 128, true), piece(family, whole, 8, 32, false)},
         1},
        {"behind the end",
         {piece(family, whole, 64, 72, false), piece(family, whole, 128, 136, true)},
         1},
    };
    for (const auto& c : cases) {
      Bench run;
      for (const Octets& frame : c.frames) run.give(frame);
      EXPECT_EQ(run.counters().fragments_dropped, c.dropped) << c.what;
      EXPECT_EQ(run.segments.size(), 0u) << c.what;
    }
  }
}

TEST(Fragments, ABadHeaderOfAnyPieceMakesTheWholeBad) {
  const Family& family = kFamilies[0];
  const std::vector<Octets> parts = pieces(family, transport(family, long_text(70)), 48);
  for (const std::size_t damaged : {std::size_t{0}, std::size_t{1}}) {
    Bench run;
    for (std::size_t i = 0; i < parts.size(); ++i) {
      Octets frame = parts[i];
      if (i == damaged) frame[14 + 10] ^= 1;
      run.give(frame);
    }
    ASSERT_EQ(run.segments.size(), 1u);
    EXPECT_EQ(run.segments[0].checksum, Checksum::bad);
  }
}

TEST(Fragments, CutPiecesAreNotPutTogether) {
  for (const Family& family : kFamilies) {
    const std::vector<Octets> parts = pieces(family, transport(family, long_text(70)), 48);
    Bench run;
    run.give_cut(parts[0], parts[0].size() - 8);
    run.give(parts[1]);
    EXPECT_EQ(run.segments.size(), 0u);
    EXPECT_EQ(run.counters().fragments_dropped, 1u);
    EXPECT_EQ(run.counters().cut, 1u);
  }
}

TEST(Fragments, OverlapInIpv4KeepsWhatCameFirst) {
  const Family& family = kFamilies[0];
  const std::string text = long_text(100);
  const Octets whole = transport(family, text);
  Octets other = whole;
  std::fill(other.begin() + 40, other.end(), std::uint8_t{'#'});
  Bench run;
  run.give(piece(family, whole, 40, 64, true));
  run.give(piece(family, whole, 96, 120, false));
  run.give(piece(family, other, 32, 104, true));  // says otherwise on both; fills 32-40 and 64-96
  EXPECT_EQ(run.counters().fragments_conflicting, 1u);
  run.give(piece(family, whole, 0, 40, true));  // repeats 32-40
  EXPECT_EQ(run.counters().fragments_conflicting, 1u);
  ASSERT_EQ(run.segments.size(), 1u);
  std::string expected = text;
  std::fill(expected.begin() + 44, expected.begin() + 76, '#');
  EXPECT_EQ(run.segments[0].payload, expected);
  EXPECT_EQ(run.segments[0].checksum, Checksum::bad);
}

TEST(Fragments, OverlapInIpv6DropsTheDatagramForGood) {
  const Family& family = kFamilies[1];
  const Octets whole = transport(family, long_text(100));
  Bench run;
  run.give(piece(family, whole, 0, 64, true));
  run.give(piece(family, whole, 56, 120, false));
  run.give(piece(family, whole, 64, 120, false));
  EXPECT_EQ(run.segments.size(), 0u);
  EXPECT_EQ(run.counters().fragments_dropped, 2u);
  EXPECT_EQ(run.counters().fragments_conflicting, 1u);
}

TEST(Fragments, ARepeatedPieceIsNoOverlap) {
  for (const Family& family : kFamilies) {
    const std::vector<Octets> parts = pieces(family, transport(family, long_text(70)), 48);
    Bench run;
    run.give(parts[0], Time{0});
    run.give(parts[0], Time{1});        // a mirror's copy
    run.give(parts[0], Time{kSecond});  // sent again
    run.give(parts[1], Time{kSecond});
    EXPECT_EQ(run.segments.size(), 1u);
    EXPECT_EQ(run.counters().duplicates, 1u);
    EXPECT_EQ(run.counters().fragments_conflicting, 0u);
    EXPECT_EQ(run.counters().fragments_dropped, 0u);
  }
}

TEST(Fragments, AtomicFragmentsNeedNoTable) {
  const Family& family = kFamilies[1];
  const Octets whole = transport(family, "text");
  Bench run;
  run.give(piece(family, whole, 0, whole.size(), false));
  ASSERT_EQ(run.segments.size(), 1u);
  EXPECT_EQ(run.segments[0].payload, "text");
  EXPECT_FALSE(run.segments[0].segment.ip.fragmented);
  EXPECT_EQ(run.counters().fragments, 0u);
}

TEST(Fragments, AFragmentWithinWhatWasPutTogetherIsMalformed) {
  const Family& family = kFamilies[1];
  Octets nested{6, 0, 0, 1, 0, 0, 0, 9};
  test::append(nested, transport(family, "text"));
  Bench run;
  run.give(piece(family, nested, 0, 16, true, 7, 44));
  run.give(piece(family, nested, 16, nested.size(), false, 7, 44));
  EXPECT_EQ(run.counters().malformed, 1u);
  EXPECT_EQ(run.segments.size(), 0u);
}

TEST(Fragments, ExtensionHeadersMayFollowTheFragmentHeader) {
  const Family& family = kFamilies[1];
  Octets whole{6, 0, 1, 4, 0, 0, 0, 0};
  test::append(whole, transport(family, long_text(50)));
  Bench run;
  run.give(piece(family, whole, 40, whole.size(), false, 7, 60));
  run.give(piece(family, whole, 0, 40, true, 7, 60));
  ASSERT_EQ(run.segments.size(), 1u);
  EXPECT_EQ(run.segments[0].payload, long_text(50));
}

TEST(Fragments, WaitForTheTimeoutByPacketTime) {
  for (const Family& family : kFamilies) {
    const std::vector<Octets> parts = pieces(family, transport(family, long_text(70)), 48);
    for (const std::int64_t late : {std::int64_t{0}, std::int64_t{1}}) {
      Bench run;
      run.give(parts[0], Time{0});
      run.give(parts[1], Time{limits::kFragmentTimeout + late});
      EXPECT_EQ(run.segments.size(), late == 0 ? 1u : 0u);
      EXPECT_EQ(run.counters().fragments_expired, late == 0 ? 0u : 1u);
    }
  }
}

TEST(Fragments, AFloodCostsTheOldestAndNoMemory) {
  for (const Family& family : kFamilies) {
    const Octets whole = transport(family, long_text(1'300));
    const std::vector<Octets> honest = pieces(family, whole, 1'280, 1);
    Bench run;
    run.give(honest[0]);
    std::uint32_t id = 100;
    for (; id < 100 + limits::kFragmentDatagrams - 1; ++id)
      run.give(piece(family, whole, 0, 8, true, id));
    EXPECT_EQ(run.counters().fragments_expired, 0u);
    run.give(honest[1]);
    EXPECT_EQ(run.segments.size(), 1u);
    for (const std::uint32_t last = id + 20'000; id < last; ++id)
      run.give(piece(family, whole, 0, 1'280, true, id));
    const Counters& c = run.counters();
    EXPECT_GT(c.fragments_expired, 10'000u);
    EXPECT_EQ(c.fragments_dropped, 0u);
    run.give(pieces(family, whole, 1'280, id)[0]);  // still at work
    run.give(pieces(family, whole, 1'280, id)[1]);
    EXPECT_EQ(run.segments.size(), 2u);
  }
}

TEST(Fragments, TooManyPiecesOfOneDatagramAreRefused) {
  for (const Family& family : kFamilies) {
    const Octets whole = transport(family, long_text(2'000));
    Bench run;
    for (std::size_t i = 0; i <= limits::kFragmentPieces; ++i)
      run.give(piece(family, whole, 16 * i, 16 * i + 8, true));
    EXPECT_EQ(run.counters().fragments_dropped, 1u);
    run.give(piece(family, whole, 8, 16, true));
    EXPECT_EQ(run.counters().fragments_dropped, 2u);  // and stays refused
  }
}

// Random cuts with overlap, in random order: IPv4 gives the text when all pieces agree.
TEST(Fragments, AgreeingOverlapsGiveTheText) {
  std::mt19937 random(6);
  const Family& family = kFamilies[0];
  for (int round = 0; round < 200; ++round) {
    const std::string text = long_text(400);
    const Octets whole = transport(family, text);
    std::vector<Octets> parts = pieces(family, whole, 64);
    for (int i = 0; i < 5; ++i) {
      const std::size_t begin = random() % 50 * 8;
      parts.push_back(piece(family, whole, begin, begin + 8 + random() % 2 * 8, true, 7, 6, 63));
    }
    std::shuffle(parts.begin(), parts.end(), random);
    Bench run;
    for (const Octets& part : parts) run.give(part);
    ASSERT_EQ(run.segments.size(), 1u);
    EXPECT_EQ(run.segments[0].payload, text);
    EXPECT_EQ(run.counters().fragments_conflicting, 0u);
  }
}

}  // namespace
}  // namespace mxw::decode
