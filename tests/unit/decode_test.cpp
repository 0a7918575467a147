// Link layers, IP, TCP and UDP, cut packets, duplicates.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "core/base/limits.hpp"
#include "sensor/decode/checksum.hpp"
#include "tests/unit/decode_support.hpp"

namespace mxw::decode {
namespace {

using test::ethernet;
using test::ip_packet;
using test::IpFields;
using test::Octets;
using test::octets;
using test::put;
using test::tcp_octets;
using test::tcp_packet;
using test::udp_octets;
using test::udp_packet;

constexpr const char* kClient = "192.0.2.10";
constexpr const char* kServer = "198.51.100.25";
constexpr const char* kClient6 = "2001:db8::10";
constexpr const char* kServer6 = "2001:db8:1::25";

struct Pair {
  const char *client, *server;
};
constexpr Pair kBoth[] = {{kClient, kServer}, {kClient6, kServer6}};

Octets hello(const Pair& pair = kBoth[0], std::string_view payload = "EHLO client.example\r\n") {
  return tcp_packet(pair.client, 40'000, pair.server, 25, 1'000, 2'000, kAck | kPsh, payload);
}

Octets without_link(const Octets& frame) {
  return {frame.begin() + 14, frame.end()};
}

Octets behind(Octets header, const Octets& rest) {
  test::append(header, rest);
  return header;
}

// IPv6 with extension headers before a TCP segment: the first header's number, their octets.
Octets extended(std::uint8_t first, const Octets& headers) {
  Octets payload = headers;
  test::append(payload, tcp_octets(kClient6, 1, kServer6, 25, 7, 8, kAck, "text"));
  return ethernet(ip_packet(kClient6, kServer6, payload, {.protocol = first}));
}

TEST(Decode, ASegmentCarriesItsFields) {
  for (const Pair& pair : kBoth) {
    Bench run;
    IpFields fields{.ttl = 57, .id = 0xbeef};
    run.give(tcp_packet(pair.client, 40'000, pair.server, 25, 0xffff'fff0, 77, kSyn | kAck, "220 ",
                        fields, {2, 4, 5, 0xb4, 1, 1, 1, 0}),
             Time{42});
    ASSERT_EQ(run.segments.size(), 1u);
    const Segment& s = run.segments[0].segment;
    EXPECT_EQ(s.ip.src.text(), pair.client);
    EXPECT_EQ(s.ip.dst.text(), pair.server);
    EXPECT_EQ(s.ip.ttl, 57);
    EXPECT_EQ(s.ip.ip_id, s.ip.src.v4() ? 0xbeef : 0);
    EXPECT_EQ(s.ip.vlan, 0);
    EXPECT_FALSE(s.ip.fragmented);
    EXPECT_EQ(s.src_port, 40'000);
    EXPECT_EQ(s.dst_port, 25);
    EXPECT_EQ(s.seq, 0xffff'fff0);
    EXPECT_EQ(s.ack, 77u);
    EXPECT_EQ(s.flags, kSyn | kAck);
    EXPECT_EQ(s.window, 64'240);
    EXPECT_EQ(run.segments[0].payload, "220 ");
    EXPECT_EQ(run.segments[0].options, std::string("\2\4\5\xb4\1\1\1\0", 8));
    EXPECT_EQ(s.payload_length, 4u);
    EXPECT_TRUE(s.whole);
    EXPECT_EQ(run.segments[0].checksum, Checksum::good);
    EXPECT_EQ(s.at.frame, 1u);
    EXPECT_EQ(s.at.time.ns, 42);
  }
}

TEST(Decode, ADatagramCarriesItsFieldsAndItsChecksumIsVerified) {
  for (const Pair& pair : kBoth) {
    Bench run;
    Octets frame = udp_packet(pair.client, 5'353, pair.server, 53, "query");
    run.give(frame);
    frame.back() ^= 1;
    run.give(frame);
    ASSERT_EQ(run.datagrams.size(), 2u);
    EXPECT_EQ(run.datagrams[0].payload, "query");
    EXPECT_EQ(run.datagrams[0].datagram.payload_length, 5u);
    EXPECT_EQ(run.datagrams[0].datagram.dst_port, 53);
    EXPECT_EQ(run.datagrams[0].datagram.ip.dst.text(), pair.server);
    EXPECT_EQ(run.datagrams[0].datagram.checksum, Checksum::good);
    EXPECT_EQ(run.datagrams[1].datagram.checksum, Checksum::bad);
    frame[frame.size() - 5 - 2] = frame[frame.size() - 5 - 1] = 0;  // sent without one
    run.give(frame);
    EXPECT_EQ(run.datagrams[2].datagram.checksum, Checksum::unknown);
  }
}

TEST(Decode, HostileHeadersAreCountedAndDropped) {
  const auto changed = [](Octets frame, std::size_t at, std::uint8_t value) {
    frame[14 + at] = value;
    if (frame[14] >> 4 == 4 && at < 20) {  // let the header checksum not be what is found wrong
      frame[24] = frame[25] = 0;
    }
    return frame;
  };
  const Octets v4 = hello(), v6 = hello(kBoth[1]);
  const Octets udp = udp_packet(kClient, 1, kServer, 53, "query");
  const struct {
    const char* what;
    Octets frame;
  } cases[] = {
      {"no octets", {}},
      {"half an Ethernet header", Octets(13)},
      {"IPv4 of no octets", ethernet(0x0800, {})},
      {"IPv4 of 19 octets", ethernet(0x0800, Octets(19, 0x45))},
      {"IPv6 of 39 octets", ethernet(0x86dd, Octets(39, 0x60))},
      {"version 5", changed(v4, 0, 0x55)},
      {"IPv4 under the type of IPv6", ethernet(0x86dd, without_link(hello()))},
      {"header length 4 words", changed(v4, 0, 0x44)},
      {"header length beyond the frame",
       ethernet(0x0800, changed(ethernet(0x0800, Octets(22, 0x4f)), 0, 0x4f))},
      {"total length below the header", changed(changed(v4, 2, 0), 3, 19)},
      {"total length cuts the TCP header", changed(changed(v4, 2, 0), 3, 39)},
      {"TCP header length 4 words", changed(v4, 20 + 12, 0x40)},
      {"TCP header beyond the segment",
       changed(tcp_packet(kClient, 1, kServer, 25, 1, 1, kAck), 20 + 12, 0xf0)},
      {"IPv6 payload shorter than TCP", changed(changed(v6, 4, 0), 5, 19)},
      {"UDP length 7", changed(udp, 20 + 5, 7)},
      {"UDP length beyond the packet", changed(udp, 20 + 5, 14)},
      {"extension header beyond the packet",
       changed(extended(0, {6, 255, 0, 0, 0, 0, 0, 0}), 41, 255)},
      {"half an extension header",
       ethernet(ip_packet(kClient6, kServer6, Octets(7), {.protocol = 0}))},
  };
  for (const auto& c : cases) {
    Bench run;
    run.give(c.frame);
    EXPECT_EQ(run.counters().malformed, 1u) << c.what;
    EXPECT_EQ(run.segments.size() + run.datagrams.size(), 0u) << c.what;
    EXPECT_EQ(run.counters().cut, 0u) << c.what;
  }
}

// What a host captures of its own traffic: the network card computes the sum later.
TEST(Decode, AChecksumLeftToTheNetworkCardIsUnknownAndNotBad) {
  Octets frame = tcp_packet("192.0.2.1", 1025, "198.51.100.2", 25, 1, 1, kAck | kPsh, "EHLO a\r\n");
  const Bytes ip = Bytes(frame).subspan(14);
  std::uint32_t sum = 6 + static_cast<std::uint32_t>(ip.size() - 20);
  for (std::size_t i = 12; i < 20; i += 2)
    sum += static_cast<std::uint32_t>(ip[i] << 8 | ip[i + 1]);
  while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
  const std::size_t field = 14 + 20 + 16;
  frame[field] = static_cast<std::uint8_t>(sum >> 8);
  frame[field + 1] = static_cast<std::uint8_t>(sum);
  Bench run;
  run.give(frame);
  frame[field] ^= 1;
  run.give(frame);
  ASSERT_EQ(run.segments.size(), 2u);
  EXPECT_EQ(run.segments[0].checksum, Checksum::unknown);
  EXPECT_EQ(run.segments[1].checksum, Checksum::bad);
}

TEST(Decode, AWrongIpv4HeaderChecksumIsToldWithTheSegmentUnlessZero) {
  Octets frame = hello(), datagram = udp_packet(kClient, 1, kServer, 53, "query");
  frame[14 + 10] ^= 0x10;
  datagram[14 + 10] ^= 0x10;
  Bench run;
  run.give(frame);
  run.give(datagram);
  EXPECT_EQ(run.counters().bad_ip_checksums, 2u);
  ASSERT_EQ(run.segments.size(), 1u);
  EXPECT_TRUE(run.segments[0].segment.ip.bad_header);
  EXPECT_EQ(run.segments[0].checksum, Checksum::bad);
  ASSERT_EQ(run.datagrams.size(), 1u);
  EXPECT_EQ(run.datagrams[0].datagram.checksum, Checksum::bad);
  frame[14 + 10] = frame[14 + 11] = 0;  // left to the card of the sender
  run.give(frame);
  run.give(hello());  // a duplicate but for the checksum
  EXPECT_EQ(run.counters().bad_ip_checksums, 2u);
  ASSERT_EQ(run.segments.size(), 2u);
  EXPECT_EQ(run.segments[1].checksum, Checksum::good);
  EXPECT_EQ(run.counters().duplicates, 1u);
}

TEST(Decode, EveryLinkTypeLeadsToTheSameSegment) {
  const Octets v4 = without_link(hello()), v6 = without_link(hello(kBoth[1]));
  const auto sll = [](std::uint16_t type, const Octets& rest) {
    Octets out(14);
    put(out, type, 2);
    return behind(out, rest);
  };
  const auto sll2 = [](std::uint16_t type, const Octets& rest) {
    Octets out;
    put(out, type, 2);
    out.resize(20);
    return behind(out, rest);
  };
  const struct {
    capture::LinkType link;
    Octets v4, v6;
  } cases[] = {
      {capture::kLinkEthernet, ethernet(0x0800, v4), ethernet(0x86dd, v6)},
      {capture::kLinkEthernet, ethernet(0x8100, behind({0x60, 7, 0x08, 0}, v4)),
       ethernet(0x88a8, behind({0, 7, 0x81, 0, 0, 9, 0x86, 0xdd}, v6))},
      {capture::kLinkEthernet, ethernet(0x9100, behind({0, 7, 0x81, 0, 0, 9, 0x08, 0}, v4)),
       ethernet(0x8100, behind({0, 7, 0x81, 0, 0, 8, 0x81, 0, 0, 9, 0x86, 0xdd}, v6))},
      {capture::kLinkSll, sll(0x0800, v4), sll(0x86dd, v6)},
      {capture::kLinkSll2, sll2(0x0800, v4), sll2(0x86dd, v6)},
      {capture::kLinkNull, behind({2, 0, 0, 0}, v4), behind({30, 0, 0, 0}, v6)},
      {capture::kLinkNull, behind({0, 0, 0, 2}, v4), behind({0, 0, 0, 10}, v6)},
      {capture::kLinkLoop, behind({0, 0, 0, 2}, v4), behind({0, 0, 0, 24}, v6)},
      {capture::kLinkRaw, v4, v6},
      {capture::kLinkRawOld, v4, v6},
      {capture::kLinkRawOpenBsd, v4, v6},
      {capture::kLinkIpv4, v4, {}},
      {capture::kLinkIpv6, {}, v6},
      {capture::kLinkPpp, behind({0xff, 0x03, 0, 0x21}, v4), behind({0xff, 0x03, 0, 0x57}, v6)},
      {capture::kLinkPpp, behind({0x00, 0x21}, v4), behind({0x57}, v6)},
      {capture::kLinkPppHdlc, behind({0xff, 0x03, 0x21}, v4), behind({0xff, 0x03, 0, 0x57}, v6)},
  };
  for (const auto& c : cases) {
    ASSERT_TRUE(capture::link_supported(c.link));
    for (const Octets& frame : {c.v4, c.v6}) {
      if (frame.empty()) continue;
      Bench run;
      run.give(frame, {}, c.link);
      ASSERT_EQ(run.segments.size(), 1u) << c.link << " " << frame.size();
      EXPECT_EQ(run.segments[0].payload, "EHLO client.example\r\n");
      EXPECT_EQ(run.segments[0].checksum, Checksum::good);
      const bool tagged =
          c.link == capture::kLinkEthernet && frame[12] != 0x08 && frame[12] != 0x86;
      EXPECT_EQ(run.segments[0].segment.ip.vlan,
                tagged || (frame[12] == 0x88 && c.link == capture::kLinkEthernet) ? 7 : 0);
      // Each of its prefixes is cut or malformed, never read beyond its end.
      for (std::size_t n = 0; n < frame.size(); ++n) {
        Bench shorter;
        shorter.give({frame.begin(), frame.begin() + static_cast<std::ptrdiff_t>(n)}, {}, c.link);
        EXPECT_EQ(
            accounted(shorter.counters()) + (shorter.counters().cut > shorter.segments.size()), 1u)
            << n;
      }
    }
  }
}

TEST(Decode, WhatIsNotOursIsCountedByKind) {
  Octets deep = hello();
  for (int i = 0; i < 40; ++i) {
    Octets tag{0x81, 0, 0, 1};
    deep.insert(deep.begin() + 12, tag.begin(), tag.end());
  }
  const auto v4 = [](std::uint8_t protocol) {
    return ethernet(ip_packet(kClient, kServer, Octets(40), {.protocol = protocol}));
  };
  const auto vxlan = behind({8, 0, 0, 0, 0, 0, 1, 0}, hello());
  const auto geneve = behind({0, 0, 0x65, 0x58, 0, 0, 1, 0}, hello());
  using Count = std::uint64_t Counters::*;
  const struct {
    Octets frame;
    Count count;
  } cases[] = {
      {ethernet(0x0806, Octets(28)), &Counters::not_ip},
      {ethernet(0x002e, Octets(46)), &Counters::not_ip},  // 802.3 length
      {ethernet(0x8847, Octets(46)), &Counters::unsupported_tunnel},
      {ethernet(0x8864, Octets(46)), &Counters::unsupported_tunnel},
      {v4(1), &Counters::other_protocol},
      {v4(0), &Counters::other_protocol},  // hop-by-hop exists in IPv6 only
      {v4(44), &Counters::other_protocol},
      {v4(4), &Counters::unsupported_tunnel},
      {v4(41), &Counters::unsupported_tunnel},
      {v4(47), &Counters::unsupported_tunnel},
      {v4(50), &Counters::unsupported_tunnel},
      {udp_packet(kClient, 50'000, kServer, 4'789, as_text(vxlan)), &Counters::unsupported_tunnel},
      {udp_packet(kClient, 50'000, kServer, 6'081, as_text(geneve)), &Counters::unsupported_tunnel},
      {udp_packet(kServer, 53, kClient, 4'789, "an answer to a resolver"), &Counters::udp},
      {deep, &Counters::too_deep},
      {extended(59, {}), &Counters::other_protocol},
  };
  for (const auto& c : cases) {
    Bench run;
    run.give(c.frame);
    EXPECT_EQ(run.counters().*c.count, 1u) << &c - cases;
    EXPECT_EQ(accounted(run.counters()), 1u) << &c - cases;
  }
}

TEST(Decode, ExtensionHeadersArePassed) {
  const Octets hop = {60, 0, 5, 2, 0, 0, 1, 0},
               destination = {51, 1, 1, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
  const Octets authentication = {6, 4, 0, 0, 0, 0, 0, 1, 0, 0,  0,  1,
                                 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
  Bench run;
  run.give(extended(0, behind(behind(hop, destination), authentication)));
  ASSERT_EQ(run.segments.size(), 1u);
  EXPECT_EQ(run.segments[0].payload, "text");
  EXPECT_EQ(run.segments[0].checksum, Checksum::good);

  Octets endless;
  for (int i = 0; i < 100; ++i) test::append(endless, Octets{60, 0, 1, 4, 0, 0, 0, 0});
  Bench deep;
  deep.give(extended(60, endless));
  EXPECT_EQ(deep.counters().too_deep, 1u);
}

TEST(Decode, ARoutingHeaderLeadsToTheLastAddress) {
  for (const std::uint8_t type : {std::uint8_t{2}, std::uint8_t{4}}) {
    const Octets routing = behind({6, 2, type, 1, 0, 0, 0, 0}, test::address_octets(kServer6));
    Octets payload = behind(routing, tcp_octets(kClient6, 1, kServer6, 25, 7, 8, kAck, "text"));
    Bench run;
    run.give(ethernet(ip_packet(kClient6, "2001:db8::99", payload, {.protocol = 43})));
    ASSERT_EQ(run.segments.size(), 1u);
    EXPECT_EQ(run.segments[0].segment.ip.dst.text(), kServer6);
    EXPECT_EQ(run.segments[0].checksum, Checksum::good);
  }
}

TEST(Decode, Ipv4OptionsArePassed) {
  Bench run;
  run.give(tcp_packet(kClient, 1, kServer, 25, 1, 1, kAck, "text", {.options = Octets(40, 1)}));
  ASSERT_EQ(run.segments.size(), 1u);
  EXPECT_EQ(run.segments[0].payload, "text");
}

TEST(Decode, PaddingBehindThePacketIsNoPayload) {
  for (const Pair& pair : kBoth) {
    Octets frame = tcp_packet(pair.client, 1, pair.server, 25, 1, 1, kAck);
    frame.resize(frame.size() + 6, 0x55);
    Bench run;
    run.give(frame);
    ASSERT_EQ(run.segments.size(), 1u);
    EXPECT_EQ(run.segments[0].payload, "");
    EXPECT_TRUE(run.segments[0].segment.whole);
    EXPECT_EQ(run.segments[0].checksum, Checksum::good);
    EXPECT_EQ(run.counters().cut, 0u);
  }
}

TEST(Decode, ATotalLengthOfZeroReachesToTheEndOfTheFrame) {
  Octets v4 = hello(), v6 = hello(kBoth[1]);
  v4[16] = v4[17] = v4[24] = v4[25] = 0;
  v6[18] = v6[19] = 0;
  for (const Octets& frame : {v4, v6}) {
    Bench run;
    run.give(frame);
    ASSERT_EQ(run.segments.size(), 1u);
    EXPECT_EQ(run.segments[0].payload, "EHLO client.example\r\n");
  }
}

TEST(Decode, CutPacketsSayHowMuchWasOnTheWire) {
  for (const Pair& pair : kBoth) {
    const Octets frame = hello(pair);
    const std::size_t headers = frame.size() - 21;
    for (std::size_t n = 0; n < frame.size(); ++n) {
      Bench run;
      run.give_cut(frame, n);
      EXPECT_EQ(run.counters().cut, 1u) << n;
      EXPECT_EQ(run.counters().malformed, 0u) << n;
      ASSERT_EQ(run.segments.size(), n >= headers ? 1u : 0u) << n;
      if (n < headers) continue;
      const Segment& s = run.segments[0].segment;
      EXPECT_EQ(run.segments[0].payload.size(), n - headers);
      EXPECT_EQ(s.payload_length, 21u);
      EXPECT_FALSE(s.whole);
      EXPECT_EQ(run.segments[0].checksum, Checksum::unknown);
    }
    Bench datagram;
    datagram.give_cut(udp_packet(pair.client, 1, pair.server, 53, "query"), headers - 12 + 2);
    ASSERT_EQ(datagram.datagrams.size(), 1u);
    EXPECT_EQ(datagram.datagrams[0].payload, "qu");
    EXPECT_EQ(datagram.datagrams[0].datagram.payload_length, 5u);
    EXPECT_EQ(datagram.datagrams[0].datagram.checksum, Checksum::unknown);
  }
}

TEST(Decode, ATapThatSlicesPacketsIsSeenByTheIpLength) {
  Octets frame = hello();
  frame.resize(frame.size() - 10);
  Bench run;
  run.give(frame);
  ASSERT_EQ(run.segments.size(), 1u);
  EXPECT_EQ(run.segments[0].segment.payload_length, 21u);
  EXPECT_EQ(run.segments[0].payload.size(), 11u);
  EXPECT_EQ(run.counters().cut, 1u);
}

TEST(Decode, ChecksumsOfAnyLengthAndAnyDamage) {
  std::mt19937 random(3);
  for (std::size_t length = 0; length < 130; ++length) {
    std::string payload(length, '\0');
    for (char& c : payload) c = static_cast<char>(random());
    const Pair& pair = kBoth[length % 2];
    Octets frame = hello(pair, payload);
    Bench run;
    run.give(frame);
    const std::size_t transport = frame.size() - length - 20;
    frame[transport + random() % (length + 20)] ^= static_cast<std::uint8_t>(1u << random() % 8);
    run.give(frame);
    ASSERT_GE(run.segments.size(), 1u);
    EXPECT_EQ(run.segments[0].checksum, Checksum::good) << length;
    if (run.segments.size() == 2) EXPECT_EQ(run.segments[1].checksum, Checksum::bad) << length;
  }
  EXPECT_TRUE(sums_to_zero(add_words(0, Octets(4'096, 0xff))));
  EXPECT_FALSE(sums_to_zero(add_words(0, Octets(4'096, 0))));
}

TEST(Decode, RandomOctetsAndFlippedBitsAreAccountedFor) {
  std::mt19937 random(4);
  const capture::LinkType links[] = {0, 1, 9, 50, 101, 108, 113, 228, 229, 276, 999};
  const Octets seeds[] = {hello(), hello(kBoth[1]), extended(0, {60, 0, 1, 4, 0, 0, 0, 0}),
                          udp_packet(kClient, 1, kServer, 53, "query")};
  Bench run;
  run.stable = false;
  for (int i = 0; i < 40'000; ++i) {
    Octets frame = seeds[random() % 4];
    for (unsigned flips = random() % 8; flips > 0; --flips)
      frame[random() % frame.size()] ^= static_cast<std::uint8_t>(1u << random() % 8);
    if (random() % 4 == 0) frame.resize(random() % frame.size());
    const auto wire = static_cast<std::uint32_t>(frame.size());
    const capture::LinkType link = random() % 2 == 0 ? links[random() % 11] : 1;
    run.give(std::move(frame), Time{i * kMillisecond}, link, wire);
    run.frames.clear();
  }
  const Counters& c = run.counters();
  EXPECT_EQ(c.packets, 40'000u);
  EXPECT_GT(c.tcp, 1'000u);
  EXPECT_LE(accounted(c), c.packets);
  EXPECT_GE(accounted(c) + c.cut, c.packets);
}

// The same packet as a mirror gives it again: another hop, another tag.
Octets hop_later(const Octets& frame, bool tag) {
  Octets copy = frame;
  if (copy[14] >> 4 == 4) {
    const unsigned sum = (copy[24] << 8 | copy[25]) + 0x100u;  // TTL less one: checksum one more
    copy[22] -= 1;
    copy[24] = static_cast<std::uint8_t>((sum + (sum >> 16)) >> 8);
    copy[25] = static_cast<std::uint8_t>(sum + (sum >> 16));
  } else {
    copy[21] -= 1;
  }
  copy[0] ^= 4;
  const Octets vlan{0x81, 0, 0, 9};
  if (tag) copy.insert(copy.begin() + 12, vlan.begin(), vlan.end());
  return copy;
}

TEST(Duplicates, ACopyIsDroppedWhateverCarriesIt) {
  for (const bool stable : {true, false}) {
    for (const Pair& pair : kBoth) {
      Bench run;
      run.stable = stable;
      run.give(hello(pair), Time{0});
      run.give(hello(pair), Time{1});
      run.give(hop_later(hello(pair), false), Time{2});
      run.give(hop_later(hello(pair), true), Time{limits::kDuplicateSpan});
      EXPECT_EQ(run.counters().duplicates, 3u);
      EXPECT_EQ(run.segments.size(), 1u);
      EXPECT_EQ(run.counters().malformed, 0u);
    }
  }
}

TEST(Duplicates, AnyOtherOctetMakesAnotherPacket) {
  for (const bool stable : {true, false}) {
    for (const Pair& pair : kBoth) {
      const Octets frame = hello(pair, std::string(200, 'x'));
      const std::size_t ttl = pair.client == kBoth[0].client ? 14 + 8 : 14 + 7;
      for (std::size_t at = 14; at < frame.size(); ++at) {
        const bool v4_checksum = ttl == 22 && (at == 24 || at == 25);
        if (at == ttl || v4_checksum) continue;
        Octets other = frame;
        other[at] ^= 1;
        if (ttl == 22 && at < 34) {  // the header checksum must stay right, and is not compared
          other[24] = other[25] = 0;
        }
        Bench run;
        run.stable = stable;
        run.give(frame);
        run.give(other);
        EXPECT_EQ(run.counters().duplicates, 0u) << at;
      }
    }
  }
}

TEST(Duplicates, OnlyWithinTheWindowAndTheSpan) {
  const auto filler = [](std::uint32_t i) {
    return tcp_packet(kClient, 40'000, kServer, 25, 100'000 + i, 1, kAck, "filler");
  };
  for (const bool stable : {true, false}) {
    for (const std::uint32_t between : {0u, 1u, 62u, 63u, 64u, 65u, 500u}) {
      Bench run;
      run.stable = stable;
      run.give(hello());
      for (std::uint32_t i = 0; i < between; ++i) run.give(filler(i));
      run.give(hello());
      EXPECT_EQ(run.counters().duplicates, between < limits::kDuplicateWindow ? 1u : 0u) << between;
    }
  }
  for (const std::int64_t apart : {limits::kDuplicateSpan, limits::kDuplicateSpan + 1}) {
    for (const std::int64_t sign : {1, -1}) {
      Bench run;
      run.give(hello(), Time{kSecond});
      run.give(hello(), Time{kSecond + sign * apart});
      EXPECT_EQ(run.counters().duplicates, apart == limits::kDuplicateSpan ? 1u : 0u);
    }
  }
}

// Against a plain model: compare with each of the last 64 packets that were no duplicates.
TEST(Duplicates, AgreeWithAModel) {
  std::mt19937 random(5);
  for (const bool stable : {true, false}) {
    Bench run;
    run.stable = stable;
    struct Old {
      std::uint32_t seq;
      std::int64_t time;
      std::size_t number;
    };
    std::vector<Old> kept;
    std::uint64_t expected = 0;
    std::int64_t time = 0;
    for (std::size_t number = 1; number <= 5'000; ++number) {
      const std::uint32_t seq = random() % 150;
      time += static_cast<std::int64_t>(random() % 600'000);
      bool duplicate = false;
      for (const Old& old : kept)
        duplicate |= old.seq == seq && number - old.number <= limits::kDuplicateWindow &&
                     time - old.time <= limits::kDuplicateSpan;
      expected += duplicate;
      if (!duplicate) kept.push_back({seq, time, number});
      run.give(tcp_packet(kClient, 1, kServer, 25, seq, 1, kAck, "text"), Time{time});
    }
    EXPECT_EQ(run.counters().duplicates, expected);
    EXPECT_GT(expected, 100u);
  }
}

}  // namespace
}  // namespace mxw::decode
