// Reading mxwarden.toml: what is taken, what is refused and where the message points.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>

#include "core/config/load.hpp"
#include "core/config/options.hpp"

namespace mxw::config {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

Config good(std::string_view text) {
  auto config = parse(text, "m.toml");
  EXPECT_TRUE(config) << config.error().message;
  return config.value_or(Config{});
}

std::string refusal(std::string_view text) {
  const auto config = parse(text, "m.toml");
  if (config) return "taken";
  EXPECT_EQ(config.error().kind, ErrorKind::usage);
  return config.error().message;
}

// What an earlier version had as its default; a key that changes warns for one major version.
TEST(Config, RetiredValuesAreToldAndHaveNoEffect) {
  const std::string text = "[policyd]\ndomains_from = [\"map\", \"file:/srv/list\", \"milter\"]\n";
  Notes notes;
  const auto config = parse(text, "m.toml", notes);
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_THAT(config->policyd.domains_from, ElementsAre("file:/srv/list"));
  EXPECT_THAT(notes,
              ElementsAre("m.toml:2:16: \"domains_from\" has \"map\", which means nothing any "
                          "more: \"ask_users\" says who may ask",
                          "m.toml:2:16: \"domains_from\" has \"milter\", which means nothing any "
                          "more: \"ask_users\" says who may ask"));
  Notes again;
  EXPECT_TRUE(reload(*config, text, "m.toml", {}, &again));
  EXPECT_EQ(again, notes);
  EXPECT_TRUE(reload(*config, text, "m.toml"));
  EXPECT_EQ(changes(*config, good(dump(*config))).size(), 0U);
}

TEST(Config, AMistakeInATableOfAnotherProgramIsANote) {
  constexpr std::string_view kMine[] = {"paths", "map"};
  const auto notes_of = [&](std::string_view text) {
    Notes notes;
    const auto config = parse(text, "m.toml", notes, kMine);
    EXPECT_TRUE(config) << config.error().message;
    if (config) EXPECT_EQ(config->map.cold_wait, 1 * kSecond);
    return notes;
  };
  const std::string mine = "[map]\ncold_wait_ms = 1000\n";
  EXPECT_THAT(
      notes_of(mine + "[policyd]\nparalel = 1\n"),
      ElementsAre("m.toml:4:11: [policyd]: unknown key \"paralel\", perhaps \"parallel\" is "
                  "meant (another program's setting)"));
  EXPECT_THAT(notes_of(mine + "[milter.defer]\nnonsense = 1\n"),
              ElementsAre(HasSubstr("unknown key \"nonsense\"")));
  EXPECT_THAT(notes_of(mine + "[resolver]\nvalidating = [\"192.0.2.9\"]\n"),
              ElementsAre(HasSubstr("not in \"servers\"")));
  for (const char* bad : {"[map]\ncold_wait = 1\n", "[policyd]\nparallel = 1\n[map]\nlisten = 1\n",
                          "[mapp]\n", "[policyd\n", "[paths]\nrun = 1\n"}) {
    Notes notes;
    EXPECT_FALSE(parse(bad, "m.toml", notes, kMine)) << bad;
    EXPECT_THAT(notes, testing::IsEmpty());
  }
}

TEST(Config, EmptyFileIsTheDefaults) {
  EXPECT_TRUE(changes(Config{}, good("")).empty());
  EXPECT_TRUE(changes(Config{}, good("[map]\n[paths]\n")).empty());
}

constexpr std::string_view kMilter = R"(
[milter]
socket = "inet6:8891@::1"
socket_mode = "600"
socket_group = "postfix"
role = "relay"
daemon_names = { "mx1.example.org" = "inbound" }
daemon_ports = { 587 = "submission" }
trusted_networks = ["192.0.2.0/24"]
exempt = ["!bad.example.org", ".example.org", "2001:db8::/32"]
authserv_id = "mx.example.org"
header = false
dry_run = true
families = [6, 4]
egress = ["198.51.100.1", "2001:db8::1"]
on_internal_error = "tempfail"
timeout_s = 600
backlog = 20
[milter.defer]
peers = ["198.51.100.7"]
domains = ["!a.example.org", ".example.org", "*"]
max_age_s = 60
max_share = 2.5
min_count = 3
[[milter.override]]
recipients = ["example.org", ".example.net"]
action = "defer"
[[milter.override]]
clients = ["192.0.2.0/28"]
action = "accept"
)";

TEST(Config, MilterIsRead) {
  const Milter milter = good(kMilter).milter;
  EXPECT_EQ(milter.socket, "inet6:8891@::1");
  EXPECT_EQ(milter.socket_mode, 0600U);
  EXPECT_EQ(milter.socket_group, "postfix");
  EXPECT_EQ(milter.role, MilterRole::relay);
  EXPECT_EQ(milter.daemon_names.at("mx1.example.org"), MilterRole::inbound);
  EXPECT_EQ(milter.daemon_ports.at("587"), MilterRole::submission);
  ASSERT_EQ(milter.trusted_networks.size(), 1U);
  EXPECT_EQ(milter.trusted_networks[0].text(), "192.0.2.0/24");
  EXPECT_THAT(milter.exempt, ElementsAre("!bad.example.org", ".example.org", "2001:db8::/32"));
  EXPECT_EQ(milter.authserv_id, "mx.example.org");
  EXPECT_FALSE(milter.header);
  EXPECT_TRUE(milter.dry_run);
  EXPECT_THAT(milter.families, ElementsAre(6U, 4U));
  ASSERT_EQ(milter.egress.size(), 2U);
  EXPECT_EQ(milter.egress[1].text(), "2001:db8::1");
  EXPECT_EQ(milter.on_internal_error, InternalError::tempfail);
  EXPECT_EQ(milter.timeout, 600 * kSecond);
  EXPECT_EQ(milter.backlog, 20U);
  const MilterDefer& defer = milter.defer;
  ASSERT_EQ(defer.peers.size(), 1U);
  EXPECT_EQ(defer.peers[0].text(), "198.51.100.7/32");
  EXPECT_THAT(defer.domains, ElementsAre("!a.example.org", ".example.org", "*"));
  EXPECT_EQ(defer.max_age, kMinute);
  EXPECT_EQ(defer.max_share, 2.5);
  EXPECT_EQ(defer.min_count, 3U);
  ASSERT_EQ(milter.overrides.size(), 2U);
  EXPECT_THAT(milter.overrides[0].recipients, ElementsAre("example.org", ".example.net"));
  EXPECT_TRUE(milter.overrides[0].clients.empty());
  EXPECT_EQ(milter.overrides[0].action, MilterAction::defer);
  EXPECT_EQ(milter.overrides[1].clients[0].text(), "192.0.2.0/28");
  EXPECT_EQ(milter.overrides[1].action, MilterAction::accept);
}

TEST(Config, EveryTableIsRead) {
  const Config config = good(R"(
[paths]
run = "/tmp/run"
operator = "/tmp/operator"
[log]
level = "debug"
[resolver]
servers = ["192.0.2.53", "[2001:db8::53]:5353", "192.0.2.54:54"]
validating = ["192.0.2.53:53"]
timeout_ms = 250
[fetch]
allow = ["192.0.2.0/24", "2001:db8::1"]
port = 8443
timeout_s = 5
[policyd]
feed_users = ["1001", "mxw-map"]
domains_from = ["file:/etc/mxwarden/domains"]
refresh_interval_s = 3600
dane = false
[map]
listen = ["inet6:[::1]:8461", "unix:/run/mxwarden/map/map.sock"]
enforcement = "enforce"
postfix_dane = "dane-only"
cold_wait_ms = 1500
[map.names]
first = "sendmail"
[metrics]
listen = "127.0.0.1:9461"
)");
  EXPECT_EQ(config.paths.run, "/tmp/run");
  EXPECT_EQ(config.paths.state, "/var/lib/mxwarden");
  EXPECT_EQ(config.paths.operator_dir, "/tmp/operator");
  EXPECT_EQ(config.log.level, LogLevel::debug);
  ASSERT_EQ(config.resolver.servers.size(), 3U);
  EXPECT_EQ(text_of(config.resolver.servers[0]), "192.0.2.53:53");
  EXPECT_EQ(text_of(config.resolver.servers[1]), "[2001:db8::53]:5353");
  EXPECT_EQ(config.resolver.timeout, 250 * kMillisecond);
  EXPECT_EQ(config.fetch.allow[1].text(), "2001:db8::1/128");
  EXPECT_EQ(config.fetch.port, 8443);
  EXPECT_EQ(config.fetch.timeout, 5 * kSecond);
  EXPECT_THAT(config.policyd.feed_users, ElementsAre("1001", "mxw-map"));
  EXPECT_EQ(config.policyd.refresh_interval, kHour);
  EXPECT_FALSE(config.policyd.dane);
  EXPECT_EQ(config.map.enforcement, Enforcement::enforce);
  EXPECT_EQ(config.map.postfix_dane, PostfixDane::dane_only);
  EXPECT_EQ(config.map.cold_wait, 1'500 * kMillisecond);
  ASSERT_EQ(config.map.names.size(), 1U);
  EXPECT_EQ(config.map.names.at("first"), Dialect::sendmail);
  EXPECT_EQ(config.metrics.listen.port, 9461);
}

TEST(Config, MilterSaysNothingByDefault) {
  const Milter milter = good("").milter;
  EXPECT_EQ(milter.role, MilterRole::automatic);
  EXPECT_TRUE(milter.defer.peers.empty());
  EXPECT_TRUE(milter.defer.domains.empty());
  EXPECT_TRUE(milter.overrides.empty());
  EXPECT_EQ(milter.on_internal_error, InternalError::accept);
  EXPECT_EQ(milter.defer.max_age, 4 * kHour);
  EXPECT_EQ(milter.defer.max_share, 1.0);
  EXPECT_EQ(good("[milter.defer]\nmax_share = 3").milter.defer.max_share, 3.0);
}

TEST(Config, MilterSocketIsWrittenAsLibmilterHasIt) {
  for (const char* const socket :
       {"local:/run/m.sock", "unix:/run/m.sock", "/run/m.sock", "inet:8891", "inet:8891@127.0.0.1",
        "inet:8891@mx.example.org", "inet6:8891@::1", "inet6:8891"}) {
    const std::string text = "[milter]\nsocket = \"" + std::string(socket) + '"';
    EXPECT_EQ(good(text).milter.socket, socket);
  }
}

TEST(Config, DumpIsReadBack) {
  Config config;
  for (const bool changed : {false, true}) {
    if (changed) {
      config.paths.state = "/srv/\"quoted\\ pl\303\244ce";
      config.fetch.allow = {*Cidr::parse("192.0.2.0/24")};
      config.policyd.ask_users.clear();
      config.map.names = {{"a.b", Dialect::sendmail}};
      config.map.listen.clear();
      config.metrics.listen = *parse_endpoint("[::1]:9461");
      config.milter.socket_mode = 0007;
      config.milter.daemon_ports = {{"465", MilterRole::submission}};
      config.milter.defer.max_share = 0.1;
      config.milter.families = {6};
      config.milter.overrides = {{{"example.org"}, {*Cidr::parse("192.0.2.0/24")}, {}},
                                 {{}, {}, MilterAction::quarantine}};
      EXPECT_EQ(changes(Config{}, config).size(), 11U);
    }
    const std::string text = dump(config);
    const Config again = good(text);
    EXPECT_TRUE(changes(config, again).empty()) << text;
    EXPECT_EQ(dump(again), text);
    for (const Option& option : options()) {
      EXPECT_THAT(text, HasSubstr('\n' + std::string(option.key) + " = "));
    }
  }
}

struct Bad {
  const char* text;
  const char* message;
};

TEST(Config, RefusesWhatTheMilterCannotMean) {
  const Bad rows[] = {
      {"[milter]\nsocket = \"inet:8891@::1\"\n",
       "m.toml:2:10: \"socket\": \"inet:8891@::1\" is not"},
      {"[milter]\nsocket = \"inet:0\"\n", "m.toml:2:10: \"socket\": \"inet:0\" is not local:PATH"},
      {"[milter]\nsocket = \"local:m.sock\"\n",
       "m.toml:2:10: \"socket\": \"m.sock\" is no absolute"},
      {"[milter]\nsocket_mode = 432\n", "m.toml:2:15: \"socket_mode\" is not from"},
      {"[milter]\nsocket_mode = \"0888\"\n", "m.toml:2:15: \"socket_mode\" is not from"},
      {"[milter]\nsocket_mode = \"1777\"\n", "m.toml:2:15: \"socket_mode\" is not from"},
      {"[milter]\nrole = \"outbound\"\n", "m.toml:2:8: \"role\" is not one of \"auto\""},
      {"[milter]\ndaemon_names = { a = \"auto\" }\n", "m.toml:2:22: \"a\" is not one of"},
      {"[milter]\ndaemon_ports = { smtp = \"local\" }\n",
       "m.toml:2:25: \"daemon_ports\": \"smtp\" is"},
      {"[milter]\nexempt = [\"!!a\"]\n", "m.toml:2:11: \"exempt\": \"!!a\" is no host"},
      {"[milter]\nfamilies = [5]\n", "m.toml:2:13: \"families\" has an entry that is not 4"},
      {"[milter]\nfamilies = []\n", "m.toml:2:12: \"families\" has 0 entries"},
      {"[milter]\negress = [\"192.0.2.0/24\"]\n",
       "m.toml:2:11: \"egress\": \"192.0.2.0/24\" is no"},
      {"[milter]\nauthserv_id = \"a b\"\n", "m.toml:2:15: \"authserv_id\": \"a b\" is no token"},
      {"[milter]\ndefer = 1\n", "m.toml:2:9: [milter.defer] is not a table"},
      {"[milter]\ndefers = {}\n", "perhaps \"defer\" is meant"},
      {"[milter]\nmax_share = 2\n", "it belongs into [milter.defer]"},
      {"[milter.defer]\nmax_share = 100.5\n", "m.toml:2:13: \"max_share\" is not from 0 to 100"},
      {"[milter.defer]\nmax_share = nan\n", "m.toml:2:13: \"max_share\" is not from 0 to 100"},
      {"[milter.defer]\nmax_share = \"1\"\n", "m.toml:2:13: \"max_share\" is not a number"},
      {"[milter.defer]\ndomains = [\"*.example.org\"]\n", "m.toml:2:12: \"domains\": \"*.example"},
      {"[milter.defer]\npeers = [\"mx.example.org\"]\n",
       "m.toml:2:10: \"peers\": \"mx.example.org\""},
      {"[milter.defer.more]\na = 1\n", "unknown key \"more\""},
      {"[[milter.override]]\nclients = []\n",
       "m.toml:1:1: [[milter.override]]: key \"action\" is missing"},
      {"[[milter.override]]\naction = \"reject\"\n", "m.toml:2:10: \"action\" is not one of"},
      {"[[milter.override]]\naction = \"tag\"\nwho = 1\n", "unknown key \"who\""},
      {"[milter]\noverride = [1]\n", "[[milter.override]] is not a table"},
      {"[[milter.override]]\nrecipients = [\"!a.example\"]\naction = \"tag\"\n",
       "is no domain or .domain"},
  };
  for (const Bad& row : rows) EXPECT_THAT(refusal(row.text), HasSubstr(row.message)) << row.text;
}

TEST(Config, RefusesWithPlaceAndReason) {
  const Bad rows[] = {
      {"[map]\nport = = 1\n", "m.toml:2:8: not TOML"},
      {"[$x]\n", "m.toml:1:1: not TOML"},
      {"a = 1\n", "m.toml:1:5: the file: unknown key \"a\""},
      {"map = 1\n", "m.toml:1:7: [map] is not a table"},
      {"[[map]]\n", "[map] is not a table"},
      {"[map]\nenforcment = \"observe\"\n",
       "m.toml:2:14: [map]: unknown key \"enforcment\", perhaps \"enforcement\" is meant"},
      {"[map]\ncold_wait = 3\n",
       "m.toml:2:13: [map]: unknown key \"cold_wait\", perhaps \"cold_wait_ms\" is meant"},
      {"[policyd]\ncold_wait_ms = 3\n",
       "m.toml:2:16: [policyd]: unknown key \"cold_wait_ms\", it belongs into [map]"},
      {"[policd]\n", "unknown key \"policd\", perhaps \"policyd\" is meant"},
      {"[map]\nqqqqqq = 1\n", "m.toml:2:10: [map]: unknown key \"qqqqqq\""},
      {"level = \"info\"\n", "unknown key \"level\", it belongs into [log]"},
      {"[log]\nlevel = \"loud\"\n",
       "m.toml:2:9: \"level\" is not one of \"error\", \"warning\", \"info\", \"debug\""},
      {"[log]\nlevel = 3\n", "m.toml:2:9: \"level\" is not one of"},
      {"[paths]\nrun = \"run\"\n", "m.toml:2:7: \"run\": \"run\" is no absolute path"},
      {"[paths]\nrun = \"/run/../etc\"\n", "has `..` in it"},
      {"[paths]\nrun = \"/run\\u0000\"\n", "control characters"},
      {"[paths]\nrun = \"\"\n", "no absolute path"},
      {"[paths]\nrun = [\"/run\"]\n", "\"run\" is not a text"},
      {"[resolver]\nservers = []\n", "m.toml:2:11: \"servers\" has 0 entries, not 1 to 8"},
      {"[resolver]\nservers = [\"192.0.2.1\",\n 7]\n", "m.toml:3:2: \"servers\" is not a text"},
      {"[resolver]\nservers = \"192.0.2.1\"\n", "\"servers\" is not a list"},
      {"[resolver]\nservers = [\"dns.example.org\"]\n", "is not ADDRESS, ADDRESS:PORT"},
      {"[resolver]\nservers = [\"192.0.2.1:0\"]\n", "is not ADDRESS, ADDRESS:PORT"},
      {"[resolver]\nservers = [\"192.0.2.1:65536\"]\n", "is not ADDRESS, ADDRESS:PORT"},
      {"[resolver]\nvalidating = [\"192.0.2.9\"]\n",
       "m.toml:2:14: \"validating\" has 192.0.2.9:53, which is not in \"servers\""},
      {"[resolver]\ntimeout_ms = 0\n", "m.toml:2:14: \"timeout_ms\" is not from 1 to 60000"},
      {"[resolver]\ntimeout_ms = -5\n", "\"timeout_ms\" is not from 1 to 60000"},
      {"[resolver]\ntimeout_ms = 9223372036854775807\n", "\"timeout_ms\" is not from"},
      {"[resolver]\ntimeout_ms = 1.5\n", "\"timeout_ms\" is not an integer"},
      {"[resolver]\ntries = 11\n", "\"tries\" is not from 1 to 10"},
      {"[fetch]\nport = 0\n", "\"port\" is not from 1 to 65535"},
      {"[fetch]\nport = 65536\n", "\"port\" is not from 1 to 65535"},
      {"[fetch]\nallow = [\"192.0.2.0/33\"]\n", "is no address or prefix"},
      {"[policyd]\nfeed_users = [\"-x\"]\n", "\"-x\" is no user name or id"},
      {"[policyd]\nfeed_users = [\"4294967295\"]\n", "is no user name or id"},
      {"[policyd]\nfeed_users = [\"12a\"]\n", "is no user name or id"},
      {"[policyd]\ndomains_from = [\"maps\"]\n", "\"maps\" is not \"file:PATH\""},
      {"[policyd]\ndomains_from = [\"file:x\"]\n", "no absolute path"},
      {"[policyd]\ndane = \"yes\"\n", "\"dane\" is not true or false"},
      {"[map]\nlisten = [\"127.0.0.1:8461\"]\n", "is not inet:ADDRESS:PORT"},
      {"[map]\nlisten = [\"inet:[::1]:8461\"]\n", "is not inet:ADDRESS:PORT"},
      {"[map]\nlisten = [\"inet6:::1:8461\"]\n", "is not inet:ADDRESS:PORT"},
      {"[map]\nlisten = [\"inet:127.0.0.1\"]\n", "is not inet:ADDRESS:PORT"},
      {"[map]\nlisten = [\"unix:map.sock\"]\n", "no absolute path"},
      {"[map]\nlisten = [\"inet:127.0.0.1:1\", \"inet:127.0.0.1:1\"]\n", "twice"},
      {"[map.names]\n", "\"names\" is not a table of 1 to 64 entries"},
      {"[map.names]\npostfix = \"exim\"\n", "is not one of \"postfix\", \"sendmail\""},
      {"[map.names]\n\"a b\" = \"postfix\"\n", "\"a b\" is no name of a map"},
      {"[metrics]\nlisten = \"localhost:9461\"\n", "is not ADDRESS:PORT"},
  };
  for (const Bad& row : rows) EXPECT_THAT(refusal(row.text), HasSubstr(row.message)) << row.text;
}

TEST(Config, PathOfASocketFitsItsAddress) {
  const std::string longest = "unix:/" + std::string(106, 's');
  EXPECT_TRUE(parse_listen(longest));
  EXPECT_FALSE(parse_listen(longest + 's'));
}

TEST(Config, BoundsSizeAndDepth) {
  EXPECT_THAT(refusal(std::string(kFileBytes + 1, '#')), HasSubstr("larger than"));
  EXPECT_EQ(refusal(std::string(kFileBytes, '#')), "taken");
  std::string deep;
  while (deep.size() < kFileBytes - 100) deep += "a.";
  EXPECT_THAT(refusal(deep + "b = 1\n"), HasSubstr("nested too deeply"));
  EXPECT_THAT(refusal('[' + deep + "b]\n"), HasSubstr("nested too deeply"));
  EXPECT_THAT(refusal("a = " + std::string(1'000, '[')), HasSubstr("nested too deeply"));
  EXPECT_THAT(refusal("[" + deep.substr(0, 400) + "b]\n" + deep.substr(0, 400) + "b = 1"),
              HasSubstr("nested too deeply"));
}

TEST(Config, NearestIsOnlyWhatIsNear) {
  const std::string_view known[] = {"listen", "servers", "cold_wait_ms", "run"};
  EXPECT_EQ(nearest("lisen", known), "listen");
  EXPECT_EQ(nearest("server", known), "servers");
  EXPECT_EQ(nearest("cold_wait_s", known), "cold_wait_ms");
  EXPECT_EQ(nearest("rum", known), "run");
  EXPECT_EQ(nearest("state", known), "");
  EXPECT_EQ(nearest("x", known), "");
  EXPECT_EQ(nearest(std::string(100'000, 'x'), known), "");
}

TEST(Reload, TakesWhatNeedsNoRestart) {
  const auto fresh =
      reload(Config{}, "[map]\nenforcement = \"enforce\"\n[log]\nlevel = \"debug\"\n", "m.toml");
  ASSERT_TRUE(fresh) << fresh.error().message;
  EXPECT_EQ(fresh->map.enforcement, Enforcement::enforce);
  EXPECT_EQ(fresh->log.level, LogLevel::debug);
}

TEST(Reload, RefusesWholeAndNamesWhatNeedsARestart) {
  const auto refused = reload(
      Config{}, "[map]\nenforcement = \"enforce\"\nlisten = []\n[paths]\nrun = \"/tmp/run\"\n",
      "m.toml");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message, "m.toml: changed, but needs a restart: paths.run, map.listen");
}

TEST(Reload, LetsOtherProgramsTablesChange) {
  const std::string_view text = "[map]\nlisten = []\n[log]\nlevel = \"debug\"\n";
  const std::string_view mine[] = {"paths", "log"};
  EXPECT_TRUE(reload(Config{}, text, "m.toml", mine));
  EXPECT_FALSE(reload(Config{}, text, "m.toml"));
}

TEST(Reload, RefusesWhatIsWrong) {
  const auto refused = reload(Config{}, "[map]\nenforcement = \"enforc\"\n", "m.toml");
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, StartsWith("m.toml:2:15: \"enforcement\" is not one of"));
}

TEST(Load, NamesTheFileThatCannotBeRead) {
  EXPECT_THAT(load("/").error().message, StartsWith("/: "));
  EXPECT_THAT(load("/nonexistent/m.toml").error().message, StartsWith("/nonexistent/m.toml: "));
  const auto path = std::filesystem::temp_directory_path() /
                    ("mxw_config_" + std::to_string(::getpid()) + ".toml");
  std::ofstream(path) << std::string(kFileBytes + 10, '\n');
  EXPECT_THAT(load(path).error().message, HasSubstr("larger than 65536 octets"));
  std::filesystem::remove(path);
}

}  // namespace
}  // namespace mxw::config
