// What the tool makes of rows and of answers.ndjson. The talk with policyd itself: tests/policy.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "cli/impact.hpp"
#include "cli/policy_view.hpp"

namespace mxw::cli {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr Time kNow{1'796'083'200 * kSecond};  // 2026-12-01

rows::PolicyRow policy_row() {
  rows::PolicyRow row;
  row.domain = "example.org";
  row.id = "20261101";
  row.mode = policy::Mode::enforce;
  row.valid_from = row.fetched_at = kNow - kDay;
  row.max_age = 604'800;
  row.source = "fetch";
  return row;
}

rows::RouteRow route_row(const std::string& host) {
  rows::RouteRow row;
  row.policy_domain = "example.org";
  row.mx_host = host;
  row.address = *IpAddress::parse("198.51.100.25");
  row.source = "mx unsigned insecure";
  row.seen = kNow - kHour;
  row.until = kNow + kHour;
  return row;
}

std::string first_line(const std::string& text) {
  return text.substr(0, text.find('\n'));
}

TEST(PolicyView, TheFirstLineSaysWhatHolds) {
  DomainView view{.domain = "example.org", .rows = {}, .body = {}};
  EXPECT_THAT(first_line(view_text(view, kNow)), HasSubstr("nothing is known"));
  rows::DomainRow domain;
  domain.name = "example.org";
  domain.state = rows::DomainState::none;
  view.rows.emplace_back(domain);
  EXPECT_THAT(first_line(view_text(view, kNow)), HasSubstr("publishes no MTA-STS policy"));
  view.rows.emplace_back(policy_row());
  EXPECT_THAT(first_line(view_text(view, kNow)),
              HasSubstr("mode enforce holds until 2026-12-07 00:00:00"));
  EXPECT_THAT(first_line(view_text(view, kNow + 8 * kDay)), HasSubstr("ran out"));
}

TEST(PolicyView, AnMxThatThePolicyDoesNotNameIsSaid) {
  const DomainView view{
      .domain = "example.org",
      .rows = {policy_row(), route_row("mx.example.org"), route_row("mx.example.net")},
      .body = "version: STSv1\nmode: enforce\nmx: *.example.org\nmax_age: 604800\n"};
  const std::string text = view_text(view, kNow);
  EXPECT_THAT(text, HasSubstr("MX mx.example.org 198.51.100.25, not signed, named by the policy"));
  EXPECT_THAT(text, HasSubstr("MX mx.example.net 198.51.100.25, not signed, NOT named"));
}

TEST(PolicyView, TextFromOutsideDrivesNoTerminal) {
  rows::EventRow event;
  event.time = kNow;
  event.domain = "example.org";
  event.kind = "policy-removed";
  event.detail = "\x1b[2J\ngone";
  rows::TlsrptRow tlsrpt;
  tlsrpt.domain = "example.org";
  tlsrpt.record = "v=TLSRPTv1;rua=mailto:\x1b[1m";
  const std::string text =
      view_text({.domain = "example.org", .rows = {event, tlsrpt}, .body = {}}, kNow);
  EXPECT_THAT(text, Not(HasSubstr("\x1b")));
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 3);
}

std::string line(const std::string& domain, const std::string& answer, const std::string& would_be,
                 const std::string& basis, const std::string& held, int count,
                 const std::string& time = "2026-11-30T23:59:00Z") {
  nlohmann::json json = {
      {"v", 1},           {"time", time},     {"seconds", 60},        {"map", "postfix"},
      {"kind", "domain"}, {"answer", answer}, {"would_be", would_be}, {"basis", basis},
      {"held", held},     {"count", count}};
  if (!domain.empty()) json["domain"] = domain;
  if (would_be == "secure") json["mx"] = {"mx.example.org"};
  return json.dump();
}

class ImpactTest : public testing::Test {
 protected:
  void add(const std::string& text) { add_line(text, kNow - 7 * kDay, impact); }
  Impact impact;
};

TEST_F(ImpactTest, ObservingBindsNothingAndSaysWhatWouldBe) {
  add(line("example.org", "notfound", "secure", "sts", "observe", 5));
  add(line("example.net", "notfound", "notfound", "testing", "nothing", 3));
  add(line("example.com", "notfound", "notfound", "none", "nothing", 90));
  EXPECT_EQ(impact.lookups, 98U);
  EXPECT_EQ(impact.bound, 0U);
  EXPECT_EQ(impact.would_bind, 5U);
  EXPECT_EQ(impact.testing, 3U);
  EXPECT_EQ(impact.domains.size(), 2U) << "domains without a policy are only counted";
  const std::string text = impact_text(impact, {}, true);
  EXPECT_THAT(first_line(text), HasSubstr("2 domains with a policy among 98 lookups"));
  EXPECT_THAT(text, HasSubstr("would have been bound: 5 (held back: observe 5)"));
  EXPECT_THAT(text, HasSubstr("not known here"));
}

TEST_F(ImpactTest, EnforcingCountsWhatWasBoundAndWhatABrakeHeldBack) {
  add(line("example.org", "secure", "secure", "sts", "nothing", 5));
  add(line("example.org", "notfound", "secure", "sts", "bypass", 2));
  EXPECT_EQ(impact.bound, 5U);
  EXPECT_EQ(impact.would_bind, 2U);
  EXPECT_EQ(impact.domains.at("example.org").bound, 5U);
  EXPECT_EQ(impact.domains.at("example.org").would_bind, 7U);
}

TEST_F(ImpactTest, OldAndDamagedLinesAreNotCountedAndSaid) {
  add(line("example.org", "secure", "secure", "sts", "nothing", 5, "2026-11-01T00:00:00Z"));
  add("{\"v\":1,\"time\":");
  add("");
  EXPECT_EQ(impact.lookups, 0U);
  EXPECT_EQ(impact.damaged, 2U);
}

TEST_F(ImpactTest, TheBucketOfTheRestIsNotTakenForAnAnswer) {
  add(line("", "notfound", "notfound", "other", "nothing", 7));
  EXPECT_EQ(impact.lookups, 7U);
  EXPECT_EQ(impact.uncounted, 7U);
  EXPECT_THAT(impact_text(impact, {}, true), HasSubstr("answers not known"));
}

TEST_F(ImpactTest, StraysAreNamedAndSilenceOfPolicydIsSaid) {
  add(line("example.org", "secure", "secure", "sts", "nothing", 1));
  EXPECT_THAT(impact_text(impact, {{"example.org", "mx.example.net", "198.51.100.7"}}, true),
              HasSubstr("example.org  mx.example.net 198.51.100.7"));
  EXPECT_THAT(impact_text(impact, {}, false), HasSubstr("not compared"));
  const auto json = nlohmann::json::parse(impact_json(impact, {}, false));
  EXPECT_EQ(json["routes_known"], false);
  EXPECT_EQ(json["tls_outcome"], "not known");
}

TEST_F(ImpactTest, ThePartBeforeTheRotationIsReadToo) {
  const auto folder =
      std::filesystem::temp_directory_path() / ("mxw-impact-" + std::to_string(::getpid()));
  std::filesystem::create_directories(folder);
  EXPECT_FALSE(read_answers(folder.string(), kNow - kDay));
  std::ofstream(folder / "answers.ndjson.1")
      << line("example.org", "secure", "secure", "sts", "nothing", 1) << '\n';
  std::ofstream(folder / "answers.ndjson")
      << line("example.org", "secure", "secure", "sts", "nothing", 2) << '\n';
  const auto read = read_answers(folder.string(), kNow - kDay);
  std::filesystem::remove_all(folder);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->bound, 3U);
}

}  // namespace
}  // namespace mxw::cli
