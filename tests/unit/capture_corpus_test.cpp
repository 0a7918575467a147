// Third-party captures, where the environment names them: packet counts as an independent tool
// gives them.
#include <gtest/gtest.h>

#include <cstdlib>
#include <iostream>

#include "sensor/capture/reader.hpp"
#include "tests/unit/capture_corpus.hpp"

namespace mxw::capture {
namespace {

TEST(CaptureCorpus, PacketCountsAgreeWithTheManifest) {
  const char* folder = std::getenv("MXWARDEN_CORPUS");
  if (folder == nullptr) {
    std::cout << "corpus absent: not compared\n";
    GTEST_SKIP() << "MXWARDEN_CORPUS is not set";
  }
  const std::vector<CorpusRow> rows = corpus_manifest(folder);
  ASSERT_FALSE(rows.empty());
  std::size_t compared = 0, refused = 0;
  for (CorpusRow row : rows) {
    auto reader = Reader::open(std::string(folder) + "/" + row["path"], 0, true);
    if (!reader) {
      EXPECT_EQ(reader.error().kind, ErrorKind::input);
      std::cout << "refused: " << reader.error().message << "\n";
      ++refused;
      continue;
    }
    while ((*reader)->next()) continue;
    (*reader)->finish();
    const FileFacts& facts = (*reader)->facts();
    EXPECT_EQ(facts.sha256, row["sha256"]) << row["path"];
    if (row["set"] == "share") EXPECT_EQ(facts.damage, std::nullopt) << row["path"];
    if (facts.damage) std::cout << "damaged: " << *facts.damage << "\n";
    if (row["packets"].find_first_not_of("0123456789") != std::string::npos) continue;
    EXPECT_EQ(std::to_string(facts.packets), row["packets"]) << row["path"];
    ++compared;
  }
  std::cout << compared << " captures compared, " << refused << " refused\n";
  EXPECT_GT(compared, rows.size() * 9 / 10);
}

}  // namespace
}  // namespace mxw::capture
