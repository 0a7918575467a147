// Reports of others: every leniency with its word, every refusal with its own.
#include <gtest/gtest.h>

#include <set>

#include "core/report/limits.hpp"
#include "core/report/read.hpp"
#include "tests/unit/report_support.hpp"

namespace mxw::report {
namespace {

// Without a deviation. The rows below replace a piece of it.
constexpr std::string_view kGood = R"({
 "organization-name": "Example",
 "date-range": {"start-datetime": "2026-11-20T00:00:00Z", "end-datetime": "2026-11-20T23:59:59Z"},
 "contact-info": "tlsrpt@sender.example",
 "report-id": "1_example.org",
 "policies": [{
  "policy": {"policy-type": "sts", "policy-string": ["version: STSv1", "mode: enforce"],
   "policy-domain": "example.org", "mx-host": ["*.example.org"]},
  "summary": {"total-successful-session-count": 5, "total-failure-session-count": 3},
  "failure-details": [{"result-type": "certificate-expired", "sending-mta-ip": "2001:db8::1",
   "receiving-mx-hostname": "mx.example.org", "receiving-mx-helo": "mx.example.org",
   "receiving-ip": "192.0.2.1", "failed-session-count": 3,
   "additional-information": "https://x.example/", "failure-reason-code": "expired"}]
 }]
})";

std::string with(std::string_view piece, std::string_view other) {
  std::string text(kGood);
  const std::size_t at = text.find(piece);
  EXPECT_NE(at, std::string::npos) << piece;
  return text.replace(at, piece.size(), other);
}

struct Row {
  std::string_view piece, other, words;
};

// clang-format off
const Row kLenient[] = {
    {"{", "\xef\xbb\xbf{", "byte-order-mark"},
    {"expired\"}", "\xff\"}", "invalid-utf8"},
    {"\"Example\"", "\"a\\u001b[1mb\"", "control-character"},
    {"\"Example\"", "\"\xc2\x9b" "1mb\"", "control-character"},
    {"\"report-id\"", "\"x\": [{}], \"report-id\"", "unknown-member"},
    {"\"mx-host\"", "\"mx-host-pattern\"", "key-spelling"},
    {"additional-information", "additional-info-uri", "key-spelling"},
    {"failure-reason-code", "failure-error-code", "key-spelling"},
    {"\"Example\"", "null", "null-member no-organization"},
    {"\"Example\"", "\"\"", "no-organization"},
    {"\"organization-name\": \"Example\",", "", "no-organization"},
    {"\"Example\"", "7", "wrong-type no-organization"},
    {"\"tlsrpt@sender.example\"", "null", "null-member no-contact"},
    {"\"contact-info\": \"tlsrpt@sender.example\",", "", "no-contact"},
    {"tlsrpt@sender.example", "sender.example", "contact-form"},
    {"tlsrpt@sender.example", "tls rpt@sender.example", "contact-form"},
    {"\"report-id\": \"1_example.org\",", "", "no-report-id"},
    {"1_example.org", "any <text> \xc3\xa9", ""},
    {"T00:00:00Z", "T00:00:00", "date-zone"},
    {"T00:00:00Z", " 00:00:00Z", "date-form"},
    {"T00:00:00Z", "T02:00:00+0200", "date-form"},
    {"T00:00:00Z", "T02:00:00+02:00", ""},
    {"2026-11-20T00:00:00Z", "2026-11-20", "date-zone date-form"},
    {"T23:59:59Z", "T23:59:59.999Z", ""},
    {"T23:59:59Z", "T24:00:00Z", "date-form end-midnight"},
    {"2026-11-20T23:59:59Z", "2026-11-21T00:00:00Z", "end-midnight"},
    {"2026-11-20T23:59:59Z", "2026-11-22T23:59:59Z", "several-days"},
    {"2026-11-20T23:59:59Z", "2026-11-22T00:00:00Z", "end-midnight several-days"},
    {"T23:59:59Z", "T23:00:00Z", "not-utc-day"},
    {"T23:59:59Z", "T00:00:00Z", "not-utc-day"},
    {"2026-11-20T00:00:00Z", "2026-11-19T22:00:00Z", "several-days not-utc-day"},
    {"T00:00:00Z", "T23:59:59Z", "not-utc-day"},
    {"[{\n  \"policy\"", "[3, {\n  \"policy\"", "wrong-type"},
    {"\"sts\"", "\"STS\"", "unknown-policy-type"},
    {"\"policy-type\": \"sts\",", "", "no-policy-type"},
    {"\"policy-domain\": \"example.org\", ", "", "no-policy-domain"},
    {"\"policy-domain\": \"example.org\"", "\"policy-domain\": \"EXAMPLE.org\"", ""},
    {"\"policy-domain\": \"example.org\"", "\"policy-domain\": \"example.org.\"", "name-form"},
    {"\"policy-domain\": \"example.org\"", "\"policy-domain\": \"b\xc3\xbc" "cher.example\"", "name-form"},
    {"\"policy-domain\": \"example.org\"", "\"policy-domain\": \"*.example.org\"", "name-invalid"},
    {"\"policy-domain\": \"example.org\"", "\"policy-domain\": \"a b\"", "name-invalid"},
    {"[\"version: STSv1\", \"mode: enforce\"]", "\"version: STSv1\\r\\nmode: enforce\\n\"", "policy-string-text"},
    {"[\"version: STSv1\", \"mode: enforce\"]", "[\"[\\\"version: STSv1\\\",\\\"mode: enforce\\\"]\"]", "policy-string-json"},
    {"[\"version: STSv1\", \"mode: enforce\"]", "[\"[1]\", \"[x\"]", ""},
    {"[\"version: STSv1\", \"mode: enforce\"]", "[]", "no-policy-string"},
    {"[\"version: STSv1\", \"mode: enforce\"]", "null", "null-member no-policy-string"},
    {"[\"version: STSv1\", \"mode: enforce\"]", "[\"a\", 1]", "wrong-type"},
    {", \"mx-host\": [\"*.example.org\"]", "", "no-mx-host"},
    {"[\"*.example.org\"]", "\"*.example.org\"", "mx-host-text"},
    {"*.example.org", "mx: *.example.org", "mx-host-prefix"},
    {"*.example.org", ".example.org", "name-invalid"},
    {"\"*.example.org\"", "\"mx.example.org\", {}", "wrong-type"},
    {"\"sts\", \"policy-string\": [\"version: STSv1\"", "\"tlsa\", \"policy-string\": [\"3 1 1 00 ff\"", "tlsa-form"},
    {"\"summary\": {\"total-successful-session-count\": 5, \"total-failure-session-count\": 3},", "",
     "no-summary details-above detail-above-total"},
    {"\"total-successful-session-count\": 5, ", "", "no-count"},
    {"count\": 5", "count\": null", "null-member no-count"},
    {"count\": 5", "count\": \"5\"", "count-form"},
    {"count\": 5", "count\": 5.0", "count-form"},
    {"count\": 5", "count\": 5e0", "count-form"},
    {"count\": 5", "count\": 9007199254740991", ""},
    {"count\": 5", "count\": 9007199254740992", "count-form"},
    {"failed-session-count\": 3", "failed-session-count\": 2", "details-below"},
    {"failed-session-count\": 3", "failed-session-count\": 4", "details-above detail-above-total"},
    {"failed-session-count\": 3", "failed-session-count\": 0", "count-zero details-below"},
    {"[{\"result-type\"", "[{\"result-type\": \"dane-required\", \"failed-session-count\": 1}, {\"result-type\"",
     "details-above"},
    {"\"failure-details\": [", "\"x\": [", "unknown-member details-below"},
    {"\"result-type\": \"certificate-expired\", ", "", "no-result-type"},
    {"\"certificate-expired\"", "\"Other\"", "unknown-result-type"},
    {"\"sending-mta-ip\": \"2001:db8::1\",", "", ""},
    {"2001:db8::1", "", "empty-member"},
    {"2001:db8::1", "2001:DB8:0:0::1", "ip-spelling"},
    {"2001:db8::1", "mx.example.org", "ip-form"},
    {"\"receiving-mx-hostname\": \"mx.example.org\"", "\"receiving-mx-hostname\": \"\"", "empty-member"},
    {"\"receiving-mx-helo\": \"mx.example.org\"", "\"receiving-mx-helo\": \"mx.example.org\\r\\nPIPELINING\"", "helo-lines"},
    {"\"failure-reason-code\": \"expired\"", "\"failure-reason-code\": \"\"", "empty-member"},
};

const Row kRefused[] = {
    {kGood, "", "not-json"},
    {kGood, "hello", "not-json"},
    {kGood, "{\"a\":1", "not-json"},
    {"\"Example\"", "\"\\ud800\"", "not-json"},
    {"\"Example\"", "\"a\nb\"", "not-json"},
    {"\"Example\"", "\"Example\",", "not-json"},
    {"\"Example\"", "/* x */ \"Example\"", "not-json"},
    {kGood, "[]", "no-object"},
    {kGood, "7", "no-object"},
    {"\"report-id\"", "\"contact-info\": \"x\", \"report-id\"", "duplicate-key"},
    {"\"failed-session-count\": 3", "\"failed-session-count\": 3, \"failed-session-count\": 3", "duplicate-key"},
    {"\"report-id\"", "\"x\": {\"y\": 1, \"\\u0079\": 2}, \"report-id\"", "duplicate-key"},
    {"\"date-range\"", "\"range\"", "no-date-range"},
    {"\"start-datetime\"", "\"start\"", "no-date-range"},
    {"\"2026-11-20T00:00:00Z\"", "\"2026-11-31T00:00:00Z\"", "no-date-range"},
    {"\"2026-11-20T00:00:00Z\"", "1795132800", "no-date-range"},
    {"{\"start-datetime\": \"2026-11-20T00:00:00Z\", \"end-datetime\": \"2026-11-20T23:59:59Z\"}", "null", "no-date-range"},
    {"2026-11-20T00", "2026-11-21T00", "start-after-end"},
    {"\"policies\"", "\"policy\"", "policies-no-array"},
    {kGood.substr(kGood.find("[{\n")), "null}", "policies-no-array"},
    {kGood.substr(kGood.find("[{\n")), "{}}", "policies-no-array"},
    {"count\": 5", "count\": -1", "bad-count"},
    {"count\": 5", "count\": -9223372036854775808", "bad-count"},
    {"count\": 5", "count\": 9007199254740993", "bad-count"},
    {"count\": 5", "count\": 18446744073709551616", "bad-count"},
    {"count\": 5", "count\": 1e999", "bad-count"},
    {"count\": 5", "count\": 5.5", "bad-count"},
    {"count\": 5", "count\": -0.5", "bad-count"},
    {"count\": 5", "count\": \"-1\"", "bad-count"},
    {"count\": 5", "count\": \"five\"", "bad-count"},
    {"count\": 5", "count\": true", "bad-count"},
    {"count\": 5", "count\": [5]", "bad-count"},
};
// clang-format on

std::string outcome(std::string_view json) {
  const auto read = read_report(json);
  return read ? read->deviations.text() : std::string(word(read.error()));
}

std::string good_and(std::string_view more) {
  std::string text(kGood);
  text += more;
  return text;
}

TEST(ReportReader, WhatIsAsItShouldBeHasNoDeviation) {
  EXPECT_EQ(outcome(kGood), "");
  EXPECT_EQ(outcome(good_and(" \r\n\t")), "");
}

TEST(ReportReader, EachLeniencyHasItsWord) {
  for (const Row& row : kLenient)
    EXPECT_EQ(outcome(with(row.piece, row.other)), row.words) << row.other;
}

TEST(ReportReader, EachRefusalHasItsWord) {
  for (const Row& row : kRefused)
    EXPECT_EQ(outcome(with(row.piece, row.other)), row.words) << row.other;
}

TEST(ReportReader, WhatIsLeftOfALeniencyIsTheSame) {
  const auto good = read_report(kGood);
  ASSERT_TRUE(good);
  ASSERT_EQ(good->report.policies.size(), 1U);
  const std::set<std::string_view> same = {"byte-order-mark", "key-spelling",       "count-form",
                                           "ip-spelling",     "policy-string-text", "mx-host-text",
                                           "mx-host-prefix",  "policy-string-json", "date-zone",
                                           "helo-lines",      "unknown-member"};
  std::size_t compared = 0;
  for (const Row& row : kLenient) {
    if (!same.contains(row.words) || row.other.contains("9007")) continue;
    const auto read = read_report(with(row.piece, row.other));
    ASSERT_TRUE(read);
    EXPECT_EQ(read->report, good->report) << row.other;
    ++compared;
  }
  EXPECT_EQ(compared, 15U);
}

TEST(ReportReader, ValuesAreNormalised) {
  const auto read = read_report(with("\"policy-domain\": \"example.org\"",
                                     "\"policy-domain\": \"B\xc3\xbc"
                                     "cher.Example.\""));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->report.policies[0].domain, "xn--bcher-kva.example");
  const auto midnight = read_report(with("T23:59:59Z", "T24:00:00Z"));
  ASSERT_TRUE(midnight);
  EXPECT_EQ(midnight->report.end, end_of(identity()) + kSecond);
  const auto shift = read_report(with("2026-11-20T00:00:00Z", "2026-11-20T02:00:00+0200"));
  ASSERT_TRUE(shift);
  EXPECT_EQ(shift->report.begin, begin_of(identity()));
}

std::string nested(std::size_t depth) {
  return with("\"report-id\"", "\"x\": " + std::string(depth - 1, '[') +
                                   std::string(depth - 1, ']') + ", \"report-id\"");
}

TEST(ReportReader, DepthEndsAt32) {
  EXPECT_EQ(outcome(nested(32)), "unknown-member");
  EXPECT_EQ(outcome(nested(33)), "too-deep");
  EXPECT_EQ(outcome(std::string(1'000'000, '[')), "too-deep");
}

TEST(ReportReader, BehindTheTextThereAreBlanksOnly) {
  EXPECT_EQ(outcome(good_and("x")), "trailing-bytes");
  EXPECT_EQ(outcome(good_and(kGood)), "trailing-bytes");
  EXPECT_EQ(outcome(good_and(std::string_view("\0x", 2))), "trailing-bytes");
  EXPECT_EQ(outcome(good_and(std::string_view("\0", 1))), "trailing-bytes");
}

std::string repeated(std::string_view text, std::size_t times) {
  std::string all;
  for (std::size_t i = 0; i < times; ++i) all.append(i == 0 ? "" : ",").append(text);
  return all;
}

TEST(ReportReader, TextsAndListsAreCutAndItIsTold) {
  const auto read = [](std::string_view piece, const std::string& other) {
    const auto done = read_report(with(piece, other));
    EXPECT_TRUE(done);
    return done.value_or(ReadReport{});
  };
  const ReadReport text =
      read("1_example.org", std::string(kTextBytes - 1, 'x').append("\xc3\xa9"));
  EXPECT_EQ(text.deviations.text(), "text-cut");
  EXPECT_EQ(text.report.report_id, std::string(kTextBytes - 1, 'x'));
  const ReadReport hosts = read("\"*.example.org\"", repeated("\"a.example\"", kMxHosts + 1));
  EXPECT_EQ(hosts.deviations.text(), "list-cut");
  EXPECT_EQ(hosts.report.policies[0].mx_hosts.size(), kMxHosts);
  const ReadReport lines = read("\"version: STSv1\"", repeated("\"[\\\"a\\\"]\"", kPolicyLines));
  EXPECT_EQ(lines.deviations.text(), "list-cut policy-string-json");
  EXPECT_EQ(lines.report.policies[0].strings.size(), kPolicyLines);
  const ReadReport policies =
      read("\"policies\": [", "\"policies\": [" + repeated("{}", kPolicies) + ',');
  EXPECT_TRUE(policies.deviations.has(Deviation::list_cut));
  EXPECT_EQ(policies.report.policies.size(), kPolicies);
}

TEST(ReportReader, TheNumberOfValuesIsBounded) {
  EXPECT_EQ(
      outcome(with("\"report-id\"", "\"x\": [" + repeated("0", kJsonValues) + "], \"report-id\"")),
      "too-large");
}

// 2,048 times 2^53 is 2^64.
TEST(ReportReader, CountsBeyondCountingDoNotWrapAround) {
  constexpr std::string_view kDetail =
      "{\"result-type\":\"dane-required\",\"failed-session-count\":9007199254740992}";
  EXPECT_EQ(
      outcome(with("[{\"result-type\"", "[" + repeated(kDetail, 2'048) + ", {\"result-type\"")),
      "count-form details-above detail-above-total");
}

// Whatever one bit makes of it, the answer is a word or a report that can be written.
TEST(ReportReader, EveryBitAndEveryCut) {
  std::size_t refused = 0;
  for (std::size_t at = 0; at < kGood.size(); ++at) {
    for (const unsigned bit : {1U, 5U}) {
      std::string damaged(kGood);
      damaged[at] = static_cast<char>(static_cast<unsigned char>(damaged[at]) ^ (1U << bit));
      const auto read = read_report(damaged);
      if (!read)
        ++refused;
      else if (const auto again = write_json(read->report))
        EXPECT_TRUE(read_report(*again));
    }
    ASSERT_EQ(outcome(kGood.substr(0, at)), "not-json") << at;
  }
  EXPECT_GT(refused, 100U);
  EXPECT_LT(refused, 2 * kGood.size());
}

}  // namespace
}  // namespace mxw::report
