// The small parts of the operator's tool: durations, options, wrapping, the status of brakes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "cli/check_gather.hpp"
#include "cli/duration.hpp"
#include "cli/operator_status.hpp"
#include "cli/options.hpp"
#include "cli/verb.hpp"
#include "cli/wrap.hpp"

namespace mxw::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(Duration, IsANumberAndAUnit) {
  EXPECT_EQ(parse_duration("90s"), 90 * kSecond);
  EXPECT_EQ(parse_duration("15m"), 15 * kMinute);
  EXPECT_EQ(parse_duration("4h"), 4 * kHour);
  EXPECT_EQ(parse_duration("7d"), 7 * kDay);
  EXPECT_EQ(parse_duration("3650d"), kLongestDuration);
  for (const char* bad : {"", "h", "0h", "-4h", "+4h", "4", "4 h", "4H", "4w", "1.5h", "4h30m",
                          "3651d", "99999999999999999999s", " 4h", "4h "})
    EXPECT_FALSE(parse_duration(bad)) << bad;
}

TEST(Duration, IsToldByItsTwoLargestParts) {
  EXPECT_EQ(duration_text(7 * kDay), "7 d");
  EXPECT_EQ(duration_text(kDay + kHour + kMinute), "1 d 1 h");
  EXPECT_EQ(duration_text(kDay + kMinute), "1 d");
  EXPECT_EQ(duration_text(4 * kHour - kSecond), "3 h 59 min");
  EXPECT_EQ(duration_text(61 * kSecond), "1 min 1 s");
  EXPECT_EQ(duration_text(1), "less than a second");
}

constexpr Option kTable[] = {
    {"for", "TIME", "how long"}, {"json", nullptr, "as JSON"}, {"mx", "HOST", "a name", true}};

TEST(Options, GoodLines) {
  const std::vector<std::string> line = {"a",      "--mx", "-x", "--mx=b=c",
                                         "--json", "-",    "--", "--for"};
  const auto given = read_options(kTable, line);
  ASSERT_TRUE(given) << given.error().message;
  EXPECT_THAT(given->operands, ElementsAre("a", "-", "--for"));
  EXPECT_THAT(given->all("mx"), ElementsAre("-x", "b=c"));
  EXPECT_TRUE(given->has("json"));
  EXPECT_EQ(given->text("for", "4h"), "4h");
}

TEST(Options, BadLinesSayWhatIsWrong) {
  const std::vector<std::pair<std::vector<std::string>, const char*>> rows = {
      {{"--fo", "4h"}, "--fo: no such option"},   {{"-f"}, "-f: no such option"},
      {{"--for"}, "--for: TIME is missing"},      {{"--for", "1h", "--for=2h"}, "is given twice"},
      {{"--json=yes"}, "--json: takes no value"}, {{"--json", "--json"}, "is given twice"},
  };
  for (const auto& [line, reason] : rows) {
    const auto given = read_options(kTable, line);
    ASSERT_FALSE(given) << line.front();
    EXPECT_THAT(given.error().message, HasSubstr(reason));
  }
}

TEST(Wrap, LinesStayWithinTheirWidthAndStrangersTextIsHarmless) {
  EXPECT_EQ(wrapped("  ok  ", "one two", 6), "  ok  one two\n");
  const std::string out = wrapped("- ", std::string(60, 'a') + ' ' + std::string(30, 'b'), 2);
  EXPECT_EQ(out, "- " + std::string(60, 'a') + "\n  " + std::string(30, 'b') + '\n');
  EXPECT_EQ(printable("a\033[1m\n\xff\xc2\x9b\u00fc"), "a?[1m???\u00fc");
}

TEST(ResolvConf, OnlyAddressesOfNameServersAreTaken) {
  const auto servers = name_servers(
      "# nameserver 192.0.2.9\nsearch example.org\nnameserver 192.0.2.53\r\n"
      "nameserver\t2001:db8::53 # near\nnameserver fe80::1%eth0\nnameserver nonsense\nnameserver");
  ASSERT_EQ(servers.size(), 2U);
  EXPECT_EQ(servers[0].address.text(), "192.0.2.53");
  EXPECT_EQ(servers[1].address.text(), "2001:db8::53");
  EXPECT_EQ(servers[1].port, 53);
  std::string many;
  for (int i = 0; i < 100; ++i) many += "nameserver 192.0.2.1\n";
  EXPECT_EQ(name_servers(many).size(), resolve::kServers);
}

TEST(Verbs, HelpFitsATerminalAndSaysItsExits) {
  EXPECT_GE(verbs().size(), 10U);
  for (const Verb* const verb : verbs()) {
    const std::string text = help(*verb);
    EXPECT_THAT(text, HasSubstr("Exit: 0 ")) << verb->words;
    EXPECT_THAT(overview(), HasSubstr(std::string("  ") + verb->words + ' '));
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t end = text.find('\n', at);
      EXPECT_LE(end - at, kLineCharacters) << text.substr(at, end - at);
      at = end + 1;
    }
  }
}

TEST(OperatorStatus, TheFirstLineIsTheAnswer) {
  using namespace operators;
  const Time now = *parse_rfc3339("2026-11-21T08:00:00Z");
  const auto brake = [](Action action, std::optional<Time> until) {
    return std::make_shared<const DomainBrake>(
        DomainBrake{action, until, "trouble", "alice (uid 1000)", {}});
  };
  OperatorState::Brakes brakes{{"a.test", brake(Action::bypass, now + kHour)},
                               {"b.test", brake(Action::bypass, now)},
                               {"c.test", brake(Action::pin, std::nullopt)}};
  const OperatorState state({true, false, now + 2 * kHour, "maintenance", "root (uid 0)"}, brakes,
                            {{"domain/x.json: no JSON object"}, 1, 0});
  EXPECT_EQ(status_text(state, now),
            "enforcement is off until 2026-11-21 10:00:00 UTC, another 2 h\n"
            "  by root (uid 0): maintenance\n"
            "3 domains have a brake or a pin:\n"
            "  a.test: bypass until 2026-11-21 09:00:00 UTC\n"
            "    by alice (uid 1000): trouble\n"
            "  b.test: bypass ended 2026-11-21 08:00:00 UTC, without effect\n"
            "    by alice (uid 1000): trouble\n"
            "  c.test: pin until it is released\n"
            "    by alice (uid 1000): trouble\n"
            "not as it should be:\n"
            "  domain/x.json: no JSON object\n");
  EXPECT_TRUE(status_text(state, now + 2 * kHour).starts_with("enforcement is not off: "));
  EXPECT_TRUE(status_text({}, now).ends_with("no domain has a brake or a pin\n"));
  EXPECT_TRUE(status_known(state));
}

TEST(OperatorStatus, WhatCannotBeReadIsNotSaidToBeOff) {
  using namespace operators;
  const OperatorState folder(
      {}, {}, {.texts = {"cannot be read: Permission denied"}, .folder_unreadable = true});
  EXPECT_EQ(status_text(folder, {}),
            "it is not known whether enforcement is off: the operator's folder cannot be read "
            "(see its owner\n  and mode, or run this as root)\n"
            "it is not known which domains have a brake or a pin\n"
            "not as it should be:\n"
            "  cannot be read: Permission denied\n");
  EXPECT_FALSE(status_known(folder));
  EXPECT_THAT(status_json(folder, {}), HasSubstr("{\"enforcement\":{\"known\":false}"));
  EXPECT_THAT(status_json(folder, {}), HasSubstr("\"domains_known\":false"));
  const OperatorState domains(
      {}, {}, {.texts = {"domain: cannot be read: Permission denied"}, .domains_unreadable = true});
  EXPECT_THAT(status_text(domains, {}),
              testing::AllOf(HasSubstr("enforcement is not off"),
                             HasSubstr("it is not known which domains have a brake")));
  EXPECT_FALSE(status_known(domains));
  EXPECT_THAT(status_json(domains, {}), HasSubstr("{\"known\":true,\"off\":false}"));
}

TEST(OperatorStatus, OfOneDomainAllThatHoldsIsSaidInTheOrderOfPrecedence) {
  using namespace operators;
  const Time now = *parse_rfc3339("2026-11-21T08:00:00Z");
  const auto brake = [](DomainBrake one) { return std::make_shared<const DomainBrake>(one); };
  const OperatorState::Brakes brakes{
      {"a.test", brake({Action::bypass, now + kHour, "trouble", "alice (uid 1000)", {}})},
      {"b.test", brake({Action::bypass, now, "over", "alice (uid 1000)", {}})},
      {"c.test", brake({Action::pin, std::nullopt, "contract", "bob (uid 1001)", {"mx.c.test"}})},
      {"d.test", brake({Action::report_only, now + kHour, "trial", "bob (uid 1001)", {}})}};
  const Enforcement off{true, false, now + 2 * kHour, "maintenance", "root (uid 0)"};
  const OperatorState on({}, brakes, {{"domain/x.test.json: no JSON object"}, 1, 0});
  EXPECT_EQ(domain_status_text(on, "a.test", now),
            "  bypass until 2026-11-21 09:00:00 UTC: treated as if it had no policy\n"
            "    by alice (uid 1000): trouble\n");
  EXPECT_EQ(domain_status_text(on, "b.test", now), "") << "it has ended";
  EXPECT_EQ(domain_status_text(on, "c.test", now),
            "  pin until it is released: authenticated TLS is required, whatever it publishes\n"
            "    mx mx.c.test\n"
            "    by bob (uid 1001): contract\n");
  EXPECT_THAT(domain_status_text(on, "d.test", now), HasSubstr("report-only until 2026-11-21 09:"));
  EXPECT_THAT(domain_status_text(on, "x.test", now), HasSubstr("without effect: no JSON object"));
  const OperatorState both(off, brakes, {});
  EXPECT_EQ(domain_status_text(both, "a.test", now),
            "  enforcement is off for all domains until 2026-11-21 10:00:00 UTC\n"
            "    by root (uid 0): maintenance\n" +
                domain_status_text(on, "a.test", now));
  EXPECT_EQ(domain_status_rows(both, "c.test", now),
            R"-({"v":1,"op":"put","table":"operator","row":{"domain":"c.test","action":"off",)-"
            R"-("until":1795255200000000000,"reason":"maintenance","who":"root (uid 0)"}})-"
            "\n"
            R"-({"v":1,"op":"put","table":"operator","row":{"domain":"c.test","action":"pin",)-"
            R"-("reason":"contract","who":"bob (uid 1001)","mx":["mx.c.test"]}})-"
            "\n");
  EXPECT_EQ(domain_status_rows(on, "b.test", now), "");
}

}  // namespace
}  // namespace mxw::cli
