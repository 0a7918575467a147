#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "map/aggregate.hpp"
#include "tests/unit/map_support.hpp"

namespace mxw::map {
namespace {

const MapNames kNames({{"postfix", Dialect::postfix}, {"sts", Dialect::sendmail}});

Answer answer_of(Word said, Word would_be, Basis basis, Held held) {
  Answer answer;
  answer.said = said;
  answer.would_be = would_be;
  answer.basis = basis;
  answer.held = held;
  return answer;
}

const Answer kHeldBack = answer_of(Word::notfound, Word::secure, Basis::sts, Held::observe);
const Answer kNone = answer_of(Word::notfound, Word::notfound, Basis::none, Held::observe);

std::string lines(const Tally& tally) {
  return lines_of(tally, {kNow, kMinute}, kNames, [](std::string_view domain) {
    return std::vector<std::string>{"*." + std::string(domain)};
  });
}

TEST(MapTally, CountsDomainsByTheirAnswers) {
  Tally tally(16, 1'024);
  for (int i = 0; i < 3; ++i) tally.count("a.example", 11, 0, KeyKind::domain, kHeldBack);
  tally.count("a.example", 11, 1, KeyKind::domain, kHeldBack);
  tally.count("b.example", 12, 0, KeyKind::smart_host, kNone);
  tally.count("", 0, Tally::kNoMap, KeyKind::garbage, refuse(Basis::map));
  EXPECT_EQ(
      lines(tally),
      R"({"v":1,"time":"2027-01-15T08:00:00Z","seconds":60,"domain":"a.example","map":"postfix",)"
      R"("kind":"domain","answer":"notfound","would_be":"secure","basis":"sts","held":"observe",)"
      R"("count":3,"mx":["*.a.example"]})"
      "\n"
      R"({"v":1,"time":"2027-01-15T08:00:00Z","seconds":60,"domain":"a.example","map":"sts",)"
      R"("kind":"domain","answer":"notfound","would_be":"secure","basis":"sts","held":"observe",)"
      R"("count":1,"mx":["*.a.example"]})"
      "\n"
      R"({"v":1,"time":"2027-01-15T08:00:00Z","seconds":60,"domain":"b.example","map":"postfix",)"
      R"("kind":"smart_host","answer":"notfound","would_be":"notfound","basis":"none",)"
      R"("held":"observe","count":1})"
      "\n"
      R"({"v":1,"time":"2027-01-15T08:00:00Z","seconds":60,"map":"","kind":"garbage",)"
      R"("answer":"notfound","would_be":"notfound","basis":"map","held":"nothing","count":1})"
      "\n");
  tally.clear();
  EXPECT_TRUE(tally.empty());
  EXPECT_EQ(lines(tally), "");
}

TEST(MapTally, WhatDoesNotFitIsCountedTogether) {
  Tally few(2, 1'024);
  for (std::uint64_t i = 1; i <= 5; ++i) {
    few.count("x.example", i, 0, KeyKind::domain, kNone);
  }
  few.count("x.example", 1, 0, KeyKind::domain, kNone);
  EXPECT_EQ(few.overflow(), 3U);
  const std::string text = lines(few);
  EXPECT_NE(text.find(R"("basis":"other","held":"nothing","count":3})"), std::string::npos);
  Tally short_names(16, 10);
  short_names.count("a.example", 1, 0, KeyKind::domain, kNone);
  short_names.count("b.example", 2, 0, KeyKind::domain, kNone);
  EXPECT_EQ(short_names.overflow(), 1U);
}

struct MapAnswersFile : ::testing::Test {
  MapAnswersFile() {
    std::string pattern = ::testing::TempDir() + "answers-XXXXXX";
    folder = ::mkdtemp(pattern.data());
    path = folder + "/answers.ndjson";
  }
  ~MapAnswersFile() override { std::filesystem::remove_all(folder); }

  [[nodiscard]] static std::string text(const std::string& file) {
    std::ostringstream out;
    out << std::ifstream(file).rdbuf();
    return out.str();
  }

  std::string folder, path;
};

TEST_F(MapAnswersFile, AppendsAlsoToWhatIsThere) {
  {
    LineFile file(path, limits::kAnswersFileBytes);
    EXPECT_TRUE(file.append("one\n"));
    EXPECT_TRUE(file.append(""));
  }
  LineFile file(path, limits::kAnswersFileBytes);
  EXPECT_TRUE(file.append("two\n"));
  EXPECT_EQ(text(path), "one\ntwo\n");
  struct stat info{};
  ASSERT_EQ(::stat(path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0600U);
}

TEST_F(MapAnswersFile, ATallyIsWrittenInPiecesOfWholeLines) {
  Tally tally(2'000, 100'000);
  for (std::uint64_t i = 1; i <= 1'500; ++i) {
    tally.count(std::to_string(i) + ".example", i, 0, KeyKind::domain, kHeldBack);
  }
  LineFile file(path, limits::kAnswersFileBytes);
  const auto patterns = [](std::string_view domain) {
    return std::vector<std::string>{"*." + std::string(domain)};
  };
  append_tally(file, tally, {kNow, kMinute}, kNames, patterns);
  EXPECT_GT(file.counters().written, 1U);
  EXPECT_EQ(text(path), lines(tally));
}

TEST_F(MapAnswersFile, TwoFilesAreKeptAndNeitherIsLargerThanTheBound) {
  LineFile file(path, 8);
  for (const char* line : {"aaa\n", "bbb\n", "ccc\n", "ddd\n", "eee\n"}) {
    EXPECT_TRUE(file.append(line));
  }
  EXPECT_EQ(text(path), "eee\n");
  EXPECT_EQ(text(path + ".1"), "ccc\nddd\n");
  EXPECT_EQ(file.counters().rotations, 2U);
  EXPECT_FALSE(file.append("too long for it\n"));
  EXPECT_EQ(file.counters().dropped, 1U);
}

TEST_F(MapAnswersFile, WithoutAPlaceToWriteItIsDroppedAndTriedAgain) {
  LineFile file(folder + "/absent/answers.ndjson", limits::kAnswersFileBytes);
  EXPECT_FALSE(file.append("one\n"));
  EXPECT_EQ(file.counters().dropped, 1U);
  std::filesystem::create_directory(folder + "/absent");
  EXPECT_TRUE(file.append("two\n"));
  EXPECT_EQ(text(folder + "/absent/answers.ndjson"), "two\n");
}

TEST_F(MapAnswersFile, AFullDiskDropsTheMinute) {
  if (::access("/dev/full", W_OK) != 0) GTEST_SKIP();
  LineFile file("/dev/full", 1'000);
  EXPECT_FALSE(file.append("one\n"));
  EXPECT_EQ(file.counters().dropped, 1U);
  EXPECT_EQ(file.counters().written, 0U);
}

}  // namespace
}  // namespace mxw::map
