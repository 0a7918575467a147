// What core/policy promises: which records and policies are valid, which hosts they allow, what
// protects a domain at a moment. Policies come from strangers: broken ones are refused with the
// word that says why.
#include "core/policy/mta_sts.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <iterator>
#include <random>
#include <string>

#include "core/base/limits.hpp"
#include "core/policy/decide.hpp"
#include "core/policy/tlsrpt.hpp"

namespace mxw::policy {
namespace {

using namespace std::string_view_literals;
using testing::ElementsAre;

std::string record(std::string_view txt) {
  const auto parsed = parse_sts_record(txt);
  return parsed ? parsed->id : "invalid:" + parsed.error().reason;
}

TEST(StsRecord, Good) {
  EXPECT_EQ(record("v=STSv1; id=20160831085700Z;"), "20160831085700Z");
  EXPECT_EQ(record("v=STSv1;id=a"), "a");
  EXPECT_EQ(record("v=STSv1 \t; \tid=a \t; \t"), "a");
  EXPECT_EQ(record("v=STSv1; x=1; id=a; y.z-_=%"), "a") << "the order of fields does not matter";
  EXPECT_EQ(record("v=STSv1; id=a; id=b"), "a") << "of duplicates the first counts";
  EXPECT_EQ(record("v=STSv1; id=a; id=b-c"), "a");
  EXPECT_EQ(record("v=STSv1; id=" + std::string(32, 'Z')), std::string(32, 'Z'));
  EXPECT_EQ(record("v=STSv1; id=a; " + std::string(32, 'n') + "=1"), "a");
}

TEST(StsRecord, Bad) {
  const struct {
    std::string_view txt, reason;
  } bad[] = {
      {"", "not-sts"},
      {" v=STSv1; id=a", "not-sts"},
      {"V=STSv1; id=a", "not-sts"},
      {"v=stsv1; id=a", "not-sts"},
      {"v=STSv1", "syntax"},
      {"v=STSv1;", "syntax"},
      {"v=STSv1 id=a", "syntax"},
      {"v=STSv1;; id=a", "syntax"},
      {"v=STSv1; id=a;;", "syntax"},
      {"v=STSv1; id=a ", "syntax"},
      {"v=STSv1; id =a", "syntax"},
      {"v=STSv1; id= a", "syntax"},
      {"v=STSv1; id", "syntax"},
      {"v=STSv1; id=a\n", "syntax"},
      {"v=STSv1; id=a\0"sv, "syntax"},
      {"v=STSv1; id=a=b", "syntax"},
      {"v=STSv1; _x=1; id=a", "syntax"},
      {"v=STSv1; ID=a", "no-id"},
      {"v=STSv1; id=a-b", "id"},
      {"v=STSv1; id=123456789012345678901234567890123", "id"},
      {"v=STSv1; id=a-b; id=c", "id"},
      {"v=STSv1; id=\xc3\xa9", "not-ascii"},
  };
  for (const auto& row : bad)
    EXPECT_EQ(record(row.txt), "invalid:" + std::string(row.reason)) << row.txt;
}

std::string selected(const std::vector<std::string>& txts) {
  const auto found = select_sts_record(txts);
  return found ? found->id : found.error().reason;
}

TEST(StsRecord, ExactlyOneOfAnAnswerCounts) {
  EXPECT_EQ(selected({"v=spf1 -all", "v=STSv1; id=a"}), "a");
  EXPECT_EQ(selected({"v=STSv10; id=b", "v=STSv1; id=a"}), "a")
      << "another version is no candidate";
  EXPECT_EQ(selected({"v=STSv1 ; id=a"}), "a");
  EXPECT_EQ(selected({}), "no policy");
  EXPECT_EQ(selected({"v=STSv1; id=a", "v=STSv1; id=a"}), "no policy");
  EXPECT_EQ(selected({"v=STSv1; id=a", "v=STSv1; id=-"}), "no policy") << "a bad one counts too";
  EXPECT_EQ(selected({"v=STSv1; id=-"}), "no policy");
}

std::string policy(std::string_view body) {
  const auto parsed = parse_sts_policy(body);
  if (!parsed) return std::to_string(parsed.error().line) + ' ' + parsed.error().reason;
  std::string text(mode_name(parsed->mode));
  text += ' ' + std::to_string(parsed->max_age);
  for (const std::string& mx : parsed->mx) text += ' ' + mx;
  return text;
}

TEST(StsPolicy, Good) {
  EXPECT_EQ(
      policy("version: STSv1\nmode: enforce\nmx: MX1.Example.ORG\nmx: *.b.test\nmax_age: 7\n"),
      "enforce 7 mx1.example.org *.b.test");
  EXPECT_EQ(policy("max_age:007\r\nmx:a\r\nmode:testing\r\nversion:STSv1"), "testing 7 a");
  EXPECT_EQ(policy("version: STSv1\nmode: none\nmax_age: 0"), "none 0");
  EXPECT_EQ(policy("version: STSv1\nmode: none\nmax_age: 1\nmx: 192.0.2.1"), "none 1");
  EXPECT_EQ(policy("version: STSv1\nmode: none\nmax_age: 1\nMode: enforce\nx: a  b \t\n"), "none 1")
      << "keys have a case; unknown ones are passed over";
  EXPECT_EQ(policy("version: STSv1\nmode: none\nmax_age: 9999999999"), "none 31557600");
}

TEST(StsPolicy, BadWithTheLine) {
  const std::string head = "version: STSv1\nmode: enforce\nmax_age: 86400\n";
  EXPECT_EQ(policy(""), "1 line ''");
  EXPECT_EQ(policy(head + "mx: a.test\n\n"), "5 line ''");
  EXPECT_EQ(policy(head + " mx: a.test"), "4 line ' mx: a.test'");
  EXPECT_EQ(policy(head + "mx : a.test"), "4 line 'mx : a.test'");
  EXPECT_EQ(policy(head + "mx: a.test\r"), "4 mx") << "a CR alone ends no line";
  EXPECT_EQ(policy("\xef\xbb\xbf" + head), "1 line '\xef\xbb\xbfversion: STSv1'");
  EXPECT_EQ(policy("\x01\x7f" + head), "1 line '??version: STSv1'");
  EXPECT_EQ(policy("version: STSv1\nmode: Enforce"), "2 mode");
  EXPECT_EQ(policy("version: STSv1\nmode:"), "2 mode");
  EXPECT_EQ(policy("version: STSv1\nmax_age: 12345678901"), "2 max_age");
  EXPECT_EQ(policy("version: STSv1\nmax_age: -1"), "2 max_age");
  EXPECT_EQ(policy("version: STSv1\nmax_age: +1"), "2 max_age");
  EXPECT_EQ(policy("version: STSv1\nmax_age: 1_0"), "2 max_age");
  EXPECT_EQ(policy("version: STSv1\nmode: none\nmode:\nmax_age: 1"), "3 mode")
      << "a duplicate is ignored, not unread";
  EXPECT_EQ(policy(head), "3 missing mx");
  EXPECT_EQ(policy(head + "mx: 192.0.2.1\nmx: 2001:db8::1\n"), "5 no usable mx");
  EXPECT_EQ(policy(head + "x: \xff\n"), "4 utf8");
}

TEST(StsPolicy, AnMxIsADomainOrAWildcardAndADomain) {
  const std::string head = "version: STSv1\nmode: enforce\nmax_age: 86400\nmx: ";
  for (const std::string_view bad :
       {"", "*", "*.", "**.a.test", "*a.test", "a.*.test", "*.*.test", ".a.test", "a.test.",
        "a..test", "-a.test", "a-.test", "a_b.test", "b\xc3\xbc.test", "a.test b.test",
        "a.test,b.test", "a.example protocols=SSLv3", "[192.0.2.1]"})
    EXPECT_EQ(policy(head + std::string(bad)), "4 mx") << bad;
  EXPECT_EQ(policy(head + std::string("a.test\0", 7)), "4 mx");
  EXPECT_EQ(policy(head + std::string(64, 'a') + ".test"), "4 mx");
  EXPECT_EQ(policy(head + std::string(63, 'a') + ".test").substr(0, 14), "enforce 86400 ");
}

// What programming languages take for ends of lines and for digits is none of it here.
TEST(StsPolicy, OnlyLfEndsALineAndOnlyAsciiDigitsCount) {
  const std::string head = "version: STSv1\nmode: enforce\nmx: a.test\n";
  for (const std::string_view end :
       {"\xe2\x80\xa8", "\xe2\x80\xa9", "\xc2\x85", "\v", "\f", "\r", "\x1c", "\x1d", "\x1e"})
    EXPECT_EQ(policy(head + "max_age: 1" + std::string(end) + "x: 1\n"), "4 max_age") << end;
  for (const std::string_view number : {"1_0", "+5", "0x10", "1e3", "1.0", "\xd9\xa1",
                                        "\xd9\xa1\xd9\xa2", "\xef\xbc\x91", "\xc2\xb9"})
    EXPECT_EQ(policy(head + "max_age: " + std::string(number) + "\n"), "4 max_age") << number;
}

TEST(StsPolicy, OfDuplicatesTheFirstCounts) {
  const std::string tail = "mx: a.test\nmax_age: 7\nmax_age: 0\nmode: none\nversion: STSv2\n";
  EXPECT_EQ(policy("version: STSv1\nmode: enforce\n" + tail), "enforce 7 a.test");
}

TEST(StsPolicy, NothingIsMadeUpForAMissingKey) {
  EXPECT_EQ(policy("mode: none\nmax_age: 1\n"), "2 missing version");
  EXPECT_EQ(policy("version: STSv1\nmax_age: 1\nmx: a.test\n"), "3 missing mode");
  EXPECT_EQ(policy("version: STSv1\nmode: enforce\nmx: a.test\n"), "3 missing max_age");
  EXPECT_EQ(policy("version: STSv1\nmode: none\nmax_age: 1\n"), "none 1");
}

TEST(StsPolicy, KeepsTheLinesAndSaysWhatItPassedOver) {
  const auto parsed = parse_sts_policy(
      "version: STSv1\r\nmode: enforce\r\nmode: none\r\nmode: none\r\nmax_age: 99999999\r\n"
      "mx:  MX1.example.org \r\nmx: 192.0.2.1\r\nmx: *.b.test\r\n");
  ASSERT_TRUE(parsed);
  EXPECT_THAT(parsed->mx, ElementsAre("mx1.example.org", "*.b.test"));
  EXPECT_THAT(parsed->lines, ElementsAre("mx:  MX1.example.org ", "mx: *.b.test"));
  EXPECT_THAT(parsed->warnings, ElementsAre("duplicate mode ignored", "max_age capped to 31557600",
                                            "mx 192.0.2.1: address ignored"));
}

TEST(StsPolicy, Limits) {
  std::string body = "version: STSv1\nmode: enforce\nmax_age: 86400\n";
  for (std::size_t i = 0; i < limits::kPolicyMx; ++i) body += "mx: a.test\n";
  EXPECT_TRUE(parse_sts_policy(body));
  EXPECT_EQ(policy(body + "mx: a.test\n"), "260 too many mx");
  body += "x: ";
  body.append(limits::kPolicyBytes - body.size(), 'x');
  EXPECT_TRUE(parse_sts_policy(body));
  EXPECT_EQ(policy(body + 'x'), "1 too large");
}

TEST(StsPolicy, IsTotalOnAnyBytesAndItsReasonsArePrintable) {
  const std::string_view pieces[] = {"version",  ":",         " ",     "STSv1",     "\n",   "\r\n",
                                     "mode: ",   "enforce",   "none",  "max_age: ", "1",    "mx: ",
                                     "a.test",   "*.",        "\r",    "\t",        "\0"sv, "\xff",
                                     "\xc3\xa9", "192.0.2.1", "x: y\n"};
  std::mt19937 random(8461);
  for (int round = 0; round < 50'000; ++round) {
    std::string body;
    for (auto n = random() % 24; n > 0; --n) body += pieces[random() % std::size(pieces)];
    const auto parsed = parse_sts_policy(body);
    if (parsed) {
      EXPECT_EQ(parsed->mx.size(), parsed->lines.size());
      continue;
    }
    EXPECT_LE(parsed.error().reason.size(), 40U);
    for (const char c : parsed.error().reason) EXPECT_GE(static_cast<unsigned char>(c), 0x20);
  }
}

TEST(MxMatch, WildcardIsOneLabelAndNothingIsAPatternLanguage) {
  EXPECT_TRUE(mx_pattern_matches("mx.example.org", "MX.Example.Org."));
  EXPECT_TRUE(mx_pattern_matches("*.Example.org", "mx.example.org"));
  EXPECT_TRUE(mx_pattern_matches("*.xn--bcher-kva.example",
                                 "mx.b\xc3\xbc"
                                 "cher.example"));
  const struct {
    std::string_view pattern, host;
  } never[] = {
      {"*.example.org", "example.org"},
      {"*.example.org", "a.b.example.org"},
      {"*.example.org", ".example.org"},
      {"*.example.org", "*.example.org"},
      {"*.example.org", "mx.example.org.."},
      {"mail.example.org", "mailXexample.org"},
      {"*.org", "example"},
      {"*", "example"},
      {"*.", "example"},
      {"", ""},
      {".", "."},
      {"*.*.org", "a.b.org"},
      {"m*.example.org", "mx.example.org"},
      {"192.0.2.1", "192.0.2.1"},
      {"*.2.0.192", "1.2.0.192"},
      {"b\xc3\xbc"
       "cher.example",
       "b\xc3\xbc"
       "cher.example"},
  };
  for (const auto& row : never)
    EXPECT_FALSE(mx_pattern_matches(row.pattern, row.host)) << row.pattern << " <- " << row.host;
}

TEST(MxMatch, AnyPatternOfTheListWill) {
  EXPECT_TRUE(mx_matches({"a.test", "*.b.test"}, "x.b.test"));
  EXPECT_FALSE(mx_matches({"a.test", "*.b.test"}, "b.test"));
  EXPECT_FALSE(mx_matches({}, "b.test"));
}

constexpr Time kFetched{1'795'000'000 * kSecond};

CachedPolicy cached(Mode mode) {
  CachedPolicy policy;
  policy.domain = "example.org";
  policy.policy.mode = mode;
  policy.policy.max_age = 86'400;
  policy.fetched_at = kFetched;
  policy.valid_until = kFetched + kDay;
  return policy;
}

std::string judged(const CachedPolicy* policy, bool dane, Time at) {
  const Judgement j = decide(policy, dane, at);
  EXPECT_EQ(j.policy, policy);
  std::string text(protection_name(j.protection));
  text += ' ' + std::string(state_name(j.state));
  if (j.fetched_later) text += " fetched-later";
  if (j.undated) text += " undated";
  return text;
}

TEST(Decide, WithoutAPolicy) {
  EXPECT_EQ(judged(nullptr, false, kFetched), "none none_known");
  EXPECT_EQ(judged(nullptr, true, kFetched), "dane none_known");
}

TEST(Decide, ByModeAndDate) {
  const auto enforce = cached(Mode::enforce), testing = cached(Mode::testing),
             none = cached(Mode::none);
  EXPECT_EQ(judged(&enforce, false, kFetched), "sts_enforce enforce_valid");
  EXPECT_EQ(judged(&testing, false, kFetched), "sts_testing testing");
  EXPECT_EQ(judged(&none, false, kFetched), "none none");
  EXPECT_EQ(judged(&enforce, false, kFetched + kDay), "sts_enforce enforce_valid") << "last moment";
  EXPECT_EQ(judged(&enforce, false, kFetched + (kDay + 1)), "none expired");
  EXPECT_EQ(judged(&testing, false, kFetched + (kDay + 1)), "none expired");
  EXPECT_EQ(judged(&enforce, false, kFetched - 1), "sts_enforce enforce_valid fetched-later");
}

TEST(Decide, DatesThatAreNotKnown) {
  auto policy = cached(Mode::enforce);
  policy.valid_until.reset();
  EXPECT_EQ(end_of_validity(policy), kFetched + kDay) << "fetched_at + max_age";
  EXPECT_EQ(judged(&policy, false, kFetched + 2 * kDay), "none expired");
  policy.fetched_at.reset();
  EXPECT_EQ(end_of_validity(policy), std::nullopt);
  EXPECT_EQ(judged(&policy, false, kFetched), "sts_enforce enforce_valid undated");
}

TEST(Decide, PinThenDaneThenSts) {
  auto policy = cached(Mode::enforce);
  EXPECT_EQ(judged(&policy, true, kFetched - 1), "dane enforce_valid")
      << "dates say nothing of DANE";
  EXPECT_EQ(judged(&policy, true, kFetched + 2 * kDay), "dane expired");
  policy.pinned = true;
  EXPECT_EQ(judged(&policy, true, kFetched), "pin enforce_valid");
  EXPECT_EQ(judged(&policy, false, kFetched + 2 * kDay), "pin expired");
  policy.policy.mode = Mode::none;
  EXPECT_EQ(judged(&policy, false, kFetched), "pin none");
}

TEST(TlsRpt, WordsAndTypesAreTheSame) {
  int words = 0;
  for (const std::string_view word :
       {"starttls-not-supported", "certificate-host-mismatch", "certificate-expired",
        "certificate-not-trusted", "validation-failure", "tlsa-invalid", "dnssec-invalid",
        "dane-required", "sts-policy-fetch-error", "sts-policy-invalid", "sts-webpki-invalid"}) {
    const auto type = parse_result_type(word);
    ASSERT_TRUE(type) << word;
    EXPECT_EQ(static_cast<int>(*type), words++);
    EXPECT_EQ(name(*type), word);
  }
  EXPECT_EQ(parse_result_type("sts_policy_invalid"), std::nullopt);
  EXPECT_EQ(parse_result_type("STS-POLICY-INVALID"), std::nullopt);
  EXPECT_EQ(parse_result_type(""), std::nullopt);
}

}  // namespace
}  // namespace mxw::policy
