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

TEST(PolicyView, ABrakeIsSaidBeforeEverythingElse) {
  using operators::DomainBrake;
  DomainView view{.domain = "example.org", .rows = {policy_row()}, .body = {}};
  EXPECT_THAT(view_text(view, kNow), Not(HasSubstr("overruled")));
  const auto braked = [&view](operators::Action action) {
    view.said = std::make_shared<const operators::OperatorState>(
        operators::Enforcement{},
        operators::OperatorState::Brakes{
            {"example.org", std::make_shared<const DomainBrake>(DomainBrake{
                                action, kNow + kHour, "trouble", "alice (uid 1000)", {}})}},
        operators::OperatorState::Notes{});
    return view_text(view, kNow);
  };
  const std::string text = braked(operators::Action::bypass);
  EXPECT_THAT(first_line(text), HasSubstr("enforce holds until 2026-12-07 00:00:00 UTC, overruled "
                                          "by a bypass"));
  EXPECT_THAT(text, HasSubstr("UTC, overruled by a bypass\n"
                              "  bypass until 2026-12-01 01:00:00 UTC: "));
  EXPECT_THAT(text, HasSubstr("by alice (uid 1000): trouble"));
  EXPECT_THAT(first_line(braked(operators::Action::report_only)), HasSubstr("by report-only"));
  EXPECT_THAT(first_line(braked(operators::Action::pin)), HasSubstr("by a pin"));
  EXPECT_THAT(view_text(view, kNow + kHour), Not(HasSubstr("overruled"))) << "it has ended";
  view.said = std::make_shared<const operators::OperatorState>(
      operators::Enforcement{true, false, kNow + kHour, "maintenance", "root (uid 0)"},
      operators::OperatorState::Brakes{}, operators::OperatorState::Notes{});
  EXPECT_THAT(first_line(view_text(view, kNow)), HasSubstr("overruled by `enforcement off`"));
}

TEST(PolicyView, AnMxThatThePolicyDoesNotNameIsSaid) {
  DomainView view{.domain = "example.org", .rows = {policy_row()}, .body = {}};
  view.rows.emplace_back(route_row("mx.example.org"));
  view.rows.emplace_back(route_row("mx.example.net"));
  view.body = "version: STSv1\nmode: enforce\nmx: *.example.org\nmax_age: 604800\n";
  const std::string text = view_text(view, kNow);
  EXPECT_THAT(text, HasSubstr("MX mx.example.org 198.51.100.25, not signed, named by the policy"));
  EXPECT_THAT(text, HasSubstr("MX mx.example.net 198.51.100.25, not signed, NOT named"));
}

TEST(PolicyView, DurationsNumbersAndWhatIsDueAreSaidAsPeopleDo) {
  rows::DomainRow domain;
  domain.name = "example.org";
  domain.state = rows::DomainState::policy;
  domain.checked_at = kNow - kHour;
  domain.check_result = "servfail";
  domain.refresh_at = kNow - kMinute;
  domain.fail_count = 1;
  DomainView view{.domain = "example.org", .rows = {domain, policy_row()}, .body = {}};
  std::string text = view_text(view, kNow);
  EXPECT_THAT(text, HasSubstr("max_age 604800 s (7 d)"));
  EXPECT_THAT(text, HasSubstr("failed once (DNS); the next look is due\n"));
  EXPECT_THAT(text, HasSubstr("  MX: no host is known yet\n"));
  domain.fail_count = 2;
  domain.refresh_at = kNow + kMinute;
  view.rows = {domain, policy_row(), route_row("mx.example.org")};
  text = view_text(view, kNow);
  EXPECT_THAT(text, HasSubstr("failed 2 times (DNS); next look 2026-12-01 00:01:00 UTC\n"));
  EXPECT_THAT(text, Not(HasSubstr("no host is known")));
}

TEST(PolicyView, LinesOfTheListStandInColumns) {
  rows::PolicyRow row = policy_row();
  EXPECT_EQ(policy_line(row, kNow),
            "example.org                       enforce  until   2026-12-07 00:00:00 UTC  "
            "id 20261101\n");
  row.mode = policy::Mode::none;
  EXPECT_EQ(policy_line(row, kNow + 30 * kDay),
            "example.org                       none     ran out 2026-12-07 00:00:00 UTC  "
            "id 20261101\n");
  row.domain = std::string(40, 'a') + ".example";
  EXPECT_THAT(policy_line(row, kNow), HasSubstr("a.example  none     until"));
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
  const std::string text = impact_text(impact, {});
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
  EXPECT_EQ(impact.domains.at("example.org").would_bind, 2U) << "as in the sum: not the bound ones";
  EXPECT_THAT(impact_text(impact, {}),
              HasSubstr("secure by sts, bound 5 of 7, mx: mx.example.org\n"));
  add(line("example.net", "notfound", "secure", "sts", "observe", 4));
  add(line("example.com", "notfound", "notfound", "testing", "nothing", 3));
  const auto json = nlohmann::json::parse(impact_json(impact, {}));
  std::uint64_t bound = 0, would_bind = 0, testing = 0;
  for (const auto& domain : json["domains"]) {
    bound += domain["bound"].get<std::uint64_t>();
    would_bind += domain["would_bind"].get<std::uint64_t>();
    testing += domain["testing"].get<std::uint64_t>();
  }
  EXPECT_EQ(json["bound"], bound);
  EXPECT_EQ(json["would_bind"], would_bind);
  EXPECT_EQ(json["would_bind"], 6U);
  EXPECT_EQ(json["testing"], testing);
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
  EXPECT_THAT(impact_text(impact, {}), HasSubstr("answers not known"));
}

TEST_F(ImpactTest, StraysAreNamedAndSilenceOfPolicydIsSaid) {
  add(line("example.org", "secure", "secure", "sts", "nothing", 1));
  ImpactRoutes routes;
  const std::vector known = {route_row("mx.example.org"), route_row("mx.example.net")};
  compare_routes("example.org", NamedBy::policy, {"*.example.org"}, known, routes);
  ASSERT_EQ(routes.strays.size(), 1U);
  EXPECT_THAT(impact_text(impact, routes),
              HasSubstr("example.org  mx.example.net 198.51.100.25 (not in its policy)"));
  routes.trouble = "policyd does not answer: no such file";
  EXPECT_THAT(impact_text(impact, routes),
              HasSubstr("MX hosts not compared: policyd does not answer: no such file"));
  const auto json = nlohmann::json::parse(impact_json(impact, routes));
  EXPECT_EQ(json["routes_known"], false);
  EXPECT_EQ(json["tls_outcome"], "not known");
}

TEST_F(ImpactTest, TheNamesOfAPinAreComparedToo) {
  add(line("example.org", "secure", "secure", "pin", "nothing", 1));
  add(line("example.net", "secure", "secure", "pin", "nothing", 1));
  ImpactRoutes routes;
  const std::vector known = {route_row("mx.example.org"), route_row("mx.example.net")};
  compare_routes("example.org", NamedBy::pin, {"mx.example.org"}, known, routes);
  compare_routes("example.net", NamedBy::pin, {"mx.example.net"}, {}, routes);
  const std::string text = impact_text(impact, routes);
  EXPECT_THAT(text, HasSubstr("example.org  mx.example.net 198.51.100.25 (not in its pin)"));
  EXPECT_THAT(text, Not(HasSubstr("mx.example.org 198.51.100.25")));
  EXPECT_THAT(text, HasSubstr("not compared, for policyd knows none of their MX hosts: "
                              "example.net"));
  const auto json = nlohmann::json::parse(impact_json(impact, routes));
  EXPECT_EQ(json["not_matching"][0]["named_by"], "pin");
  EXPECT_EQ(json["not_compared"], nlohmann::json({"example.net"}));
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
