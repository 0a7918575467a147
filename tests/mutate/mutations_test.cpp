// The mutations themselves, and the comparison: a mutator that changes nothing, or a comparison
// that accepts everything, would prove nothing.
#include "mutations.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "judged.hpp"
#include "tests/support/packet_builder.hpp"

namespace mxw::mutate {
namespace {

using rules::Severity;

Packets reset_capture() {
  return read_packets(std::string(MXW_SOURCE_DIR) + "/pcaps/reset-clienthello-postfix.s.pcap");
}

bool same(const Packets& a, const Packets& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const Packet& x, const Packet& y) {
    return x.bytes == y.bytes && x.time == y.time && x.wire_length == y.wire_length;
  });
}

TEST(Mutations, EachChangesTheCapture) {
  const Packets packets = reset_capture();
  std::set<std::string> changed, all;
  for (const Mutation& m : mutations_for(packets, 1)) {
    all.insert(m.name);
    if (!same(m.apply(packets), packets)) changed.insert(m.name);
  }
  EXPECT_EQ(changed, all);
}

TEST(Mutations, TheSameSeedGivesTheSamePackets) {
  const Packets packets = reset_capture();
  EXPECT_TRUE(same(drop(packets, 0.2, 7), drop(packets, 0.2, 7)));
  EXPECT_FALSE(same(drop(packets, 0.2, 7), drop(packets, 0.2, 8)));
}

TEST(Mutations, ReorderKeepsAllPacketsTimesAndTheOrderAroundResets) {
  const Packets packets = reset_capture();
  const Packets mixed = reorder(packets, 1.0, 3);
  ASSERT_EQ(mixed.size(), packets.size());
  for (std::size_t i = 0; i < packets.size(); ++i) EXPECT_EQ(mixed[i].time, packets[i].time);
  const auto resets_after = [](const Packets& all) {
    std::multiset<std::pair<std::vector<std::uint8_t>, std::size_t>> out;
    std::size_t resets = 0;
    for (const Packet& p : all) {
      resets += p.layout && p.layout->rst ? 1U : 0U;
      out.emplace(p.bytes, resets);
    }
    return out;
  };
  EXPECT_EQ(resets_after(mixed), resets_after(packets));
}

TEST(Mutations, ATtlLessOneLeavesTheHeaderChecksumRight) {
  const Packets packets = reset_capture();
  const Packets doubled = duplicate(packets, 1.0, Copy::ttl_less_one, 1);
  ASSERT_EQ(doubled.size(), 2 * packets.size());
  std::size_t checked = 0;
  for (std::size_t i = 1; i < doubled.size(); i += 2) {
    const Packet& copy = doubled[i];
    if (!copy.layout || !copy.layout->v4) continue;
    EXPECT_EQ(copy.bytes[copy.layout->ip + 8] + 1, doubled[i - 1].bytes[copy.layout->ip + 8]);
    const auto begin = copy.bytes.begin() + static_cast<std::ptrdiff_t>(copy.layout->ip);
    EXPECT_EQ(test::internet_checksum({begin, begin + 20}), 0) << "packet " << i / 2 + 1;
    ++checked;
  }
  EXPECT_GT(checked, 20U);
}

TEST(Mutations, HalvesOfTheTrafficMakeTheWhole) {
  const Packets packets = reset_capture();
  const Packets client = only_direction(packets, true), server = only_direction(packets, false);
  EXPECT_EQ(client.size() + server.size(), packets.size());
  EXPECT_TRUE(std::all_of(client.begin(), client.end(), [](const Packet& p) {
    return !p.layout || !p.layout->tcp || p.layout->to.port == 25;
  }));
}

const Pairs kOriginal = {{{"R29", "example.org"}, Severity::critical},
                         {{"R03", "example.org"}, Severity::low},
                         {{"R12", ""}, Severity::medium},
                         {{"R12", "example.org"}, Severity::critical}};

TEST(Beyond, LessOrTheSameIsNothing) {
  EXPECT_TRUE(beyond(kOriginal, kOriginal).empty());
  EXPECT_TRUE(beyond(kOriginal, {}).empty());
  EXPECT_TRUE(beyond(kOriginal, {{{"R29", "example.org"}, Severity::medium}}).empty());
  EXPECT_TRUE(beyond(kOriginal, {{{"R29", ""}, Severity::critical}}).empty());
}

TEST(Beyond, AnotherRuleAnotherDomainOrMoreSevereIsMore) {
  for (const auto& [pair, severity] : Pairs{{{"R10", "example.org"}, Severity::info},
                                            {{"R29", "example.net"}, Severity::info},
                                            {{"R03", "example.org"}, Severity::medium},
                                            {{"R03", ""}, Severity::high},
                                            {{"R12", ""}, Severity::high}})
    EXPECT_EQ(beyond(kOriginal, {{pair, severity}}).size(), 1U) << pair.first << pair.second;
}

}  // namespace
}  // namespace mxw::mutate
