// Third-party captures, where the environment names them: TCP conversations as an independent
// tool counts them, and nothing dropped in silence.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <set>
#include <utility>

#include "sensor/capture/reader.hpp"
#include "tests/unit/capture_corpus.hpp"
#include "tests/unit/decode_support.hpp"

namespace mxw::decode {
namespace {

std::size_t conversations(const Bench& run) {
  std::set<std::pair<Endpoint, Endpoint>> seen;
  for (const Bench::Seen& one : run.segments) {
    const Endpoint source{one.segment.ip.src, one.segment.src_port};
    const Endpoint destination{one.segment.ip.dst, one.segment.dst_port};
    seen.insert(std::minmax(source, destination));
  }
  return seen.size();
}

TEST(DecodeCorpus, ConversationsAgreeWithTheManifestAndEveryPacketIsAccountedFor) {
  const char* folder = std::getenv("MXWARDEN_CORPUS");
  if (folder == nullptr) {
    std::cout << "corpus absent: not compared\n";
    GTEST_SKIP() << "MXWARDEN_CORPUS is not set";
  }
  std::size_t compared = 0;
  for (capture::CorpusRow row : capture::corpus_manifest(folder)) {
    auto reader = capture::Reader::open(std::string(folder) + "/" + row["path"], 0, false);
    if (!reader) continue;
    Bench run;
    while (const auto packet = (*reader)->next()) run.decoder.decode(*packet, run);
    const Counters& c = run.counters();
    const capture::FileFacts& facts = (*reader)->facts();
    EXPECT_EQ(c.packets, facts.packets - facts.unknown_link_packets) << facts.name;
    EXPECT_LE(accounted(c), c.packets) << facts.name;
    EXPECT_GE(accounted(c) + c.cut, c.packets) << facts.name;
    EXPECT_EQ(c.tcp, run.segments.size());
    if (row["set"] != "share" || c.unsupported_tunnel > 0)
      continue;  // the other tool opens tunnels
    EXPECT_EQ(std::to_string(conversations(run)), row["tcp_conversations"]) << facts.name;
    ++compared;
  }
  std::cout << compared << " captures compared\n";
  EXPECT_GT(compared, 50u);
}

}  // namespace
}  // namespace mxw::decode
