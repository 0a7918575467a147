// Sources, classic pcap and merging.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <zlib.h>

#include <algorithm>
#include <random>
#include <thread>

#include "tests/unit/capture_support.hpp"

namespace mxw::capture {
namespace {

using test::Captured;
using test::Octets;
using test::pcap_octets;
using test::PcapFormat;
using test::put;
using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

constexpr std::int64_t kStart = 1'700'000'000 * kSecond;
constexpr std::size_t kFileHeader = 24, kRecordHeader = 16;

std::vector<Captured> sample() {
  return {{kStart + 1'000, test::octets("first packet")},
          {kStart + 2'000, {}},
          {kStart + 3'000, Octets(700, 0xa5), 1'514},
          {kStart + 4'000, test::octets("last")}};
}

// A pcap file with one more record header of these lengths, and `tail` after it.
Octets with_record(std::uint32_t captured, std::uint32_t wire, const Octets& tail = {}) {
  Octets out = pcap_octets({{kStart, test::octets("sound")}});
  put(out, 0, 8, true);
  put(out, captured, 4, true);
  put(out, wire, 4, true);
  test::append(out, tail);
  return out;
}

Octets gzip(const Octets& plain) {
  z_stream stream{};
  EXPECT_EQ(deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
  Octets out(plain.size() + 1'024);
  Octets in = plain;
  stream.next_in = in.data();
  stream.avail_in = static_cast<uInt>(in.size());
  stream.next_out = out.data();
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

// Runs `body` with these octets on standard input, through a pipe.
template <typename Body>
void with_standard_input(const Octets& bytes, Body body) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  const int saved = dup(STDIN_FILENO);
  dup2(ends[0], STDIN_FILENO);
  close(ends[0]);
  std::jthread writer([&bytes, fd = ends[1]] {
    for (std::size_t at = 0; at < bytes.size();) {
      const ssize_t n = write(fd, bytes.data() + at, std::min<std::size_t>(977, bytes.size() - at));
      if (n <= 0) break;
      at += static_cast<std::size_t>(n);
    }
    close(fd);
  });
  body();
  dup2(saved, STDIN_FILENO);
  close(saved);
}

using Pcap = CaptureTest;

TEST_F(Pcap, HostileLengthsEndTheFileAfterWhatWasSound) {
  const struct {
    std::uint32_t captured;
    std::size_t present;
    std::string message;
  } cases[] = {
      {0xffff'ffff, 100, "packet of 4294967295 bytes is larger than any capture tool writes"},
      {0x8000'0000, 100, "packet of 2147483648 bytes is larger than any capture tool writes"},
      {262'145, 262'145, "packet of 262145 bytes is larger than any capture tool writes"},
      {262'144, 262'143, "packet of 262144 bytes goes beyond the end of the file"},
      {70'000, 5, "packet of 70000 bytes goes beyond the end of the file"},
      {1, 0, "packet of 1 bytes goes beyond the end of the file"},
  };
  for (const auto& c : cases) {
    const Read got = read(file(with_record(c.captured, c.captured, Octets(c.present))));
    ASSERT_EQ(got.packets.size(), 1u) << c.message;
    EXPECT_EQ(as_text(got.packets[0].bytes), "sound");
    EXPECT_EQ(got.damage(), "capture.pcap: frame 2: " + c.message + " at offset 45");
  }
  const Read largest = read(file(with_record(262'144, 262'144, Octets(262'144))));
  EXPECT_EQ(largest.packets.size(), 2u);
  EXPECT_EQ(largest.damage(), "");
}

TEST_F(Pcap, BothByteOrdersAndBothResolutionsGiveTheSamePackets) {
  const Read expected = read(file(pcap_octets(sample())));
  ASSERT_EQ(expected.packets.size(), 4u);
  EXPECT_EQ(expected.packets[2].at.time.ns, kStart + 3'000);
  EXPECT_EQ(expected.packets[2].wire_length, 1'514u);
  EXPECT_EQ(expected.packets[2].at.frame, 3u);
  EXPECT_TRUE(expected.packets[2].stable);
  EXPECT_EQ(expected.facts.cut_packets, 1u);
  EXPECT_EQ(expected.facts.first, Time{kStart + 1'000});
  EXPECT_EQ(expected.facts.last, Time{kStart + 4'000});
  EXPECT_EQ(expected.facts.drops, std::nullopt);
  for (const bool big : {false, true})
    for (const bool nano : {false, true})
      EXPECT_EQ(read(file(pcap_octets(sample(), {big, nano}))).packets, expected.packets)
          << big << nano;
}

TEST_F(Pcap, TimesKeepTheResolutionOfTheFile) {
  const std::vector<Captured> packets{{kStart + 123'456'789, {1}},
                                      {0xffff'ffff * kSecond + 999'999'999, {2}}};
  EXPECT_EQ(read(file(pcap_octets(packets, {true, true}))).packets[0].at.time.ns,
            kStart + 123'456'789);
  EXPECT_EQ(read(file(pcap_octets(packets))).packets[0].at.time.ns, kStart + 123'456'000);
  EXPECT_EQ(read(file(pcap_octets(packets, {false, true}))).packets[1].at.time.ns,
            0xffff'ffff * kSecond + 999'999'999);
}

TEST_F(Pcap, MoreCapturedThanOnTheWireIsTolerated) {
  const Read got = read(file(with_record(4, 0, test::octets("four"))));
  ASSERT_EQ(got.packets.size(), 2u);
  EXPECT_EQ(got.packets[1].wire_length, 4u);
  EXPECT_EQ(got.facts.cut_packets, 0u);
}

TEST_F(Pcap, FrameCheckSequenceBitsDoNotChangeTheLinkType) {
  EXPECT_EQ(read(file(pcap_octets(sample(), {false, false, 0x2400'0001}))).packets[0].link,
            kLinkEthernet);
}

TEST_F(Pcap, WhatCannotBeReadIsRefusedWithTheReason) {
  Octets modified = pcap_octets(sample()), version = modified, minor = modified;
  modified[1] = 0xcd;
  modified[0] = 0x34;
  version[4] = 9;
  minor[6] = 5;
  Octets header_cut = pcap_octets({});
  header_cut.pop_back();
  const struct {
    Octets bytes;
    std::string message;
  } cases[] = {
      {{}, "is empty"},
      {{0xd4, 0xc3, 0xb2}, "is too short for a capture file"},
      {test::octets("this is a text"), "is no pcap or pcapng capture file"},
      {pcap_octets({}, {}), ""},
      {header_cut, "is too short for a pcap file header"},
      {modified,
       "is in the modified pcap format (magic a1b2cd34), which is not read; convert it with"
       " 'editcap -F pcap'"},
      {version, "has pcap version 9.4; only 2.4 is read"},
      {minor, "has pcap version 2.5; only 2.4 is read"},
      {pcap_octets(sample(), {false, false, 127}),
       "link type 127 (IEEE802_11_RADIOTAP) is not supported"},
      {pcap_octets(sample(), {true, false, 147}), "link type 147 is not supported"},
      {pcap_octets(sample(), {true, false, 0x0001'0001}), "link type 65537 is not supported"},
  };
  for (const auto& c : cases)
    EXPECT_EQ(read(file(c.bytes)).error,
              c.message.empty() ? "" : path("capture.pcap") + ": " + c.message);
}

TEST_F(Pcap, WhatIsNoFileIsRefusedWithTheReason) {
  EXPECT_EQ(read(path("absent")).error,
            path("absent") + ": cannot be opened: No such file or directory");
  EXPECT_THAT(read(path(".")).error, HasSubstr("is a directory"));
  ASSERT_EQ(mkfifo(path("fifo").c_str(), 0600), 0);
  EXPECT_THAT(read(path("fifo")).error, HasSubstr("is a FIFO, device or socket"));
  EXPECT_THAT(read("/dev/null").error, HasSubstr("is a FIFO, device or socket"));
  if (geteuid() != 0) {
    const std::string closed = file(pcap_octets(sample()), "closed");
    chmod(closed.c_str(), 0);
    EXPECT_THAT(read(closed).error, HasSubstr("cannot be opened: Permission denied"));
  }
}

TEST_F(Pcap, EveryPrefixGivesThePacketsThatAreWholeInIt) {
  const std::vector<Captured> packets = sample();
  const Octets whole = pcap_octets(packets);
  const Read expected = read(file(whole));
  for (std::size_t length = kFileHeader; length <= whole.size(); ++length) {
    std::size_t boundary = kFileHeader, count = 0;
    while (count < packets.size() &&
           boundary + kRecordHeader + packets[count].bytes.size() <= length)
      boundary += kRecordHeader + packets[count++].bytes.size();
    const auto end = whole.begin() + static_cast<std::ptrdiff_t>(length);
    const Read got = read(file({whole.begin(), end}));
    ASSERT_EQ(got.packets.size(), count) << length;
    EXPECT_TRUE(std::equal(got.packets.begin(), got.packets.end(), expected.packets.begin()));
    EXPECT_EQ(got.damage().empty(), length == boundary) << length << got.damage();
  }
}

TEST_F(Pcap, AChangedOctetLeavesWhatStandsBeforeIt) {
  const std::vector<Captured> packets = sample();
  const Octets whole = pcap_octets(packets);
  const Read expected = read(file(whole));
  std::mt19937 random(1);
  for (std::size_t at = kFileHeader; at < whole.size(); ++at) {
    Octets changed = whole;
    changed[at] ^= static_cast<std::uint8_t>(1u << random() % 8);
    std::size_t before = 0, end = kFileHeader;
    while ((end += kRecordHeader + packets[before].bytes.size()) <= at) ++before;
    const Read got = read(file(changed));
    ASSERT_GE(got.packets.size(), before);
    EXPECT_TRUE(std::equal(got.packets.begin(),
                           got.packets.begin() + static_cast<std::ptrdiff_t>(before),
                           expected.packets.begin()));
  }
}

using Sources = CaptureTest;

// Larger than a pipe, a read buffer and the block that is hashed ahead.
Octets large_capture() {
  std::vector<Captured> packets;
  std::mt19937 random(2);
  for (int i = 0; i < 900; ++i) {
    Octets bytes(random() % 1'500);
    for (auto& octet : bytes) octet = static_cast<std::uint8_t>(random());
    packets.push_back({kStart + i * kMillisecond, bytes});
  }
  return pcap_octets(packets);
}

TEST_F(Sources, MapGzipAndPipeGiveTheSamePackets) {
  const Octets plain = large_capture(), packed = gzip(plain);
  const Read mapped = read(file(plain));
  ASSERT_EQ(mapped.packets.size(), 900u);
  const Read inflated = read(file(packed, "capture.pcap.gz"));
  EXPECT_EQ(inflated.packets, mapped.packets);
  EXPECT_FALSE(inflated.packets[0].stable);
  for (const Octets& input : {plain, packed})
    with_standard_input(input, [&] {
      const Read piped = read("-", true);
      EXPECT_EQ(piped.packets, mapped.packets);
      EXPECT_EQ(piped.facts.name, "-");
      EXPECT_EQ(piped.facts.size, input.size());
      EXPECT_EQ(piped.facts.sha256, hex(sha256(input)));
      EXPECT_EQ(piped.damage(), "");
    });
}

TEST_F(Sources, TheDigestIsOfTheOctetsAsStored) {
  const Octets plain = large_capture(), packed = gzip(plain);
  Octets damaged = pcap_octets({});
  test::append(damaged, Octets(1'000'000, 0xff));
  for (const Octets& input : {plain, packed, damaged, pcap_octets({})}) {
    const Read hashed = read(file(input), true);
    EXPECT_EQ(hashed.facts.sha256, hex(sha256(input)));
    EXPECT_EQ(hashed.facts.size, input.size());
    const Read unhashed = read(file(input));
    EXPECT_EQ(unhashed.facts.sha256, "");
    EXPECT_EQ(unhashed.facts.size, input.size());
    EXPECT_EQ(unhashed.packets, hashed.packets);
    EXPECT_EQ(unhashed.damage(), hashed.damage());
  }
}

TEST_F(Sources, GzipMembersFollowOneAnother) {
  const Octets whole = pcap_octets(sample());
  Octets packed = gzip({whole.begin(), whole.begin() + 50});
  test::append(packed, gzip({whole.begin() + 50, whole.end()}));
  test::append(packed, Octets(512));  // padding to a tape block
  const Read got = read(file(packed));
  EXPECT_EQ(got.packets.size(), 4u);
  EXPECT_EQ(got.damage(), "");
}

TEST_F(Sources, DamagedGzipIsSaidAfterWhatWasSound) {
  const Octets plain = large_capture(), packed = gzip(plain);
  const auto half = packed.begin() + static_cast<std::ptrdiff_t>(packed.size() / 2);
  const Read cut = read(file({packed.begin(), half}));
  EXPECT_GT(cut.packets.size(), 100u);
  EXPECT_THAT(cut.damage(),
              AllOf(StartsWith("capture.pcap: frame "), HasSubstr("gzip stream is cut")));

  Octets changed = packed;
  changed[packed.size() - 6] ^= 0x40;  // its CRC
  EXPECT_THAT(read(file(changed)).damage(), HasSubstr("gzip stream is damaged"));

  Octets followed = packed;
  test::append(followed, "more");
  EXPECT_THAT(read(file(followed)).damage(), HasSubstr("other data follows the gzip stream"));

  EXPECT_THAT(read(file({0x1f, 0x8b, 8, 0})).error, HasSubstr("gzip stream is cut"));
  EXPECT_THAT(read(file({0x1f, 0x8b, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9})).error,
              HasSubstr("gzip stream is damaged"));
}

TEST_F(Sources, EveryPrefixOfAGzipFileGivesAPrefixOfThePackets) {
  const Octets packed = gzip(pcap_octets(sample()));
  const Read expected = read(file(packed));
  ASSERT_EQ(expected.packets.size(), 4u);
  for (std::size_t length = 2; length < packed.size(); ++length) {
    const auto end = packed.begin() + static_cast<std::ptrdiff_t>(length);
    const Read got = read(file({packed.begin(), end}));
    EXPECT_FALSE(got.error.empty() && got.damage().empty()) << length;
    ASSERT_LE(got.packets.size(), 4u);
    EXPECT_TRUE(std::equal(got.packets.begin(), got.packets.end(), expected.packets.begin()));
  }
}

using Merging = CaptureTest;

struct Place {
  std::uint16_t file;
  std::uint64_t frame;
  friend bool operator==(const Place&, const Place&) = default;
};

TEST_F(Merging, FollowsPacketTimeAndNeverReordersAFile) {
  const auto times = [](std::initializer_list<std::int64_t> list) {
    std::vector<Captured> packets;
    for (const std::int64_t t : list)
      packets.push_back({t * kMillisecond, Octets(static_cast<std::size_t>(t))});
    return packets;
  };
  // The second file runs backwards once: its frame 3 waits behind its frame 2.
  const std::vector<std::vector<Captured>> files{
      times({10, 20, 30}), times({20, 40, 5, 50}), {}, times({20})};
  for (const bool packed : {false, true}) {
    std::vector<std::unique_ptr<Reader>> readers;
    for (std::size_t i = 0; i < files.size(); ++i) {
      const Octets plain = pcap_octets(files[i]);
      const std::string name = file(packed ? gzip(plain) : plain, std::to_string(i));
      auto reader = Reader::open(name, static_cast<std::uint16_t>(i), false);
      ASSERT_TRUE(reader.has_value());
      readers.push_back(std::move(*reader));
    }
    Merger merger(std::move(readers));
    std::vector<Place> order;
    while (const auto packet = merger.next()) {
      order.push_back({packet->at.file, packet->at.frame});
      const Captured& expected = files[packet->at.file][packet->at.frame - 1];
      EXPECT_EQ(Octets(packet->bytes.begin(), packet->bytes.end()), expected.bytes);
    }
    const std::vector<Place> expected{{0, 1}, {0, 2}, {1, 1}, {3, 1},
                                      {0, 3}, {1, 2}, {1, 3}, {1, 4}};
    EXPECT_EQ(order, expected);
    EXPECT_FALSE(merger.next().has_value());
    EXPECT_EQ(merger.readers()[1]->facts().packets, 4u);
  }
}

TEST_F(Merging, NoInputGivesNoPacket) {
  EXPECT_FALSE(Merger({}).next().has_value());
}

}  // namespace
}  // namespace mxw::capture
