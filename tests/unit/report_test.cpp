// What we write: JSON, gzip, names.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "core/report/compose.hpp"
#include "core/report/limits.hpp"
#include "core/report/read.hpp"
#include "tests/unit/report_support.hpp"

namespace mxw::report {
namespace {

std::string written(const Report& report) {
  return write_json(report).value_or("nothing");
}

TEST(ReportWriter, MembersStandInOneOrderAndAllOfThemCan) {
  Report report = full_report();
  report.policies.resize(1);
  EXPECT_EQ(
      written(report),
      R"({"organization-name":"Sender Example",)"
      R"("date-range":{"start-datetime":"2026-11-20T00:00:00Z","end-datetime":"2026-11-20T23:59:59Z"},)"
      R"("contact-info":"tlsrpt@sender.example","report-id":"20261120.example.org.20e2d895@sender.example",)"
      R"("policies":[{"policy":{"policy-type":"sts",)"
      R"("policy-string":["version: STSv1","mode: enforce","mx: *.example.org","max_age: 604800"],)"
      R"("policy-domain":"example.org","mx-host":["*.example.org"]},)"
      R"("summary":{"total-successful-session-count":5326,"total-failure-session-count":303},)"
      R"("failure-details":[{"result-type":"starttls-not-supported","sending-mta-ip":"2001:db8::25",)"
      R"("receiving-mx-hostname":"mx1.example.org","receiving-mx-helo":"mx1.example.org",)"
      R"("receiving-ip":"203.0.113.7","failed-session-count":300,)"
      R"("additional-information":"https://reports.example/1",)"
      R"("failure-reason-code":"stripped: keyword overwritten"},)"
      R"({"result-type":"validation-failure","sending-mta-ip":"192.0.2.25",)"
      R"("failed-session-count":3,"failure-reason-code":"io-timeout"}]}]})");
}

TEST(ReportWriter, IsReadBackWithoutADeviation) {
  const auto read = read_report(written(full_report()));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->report, full_report());
  EXPECT_EQ(read->deviations.text(), "");
}

TEST(ReportWriter, WhatAPeerSaidIsOneLineWithoutMailboxes) {
  Report report = full_report();
  FailureDetail& detail = report.policies[0].details[0];
  detail.mx_helo = "mx1.example.org\r\nPIPELINING\r\nSIZE 1";
  detail.reason = "<jane@example.org> rejected\x07\ttoday";
  detail.additional = std::string(kAdditionalBytes, 'x') + "\xc3\xa9";
  const auto read = read_report(written(report));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->report.policies[0].details[0].mx_helo, "mx1.example.org");
  EXPECT_EQ(read->report.policies[0].details[0].reason, "<*@example.org> rejected??today");
  EXPECT_EQ(read->report.policies[0].details[0].additional.size(), kAdditionalBytes);
  EXPECT_EQ(read->deviations.text(), "");
}

TEST(ReportWriter, ATextIsCutBetweenCharacters) {
  Report report = full_report();
  report.policies[0].details[0].reason = std::string(kReasonBytes - 1, 'x') + "\xc3\xa9";
  EXPECT_TRUE(written(report).contains("\"" + std::string(kReasonBytes - 1, 'x') + "\""));
}

TEST(ReportWriter, EveryTextIsEscaped) {
  Report report = full_report();
  report.organization = "A \"B\" \\ \n\x7f \xff C\xc3\xa9";
  EXPECT_TRUE(written(report).contains(R"({"organization-name":"A \"B\" \\ ?? )"
                                       "\xef\xbf\xbd C\xc3\xa9\","));
}

TEST(ReportWriter, WhatHasNoValidFormIsLeftOutOrChanged) {
  Report report = full_report();
  report.policies[0].domain =
      "B\xc3\xbc"
      "cher.Example.";
  report.policies[0].mx_hosts = {"MX.example.org.", ".example.org", "*.*.example.org", "a b"};
  report.policies[0].details[0].result_type = "code-77";
  report.policies[0].details[0].reason = "";
  report.policies[0].details[0].mx_hostname = "no host\r\n";
  report.policies[0].details[1].count = 0;
  report.policies[0].success = ~std::uint64_t{0};
  report.policies[1].strings = {"3 1 1 00ff", "3 1 1 00 ff", "03 1 1 00", "3 1 1 0", "3 1 1"};
  report.policies[2].type = "overflow";
  const auto read = read_report(written(report));
  ASSERT_TRUE(read);
  ASSERT_EQ(read->report.policies.size(), 2U);
  const PolicyReport& sts = read->report.policies[0];
  EXPECT_EQ(sts.domain, "xn--bcher-kva.example");
  EXPECT_EQ(sts.mx_hosts, std::vector<std::string>{"mx.example.org"});
  EXPECT_EQ(sts.success, kCount - 1);
  ASSERT_EQ(sts.details.size(), 1U);
  EXPECT_EQ(sts.details[0].result_type, "validation-failure");
  EXPECT_EQ(sts.details[0].reason, "code-77");
  EXPECT_EQ(sts.details[0].mx_hostname, "");
  EXPECT_EQ(read->report.policies[1].strings, std::vector<std::string>{"3 1 1 00ff"});
  EXPECT_EQ(read->deviations.text(), "details-below");
}

TEST(ReportWriter, WithoutWhatAReportNeedsThereIsNone) {
  const auto refused = [](auto change) {
    Report report = full_report();
    change(report);
    return !write_json(report).has_value();
  };
  EXPECT_FALSE(refused([](Report&) {}));
  EXPECT_TRUE(refused([](Report& r) { r.organization.clear(); }));
  EXPECT_TRUE(refused([](Report& r) { r.report_id.clear(); }));
  EXPECT_TRUE(refused([](Report& r) { r.contact = "sender.example"; }));
  EXPECT_TRUE(refused([](Report& r) { r.policies.clear(); }));
  EXPECT_TRUE(refused([](Report& r) { std::swap(r.begin, r.end); }));
  EXPECT_TRUE(refused([](Report& r) {
    for (PolicyReport& policy : r.policies) policy.domain = "no domain";
  }));
}

// The eight digits: printf 'Sender Example\nexample.org\n20261120' | sha256sum
TEST(ReportNames, AreMadeOfTheIdentityAlone) {
  EXPECT_EQ(report_id(identity()), "20261120.example.org.20e2d895@sender.example");
  EXPECT_EQ(file_name(identity()),
            "sender.example!example.org!1795132800!1795219199!20e2d895.json.gz");
  Identity other = identity();
  other.day += 1;
  EXPECT_TRUE(report_id(other).starts_with("20261121.example.org."));
  EXPECT_NE(report_id(other).substr(21, 8), report_id(identity()).substr(21, 8));
  EXPECT_EQ(domain_of("Jane@Example.ORG"), "example.org");
  EXPECT_EQ(domain_of("nobody"), "");
}

// --- gzip

TEST(ReportGzip, SameTextSameOctetsWithoutTimeOrName) {
  const std::string text = written(full_report());
  const std::string zipped = gzip(text);
  EXPECT_EQ(zipped, gzip(text));
  EXPECT_EQ(zipped.substr(0, 10), std::string("\x1f\x8b\x08\0\0\0\0\0\x02\xff", 10));
  EXPECT_EQ(gunzip(zipped), text);
  EXPECT_EQ(gunzip(gzip("")), "");
}

TEST(ReportGzip, OneMemberAndNothingBehindIt) {
  const std::string zipped = gzip("{}");
  EXPECT_EQ(gunzip(zipped + zipped).error(), Refusal::second_member);
  EXPECT_EQ(gunzip(zipped + "x").error(), Refusal::trailing_bytes);
  EXPECT_EQ(gunzip(zipped + std::string(1, '\0')).error(), Refusal::trailing_bytes);
}

TEST(ReportGzip, DamageIsNoText) {
  const std::string zipped = gzip(written(full_report()));
  for (std::size_t size = 0; size < zipped.size(); ++size)
    ASSERT_EQ(gunzip(zipped.substr(0, size)).error(), Refusal::gzip_damaged) << size;
  std::string wrong_sum = zipped;
  wrong_sum[zipped.size() - 5] ^= 1;
  EXPECT_EQ(gunzip(wrong_sum).error(), Refusal::gzip_damaged);
  EXPECT_EQ(gunzip("{}").error(), Refusal::gzip_damaged);
}

TEST(ReportGzip, GrowthEndsAtTheLimitAndAtTheProportion) {
  EXPECT_EQ(gunzip(gzip(std::string(kInflateFree, ' '))).value_or("").size(), kInflateFree);
  EXPECT_EQ(gunzip(gzip(std::string(2 * kInflateFree, ' '))).error(), Refusal::bomb);
  // In proportion, but too much: every octet of the limit, and one more.
  std::string text(kInflatedBytes + 1, ' ');
  std::uint32_t seed = 1;
  for (std::size_t at = 0; at < text.size(); at += at % 4'096 < 64 ? 1 : 4'032)
    text[at] = static_cast<char>((seed = seed * 1'664'525 + 1'013'904'223) >> 24U);
  EXPECT_EQ(gunzip(gzip(text)).error(), Refusal::bomb);
  text.pop_back();
  EXPECT_EQ(gunzip(gzip(text)).value_or("").size(), kInflatedBytes);
}

// --- the vocabulary

std::vector<std::string> rows_of(std::string_view page, std::string_view heading) {
  std::vector<std::string> rows;
  std::string_view rest = page.substr(std::min(page.size(), page.find(heading)));
  rest.remove_prefix(std::min(rest.size(), heading.size()));
  rest = rest.substr(0, rest.find("\n## "));
  while (!rest.empty()) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    if (line.starts_with("| `")) rows.emplace_back(line);
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
  }
  return rows;
}

template <typename Word>
std::vector<std::string> rows_of_code() {
  std::vector<std::string> rows;
  for (std::size_t i = 0; i < static_cast<std::size_t>(Word::count_); ++i) {
    const auto at = static_cast<Word>(i);
    rows.push_back("| `" + std::string(word(at)) + "` | " + std::string(meaning(at)) + " |");
  }
  return rows;
}

TEST(ReportWords, ThePageHasTheWordsOfTheCode) {
  std::ifstream file(MXW_SOURCE_DIR "/docs/deviations.md");
  const std::string page{std::istreambuf_iterator<char>(file), {}};
  EXPECT_EQ(rows_of(page, "\n## Deviations\n"), rows_of_code<Deviation>());
  EXPECT_EQ(rows_of(page, "\n## Refusals\n"), rows_of_code<Refusal>());
}

TEST(ReportWords, AWordIsFoundAgainAndASetIsInTheirOrder) {
  EXPECT_EQ(deviation_of("no-contact"), Deviation::no_contact);
  EXPECT_FALSE(deviation_of("no_contact"));
  Deviations set;
  EXPECT_TRUE(set.empty());
  set.add(Deviation::no_contact);
  set.add(Deviation::null_member);
  EXPECT_EQ(set.text(), "null-member no-contact");
  EXPECT_TRUE(set.has(Deviation::null_member));
  EXPECT_FALSE(set.has(Deviation::mail_type));
}

// --- for tests/checks/report_files_test.py: the schema and an independent reader of mail

void put(const std::filesystem::path& file, const std::string& text) {
  std::ofstream(file, std::ios::binary) << text;
}

TEST(ReportFiles, AreWrittenForOthersToRead) {
  const char* folder = std::getenv("MXW_REPORT_OUT");
  if (folder == nullptr) GTEST_SKIP();
  const std::filesystem::path out(folder);
  Report hostile = full_report();
  hostile.organization = "Sender \"Ex\xc3\xa4mple\" \xff\n";
  hostile.policies[0].domain =
      "B\xc3\xbc"
      "cher.Example.";
  hostile.policies[0].mx_hosts = {"MX.example.org.", ".example.org", "a b"};
  hostile.policies[0].strings.emplace_back("x: \x01\xff");
  hostile.policies[0].details[0] = {"code-77", {}, "no host\r\n", "a\r\nb", {}, ~0ULL, "\x80", ""};
  hostile.policies[1].strings.emplace_back("3 1 1 zz");
  hostile.policies[2].type = "no-record";
  for (const auto& [name, report] : {std::pair{"full", full_report()}, {"hostile", hostile}}) {
    const std::string json = written(report);
    put(out / (std::string(name) + ".json"), json);
    const std::string zipped = gzip(json);
    const auto mail = compose_mail({.from = "tlsrpt-noreply@sender.example",
                                    .to = "tlsrpt+in@example.org",
                                    .date = Time{1'795'262'400 * kSecond},
                                    .domain = "example.org",
                                    .submitter = "sender.example",
                                    .report_id = report_id(identity()),
                                    .file_name = file_name(identity()),
                                    .gzip = zipped});
    ASSERT_TRUE(mail);
    put(out / (std::string(name) + ".eml"), *mail);
  }
}

}  // namespace
}  // namespace mxw::report
