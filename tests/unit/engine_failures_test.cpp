// What looks at a domain leave behind for TLS-RPT: which failure, since when, until when.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine_support.hpp"
#include "policyd/failures.hpp"

namespace mxw::policyd {
namespace {

using namespace test;
using resolve::Outcome;
using testing::ElementsAre;
using testing::IsEmpty;

const std::string kEnforce = policy_text("enforce", 604'800, {"mx.example.org"});

class FailureTest : public EngineTest {
 protected:
  void SetUp() override {
    options.answer_with_dane = true;
    restart();
  }
  // `result host from-to`, in minutes since the start; `...` while open.
  std::vector<std::string> spans(const std::string& domain = "example.org") {
    const auto minutes = [](Time time) { return std::to_string((time - kStart) / kMinute); };
    std::vector<std::string> out;
    const auto rows = store.inner.failures({0, domain}).value();
    for (const rows::PolicyFailureRow& row : rows) {
      std::string text = row.result + ' ' + row.mx_host + (row.mx_host.empty() ? "" : " ");
      out.push_back(text + minutes(row.from) + '-' + (row.to ? minutes(*row.to) : "..."));
    }
    return out;
  }
  rows::PolicyFailureRow last(const std::string& domain = "example.org") {
    const auto rows = *store.inner.failures({0, domain});
    return rows.empty() ? rows::PolicyFailureRow{} : rows.back();
  }
  void at_minute(std::int64_t minute) { advance(kStart + minute * kMinute - clock.wall()); }
  // A signed domain with two hosts and TLSA records that are good.
  void publish_dane() {
    dns.mx("example.org", {"mx1.example.org", "mx2.example.org"}, true);
    for (const char* host : {"mx1.example.org", "mx2.example.org"}) {
      dns.address(host, true);
      dns.tlsa(host);
    }
  }
  void look_at_routes(std::int64_t minute) {
    at_minute(minute);
    engine->refresh("example.org");
    advance(kSecond);
    settle();
  }
};

TEST_F(FailureTest, FromTheFirstFailedGetToTheFirstGoodOne) {
  publish("example.org", kEnforce);
  https.bodies.clear();
  https.cause = https::Cause::timeout;
  want("example.org");
  EXPECT_THAT(spans(), ElementsAre("sts-policy-fetch-error 0-..."));
  EXPECT_EQ(last().reason, "fetch-timeout");
  at_minute(7);  // tried again after five minutes and a little
  EXPECT_EQ(https.gets["example.org"], 2);
  EXPECT_THAT(spans(), ElementsAre("sts-policy-fetch-error 0-..."));
  EXPECT_GE(last().seen - kStart, 5 * kMinute);
  https.bodies["example.org"] = kEnforce;
  at_minute(40);
  EXPECT_EQ(said("example.org"), "enforce 1");
  ASSERT_THAT(spans(), testing::SizeIs(1));
  ASSERT_TRUE(last().to);
  EXPECT_GT(*last().to, last().seen);
  EXPECT_THAT(recorder.errors, IsEmpty());
}

TEST_F(FailureTest, AnotherTypeIsAnotherSpan) {
  publish("example.org", kEnforce);
  https.bodies.clear();
  https.cause = https::Cause::certificate_expired;
  want("example.org");
  EXPECT_THAT(spans(), ElementsAre("sts-webpki-invalid 0-..."));
  https.bodies["example.org"] = "version: STSv1\nmode: enforce\n";
  at_minute(7);
  const auto both = spans();
  ASSERT_THAT(both, testing::SizeIs(2));
  EXPECT_THAT(both[0], testing::StartsWith("sts-webpki-invalid 0-5"));
  EXPECT_THAT(both[1], testing::MatchesRegex("sts-policy-invalid 5-\\.\\.\\."));
  EXPECT_THAT(last().reason, testing::StartsWith("policy-invalid: line "));
}

// The policy goes on to bind; its failing renewal is told all the same.
TEST_F(FailureTest, OfAPolicyThatIsCached) {
  publish("example.org", kEnforce);
  EXPECT_EQ(said("example.org"), "enforce 1");
  EXPECT_THAT(spans(), IsEmpty());
  https.bodies.clear();
  engine->refresh("example.org");
  advance(2 * kSecond);
  EXPECT_EQ(said("example.org"), "enforce 1");
  EXPECT_THAT(spans(), ElementsAre("sts-policy-fetch-error 0-..."));
}

TEST_F(FailureTest, ThereIsNothingToFailWithoutAPolicy) {
  publish("example.org", kEnforce);
  https.bodies.clear();
  want("example.org");
  EXPECT_THAT(spans(), ElementsAre("sts-policy-fetch-error 0-..."));
  dns.set("_mta-sts.example.org", dns::Type::txt, Outcome::servfail);
  at_minute(20);
  EXPECT_THAT(spans(), ElementsAre("sts-policy-fetch-error 0-...")) << "not known";
  dns.set("_mta-sts.example.org", dns::Type::txt, Outcome::nxdomain);
  at_minute(200);
  ASSERT_TRUE(last().to) << "the domain has none";
  EXPECT_THAT(spans(), testing::SizeIs(1));
}

// RFC 8461 section 10.2: the failures of a policy that is on its way out are nobody's concern.
TEST_F(FailureTest, APolicyOfModeNoneIsLetGo) {
  publish("example.org", policy_text("none", 604'800, {"mx.example.org"}));
  EXPECT_EQ(said("example.org"), "none 1");
  https.bodies.clear();
  engine->refresh("example.org");
  advance(2 * kSecond);
  EXPECT_GE(https.gets["example.org"], 2);
  EXPECT_THAT(spans(), IsEmpty());
}

TEST_F(FailureTest, OurOwnTroubleIsNotTheirs) {
  publish("example.org", kEnforce);
  https.bodies.clear();
  https.cause = https::Cause::busy;
  want("example.org");
  EXPECT_THAT(spans(), IsEmpty());
  https.cause = https::Cause::connect;
  at_minute(10);
  ASSERT_THAT(spans(), testing::SizeIs(1));
  const Time seen = last().seen;
  https.cause = https::Cause::local;
  at_minute(60);
  EXPECT_FALSE(last().to);
  EXPECT_GE(last().seen, seen);
}

TEST_F(FailureTest, RecordsOfOneHostThatNobodyCanUse) {
  publish_dane();
  dns.tlsa("mx2.example.org", true, 3, 16);  // no SHA-256 has 16 octets
  want("example.org");
  EXPECT_THAT(spans(), ElementsAre("tlsa-invalid mx2.example.org 0-..."));
  EXPECT_EQ(last().reason, "no usable TLSA record of mx2.example.org");
  dns.tlsa("mx2.example.org");
  look_at_routes(90);
  ASSERT_TRUE(last().to);
  EXPECT_THAT(spans(), testing::SizeIs(1));
}

TEST_F(FailureTest, WhatDoesNotValidateAndWhatIsOnlyNotKnown) {
  publish_dane();
  dns.set("_25._tcp.mx1.example.org", dns::Type::tlsa, Outcome::bogus);
  dns.set("_25._tcp.mx2.example.org", dns::Type::tlsa, Outcome::servfail);
  want("example.org");
  EXPECT_THAT(spans(), ElementsAre("dnssec-invalid mx1.example.org 0-...",
                                   "dnssec-invalid mx2.example.org 0-..."));
  EXPECT_EQ(last().reason, "TLSA servfail");
  // Of mx1 nothing is known now, mx2 is good.
  dns.set("_25._tcp.mx1.example.org", dns::Type::tlsa, Outcome::timeout);
  dns.tlsa("mx2.example.org");
  look_at_routes(90);
  const auto rows = *store.inner.failures({0, "example.org"});
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_FALSE(rows[0].to);
  EXPECT_TRUE(rows[1].to);
}

TEST_F(FailureTest, EachOutcomeOfDnsSaysItsOwn) {
  int number = 0;
  for (const auto& [where, outcome, result] :
       std::vector<std::tuple<std::string, Outcome, std::string>>{
           {"mx", Outcome::bogus, "dnssec-invalid 0-..."},
           {"mx", Outcome::servfail, ""},
           {"mx", Outcome::timeout, ""},
           {"mx", Outcome::nxdomain, ""},
           {"address", Outcome::bogus, "dnssec-invalid mx.D 0-..."},
           {"address", Outcome::servfail, ""},
           {"address", Outcome::network, ""},
           {"tlsa", Outcome::bogus, "dnssec-invalid mx.D 0-..."},
           {"tlsa", Outcome::servfail, "dnssec-invalid mx.D 0-..."},
           {"tlsa", Outcome::timeout, ""},
           {"tlsa", Outcome::malformed, ""},
           {"tlsa", Outcome::nodata, ""}}) {
    const std::string domain = "d" + std::to_string(number++) + ".test";
    const std::string host = "mx." + domain;
    dns.mx(domain, {host}, true);
    dns.address(host, true);
    dns.tlsa(host);
    if (where == "mx") dns.set(domain, dns::Type::mx, outcome);
    if (where == "address") {
      dns.set(host, dns::Type::a, outcome);
      dns.set(host, dns::Type::aaaa, outcome);
    }
    if (where == "tlsa") dns.set("_25._tcp." + host, dns::Type::tlsa, outcome, true);
    want(domain);
    std::string wanted = result;
    if (const auto at = wanted.find("mx.D"); at != std::string::npos) wanted.replace(at, 4, host);
    const std::vector<std::string> all =
        wanted.empty() ? std::vector<std::string>{} : std::vector{wanted};
    EXPECT_EQ(spans(domain), all) << where << ' ' << resolve::outcome_name(outcome);
  }
}

// A host that is no MX any more has no failure that anybody could meet.
TEST_F(FailureTest, AHostThatIsGoneEndsIts) {
  publish_dane();
  dns.tlsa("mx2.example.org", true, 3, 16);
  want("example.org");
  dns.mx("example.org", {"mx1.example.org"}, true);
  look_at_routes(90);
  EXPECT_TRUE(last().to);
}

TEST_F(FailureTest, WithoutDaneNothingIsSaidOfIt) {
  options.dane = false;
  restart();
  publish_dane();
  dns.set("example.org", dns::Type::mx, Outcome::bogus);
  publish("policy.test", kEnforce);
  dns.set("policy.test", dns::Type::mx, Outcome::bogus);
  want("example.org");
  want("policy.test");
  EXPECT_THAT(spans(), IsEmpty());
  EXPECT_THAT(spans("policy.test"), IsEmpty());
}

TEST_F(FailureTest, ARestartGoesOnWithTheSpanThatIsStored) {
  publish("example.org", kEnforce);
  https.bodies.clear();
  want("example.org");
  restart();
  at_minute(10);
  EXPECT_GE(https.gets["example.org"], 2);
  EXPECT_THAT(spans(), ElementsAre("sts-policy-fetch-error 0-..."));
}

TEST_F(FailureTest, AStoreThatTakesNothingStopsNothing) {
  publish("example.org", kEnforce);
  https.bodies.clear();
  store.writes_fail = true;
  want("example.org");
  EXPECT_THAT(spans(), IsEmpty());
  store.writes_fail = false;
  at_minute(10);
  EXPECT_THAT(spans(), testing::SizeIs(1));
}

// The wall clock went back by a day while the span was open: it ends, but not before it began.
TEST(FailureRows, NoSpanEndsBeforeItBegan) {
  Trouble trouble{"", "sts-policy-invalid", std::string(999, 'r')};
  const Judgement bad{Judgement::Scope::policy, {trouble}, {}};
  const auto begun = failure_rows({}, bad, {3, "example.org"}, "host", kStart);
  ASSERT_EQ(begun.size(), 1U);
  EXPECT_EQ(begun[0].tenant, 3U);
  EXPECT_EQ(begun[0].origin, "host");
  EXPECT_EQ(begun[0].reason.size(), rows::kReasonBytes);
  const Time before = kStart - kDay;
  const auto seen = failure_rows(begun, bad, {3, "example.org"}, "host", before);
  ASSERT_EQ(seen.size(), 1U);
  EXPECT_EQ(seen[0].seen, kStart);
  const Judgement good{Judgement::Scope::policy, {}, {}};
  const auto ended = failure_rows(begun, good, {3, "example.org"}, "host", before);
  ASSERT_EQ(ended.size(), 1U);
  EXPECT_EQ(ended[0].to, kStart);
  EXPECT_THAT(
      failure_rows(begun, {Judgement::Scope::routes, {}, {}}, {3, "example.org"}, "", kStart),
      IsEmpty())
      << "routes say nothing of a policy";
}

}  // namespace
}  // namespace mxw::policyd
