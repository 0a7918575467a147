// Third-party captures, where the environment names them: nothing is dropped in silence.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <set>
#include <tuple>

#include "sensor/capture/reader.hpp"
#include "tests/unit/decode_support.hpp"

namespace mxw::decode {
namespace {

TEST(DecodeCorpus, EveryPacketIsAccountedFor) {
  const char* folder = std::getenv("MXWARDEN_CORPUS");
  if (folder == nullptr) {
    std::cout << "corpus absent: not compared\n";
    GTEST_SKIP() << "MXWARDEN_CORPUS is not set";
  }
  std::size_t files = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    const std::string extension = entry.path().extension();
    if (extension != ".pcap" && extension != ".pcapng") continue;
    auto reader = capture::Reader::open(entry.path(), 0, false);
    if (!reader) continue;
    Bench run;
    while (const auto packet = (*reader)->next()) run.decoder.decode(*packet, run);
    const Counters& c = run.counters();
    const capture::FileFacts& facts = (*reader)->facts();
    EXPECT_EQ(c.packets, facts.packets - facts.unknown_link_packets) << facts.name;
    EXPECT_LE(accounted(c), c.packets) << facts.name;
    EXPECT_GE(accounted(c) + c.cut, c.packets) << facts.name;
    EXPECT_EQ(c.tcp, run.segments.size());
    ++files;
  }
  EXPECT_GT(files, 0u);
}

}  // namespace
}  // namespace mxw::decode
