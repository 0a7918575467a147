// The join, sentence by sentence of semantics 7: what is said of the paths to example.org.
#include "milter/join.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/rows/dane_rows.hpp"
#include "tests/unit/feed_support.hpp"

namespace mxw::milter {
namespace {

using feed::at;
using feed::domain_verdict;
using feed::path_verdict;
using policy::Protection;
using rows::VerdictRow;
using rows::VerdictState;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr const char* kA = "192.0.2.1";
constexpr const char* kB = "192.0.2.2";

// example.org, enforce, with two MX hosts of its policy, read again with success at 100 s; nothing
// is held against it. Each test changes what it is about.
struct World {
  World() {
    verdicts.on_state(true);
    verdicts.on_reset();
    verdicts.on_end(1);
    policy("enforce");
    known.on_change(feed::domain_row("example.org"));
    route("a.example.org", kA);
    route("b.example.org", kB);
    reread(100, true, "1", policy::Mode::enforce);
  }

  void policy(const std::string& mode, const std::string& id = "1") {
    rows::PolicyRow row = feed::policy_row("example.org", id);
    row.body = "version: STSv1\nmode: " + mode + "\nmx: *.example.org\nmax_age: 604800\n";
    row.mode = rows::mode_of(mode);
    known.on_change(row);
  }
  void route(const std::string& host, const std::string& address, bool secure = false) {
    rows::RouteRow row = feed::route_row("example.org", host, address);
    row.source = secure ? "mx signed secure" : "mx unsigned insecure";
    known.on_change(row);
  }
  void no_routes() {
    known.on_change(rows::Deletion{
        .table = rows::Table::mx_route, .tenant = 0, .name = "example.org", .seq = 0});
  }
  void tlsa(const std::string& host) {
    std::vector<std::uint8_t> rdata = {3, 1, 1};
    rdata.resize(3 + 32, 7);
    known.on_change(feed::tlsa_row(rows::tlsa_base(host), rdata));
  }
  void reread(std::int64_t when, bool ok, const std::string& id, policy::Mode mode) {
    known.on_change(rows::RereadRow{
        .domain = "example.org", .at = at(when), .ok = ok, .id = id, .mode = mode, .seq = 0});
  }
  void verdict(VerdictRow row) { verdicts.on_change(std::move(row)); }
  // Both hosts are under verdicts that act.
  void block(const std::string& rule = "R02") {
    verdict(path_verdict("v1", kA, rule));
    verdict(path_verdict("v2", kB, rule));
  }
  void say(operators::Word word, std::vector<std::string> mx = {}) {
    brake.mx = std::move(mx);
    said = {word, &brake};
  }

  [[nodiscard]] Joined joined(std::int64_t when = 200) const {
    return join("example.org", known, verdicts, said, settings, at(when));
  }
  [[nodiscard]] std::string state(std::int64_t when = 200) const {
    return std::string(name(joined(when).path.state));
  }

  feed::Replica known;
  feed::VerdictReplica verdicts;
  operators::DomainBrake brake;
  operators::Said said;
  JoinSettings settings;
};

VerdictRow with(VerdictRow row, auto change) {
  change(row);
  return row;
}

TEST(Join, PathIsClearWithoutVerdicts) {
  const World world;
  const DomainPath path = world.joined().path;
  EXPECT_EQ(name(path.state), "clear");
  EXPECT_EQ(path.domain, "example.org");
  EXPECT_EQ(path.protection, Protection::sts_enforce);
  EXPECT_EQ(path.policy_id, "1");
  EXPECT_EQ(path.policy_until, at(10 + 604'800));
  EXPECT_EQ(path.failure, Failure::none);
  EXPECT_THAT(path.verdict_ids, IsEmpty());
}

// "every one of them has an active verdict"
TEST(Join, IsBlockedWhenEveryHostIs) {
  World world;
  world.verdict(path_verdict("v2", kB));
  EXPECT_EQ(world.state(), "partial");
  EXPECT_THAT(world.joined().path.verdict_ids, ElementsAre("v2"));
  EXPECT_EQ(world.joined().path.failure, Failure::none);
  world.verdict(with(path_verdict("v1", kA), [](VerdictRow& row) { row.expires = at(900); }));
  const DomainPath path = world.joined().path;
  EXPECT_EQ(name(path.state), "blocked");
  EXPECT_THAT(path.verdict_ids, ElementsAre("v1", "v2"));
  EXPECT_EQ(path.verdict_until, at(900));
  EXPECT_EQ(path.rule, "R02");
  EXPECT_EQ(path.failure, Failure::starttls);
  world.verdict(
      with(path_verdict("v1", kA), [](VerdictRow& row) { row.state = VerdictState::cleared; }));
  EXPECT_EQ(world.state(), "partial") << "cleared frees at once";
}

// R01 R02 R05 R12 R29 of any policy domain, or R16 of this one; the code is of semantics 12.
TEST(Join, GoesByTheRuleOfAVerdict) {
  struct Case {
    const char* rule;
    bool other_domain_too;
    Failure failure;
  };
  const Case cases[] = {{"R01", true, Failure::starttls}, {"R02", true, Failure::starttls},
                        {"R05", true, Failure::starttls}, {"R12", true, Failure::starttls},
                        {"R29", true, Failure::starttls}, {"R16", false, Failure::certificate}};
  for (const Case& given : cases) {
    World world;
    world.block(given.rule);
    EXPECT_EQ(world.state(), "blocked") << given.rule;
    EXPECT_EQ(world.joined().path.failure, given.failure) << given.rule;
    World other;
    for (const auto& [id, address] : {std::pair("v1", kA), std::pair("v2", kB)}) {
      other.verdict(with(path_verdict(id, address, given.rule),
                         [](VerdictRow& row) { row.policy_domain = "example.net"; }));
    }
    EXPECT_EQ(other.state(), given.other_domain_too ? "blocked" : "clear") << given.rule;
  }
  for (const char* const rule : {"R03", "R06", "R07", "R11", "R18", "R24", "R99", ""}) {
    World world;
    world.block(rule);
    EXPECT_EQ(world.state(), "clear") << rule;
  }
}

TEST(Join, TellsOfTheMostSevereRule) {
  World world;
  world.verdict(
      with(path_verdict("v1", kA, "R01"), [](VerdictRow& row) { row.severity = "high"; }));
  world.verdict(path_verdict("v2", kB, "R16"));
  EXPECT_EQ(world.state(), "blocked");
  EXPECT_EQ(world.joined().path.rule, "R16");
  EXPECT_EQ(world.joined().path.failure, Failure::certificate);
}

// "each of its addresses (of `milter.families`, default ipv4)"
TEST(Join, AHostIsBlockedWhenEachOfItsAddressesIs) {
  World world;
  world.block();
  world.route("a.example.org", "192.0.2.3");
  EXPECT_EQ(world.state(), "partial");
  world.verdict(path_verdict("v3", "192.0.2.3"));
  EXPECT_EQ(world.state(), "blocked");
  world.route("a.example.org", "2001:db8::1");
  EXPECT_EQ(world.state(), "blocked") << "we do not deliver by IPv6";
  world.settings.families = {4, 6};
  EXPECT_EQ(world.state(), "partial");
  world.verdict(path_verdict("v4", "2001:db8::1"));
  EXPECT_EQ(world.state(), "blocked") << "b has no IPv6 address, and needs none";
}

TEST(Join, AHostWithoutAnAddressOfOursIsNeverBlocked) {
  for (const char* const address : {"2001:db8::7", ""}) {
    World world;
    world.block();
    world.route("c.example.org", address);
    EXPECT_EQ(world.state(), "partial") << address;
  }
}

// "egress_ip compared only if `milter.egress` is set"
TEST(Join, ComparesOurOwnAddressOnlyWhenSaid) {
  World world;
  world.block();
  world.settings.egress = {*IpAddress::parse("198.51.100.9")};
  EXPECT_EQ(world.state(), "clear");
  world.settings.egress.push_back(*IpAddress::parse("198.51.100.1"));
  EXPECT_EQ(world.state(), "blocked");
}

// "newest mx_route rows no older than max(TTL, 24 h)"; "an empty or expired route never defers"
TEST(Join, RoutesCountForADayOrTheirTtl) {
  constexpr std::int64_t kDaySeconds = 86'400;
  const auto blocked_for_long = [](World& world) {
    for (const auto& [id, address] : {std::pair("v1", kA), std::pair("v2", kB)})
      world.verdict(with(path_verdict(id, address),
                         [](VerdictRow& row) { row.expires = at(10 * kDaySeconds); }));
  };
  World world;  // seen at 0, TTL of an hour
  blocked_for_long(world);
  EXPECT_EQ(world.state(kDaySeconds), "blocked");
  EXPECT_EQ(world.state(kDaySeconds + 1), "no-route");
  EXPECT_THAT(world.joined(kDaySeconds + 1).path.verdict_ids, IsEmpty());
  World longer;
  blocked_for_long(longer);
  longer.no_routes();
  rows::RouteRow row = feed::route_row("example.org", "a.example.org", kA);
  row.source = "mx unsigned insecure";
  row.until = at(3 * kDaySeconds);
  longer.known.on_change(row);
  EXPECT_EQ(longer.state(3 * kDaySeconds), "blocked");
  EXPECT_EQ(longer.state(3 * kDaySeconds + 1), "no-route");
  World none;
  blocked_for_long(none);
  none.no_routes();
  EXPECT_EQ(none.state(), "no-route");
  row.source = "wire";
  none.known.on_change(row);
  EXPECT_EQ(none.state(), "no-route") << "routes of others are no basis";
}

// "mx_route has at least one policy-matching MX"; "matched by core/policy (dane, pin without mx:
// all)"
TEST(Join, OnlyHostsOfThePolicyCount) {
  World world;
  world.block();
  world.route("mx.example.net", "192.0.2.3");
  EXPECT_EQ(world.state(), "blocked") << "not of the policy: no way for this mail";
  World foreign;
  foreign.block();
  foreign.no_routes();
  foreign.route("mx.example.net", kA);
  EXPECT_EQ(foreign.state(), "no-route");
}

TEST(Join, EveryHostCountsWithDane) {
  World world;
  world.no_routes();
  world.route("a.example.org", kA, true);
  world.route("mx.example.net", kB, true);
  world.tlsa("a.example.org");
  world.verdict(path_verdict("v1", kA));
  EXPECT_EQ(world.joined().path.protection, Protection::sts_enforce) << "DANE for some hosts only";
  world.tlsa("mx.example.net");
  EXPECT_EQ(world.joined().path.protection, Protection::dane);
  EXPECT_EQ(world.state(), "partial");
  world.verdict(path_verdict("v2", kB));
  EXPECT_EQ(world.state(), "blocked");
  // A TLSA set counts for its TTL and not longer (core/rows); here it is an hour.
  EXPECT_EQ(world.joined(3'601).path.protection, Protection::sts_enforce);
}

TEST(Join, EveryHostCountsWithAPinThatNamesNone) {
  World world;
  world.route("mx.example.net", "192.0.2.3");
  world.block();
  world.say(operators::Word::pin);
  EXPECT_EQ(world.joined().path.protection, Protection::pin);
  EXPECT_EQ(world.state(), "partial");
  world.verdict(path_verdict("v3", "192.0.2.3"));
  EXPECT_EQ(world.state(), "blocked");
  World named;
  named.verdict(path_verdict("v2", kB));
  named.say(operators::Word::pin, {"b.example.org"});
  EXPECT_EQ(named.state(), "blocked");
}

TEST(Join, SaysWhatTheOperatorSaid) {
  World world;
  world.block();
  EXPECT_FALSE(world.joined().path.bypass || world.joined().path.report_only);
  for (const operators::Word word : {operators::Word::off, operators::Word::bypass}) {
    world.say(word);
    EXPECT_TRUE(world.joined().path.bypass);
    EXPECT_FALSE(world.joined().path.report_only);
  }
  world.say(operators::Word::report_only);
  EXPECT_TRUE(world.joined().path.report_only);
  EXPECT_FALSE(world.joined().path.bypass);
  EXPECT_EQ(world.state(), "blocked") << "what is, is told; what is done is the decision's";
}

TEST(Join, KnowsWhatIsNotProtected) {
  World testing_mode;
  testing_mode.policy("testing");
  EXPECT_EQ(testing_mode.joined().path.protection, Protection::sts_testing);
  EXPECT_EQ(testing_mode.state(), "clear");
  World mode_none;
  mode_none.policy("none");
  mode_none.block();
  EXPECT_EQ(mode_none.state(), "unprotected");
  EXPECT_THAT(mode_none.joined().path.verdict_ids, IsEmpty());
  World expired;
  EXPECT_EQ(expired.joined(10 + 604'800).path.protection, Protection::sts_enforce);
  EXPECT_EQ(expired.joined(10 + 604'801).path.protection, Protection::none);
  EXPECT_EQ(expired.state(10 + 604'801), "unknown");
}

TEST(Join, KnowsThatADomainHasNoPolicyForADay) {
  World world;
  const auto state = [&](std::int64_t when) {
    return std::string(
        name(join("example.net", world.known, world.verdicts, {}, {}, at(when)).path.state));
  };
  EXPECT_EQ(state(1), "unknown");
  world.known.on_change(feed::domain_row("example.net", rows::DomainState::unknown));
  EXPECT_EQ(state(1), "unknown");
  world.known.on_change(feed::domain_row("example.net", rows::DomainState::none));  // at 1 s
  EXPECT_EQ(state(1 + 86'400), "unprotected");
  EXPECT_EQ(state(1 + 86'401), "unknown");
}

TEST(Join, DoesNotKnowWhatNobodyWatches) {
  World world;
  world.verdicts.on_state(false);
  EXPECT_EQ(world.state(), "unknown");
  EXPECT_EQ(world.joined().path.protection, Protection::sts_enforce);
  world.block();
  EXPECT_EQ(world.state(), "blocked") << "what was told holds";
}

// "Verdicts with count >= 2 act once the re-read was tried; with count 1 only after an ok re-read
// with the same id and mode."
TEST(Join, WaitsForThePolicyToBeReadAgain) {
  struct Case {
    const char* what;
    std::uint64_t count;
    bool tried, ok;
    const char* id;
    policy::Mode mode;
    const char* state;
  };
  constexpr auto kEnforce = policy::Mode::enforce;
  const Case cases[] = {
      {"not tried", 2, false, false, "", policy::Mode::none, "reread"},
      {"failed", 2, true, false, "", policy::Mode::none, "blocked"},
      {"the same", 2, true, true, "1", kEnforce, "blocked"},
      {"another id", 2, true, true, "2", kEnforce, "reread"},
      {"another mode", 2, true, true, "1", policy::Mode::testing, "reread"},
      {"one, not tried", 1, false, false, "", policy::Mode::none, "reread"},
      {"one, failed", 1, true, false, "", policy::Mode::none, "reread"},
      {"one, the same", 1, true, true, "1", kEnforce, "blocked"},
      {"one, another id", 1, true, true, "2", kEnforce, "reread"},
      {"none at all", 0, true, true, "1", kEnforce, "reread"},
  };
  for (const Case& given : cases) {
    World world;
    world.reread(-10'000, true, "1", kEnforce);  // long before
    if (given.tried) world.reread(150, given.ok, given.id, given.mode);
    for (const auto& [id, address] : {std::pair("v1", kA), std::pair("v2", kB)})
      world.verdict(
          with(path_verdict(id, address), [&](VerdictRow& row) { row.count = given.count; }));
    EXPECT_EQ(world.state(), given.state) << given.what;
    EXPECT_EQ(world.joined().reread_wanted, std::string(given.state) == "reread") << given.what;
    EXPECT_EQ(world.joined().path.failure, Failure::starttls) << given.what;
  }
}

TEST(Join, OneVerdictThatWaitsMakesAllWait) {
  World world;
  world.verdict(path_verdict("v1", kA));
  world.verdict(with(path_verdict("v2", kB), [](VerdictRow& row) { row.first_seen = at(5'000); }));
  EXPECT_EQ(world.state(), "reread");
  EXPECT_TRUE(world.joined().reread_wanted);
  World half;
  half.verdict(with(path_verdict("v2", kB), [](VerdictRow& row) { row.first_seen = at(5'000); }));
  EXPECT_EQ(half.state(), "partial");
  EXPECT_TRUE(half.joined().reread_wanted) << "asked for before the last host is met";
}

// At most one re-read in 5 min and domain: what was read shortly before counts.
TEST(Join, TakesAReReadOfShortlyBefore) {
  for (const bool late : {false, true}) {
    World world;
    for (const auto& [id, address] : {std::pair("v1", kA), std::pair("v2", kB)})
      world.verdict(with(path_verdict(id, address), [&](VerdictRow& row) {
        row.first_seen = at(100 + 300 + (late ? 1 : 0));
      }));
    EXPECT_EQ(world.state(500), late ? "reread" : "blocked");
  }
}

// "another id or mode makes the verdict `void`"
TEST(Join, AVerdictOnAnotherPolicyCountsForNothing) {
  World world;
  world.block();
  world.policy("enforce", "2");
  world.reread(150, true, "2", policy::Mode::enforce);
  EXPECT_EQ(world.state(), "clear");
  EXPECT_FALSE(world.joined().reread_wanted);
  // What was seen with another domain is about the path, whatever the policy.
  for (const auto& [id, address] : {std::pair("v3", kA), std::pair("v4", kB)})
    world.verdict(with(path_verdict(id, address),
                       [](VerdictRow& row) { row.policy_domain = "example.net"; }));
  EXPECT_EQ(world.state(), "blocked");
  EXPECT_THAT(world.joined().path.verdict_ids, ElementsAre("v3", "v4"));
}

// "R18 from sessions writes subject=domain and joins alone after the re-read; R18 from DNS never."
TEST(Join, AnUnlistedHostOfASessionBlocksTheDomain) {
  World world;
  world.verdict(domain_verdict("v1", "example.org"));
  EXPECT_EQ(world.state(), "blocked");
  EXPECT_EQ(world.joined().path.failure, Failure::certificate);
  EXPECT_EQ(world.joined().path.rule, "R18");
  world.reread(-10'000, true, "1", policy::Mode::enforce);
  EXPECT_EQ(world.state(), "reread");
  for (const char* const basis : {"none", "", "dns"}) {
    World from_dns;
    from_dns.verdict(with(domain_verdict("v1", "example.org"),
                          [&](VerdictRow& row) { row.domain_basis = basis; }));
    EXPECT_EQ(from_dns.state(), "clear") << basis;
  }
  World other_rule;
  other_rule.verdict(
      with(domain_verdict("v1", "example.org"), [](VerdictRow& row) { row.rule = "R02"; }));
  EXPECT_EQ(other_rule.state(), "clear");
  World no_route;
  no_route.verdict(domain_verdict("v1", "example.org"));
  no_route.no_routes();
  EXPECT_EQ(no_route.state(), "no-route") << "an empty route never defers";
}

// "For 5 min after expiry [...] passes one [...] and treats the rest as under the verdict; then all
// pass."
TEST(Join, ProbesForFiveMinutesAfterTheEnd) {
  World world;  // the verdicts end at 960
  world.block();
  EXPECT_EQ(world.state(960), "blocked");
  EXPECT_EQ(world.state(961), "probing");
  EXPECT_EQ(world.joined(961).path.failure, Failure::starttls);
  EXPECT_EQ(world.state(960 + 300), "probing");
  EXPECT_EQ(world.state(960 + 301), "clear");
  EXPECT_THAT(world.joined(960 + 301).path.verdict_ids, IsEmpty());
  // The sensor says so, too, and it may say so earlier.
  for (const auto& [id, address] : {std::pair("v1", kA), std::pair("v2", kB)})
    world.verdict(with(path_verdict(id, address),
                       [](VerdictRow& row) { row.state = VerdictState::expired; }));
  EXPECT_EQ(world.state(900), "probing");
  World half;
  half.block();
  half.verdict(with(path_verdict("v2", kB), [](VerdictRow& row) { row.expires = at(300); }));
  EXPECT_EQ(half.state(400), "probing") << "one has ended";
  EXPECT_EQ(half.state(601), "partial") << "and is over";
  World never_acted;
  never_acted.reread(-10'000, true, "1", policy::Mode::enforce);
  never_acted.block();
  EXPECT_EQ(never_acted.state(961), "clear");
}

TEST(Join, NamesSixteenVerdictsAtMost) {
  World world;
  for (int i = 10; i < 40; ++i) world.verdict(path_verdict("v" + std::to_string(i), kA));
  EXPECT_EQ(world.joined().path.verdict_ids.size(), kVerdictIds);
}

}  // namespace
}  // namespace mxw::milter
