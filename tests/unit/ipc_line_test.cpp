// Lines out of pieces: any split gives the same lines, whatever their length.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "core/ipc/line_stream.hpp"

namespace mxw::ipc {
namespace {

using testing::ElementsAre;

constexpr std::size_t kLimit = 8;

struct Said {
  std::vector<std::string> lines;
  std::uint64_t too_long = 0;
  friend bool operator==(const Said&, const Said&) = default;
};

template <typename Size>
Said read(std::string_view octets, Size piece) {
  LineStream stream(kLimit);
  Said said;
  while (!octets.empty()) {
    const std::size_t size = std::min<std::size_t>(piece(), octets.size());
    stream.feed(octets.substr(0, size));
    octets.remove_prefix(size);
    while (const auto line = stream.next()) said.lines.emplace_back(*line);
    EXPECT_LE(stream.unfinished(), kLimit);
  }
  said.too_long = stream.too_long();
  return said;
}

TEST(LineStream, GivesWholeLinesUpToTheLimit) {
  const Said said = read("a\n\n12345678\n123456789\nb\nunfinished", [] { return 1'000; });
  EXPECT_THAT(said.lines, ElementsAre("a", "", "12345678", "b"));
  EXPECT_EQ(said.too_long, 2U);
}

TEST(LineStream, GivesTheSameLinesForAnySplit) {
  std::mt19937 random(20'261'126);
  for (int round = 0; round < 2'000; ++round) {
    std::string octets(random() % 80, '\0');
    for (char& c : octets) c = random() % 5 == 0 ? '\n' : static_cast<char>(random() % 256);
    const Said whole = read(octets, [] { return 1'000; });
    EXPECT_EQ(read(octets, [] { return 1; }), whole);
    EXPECT_EQ(read(octets, [&] { return 1 + random() % 12; }), whole);
  }
}

TEST(LineStream, KeepsNothingOfALineItPassesOver) {
  LineStream stream(kLimit);
  for (int i = 0; i < 1'000; ++i) {
    stream.feed("xxxxxxxxxx");
    EXPECT_FALSE(stream.next());
    EXPECT_EQ(stream.unfinished(), 0U);
  }
  EXPECT_TRUE(stream.passing_over());
  stream.feed("end\nnext\n");
  EXPECT_EQ(stream.next(), "next");
  EXPECT_EQ(stream.too_long(), 1U);
}

TEST(LineStream, ForgetsForAnotherStream) {
  LineStream stream(kLimit);
  stream.feed("half");
  EXPECT_FALSE(stream.next());
  stream.clear();
  stream.feed("whole\n");
  EXPECT_EQ(stream.next(), "whole");
}

}  // namespace
}  // namespace mxw::ipc
