// What core/mail promises: which names are names, in which form they are kept, and which domain a
// MAIL or RCPT argument speaks of, whatever bytes it holds.
#include <gtest/gtest.h>

#include <algorithm>
#include <iterator>
#include <random>
#include <string>

#include "core/base/limits.hpp"
#include "core/mail/name.hpp"
#include "core/mail/reply_code.hpp"

namespace mxw::mail {
namespace {

using namespace std::string_view_literals;

std::string host(std::string_view text) {
  const auto name = HostName::parse(text);
  return name ? name->text() : "-";
}

std::string dns(std::string_view text) {
  const auto name = DnsName::parse(text);
  return name ? name->text() : "-";
}

std::string labels(std::size_t count, std::size_t size) {
  std::string name;
  for (std::size_t i = 0; i < count; ++i) name += std::string(size, 'a') + '.';
  name.pop_back();
  return name;
}

TEST(HostName, IsKeptAsLowerCaseALabelsWithoutFinalDot) {
  EXPECT_EQ(host("mx.example.org"), "mx.example.org");
  EXPECT_EQ(host("MX.Example.ORG."), "mx.example.org");
  EXPECT_EQ(host("localhost"), "localhost");
  EXPECT_EQ(host("a-b.1.example"), "a-b.1.example");
  EXPECT_EQ(host("xn--d1acufc.xn--p1ai"), "xn--d1acufc.xn--p1ai");
  EXPECT_EQ(host("B\xc3\xbc"
                 "cher.example"),
            "xn--bcher-kva.example");
  EXPECT_EQ(host("b\xc3\xbc"
                 "cher.example."),
            "xn--bcher-kva.example");
  EXPECT_EQ(host("stra\xc3\x9f"
                 "e.example"),
            "xn--strae-oqa.example")
      << "IDNA2008 keeps the sharp s";
}

TEST(HostName, RefusesWhatIsNoHostName) {
  const std::string_view bad[] = {
      "",
      ".",
      "..",
      "a..example",
      ".example",
      "example..",
      "-a.example",
      "a-.example",
      "_mta-sts.example",
      "a_b.example",
      "a b.example",
      "127.0.0.1",
      "192.0.2.1.",
      "example.123",
      "123",
      "2001:db8::1",
      "[192.0.2.1]",
      "*.example.org",
      "a@example.org",
      "mx.example.org\n",
      std::string_view("a\0b.example", 11),
      std::string_view("\xc3\xbc\0.example", 11),
      "\xff\xfe.example",
      "\xc3.example",
      "\xef\xbc\x91\xef\xbc\x92.\xef\xbc\x90.\xef\xbc\x90.\xef\xbc\x91",  // 12.0.0.1 in wide digits
      "\xe2\x80\x8b.example",                                             // only a zero-width space
  };
  for (const auto text : bad) EXPECT_EQ(host(text), "-") << text;
}

TEST(HostName, LengthsEndAtSixtyThreeAndTwoHundredFiftyThree) {
  EXPECT_NE(host(std::string(63, 'a') + ".example"), "-");
  EXPECT_EQ(host(std::string(64, 'a') + ".example"), "-");
  const std::string longest = labels(3, 63) + '.' + std::string(61, 'b');
  ASSERT_EQ(longest.size(), 253U);
  EXPECT_EQ(host(longest), longest);
  EXPECT_EQ(host(longest + '.'), longest);
  EXPECT_EQ(host(longest + 'b'), "-");
  EXPECT_EQ(host(std::string(1 << 20, 'a')), "-");
  std::string wide;
  for (int i = 0; i < 1 << 16; ++i) wide += "\xc3\xbc";
  EXPECT_EQ(host(wide), "-");
}

TEST(DnsName, TakesUnderscoresAndNothingElseMore) {
  EXPECT_EQ(dns("_MTA-STS.example.org."), "_mta-sts.example.org");
  EXPECT_EQ(dns("_25._tcp.mx.example.org"), "_25._tcp.mx.example.org");
  EXPECT_EQ(dns("_mta-sts.b\xc3\xbc"
                "cher.example"),
            "_mta-sts.xn--bcher-kva.example");
  EXPECT_EQ(dns("192.0.2.1"), "-");
  EXPECT_EQ(dns("a b.example"), "-");
  EXPECT_EQ(dns(""), "-");
}

TEST(Names, EveryKeptFormIsItsOwnForm) {
  std::mt19937 random(8461);
  const std::string_view pieces[] = {"a",
                                     "Z",
                                     "0",
                                     "-",
                                     "_",
                                     ".",
                                     "\xc3\xbc",
                                     "\xc3\x9c",
                                     "\xe2\x80\x8b",
                                     "\xe3\x80\x82",
                                     "\xff",
                                     "\0"sv,
                                     " ",
                                     "xn--",
                                     "192"};
  for (int round = 0; round < 20'000; ++round) {
    std::string text;
    for (auto n = random() % 12; n > 0; --n) text += pieces[random() % std::size(pieces)];
    const auto name = DnsName::parse(text);
    const auto strict = HostName::parse(text);
    EXPECT_TRUE(!strict || (name && strict->text() == name->text())) << "a host name is a DNS name";
    if (name) {
      EXPECT_EQ(dns(name->text()), name->text());
    }
  }
}

std::string path(std::string_view argument) {
  const auto parsed = parse_path(argument);
  if (!parsed) return "-";
  if (parsed->null_sender) return "<>";
  return parsed->local + " at " + parsed->domain;
}

TEST(Path, AsTheStandardWritesIt) {
  EXPECT_EQ(path("<anna@example.org>"), "anna at example.org");
  EXPECT_EQ(path("<Anna.B@EXAMPLE.Org.>"), "Anna.B at example.org")
      << "local parts keep their case";
  EXPECT_EQ(path("<>"), "<>");
  EXPECT_EQ(path("<postmaster>"), "postmaster at ");
  EXPECT_EQ(path("<@relay.example,@b.test:anna@example.org>"), "anna at example.org");
  EXPECT_EQ(path("<@[IPv6:2001:db8::1]:anna@example.org>"), "anna at example.org");
  EXPECT_EQ(path("<anna@[192.0.2.7]>"), "anna at [192.0.2.7]");
  EXPECT_EQ(path("<anna@[IPv6:2001:DB8::1]>"), "anna at [ipv6:2001:db8::1]");
  EXPECT_EQ(path("<anna@b\xc3\xbc"
                 "cher.example>"),
            "anna at xn--bcher-kva.example");
}

TEST(Path, ParametersAreNoPartOfIt) {
  EXPECT_EQ(path("<anna@example.org> SIZE=1 BODY=8BITMIME"), "anna at example.org");
  EXPECT_EQ(path("<> RET=HDRS"), "<>");
  EXPECT_EQ(path("anna@example.org SIZE=1"), "anna at example.org");
  EXPECT_EQ(path("anna@example.org ORCPT=rfc822;<b@c.test>"), "anna at example.org");
  EXPECT_EQ(path("<anna@example.org>SIZE=1"), "anna at example.org");
}

TEST(Path, QuotedLocalParts) {
  EXPECT_EQ(path(R"(<"anna b"@example.org>)"), "anna b at example.org");
  EXPECT_EQ(path(R"(<"a>b@c"@example.org> SIZE=1)"), "a>b@c at example.org");
  EXPECT_EQ(path(R"(<"a\"b\\"@example.org>)"), R"(a"b\ at example.org)");
  EXPECT_EQ(path(R"("a b"@example.org SIZE=1)"), "a b at example.org");
  EXPECT_EQ(path(R"(<"anna@example.org>)"), R"("anna at example.org)") << "never closed";
  EXPECT_EQ(path(R"(<"a@b">)"), "a@b at ") << "no domain: the at-sign is quoted";
}

TEST(Path, WhatServersAcceptAllTheSame) {
  EXPECT_EQ(path(" \t<anna@example.org>"), "anna at example.org");
  EXPECT_EQ(path("<anna@example.org>\r\n"), "anna at example.org");
  EXPECT_EQ(path("< anna@example.org >"), "anna at example.org");
  EXPECT_EQ(path("< >"), "<>");
  EXPECT_EQ(path("anna@example.org"), "anna at example.org");
  EXPECT_EQ(path("<anna@example.org"), "anna at example.org");
  EXPECT_EQ(path("<anna@example.org SIZE=1"), "anna at example.org");
  EXPECT_EQ(path("anna@example.org>"), "anna at example.org");
  EXPECT_EQ(path("Anna B <anna@example.org>"), "anna at example.org");
  EXPECT_EQ(path("<a@b.test@example.org>"), "a@b.test at example.org") << "the last at-sign counts";
  EXPECT_EQ(path("<anna@Bad Name>"), "anna at bad name");
  EXPECT_EQ(path("<anna@my_host.example>"), "anna at my_host.example");
  EXPECT_EQ(path("<anna@192.0.2.7>"), "anna at 192.0.2.7");
  EXPECT_EQ(path("<@example.org>"), " at example.org");
}

TEST(Path, NobodyIsNamed) {
  for (const std::string_view text : {"", " ", "\r\n", "<", ">", "@", "<@>", "<\"\"@>", "<@a:>"})
    EXPECT_EQ(path(text), "-") << text;
}

TEST(Path, IsTotalAndBoundedOnAnyBytes) {
  std::mt19937 random(5321);
  const std::string_view alphabet = "<>@\"\\:,[] \ta.Z9\xff\0\r\n="sv;
  for (int round = 0; round < 50'000; ++round) {
    std::string text(random() % 48, ' ');
    for (char& c : text) c = alphabet[random() % alphabet.size()];
    const auto parsed = parse_path(text);
    if (!parsed) continue;
    EXPECT_LE(parsed->local.size() + parsed->domain.size(), text.size());
    EXPECT_EQ(parsed->null_sender, parsed->local.empty() && parsed->domain.empty());
    EXPECT_TRUE(std::none_of(parsed->domain.begin(), parsed->domain.end(),
                             [](char c) { return c >= 'A' && c <= 'Z'; }));
  }
}

TEST(Path, HugeArgumentsAreCut) {
  const auto long_domain = parse_path("<a@" + std::string(1 << 20, 'B') + ">");
  ASSERT_TRUE(long_domain);
  EXPECT_EQ(long_domain->domain, std::string(255, 'b'));
  const auto long_local = parse_path("<" + std::string(1 << 20, 'a') + "@example.org>");
  ASSERT_TRUE(long_local);
  EXPECT_EQ(long_local->local.size(), limits::kSmtpLineBytes - 1);
  EXPECT_EQ(long_local->domain, "") << "the domain stands behind what is read";
  for (const char c : {'"', '<', '@', '\\', ' '}) (void)parse_path(std::string(1 << 20, c));
}

TEST(ReplyCode, EveryCodeHasOneClassAndNoReplyHasNone) {
  for (unsigned code = 0; code < 1000; ++code) {
    const int classes =
        is_positive(code) + is_intermediate(code) + is_transient(code) + is_permanent(code);
    EXPECT_EQ(classes, code >= 200 && code < 600 ? 1 : 0) << code;
  }
  EXPECT_TRUE(is_positive(kServiceReady) && is_positive(kOk));
  EXPECT_TRUE(is_intermediate(kStartMailInput));
  EXPECT_TRUE(is_transient(kTlsNotAvailable) && is_transient(kServiceNotAvailable));
  EXPECT_TRUE(is_permanent(kTlsRequired) && is_permanent(kTransactionFailed));
}

}  // namespace
}  // namespace mxw::mail
