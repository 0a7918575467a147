// Authentication-Results (RFC 8601): what goes, what stays octet by octet, and what we write.
#include "milter/auth_results.hpp"

#include <gtest/gtest.h>

namespace mxw::milter {
namespace {

constexpr std::string_view kId = "mx1.b.test";
constexpr const char* kKept = "\x01kept";
constexpr const char* kGone = "\x01gone";

struct Row {
  const char* value;
  const char* left;  // kKept, kGone, or what is left
  std::size_t clauses = 0;
};

const Row kRows[] = {
    // Ours goes.
    {"mx1.b.test; x-tls=pass", kGone, 1},
    {" mx1.b.test; x-tls=pass smtp.version=TLSv1.3", kGone, 1},
    {"MX1.B.Test; X-TLS=Pass", kGone, 1},
    {"mx1.b.test. ; x-mta-sts=fail reason=\"R13\"", kGone, 1},
    {"mx1.b.test;\n\tx-tls=pass;\r\n x-mta-sts=pass", kGone, 2},
    {"mx1.b.test; x-tls=pass; x-tls=fail", kGone, 2},
    {"mx1.b.test 1; x-tls=pass", kGone, 1},
    {"mx1.b.test 2; x-tls=pass", kGone, 1},
    {"\"mx1.b.test\"; x-tls=pass", kGone, 1},
    {"\"mx1.\\b.test\"; x-tls=pass", kGone, 1},
    {"mx1.b.test/4711; x-tls=pass", kGone, 1},
    {"\"mx1.b.test/4711\"; x-tls=pass", kGone, 1},
    {"(a comment; with \\) and (another) in it) mx1.b.test(c);(d)x-tls (e) = (f) pass", kGone, 1},
    {"mx1.b.test; x-tls/1=pass", kGone, 1},
    {"mx1.b.test; x-tls / 1 = pass", kGone, 1},
    {"mx1.b.test;; x-tls=pass ;", kGone, 1},
    {"mx1.b.test;x-tls=pass", kGone, 1},
    // Others' stay as they are.
    {"mx1.b.test; dkim=pass header.d=a.test; x-tls=pass smtp.bits=256",
     "mx1.b.test; dkim=pass header.d=a.test", 1},
    {"mx1.b.test; x-tls=pass; dkim=pass header.d=a.test", "mx1.b.test; dkim=pass header.d=a.test",
     1},
    {" mx1.b.test;\n\tspf=pass (a; x-tls=pass in a "
     "comment)\n\tsmtp.mailfrom=a.test;\r\n\tx-mta-sts="
     "pass;\r\n\tdmarc=none  ",
     " mx1.b.test;\n\tspf=pass (a; x-tls=pass in a comment)\n\tsmtp.mailfrom=a.test;\r\n\tdmarc="
     "none  ",
     1},
    {"mx1.b.test; x-tls=pass; dkim=pass; x-mta-sts=pass; spf=fail reason=\"x-tls=pass; ok\"",
     "mx1.b.test; dkim=pass; spf=fail reason=\"x-tls=pass; ok\"", 2},
    {"mx1.b.test; none; x-tls=pass", "mx1.b.test; none", 1},
    // Not ours.
    {"mx2.b.test; x-tls=pass", kKept},
    {"xmx1.b.test; x-tls=pass", kKept},
    {"mx1.b.test.example; x-tls=pass", kKept},
    {"example/mx1.b.test; x-tls=pass", kKept},
    {"; x-tls=pass", kKept},
    {"", kKept},
    {"x-tls=pass", kKept},
    {"x-tls=pass; mx1.b.test", kKept},
    {"(mx1.b.test) mx2.b.test; x-tls=pass", kKept},
    // Ours, and nothing of our methods.
    {"mx1.b.test", kKept},
    {"mx1.b.test; none", kKept},
    {"mx1.b.test; dkim=pass header.d=x-tls.example", kKept},
    {"mx1.b.test; xx-tls=pass; x-tlss=pass; x-tls.a=pass", kKept},
    {"mx1.b.test; spf=pass (x-tls=pass)", kKept},
    {"mx1.b.test; spf=pass reason=\"x-tls=pass\"", kKept},
    {"mx1.b.test; spf=pass policy.x-tls=pass", kKept},
    {"mx1.b.test; dkim=x-tls", kKept},
    // An address is the sender's choice: it takes no result of others away (RFC 5322 atext has `=`
    // and `/`).
    {"mx1.b.test; spf=fail smtp.mailfrom=x-tls=pass@a.test", kKept},
    {"mx1.b.test; spf=fail smtp.mailfrom=a/x-tls=pass@a.test", kKept},
    {"mx1.b.test; spf=fail smtp.mailfrom=\"x-tls=pass\"@a.test", kKept},
    {"mx1.b.test; spf=fail smtp.mailfrom=x-tls=p@a.test; x-tls=pass",
     "mx1.b.test; spf=fail smtp.mailfrom=x-tls=p@a.test", 1},
    // It cannot be parsed, and names our methods and our id.
    {"mx1.b.test; dkim=pass x-tls=pass", kGone, 1},
    {"mx1.b.test; dkim=pass; spf=pass x-tls =pass", kGone, 1},
    {"mx1.b.test x-tls=pass", kGone, 1},
    {"mx1.b.test = x-tls = pass", kGone, 1},
    {"mx1.b.test; dkim=pass (open; x-tls=pass", kGone, 1},
    {"mx1.b.test; dkim=pass \"open; x-tls=pass", kGone, 1},
    {"mx1.b.test; dkim=pass \"open\\", kKept},
    {"mx1.b.test; dkim=pass); x-tls=pass", kGone, 1},
    {"mx1.b.test; dkim=pass \x01 x-tls=pass", kGone, 1},
    {"(open mx1.b.test; x-tls=pass", kGone, 1},
    {"\"mx1.b.test; x-tls=pass", kGone, 1},
    {"(open mx2.b.test; x-tls=pass", kKept},
    {"mx2.b.test; (open x-tls=pass for mx1.b.test", kKept},
    {"mx1.b.test; dkim=pass (open", kKept},
};

TEST(MilterAuthResults, OnlyOurMethodsUnderOurIdGo) {
  for (const Row& row : kRows) {
    SCOPED_TRACE(row.value);
    const Stripped stripped = strip_own_results(row.value, kId);
    std::string left = stripped.value;
    if (stripped.kind == Stripped::Kind::kept) left = kKept;
    if (stripped.kind == Stripped::Kind::removed) left = kGone;
    EXPECT_EQ(left, row.left);
    EXPECT_EQ(stripped.clauses, row.clauses);
  }
}

TEST(MilterAuthResults, OctetsThatEndStrings) {
  const std::string value("mx1.b.test; dkim=pass \0; x-tls=pass", 35);
  EXPECT_EQ(strip_own_results(value, kId).kind, Stripped::Kind::removed);
  EXPECT_EQ(strip_own_results("mx1.b.test; d=pass \xff\xfe; x-tls=pass", kId).value,
            "mx1.b.test; d=pass \xff\xfe");
}

TEST(MilterAuthResults, IdsAreComparedAsNames) {
  const std::string u_label =
      "b\xc3\xbc"
      "cher.test; x-tls=pass";
  EXPECT_EQ(strip_own_results(u_label, "xn--bcher-kva.test").kind, Stripped::Kind::removed);
  EXPECT_EQ(strip_own_results("our own id; x-tls=pass", "our own id").kind, Stripped::Kind::kept);
  EXPECT_EQ(strip_own_results("\"our own id\"; x-tls=pass", "our own id").kind,
            Stripped::Kind::removed);
  EXPECT_EQ(strip_own_results("; x-tls=pass", "").kind, Stripped::Kind::kept);
  EXPECT_EQ(strip_own_results("\"\"; x-tls=pass", "").kind, Stripped::Kind::kept);
}

// Quadratic in the length it would take minutes.
TEST(MilterAuthResults, LongOnesTakeTheirLength) {
  std::string value = "mx1.b.test; x-tls=pass";
  for (int i = 0; i < 200'000; ++i) value += "; x-tls=pass";
  EXPECT_EQ(strip_own_results(value, kId).clauses, 200'001U);
  EXPECT_EQ(strip_own_results("mx1.b.test; x-tls=pass " + std::string(4'000'000, '('), kId).kind,
            Stripped::Kind::removed);
}

std::string written(std::string_view version, std::string_view cipher, bool verdict) {
  std::vector<MethodResult> results = {{kMethodTls,
                                        version.empty() ? "none" : "pass",
                                        {},
                                        {{"smtp.version", version},
                                         {"smtp.cipher", cipher},
                                         {"smtp.bits", version.empty() ? "" : "256"}}}};
  if (verdict)
    results.push_back(
        {kMethodMtaSts, "fail", "R13", {{"policy.domain", "b.test"}, {"policy.id", "20261121a"}}});
  return authentication_results(kId, results);
}

TEST(MilterAuthResults, OurHeaderIsWrittenAndFolded) {
  EXPECT_EQ(written("", "", false), "mx1.b.test; x-tls=none");
  EXPECT_EQ(written("TLSv1.3", "TLS_AES_256_GCM_SHA384", true),
            "mx1.b.test; x-tls=pass smtp.version=TLSv1.3\n"
            "\tsmtp.cipher=TLS_AES_256_GCM_SHA384 smtp.bits=256; x-mta-sts=fail\n"
            "\treason=\"R13\" policy.domain=b.test policy.id=20261121a");
  EXPECT_EQ(authentication_results(kId, {}), "mx1.b.test; none");
}

TEST(MilterAuthResults, ValuesOfOthersCannotWriteOurHeader) {
  EXPECT_EQ(written("TLSv1.3; x-mta-sts=pass", "a\r\nSubject: b\x7f\xc3", false),
            "mx1.b.test; x-tls=pass\n"
            "\tsmtp.version=\"TLSv1.3; x-mta-sts=pass\" smtp.cipher=\"aSubject: b\"\n"
            "\tsmtp.bits=256");
  EXPECT_EQ(authentication_results("a\"b\\c", {}), "\"a\\\"b\\\\c\"; none");
  EXPECT_EQ(authentication_results(kId, {{kMethodMtaSts, "fail", "a\"b", {}}}),
            "mx1.b.test; x-mta-sts=fail reason=\"a\\\"b\"");
}

TEST(MilterAuthResults, NoLineIsTooLong) {
  const std::string longs(5'000, 'x');
  const std::string value = authentication_results(
      longs, {{kMethodTls, "pass", longs, {{"smtp.version", longs}, {"smtp.cipher", longs}}}});
  for (std::size_t at = 0; at < value.size();) {
    const std::size_t end = std::min(value.find('\n', at), value.size());
    EXPECT_LT(end - at, 900U);  // RFC 5322 section 2.1.1: 998 with the name before it
    at = end + 1;
  }
}

TEST(MilterAuthResults, WhatWeWriteWeWouldTakeAway) {
  for (const bool verdict : {false, true}) {
    const Stripped stripped = strip_own_results(written("TLSv1.3", "X", verdict), kId);
    EXPECT_EQ(stripped.kind, Stripped::Kind::removed);
    EXPECT_EQ(stripped.clauses, verdict ? 2U : 1U);
  }
}

}  // namespace
}  // namespace mxw::milter
