#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "map/netstring.hpp"

namespace mxw::map {
namespace {

using Step = NetstringReader::Step;

// Payloads in brackets, then what ended the input.
std::string read_in_pieces(std::string_view input, std::size_t piece, std::size_t limit) {
  NetstringReader reader(limit);
  std::string out;
  for (std::size_t at = 0; at < input.size(); at += piece) {
    std::string_view part = input.substr(at, piece);
    while (!part.empty()) {
      const Step step = reader.next(part);
      if (step == Step::payload) out += '[' + std::string(reader.payload()) + ']';
      if (step == Step::fault) return out + std::string(name(reader.fault()));
    }
  }
  return out + (reader.at_boundary() ? "end" : "cut");
}

struct Case {
  std::string input, expected;
  std::size_t limit = 1'024;
};

const std::vector<Case> kCases = {
    {"", "end"},
    {"0:,", "[]end"},
    {"5:hello,", "[hello]end"},
    {"5:Hello,6:World!,", "[Hello][World!]end"},
    {"3:a,b,1:x,", "[a,b][x]end"},
    {"12:postfix a.bc,", "[postfix a.bc]end"},
    {"3", "cut"},
    {"3:", "cut"},
    {"3:ab", "cut"},
    {"3:abc", "cut"},
    {"2:ab,3", "[ab]cut"},
    {":", "bad length"},
    {":,", "bad length"},
    {"aaa:aaa", "bad length"},
    {"-1:a,", "bad length"},
    {"+1:a,", "bad length"},
    {" 1:a,", "bad length"},
    {"1 :a,", "bad length"},
    {"0x1:a,", "bad length"},
    {"1:a,,", "[a]bad length"},
    {"01:X,", "leading zero"},
    {"00:,", "leading zero"},
    {"0:_", "bad terminator"},
    {"1:a;", "bad terminator"},
    {"1:a\n", "bad terminator"},
    {"5:12345,", "[12345]end", 5},
    {"6:123456,", "too long", 5},
    {"9999:", "too long"},
    {"99999999999999999999999999999999:", "too long"},
    {"1025", "too long"},
    {"1024", "cut"},
};

TEST(MapNetstring, EverySplitOfAnInputGivesTheSame) {
  for (const Case& c : kCases) {
    for (std::size_t piece = 1; piece <= c.input.size() + 1; ++piece) {
      EXPECT_EQ(read_in_pieces(c.input, piece, c.limit), c.expected)
          << c.input << " in pieces of " << piece;
    }
  }
}

TEST(MapNetstring, ALengthOverTheLimitIsRefusedBeforeAnythingIsBuffered) {
  NetstringReader reader(10'000);
  std::string_view input = "10001";
  EXPECT_EQ(reader.next(input), Step::fault);
  EXPECT_EQ(reader.fault(), NetstringFault::too_long);
  EXPECT_EQ(reader.buffered(), 0U);
}

TEST(MapNetstring, HoldsNoMoreThanTheLimitAndTheComma) {
  NetstringReader reader(100);
  const std::string input = "100:" + std::string(100, 'x');
  for (const char c : input) {
    std::string_view part(&c, 1);
    EXPECT_EQ(reader.next(part), Step::more);
    EXPECT_LE(reader.buffered(), 101U);
  }
  std::string_view comma = ",";
  EXPECT_EQ(reader.next(comma), Step::payload);
  EXPECT_EQ(reader.payload(), std::string(100, 'x'));
  EXPECT_EQ(reader.buffered(), 0U);
}

TEST(MapNetstring, AWholeNetstringIsNotCopied) {
  NetstringReader reader(100);
  const std::string text = "3:abc,";
  std::string_view input = text;
  ASSERT_EQ(reader.next(input), Step::payload);
  EXPECT_EQ(reader.payload().data(), text.data() + 2);
}

TEST(MapNetstring, AfterAFaultNothingIsReadAnyMore) {
  NetstringReader reader(100);
  std::string_view bad = "x", good = "1:a,";
  EXPECT_EQ(reader.next(bad), Step::fault);
  EXPECT_EQ(reader.next(good), Step::fault);
  EXPECT_EQ(good, "1:a,");
}

TEST(MapNetstring, WritesTheLengthInOctets) {
  EXPECT_EQ(netstring(""), "0:,");
  EXPECT_EQ(netstring("NOTFOUND "), "9:NOTFOUND ,");
  EXPECT_EQ(netstring("\xe2\x82\xac"), "3:\xe2\x82\xac,");
}

}  // namespace
}  // namespace mxw::map
