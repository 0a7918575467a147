// pcapng: blocks, interfaces, times, damage.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <random>

#include "core/base/limits.hpp"
#include "sensor/capture/pcapng_time.hpp"
#include "tests/unit/capture_support.hpp"

namespace mxw::capture {
namespace {

using test::Octets;
using test::octets;
using test::PcapngBuilder;
using testing::ElementsAre;
using testing::HasSubstr;

using Pcapng = CaptureTest;

// Two interfaces of different link type and resolution, every kind of packet, blocks of no
// interest.
PcapngBuilder sample(bool big_endian) {
  PcapngBuilder b(big_endian);
  b.section();
  b.interface(1);
  b.interface(101, 0, b.time_options(9));
  b.enhanced(0, 1'700'000'000'000'001, octets("ethernet"));
  b.block(0x0bad, octets("a custom block"));
  b.enhanced(1, 1'700'000'000'000'002'003, octets("raw"), 90);
  b.simple(octets("simple"));
  b.obsolete(1, 1'700'000'000'000'004'005, octets("obsolete"));
  return b;
}

TEST_F(Pcapng, InterfacesKeepTheirLinkTypeAndResolution) {
  for (const bool big : {false, true}) {
    const Read got = read(file(sample(big).octets), false, 7);
    ASSERT_EQ(got.packets.size(), 4u) << got.error << got.damage();
    const auto text = [&](std::size_t i) { return std::string(as_text(got.packets[i].bytes)); };
    EXPECT_EQ(text(0) + "," + text(1) + "," + text(2) + "," + text(3),
              "ethernet,raw,simple,obsolete");
    EXPECT_EQ(got.packets[0].link, kLinkEthernet);
    EXPECT_EQ(got.packets[1].link, kLinkRaw);
    EXPECT_EQ(got.packets[1].interface, 1u);
    EXPECT_EQ(got.packets[1].wire_length, 90u);
    EXPECT_EQ(got.packets[0].at.time.ns, 1'700'000'000'000'001'000);
    EXPECT_EQ(got.packets[1].at.time.ns, 1'700'000'000'000'002'003);
    EXPECT_EQ(got.packets[2].at.time.ns, 1'700'000'000'000'002'003);  // has none of its own
    EXPECT_EQ(got.packets[3].at.time.ns, 1'700'000'000'000'004'005);
    EXPECT_EQ(got.packets[3].at.frame, 4u);
    EXPECT_EQ(got.packets[3].at.file, 7u);
    EXPECT_EQ(got.facts.cut_packets, 1u);
    EXPECT_EQ(got.damage(), "");
  }
}

TEST_F(Pcapng, SectionsMayDifferInByteOrderAndNumberTheirInterfacesAnew) {
  Octets joined = sample(true).octets;
  test::append(joined, sample(false).octets);
  const Read got = read(file(joined));
  ASSERT_EQ(got.packets.size(), 8u) << got.damage();
  EXPECT_EQ(got.packets[4].interface, 2u);
  EXPECT_EQ(got.packets[5].interface, 3u);
  EXPECT_EQ(got.packets[5].link, kLinkRaw);
  EXPECT_EQ(got.packets[7].at.frame, 8u);
}

TEST_F(Pcapng, SimplePacketsAreBoundedBySnapLengthAndBlock) {
  PcapngBuilder b;
  b.section();
  b.interface(1, 4);
  b.simple(octets("abcd"), 1'000);
  b.simple(octets("xyz"));
  const Read got = read(file(b.octets));
  ASSERT_EQ(got.packets.size(), 2u);
  EXPECT_EQ(as_text(got.packets[0].bytes), "abcd");
  EXPECT_EQ(got.packets[0].wire_length, 1'000u);
  EXPECT_EQ(as_text(got.packets[1].bytes), "xyz");
}

TEST_F(Pcapng, DropsAreTheLatestStatisticsOfEachInterface) {
  PcapngBuilder b = sample(true);
  EXPECT_EQ(read(file(b.octets)).facts.drops, std::nullopt);
  b.statistics(0, 3, 4);
  b.statistics(1, 10, 0);
  b.statistics(0, 5, 5);
  EXPECT_EQ(read(file(b.octets)).facts.drops, 20u);
  b.section();
  b.interface(1);
  b.statistics(0, 1, 1);
  EXPECT_EQ(read(file(b.octets)).facts.drops, 22u);
}

TEST_F(Pcapng, DecryptionSecretsAreKeptInOrderAndBounded) {
  PcapngBuilder b;
  b.section();
  b.interface(1);
  b.secrets(0x544c534b, "CLIENT_RANDOM 1");
  b.enhanced(0, 1, octets("packet"));
  b.secrets(0x544c534b, "CLIENT_RANDOM 2");
  const std::string half(9 << 20, 'x');
  b.secrets(0x544c534b, half);
  b.secrets(0x544c534b, half);
  const FileFacts facts = read(file(b.octets)).facts;
  ASSERT_EQ(facts.decryption_secrets.size(), 3u);
  EXPECT_EQ(as_text(facts.decryption_secrets[0].data), "CLIENT_RANDOM 1");
  EXPECT_EQ(facts.decryption_secrets[0].after_packets, 0u);
  EXPECT_EQ(as_text(facts.decryption_secrets[1].data), "CLIENT_RANDOM 2");
  EXPECT_EQ(facts.decryption_secrets[1].after_packets, 1u);
  EXPECT_EQ(facts.decryption_secrets_dropped, 1u);
}

TEST_F(Pcapng, PacketsOfAnUnknownLinkTypeAreCountedAndTheRestDelivered) {
  PcapngBuilder b;
  b.section();
  b.interface(239);
  b.interface(1);
  b.enhanced(0, 1, octets("nflog"));
  b.enhanced(1, 2, octets("ethernet"));
  b.enhanced(0, 3, octets("nflog"));
  const Read got = read(file(b.octets));
  ASSERT_EQ(got.packets.size(), 1u);
  EXPECT_EQ(got.packets[0].at.frame, 2u);
  EXPECT_EQ(got.facts.unknown_link_packets, 2u);
  EXPECT_EQ(got.facts.packets, 3u);
}

TEST_F(Pcapng, DamageEndsTheFileAndNamesThePlace) {
  const auto raw_block = [](PcapngBuilder& b, std::uint32_t type, std::uint32_t total,
                            std::size_t body, std::uint32_t trailer) {
    b.number(b.octets, type, 4);
    b.number(b.octets, total, 4);
    b.octets.resize(b.octets.size() + body);
    b.number(b.octets, trailer, 4);
  };
  const struct {
    std::function<void(PcapngBuilder&)> add;
    std::string message;
  } cases[] = {
      {[&](auto& b) { raw_block(b, 5, 16, 4, 20); },
       "block of 16 bytes ends with a different length"},
      {[&](auto& b) { raw_block(b, 5, 18, 6, 18); }, "block of 18 bytes, which no block can have,"},
      {[&](auto& b) { raw_block(b, 5, 8, 0, 8); }, "block of 8 bytes, which no block can have,"},
      {[&](auto& b) { raw_block(b, 5, 0, 0, 0); }, "block of 0 bytes, which no block can have,"},
      {[&](auto& b) { raw_block(b, 5, 0xffff'fffc, 0, 0); },
       "block of 4294967292 bytes is too large"},
      {[&](auto& b) { raw_block(b, 5, 64, 0, 64); },
       "block of 64 bytes goes beyond the end of the file"},
      {[&](auto& b) { b.octets.resize(b.octets.size() + 7); },
       "block header goes beyond the end of the file"},
      {[&](auto& b) { b.enhanced(1, 0, octets("x")); },
       "packet of an interface that was not described"},
      {[&](auto& b) { b.obsolete(0xffff, 0, octets("x")); },
       "packet of an interface that was not described"},
      {[&](auto& b) { b.statistics(9, 1, 1); }, "statistics of no interface"},
      {[&](auto& b) { b.block(6, Octets(16)); }, "packet block is too short"},
      {[&](auto& b) { b.block(3, {}); }, "packet block is too short"},
      {[&](auto& b) { b.block(1, Octets(4)); }, "interface description is too short"},
      {[&](auto& b) { b.interface(1, 0, {9, 0, 40, 0, 6, 0, 0, 0}); },
       "option of an interface goes beyond its block"},
      {[&](auto& b) {
         Octets body(12);
         b.number(body, 0x1000, 4);
         b.number(body, 0x1000, 4);
         b.block(6, body);
       },
       "packet of 4096 bytes goes beyond its block"},
      {[&](auto& b) {
         Octets body(12);
         b.number(body, 0xffff'ffff, 8);
         b.block(6, body);
       },
       "packet of 4294967295 bytes is larger than any capture tool writes"},
      {[&](auto& b) {
         Octets body;
         b.number(body, 0x544c534b, 4);
         b.number(body, 0xffff'ffff, 4);
         b.block(10, body);
       },
       "decryption secrets go beyond their block"},
      {[&](auto& b) { b.block(0x0a0d0d0a, Octets(16)); },
       "section header without the byte-order magic"},
      {[&](auto& b) {
         Octets body;
         b.number(body, 0x1a2b3c4d, 4);
         b.number(body, 2, 2);
         body.resize(16);
         b.block(0x0a0d0d0a, body);
       },
       "pcapng version 2.0 is not supported"},
  };
  for (const auto& c : cases) {
    PcapngBuilder b;
    b.section();
    b.interface(1);
    b.enhanced(0, 5, octets("sound"));
    const std::string place = " at offset " + std::to_string(b.octets.size());
    c.add(b);
    if (!c.message.ends_with("end of the file")) b.enhanced(0, 6, octets("not reached"));
    const Read got = read(file(b.octets));
    EXPECT_EQ(got.damage(), "capture.pcap: frame 2: " + c.message + place);
    EXPECT_EQ(got.packets.size(), 1u) << c.message;
  }
}

TEST_F(Pcapng, TooManyInterfacesAreDamage) {
  PcapngBuilder b;
  b.section();
  for (std::size_t i = 0; i < limits::kPcapngInterfaces; ++i) b.interface(1);
  EXPECT_EQ(read(file(b.octets)).damage(), "");
  b.interface(1);
  EXPECT_THAT(read(file(b.octets)).damage(), HasSubstr("too many interfaces"));
}

TEST_F(Pcapng, AFileThatIsNoneIsRefusedAndNotCalledDamaged) {
  const Octets whole = sample(false).octets;
  for (const std::size_t length : {4u, 11u, 12u, 27u})
    EXPECT_THAT(read(file({whole.begin(), whole.begin() + length})).error,
                HasSubstr("is no readable pcapng file"));
}

TEST_F(Pcapng, EveryPrefixGivesAPrefixOfThePackets) {
  for (const bool big : {false, true}) {
    PcapngBuilder b = sample(big);
    b.statistics(0, 1, 1);
    b.secrets(1, "secret");
    const Read expected = read(file(b.octets));
    std::size_t clean_ends = 0;
    for (std::size_t length = 28; length <= b.octets.size(); ++length) {
      const auto end = b.octets.begin() + static_cast<std::ptrdiff_t>(length);
      const Read got = read(file({b.octets.begin(), end}));
      ASSERT_LE(got.packets.size(), expected.packets.size());
      EXPECT_TRUE(std::equal(got.packets.begin(), got.packets.end(), expected.packets.begin()));
      if (got.damage().empty()) ++clean_ends;
    }
    EXPECT_EQ(clean_ends, 10u);  // behind each block
  }
}

TEST_F(Pcapng, AChangedBitNeverBreaksTheReader) {
  PcapngBuilder b = sample(false);
  b.statistics(0, 1, 1);
  b.secrets(1, "secret");
  const Read expected = read(file(b.octets));
  std::size_t whole = 0;
  for (std::size_t at = 0; at < b.octets.size(); ++at) {
    for (const unsigned bit : {0u, 3u, 7u}) {
      Octets changed = b.octets;
      changed[at] ^= static_cast<std::uint8_t>(1u << bit);
      const Read got = read(file(changed));  // read() checks what must hold for any input
      if (got.error.empty() && got.damage().empty()) ++whole;
    }
  }
  EXPECT_GT(whole, 0u);
  EXPECT_LT(whole, b.octets.size() * 3);
}

TEST(PcapngTime, FollowsResolutionAndOffsetAndIsClamped) {
  const auto at = [](std::uint8_t resolution, std::int64_t offset, std::uint64_t units) {
    TimeScale scale;
    scale.set_resolution(resolution);
    scale.set_offset(offset);
    return scale.at(units).ns;
  };
  constexpr std::uint64_t kMost = ~std::uint64_t{0};
  EXPECT_EQ(TimeScale{}.at(7).ns, 7'000);
  EXPECT_EQ(at(0, 0, 7), 7 * kSecond);
  EXPECT_EQ(at(3, 0, 7), 7 * kMillisecond);
  EXPECT_EQ(at(9, 0, 7), 7);
  EXPECT_EQ(at(12, 0, 7'999), 7);
  EXPECT_EQ(at(0x7f, 0, kMost), 1);  // clamped exponent: next to nothing
  EXPECT_EQ(at(0x80, 0, 7), 7 * kSecond);
  EXPECT_EQ(at(0x81, 0, 3), 3 * kSecond / 2);
  EXPECT_EQ(at(0x94, 0, 1 << 20), kSecond);
  EXPECT_EQ(at(0xff, 0, kMost), 0);
  EXPECT_EQ(at(6, 1'000, 1), 1'000 * kSecond + 1'000);
  EXPECT_EQ(at(6, -1'000, 1), 0);
  EXPECT_EQ(at(0, 0, kMost), kLatestTime.ns);
  EXPECT_EQ(at(0, INT64_MAX, kMost), kLatestTime.ns);
  EXPECT_EQ(at(0, INT64_MIN, 0), 0);
}

}  // namespace
}  // namespace mxw::capture
