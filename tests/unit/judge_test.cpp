// What the judge promises: per session and policy domain, on the facts of the decision point, once.
#include "tests/unit/judge_support.hpp"

namespace mxw::judge {
namespace {

using evidence::Change;
using policy::Mode;
using test::accept_mail;
using test::Bench;
using test::cached;
using test::kNow;
using test::stripped;
using Texts = std::vector<std::string>;

Config with(std::vector<policy::CachedPolicy> policies) {
  Config config;
  config.policies = std::move(policies);
  return config;
}

FileEntry entry(const std::string& domain) {
  return {domain, "mx." + domain, test::kServer, std::nullopt, std::nullopt};
}

TEST(Judge, ADomainKnownLaterIsJudgedOnTheFactsOfThePoint) {
  Bench bench(with({cached("example.org", Mode::enforce)}));
  auto s = stripped(1);
  bench.tell(s, Change::greeting);
  EXPECT_TRUE(bench.recorder.said.empty()) << "no domain is known yet";
  accept_mail(s, {"example.org"});
  s.quality.gap = true;  // lost after the greeting: its facts stand
  bench.tell(s, Change::mail);
  bench.tell(s, Change::recipient);
  EXPECT_EQ(bench.recorder.of("R02"), Texts{"R02 critical high example.org"});
  EXPECT_EQ(bench.recorder.of("R29").size(), 1U);
  bench.tell(s, Change::recipient);
  EXPECT_EQ(bench.recorder.of("R29").size(), 1U) << "once per rule, session and domain";
}

TEST(Judge, EveryDomainOfASessionIsJudged) {
  Bench bench(with({cached("a.test", Mode::enforce), cached("b.test", Mode::testing)}));
  auto s = stripped(1);
  bench.tell(s, Change::greeting);
  accept_mail(s, {"a.test", "b.test", "c.test"});
  bench.tell(s, Change::mail);
  bench.tell(s, Change::recipient);
  EXPECT_EQ(bench.recorder.of("R29"),
            (Texts{"R29 critical certain a.test", "R29 medium certain b.test"}))
      << "testing caps at medium, no policy is silent";
}

TEST(Judge, ARefusedRecipientIsListedAndNotJudged) {
  Bench bench(with({cached("example.org", Mode::enforce)}));
  auto s = stripped(1);
  accept_mail(s, {"example.org"});
  s.transactions[0].recipients[0].code = 550;
  bench.tell(s, Change::mail);
  bench.tell(s, Change::recipient);
  EXPECT_TRUE(bench.recorder.said.empty());
}

TEST(Judge, AnAmbiguousMapAloneGivesAtMostMediumAndSpeaksOnce) {
  Config config = with({cached("a.test", Mode::enforce), cached("b.test", Mode::enforce)});
  config.mx_map = {entry("a.test"), entry("b.test")};
  Bench bench(std::move(config));
  auto s = stripped(1);
  bench.tell(s, Change::greeting);
  EXPECT_EQ(bench.recorder.of("R02"), Texts{"R02 medium high a.test,b.test"});
  accept_mail(s, {"b.test"});
  bench.tell(s, Change::mail);
  bench.tell(s, Change::recipient);
  EXPECT_EQ(bench.recorder.of("R02").back(), "R02 critical high b.test")
      << "a later RCPT judges its domain anew";
}

TEST(Judge, DatesOfThePolicyCount) {
  auto expired = cached("example.org", Mode::enforce);
  expired.valid_until = kNow - kHour;
  auto later = cached("example.net", Mode::enforce);
  later.fetched_at = kNow + kHour;
  Config config = with({later, expired});
  Bench bench(std::move(config));
  for (const char* domain : {"example.org", "example.net"}) {
    auto s = stripped(domain[8]);
    bench.tell(s, Change::greeting);
    accept_mail(s, {domain});
    bench.tell(s, Change::recipient);
  }
  EXPECT_EQ(bench.recorder.of("R02"), Texts{"R02 critical medium example.net"})
      << "expired protects nothing; fetched later costs one step of confidence";
}

TEST(Judge, AnUnknownRoleCostsOneStepAndAnInboundOneIsNotJudgedByOutboundRules) {
  auto s = stripped(1);
  accept_mail(s, {"example.org"});
  Bench::role_unknown = true;
  Bench unknown(with({cached("example.org", Mode::enforce)}));
  Bench::role_unknown = false;
  unknown.tell(s, Change::recipient);
  EXPECT_EQ(unknown.recorder.of("R02"), Texts{"R02 critical medium example.org"});
  Config config = with({cached("example.org", Mode::enforce)});
  config.own = {*Cidr::parse("198.51.100.0/24")};
  Bench inbound(std::move(config));
  inbound.tell(s, Change::recipient);
  EXPECT_TRUE(inbound.recorder.of("R02").empty());
}

TEST(Judge, PoorCaptureBeforeTheDecisionSilencesIt) {
  for (int field = 0; field < 5; ++field) {
    Bench bench(with({cached("example.org", Mode::enforce)}));
    auto s = stripped(1);
    evidence::Quality& q = s.point(evidence::Point::greeting).quality;
    bool* const flags[] = {&q.midstream, &q.one_sided, &q.gap, &q.cut, &q.ambiguous};
    *flags[field] = true;
    accept_mail(s, {"example.org"});
    bench.tell(s, Change::recipient);
    EXPECT_TRUE(bench.recorder.of("R02").empty()) << field;
  }
}

TEST(Judge, FailedTlsIsRememberedUntilItWorksAgain) {
  const auto attempt = [](Bench& bench, std::uint64_t id, Time at, bool works) {
    auto s = stripped(id, at);
    s.greetings[0].starttls = evidence::Offered::yes;
    s.starttls.sent = true;
    s.starttls.reply_code = 220;
    s.tls.client_hello = true;
    s.tls.completed = s.tls.server_hello = works;
    s.ended = works ? evidence::Ended::fin : evidence::Ended::rst;
    bench.tell(s, Change::end);
    bench.tell(s, Change::removed);
  };
  const auto clear_mail = [](Bench& bench, std::uint64_t id, Time at) {
    auto s = stripped(id, at);
    accept_mail(s, {"example.org"});
    bench.tell(s, Change::mail);
  };
  Bench fails;
  attempt(fails, 1, kNow, false);
  clear_mail(fails, 2, kNow + kHour);
  EXPECT_EQ(fails.recorder.of("R12"), Texts{"R12 medium high"});
  Bench recovers;
  attempt(recovers, 1, kNow, false);
  attempt(recovers, 2, kNow + kMinute, true);
  clear_mail(recovers, 3, kNow + kHour);
  EXPECT_TRUE(recovers.recorder.of("R12").empty());
  Bench late;
  attempt(late, 1, kNow, false);
  clear_mail(late, 2, kNow + 6 * kDay);
  EXPECT_TRUE(late.recorder.of("R12").empty()) << "longer than a queue lives";
}

// Sessions with findings never train: an attack cannot become the normal state.
TEST(Judge, ABaselineIsNotPoisonedByWhatItCondemns) {
  Bench bench;
  std::uint64_t id = 0;
  const auto session = [&](bool offered) {
    auto s = stripped(++id, kNow + static_cast<std::int64_t>(id) * kMinute);
    s.greetings[0].starttls = offered ? evidence::Offered::yes : evidence::Offered::no;
    s.tls.completed = s.tls.server_hello = offered;
    s.ended = evidence::Ended::fin;
    bench.tell(s, Change::greeting);
    bench.tell(s, Change::end);
    bench.tell(s, Change::removed);
  };
  for (int i = 0; i < 19; ++i) session(true);
  session(false);
  EXPECT_TRUE(bench.recorder.of("R01").empty()) << "19 sessions are no baseline";
  for (int i = 0; i < 20; ++i) session(true);
  for (int i = 0; i < 40; ++i) session(false);
  EXPECT_EQ(bench.recorder.of("R01").size(), 40U) << "the level does not fall by the attack itself";
}

// Twenty sessions are no twenty offers: a rate needs that many observations of its own.
TEST(Judge, OneObservationIsNoRate) {
  Bench bench;
  const auto session = [&bench](std::uint64_t id, bool complete, bool offered) {
    auto s = stripped(id, kNow + static_cast<std::int64_t>(id) * kMinute);
    s.greetings[0].complete = complete;
    s.greetings[0].starttls = offered ? evidence::Offered::yes : evidence::Offered::unknown;
    if (complete && !offered) s.greetings[0].starttls = evidence::Offered::no;
    s.ended = evidence::Ended::fin;
    bench.tell(s, Change::greeting);
    bench.tell(s, Change::end);
    bench.tell(s, Change::removed);
  };
  for (std::uint64_t id = 1; id <= 24; ++id) session(id, false, false);
  session(25, true, true);
  session(26, true, false);
  EXPECT_TRUE(bench.recorder.of("R01").empty());
}

TEST(Judge, ADomainWithAPolicyIsJudgedAmongManyOthersOfItsMx) {
  Config config = with({cached("z.test", Mode::enforce)});
  for (int i = 0; i < 40; ++i) config.mx_map.push_back(entry("d" + std::to_string(i) + ".test"));
  config.mx_map.push_back(entry("z.test"));
  Bench bench(std::move(config));
  bench.tell(stripped(1), Change::greeting);
  ASSERT_EQ(bench.recorder.of("R02").size(), 1U);
  EXPECT_NE(bench.recorder.of("R02")[0].find("z.test"), std::string::npos);
}

TEST(Judge, AnExpiredPolicyListsNoHosts) {
  auto expired = cached("example.org", Mode::enforce);
  expired.valid_until = kNow - kHour;
  Config config = with({expired});
  config.mx_map = {{"example.org", "other.test", test::kServer, std::nullopt, std::nullopt}};
  Bench bench(std::move(config));
  bench.tell(stripped(1), Change::greeting);
  EXPECT_TRUE(bench.recorder.of("R18").empty());
}

TEST(Judge, CoverageAddsUp) {
  Bench bench;
  auto good = stripped(1);
  good.ended = evidence::Ended::fin;
  auto poor = stripped(2);
  poor.point(evidence::Point::greeting).quality.gap = true;
  poor.point(evidence::Point::greeting).quality.cut = true;
  for (const auto* s : {&good, &poor}) {
    bench.tell(*s, Change::end);
    bench.tell(*s, Change::removed);
  }
  const Coverage c = bench.judge->coverage();
  EXPECT_EQ(c.sessions, 2U);
  EXPECT_EQ(c.judged, 1U);
  EXPECT_EQ(c.gap, 1U) << "the first reason that holds";
  EXPECT_EQ(c.cut, 0U);
  EXPECT_EQ(c.domain_unknown, 2U);
}

}  // namespace
}  // namespace mxw::judge
