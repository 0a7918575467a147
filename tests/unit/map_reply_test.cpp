#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "map/limits.hpp"
#include "map/reply.hpp"
#include "tests/unit/map_support.hpp"

namespace mxw::map {
namespace {

using Patterns = std::vector<std::string>;

std::string text(const Patterns& mx, SecureWords words = {}, const Known* policy = nullptr) {
  return secure_text("example.org", usable_patterns(mx), words, policy).value_or("nothing");
}

TEST(MapReply, PatternsAreJoinedAndWildcardsLoseTheirStar) {
  EXPECT_EQ(text({"mx1.example.org", "*.example.net"}),
            "OK secure match=mx1.example.org:.example.net servername=hostname");
  EXPECT_EQ(text({"mx1.example.org"}, {false, false}), "OK secure match=mx1.example.org");
  EXPECT_EQ(text({}), "nothing");
}

// Each of these would mean something else in Postfix's grammar, or match more than was said.
TEST(MapReply, WhatIsNoHostNameNeverGetsIntoAReply) {
  const Patterns bad = {
      "a.example protocols=SSLv3 ciphers=export",
      "*",
      "*.",
      ".example.org",
      "*.*.example.org",
      "a:b.example",
      "a.example:b.example",
      "a.example,ciphers=null",
      "{a.example}",
      "a.example\nOK may",
      "a.example\t",
      std::string("a.example\0b", 11),
      "hostname nexthop",
      "192.0.2.1",
      "A.example",
      "a.example.",
      "b\xc3\xbc"
      "cher.example",
      "a_b.example",
      "-a.example",
      "",
  };
  for (const std::string& pattern : bad) {
    EXPECT_EQ(text({pattern}), "nothing") << pattern;
    EXPECT_EQ(text({pattern, "mx.example.org"}, {false, false}), "OK secure match=mx.example.org")
        << pattern;
  }
}

TEST(MapReply, APatternIsNamedOnce) {
  EXPECT_EQ(usable_patterns({"b.example", "a.example", "b.example"}),
            (Patterns{"b.example", "a.example"}));
}

TEST(MapReply, TheAttributesOfPostfix310) {
  Known known = policy_of(policy::Mode::enforce, {"mx1.example.org", "*.example.net"});
  known.policy_text =
      "version: STSv1\nmode: enforce\nmx: MX1.example.org\nmx: *.example.net\n"
      "x-note: {braces} and, commas\nmax_age: 86400\n";
  EXPECT_EQ(text(known.mx, {true, true}, &known),
            "OK secure match=mx1.example.org:.example.net servername=hostname"
            " policy_type=sts policy_domain=example.org"
            " mx_host_pattern=mx1.example.org mx_host_pattern=*.example.net"
            " { policy_string = version: STSv1 } { policy_string = mode: enforce }"
            " { policy_string = mx: mx1.example.org } { policy_string = mx: *.example.net }"
            " { policy_string = max_age: 86400 }");
  EXPECT_EQ(text({"mx.example.org"}, {true, true}, nullptr),
            "OK secure match=mx.example.org servername=hostname");
  known.policy_text = "no policy at all";
  EXPECT_EQ(text({"mx.example.org"}, {true, true}, &known),
            "OK secure match=mx.example.org servername=hostname policy_type=sts"
            " policy_domain=example.org mx_host_pattern=mx.example.org");
}

Patterns many(std::size_t count, std::size_t length) {
  Patterns out;
  for (std::size_t i = 0; i < count; ++i) {
    std::string name = "mx" + std::to_string(i);
    while (name.size() + 60 < length) name += '.' + std::string(58, 'a');
    out.push_back(name + '.' + std::string(length - name.size() - 1, 'b'));
  }
  return out;
}

TEST(MapReply, TheLargestPolicyFitsAndReportsGiveWayToIt) {
  Known known = policy_of(policy::Mode::enforce, many(256, 250));
  ASSERT_EQ(usable_patterns(known.mx).size(), 256U);
  const std::string plain = text(known.mx);
  EXPECT_EQ(plain.size(), 16 + 256 * 251 - 1 + 20U);
  // 69 KiB of patterns more do not fit beside 64: the whole match list, no attributes.
  EXPECT_EQ(text(known.mx, {true, true}, &known), plain);
  // Patterns fit twice, lines a third time not.
  known.mx = many(150, 250);
  known.policy_text = "version: STSv1\nmode: enforce\nmx: a.example\nmax_age: 1\n";
  const std::string some = text(known.mx, {true, true}, &known);
  EXPECT_NE(some.find("mx_host_pattern=mx149."), std::string::npos);
  EXPECT_EQ(some.find("policy_string"), std::string::npos);
  EXPECT_LE(some.size(), limits::kReplyBytes);
}

TEST(MapReply, AListThatDoesNotFitIsNotCutShort) {
  EXPECT_EQ(text(many(1'000, 250)), "nothing");
}

}  // namespace
}  // namespace mxw::map
