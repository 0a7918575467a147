// A session on relay, submission and local: who is deferred, what is told.
#include <gtest/gtest.h>

#include "tests/unit/milter_support.hpp"

namespace mxw::milter {
namespace {

using Kind = Reply::Kind;

TEST(MilterSession, OfTwoRecipientsTheAffectedOneIsDeferred) {
  Mta mta(deferring());
  mta.lookup.paths = {{"b.test", blocked_path()}};
  mta.connect();
  EXPECT_EQ(mta.mail().kind, Kind::go_on);
  const Reply deferred = mta.rcpt("x@b.test");
  EXPECT_EQ(deferred.kind, Kind::defer);
  EXPECT_EQ(deferred.code, "451");
  EXPECT_EQ(deferred.enhanced, "4.7.4");
  EXPECT_NE(deferred.text.find("b.test"), std::string::npos);
  EXPECT_EQ(mta.rcpt("y@c.test", "87B5BA7C94F").kind, Kind::go_on);
  const Edits edits = mta.end();
  EXPECT_FALSE(edits.authentication_results || edits.quarantine);
  EXPECT_EQ(edits.reply.kind, Kind::go_on);

  ASSERT_EQ(mta.recorder.decisions.size(), 2U);
  const DecisionNote& first = mta.recorder.decisions[0];
  EXPECT_EQ(first.domain, "b.test");
  EXPECT_EQ(first.decision.action, Action::defer);
  EXPECT_EQ(first.listener, "mx1.b.test");
  EXPECT_EQ(first.role, Role::relay);
  EXPECT_EQ(first.client->text(), "192.0.2.0");
  EXPECT_EQ(first.path.verdict_ids, std::vector<std::string>{"v1"});
  EXPECT_EQ(reason_of(mta.recorder.decisions[1]), "policy-unknown");
  EXPECT_TRUE(mta.recorder.decisions[1].decision.temperror);
  EXPECT_EQ(mta.lookup.asked, (std::vector<std::string>{"b.test", "c.test"}));
  ASSERT_EQ(mta.recorder.messages.size(), 1U);
  EXPECT_EQ(mta.recorder.messages[0].recipients, 1U);
  EXPECT_EQ(mta.recorder.rows.size(), 1U);
}

TEST(MilterSession, TheCodeSaysWhatFailed) {
  for (const auto& [failure, enhanced] : {std::pair{Failure::certificate, "4.7.5"},
                                          {Failure::other, "4.7.0"},
                                          {Failure::starttls, "4.7.4"}}) {
    Mta mta(deferring());
    DomainPath path = blocked_path();
    path.failure = failure;
    mta.lookup.paths = {{"b.test", path}};
    mta.connect();
    mta.mail();
    EXPECT_EQ(mta.rcpt("x@b.test").enhanced, enhanced);
  }
}

TEST(MilterSession, ItPassesAfterTheVerdict) {
  Mta mta(deferring());
  mta.lookup.paths = {{"b.test", blocked_path()}};
  mta.connect();
  mta.mail();
  EXPECT_EQ(mta.rcpt("x@b.test").kind, Kind::defer);
  mta.session->abort();
  mta.lookup.paths["b.test"].state = PathState::clear;
  mta.mail();
  EXPECT_EQ(mta.rcpt("x@b.test").kind, Kind::go_on);
  EXPECT_EQ(reason_of(mta.last()), "path-clear");
}

TEST(MilterSession, ItPassesAfterMaxAge) {
  Mta mta(deferring());
  mta.lookup.paths = {{"b.test", blocked_path()}};
  const auto attempt = [&](const std::string& to) {
    mta.again();
    mta.connect("192.0.2.77");  // another host of the same network
    mta.mail();
    return mta.rcpt(to).kind;
  };
  EXPECT_EQ(attempt("x@b.test"), Kind::defer);
  mta.now = kNow + 4 * kHour - 1;
  EXPECT_EQ(attempt("x@b.test"), Kind::defer);
  mta.now = kNow + 4 * kHour;
  EXPECT_EQ(attempt("x@b.test"), Kind::go_on);
  EXPECT_EQ(reason_of(mta.last()), "max-age");
  EXPECT_EQ(mta.last().decision.action, Action::tag);
  EXPECT_EQ(attempt("y@b.test"), Kind::defer);  // another mail
  ASSERT_EQ(mta.recorder.rows.size(), 3U);
  EXPECT_EQ(mta.recorder.rows[1].count, 2U);
  EXPECT_EQ(mta.recorder.rows[1].first, kNow);
}

TEST(MilterSession, TheBreakerCountsFirstDeferralsAndStopsThem) {
  config::Milter milter = deferring();
  milter.defer.min_count = 3;
  Mta mta(milter);
  mta.lookup.paths = {{"b.test", blocked_path()}};
  mta.connect();
  mta.mail();
  EXPECT_EQ(mta.rcpt("1@b.test").kind, Kind::defer);
  for (int i = 0; i < 9; ++i) EXPECT_EQ(mta.rcpt("1@b.test").kind, Kind::defer);  // tries again
  EXPECT_EQ(mta.rcpt("2@b.test").kind, Kind::defer);
  EXPECT_TRUE(mta.recorder.trips.empty());
  EXPECT_EQ(mta.rcpt("3@b.test").kind, Kind::defer);
  ASSERT_EQ(mta.recorder.trips.size(), 1U);
  EXPECT_EQ(mta.recorder.trips[0].deferrals, 3U);
  EXPECT_EQ(mta.recorder.trips[0].rcpts, 12U);
  EXPECT_EQ(mta.rcpt("4@b.test").kind, Kind::go_on);
  EXPECT_EQ(reason_of(mta.last()), "breaker");
  EXPECT_EQ(mta.rcpt("1@b.test").kind, Kind::go_on);  // those known, too
  mta.now = kNow + Breaker::kOpen;
  EXPECT_EQ(mta.rcpt("1@b.test").kind, Kind::defer);
}

TEST(MilterSession, TheShareIsOfThoseThatCouldBeDeferred) {
  Mta mta(deferring());
  mta.lookup.paths = {{"b.test", blocked_path()}};
  mta.connect("203.0.113.9");  // inbound
  mta.mail();
  mta.rcpt("x@c.test");
  EXPECT_EQ(mta.breaker.counts(kNow).rcpts, 0U);
  mta.again();
  mta.connect();
  mta.mail("<u@a.test>", {{"{auth_type}", "PLAIN"}});
  mta.rcpt("x@c.test");
  EXPECT_EQ(mta.breaker.counts(kNow).rcpts, 0U);
  mta.mail();
  mta.rcpt_by("x@c.test", {{"{rcpt_mailer}", "local"}});
  EXPECT_EQ(mta.breaker.counts(kNow).rcpts, 0U);
  mta.rcpt("x@c.test");
  EXPECT_EQ(mta.breaker.counts(kNow).rcpts, 1U);
  mta.mail("<>");
  mta.rcpt("x@c.test");
  EXPECT_EQ(mta.breaker.counts(kNow).rcpts, 1U);
}

TEST(MilterSession, TheShareIsOfTheDomainsMailIsHeldFor) {
  config::Milter milter = deferring();
  milter.overrides = {{{"accept.b.test"}, {}, Action::accept},
                      {{"tag.b.test"}, {}, Action::tag},
                      {{"defer.test"}, {}, Action::defer}};
  milter.defer.domains = {"b.test", "accept.b.test", "tag.b.test"};
  Mta mta(milter);
  mta.connect();
  mta.mail();
  for (const auto* const domain : {"c.test", "accept.b.test", "tag.b.test"}) {
    mta.rcpt("x@" + std::string(domain));
    EXPECT_EQ(mta.breaker.counts(kNow).rcpts, 0U) << domain;
  }
  mta.rcpt("x@b.test");
  EXPECT_EQ(mta.breaker.counts(kNow).rcpts, 1U);
  mta.rcpt("x@defer.test");
  EXPECT_EQ(mta.breaker.counts(kNow).rcpts, 2U);
}

TEST(MilterSession, AProbeIsTakenOnlyWhereItIsNeeded) {
  Mta mta(deferring());
  DomainPath probing = blocked_path();
  probing.state = PathState::probing;
  mta.lookup.paths = {{"b.test", probing}};
  mta.connect();
  mta.mail("<>");
  EXPECT_EQ(mta.rcpt("x@b.test").kind, Kind::go_on);  // passes anyway
  EXPECT_TRUE(mta.lookup.probes_asked.empty());
  mta.lookup.probe_free = true;
  mta.mail();
  EXPECT_EQ(mta.rcpt("x@b.test").kind, Kind::go_on);
  EXPECT_EQ(reason_of(mta.last()), "probe");
  EXPECT_EQ(mta.rcpt("y@b.test").kind, Kind::go_on);  // the same transaction
  EXPECT_EQ(mta.lookup.probes_asked.size(), 1U);
  mta.end();
  mta.mail();
  EXPECT_EQ(mta.rcpt("z@b.test").kind, Kind::defer);
  EXPECT_EQ(mta.lookup.probes_asked.size(), 2U);
}

TEST(MilterSession, WithoutMemoryNothingIsDeferred) {
  Mta mta(deferring(), false);
  mta.lookup.paths = {{"b.test", blocked_path()}};
  mta.connect();
  mta.mail();
  EXPECT_EQ(mta.rcpt("x@b.test").kind, Kind::go_on);
  EXPECT_EQ(reason_of(mta.last()), "no-memory");
}

TEST(MilterSession, AFullMemoryDefersOnlyWhatItKnows) {
  Mta mta(deferring(), true, 1);
  mta.lookup.paths = {{"b.test", blocked_path()}, {"c.test", blocked_path()}};
  mta.lookup.paths["c.test"].state = PathState::probing;
  mta.lookup.probe_free = true;
  mta.connect();
  mta.mail();
  EXPECT_EQ(mta.rcpt("1@b.test").kind, Kind::defer);
  EXPECT_EQ(mta.rcpt("2@b.test").kind, Kind::go_on);
  EXPECT_EQ(reason_of(mta.last()), "no-memory");
  EXPECT_EQ(mta.rcpt("1@b.test").kind, Kind::defer);
  EXPECT_EQ(mta.rcpt("3@c.test").kind, Kind::go_on);
  EXPECT_EQ(reason_of(mta.last()), "no-memory");  // no probe is spent on it
  EXPECT_TRUE(mta.lookup.probes_asked.empty());
}

TEST(MilterSession, ALookupIsOnlyMadeForWhatIsJudged) {
  Mta mta(deferring());
  mta.connect();
  mta.mail();
  mta.rcpt_by("x@b.test", {{"{rcpt_mailer}", "local"}, {"{rcpt_addr}", "x@b.test"}});
  EXPECT_EQ(reason_of(mta.last()), "not-ours");
  mta.rcpt_by("x@b.test", {{"{rcpt_mailer}", "smtp"}, {"{rcpt_host}", "[smart.test]:587"}});
  EXPECT_EQ(reason_of(mta.last()), "smart-host");
  mta.rcpt_by("x@[192.0.2.5]", {{"{rcpt_mailer}", "smtp"}, {"{rcpt_host}", "[192.0.2.5]"}});
  EXPECT_EQ(reason_of(mta.last()), "no-policy");
  EXPECT_EQ(mta.last().domain, "[192.0.2.5]");
  EXPECT_TRUE(mta.lookup.asked.empty());
}

TEST(MilterSession, MacrosOfTheRecipientBeforeAreNotUsed) {
  Mta mta(deferring());
  mta.lookup.paths = {{"b.test", blocked_path()}};
  mta.connect();
  mta.mail();
  EXPECT_EQ(mta.rcpt("x@b.test").kind, Kind::defer);
  EXPECT_EQ(mta.rcpt_by("y@c.test", {}).kind, Kind::go_on);
  EXPECT_EQ(mta.last().domain, "c.test");
  EXPECT_EQ(reason_of(mta.last()), "not-ours");
}

TEST(MilterSession, DryRunDoesNothingAndSaysWhatItWould) {
  config::Milter milter = deferring();
  milter.dry_run = true;
  milter.defer.min_count = 2;
  Mta mta(milter);
  mta.lookup.paths = {{"b.test", blocked_path()}};
  mta.connect();
  mta.mail();
  EXPECT_EQ(mta.rcpt("1@b.test").kind, Kind::go_on);
  EXPECT_EQ(mta.last().decision.wish, Action::defer);
  EXPECT_EQ(mta.last().decision.action, Action::accept);
  EXPECT_TRUE(mta.last().dry_run);
  EXPECT_TRUE(mta.recorder.rows.empty());
  mta.rcpt("2@b.test");
  EXPECT_EQ(mta.recorder.trips.size(), 1U);
  mta.rcpt("3@b.test");
  EXPECT_EQ(reason_of(mta.last()), "breaker");
}

TEST(MilterSession, QuarantineByChoiceHoldsTheMessage) {
  config::Milter milter = deferring();
  milter.overrides = {{{"b.test"}, {}, Action::quarantine}};
  Mta mta(milter);
  mta.lookup.paths = {{"b.test", blocked_path()}, {"c.test", DomainPath()}};
  mta.connect();
  mta.mail();
  EXPECT_EQ(mta.rcpt("x@c.test").kind, Kind::go_on);
  EXPECT_EQ(mta.rcpt("x@b.test").kind, Kind::go_on);
  EXPECT_EQ(mta.end().quarantine, "mxwarden: path-blocked b.test R02");
  EXPECT_TRUE(mta.recorder.messages.back().quarantined);
  mta.mail();
  mta.rcpt("x@c.test");
  EXPECT_FALSE(mta.end("NEXT").quarantine);  // the next message is another one
  mta.mail();
  mta.rcpt("x@b.test");
  mta.session->abort();
  mta.mail();
  mta.rcpt("x@c.test");
  EXPECT_FALSE(mta.end("LAST").quarantine);
}

// RFC 8689 section 5: who wrote the header wants the mail delivered without TLS; REQUIRETLS, the
// wish of the sending client, comes first.
TEST(MilterSession, TlsRequiredNoIsNotQuarantined) {
  config::Milter milter = deferring();
  milter.overrides = {{{"b.test"}, {}, Action::quarantine}};
  Mta mta(milter);
  mta.lookup.paths = {{"b.test", blocked_path()}};
  mta.connect();
  mta.headers = {{"TLS-Required", " no\r\n"}};
  mta.mail();
  mta.rcpt("x@b.test");
  EXPECT_FALSE(mta.end("A").quarantine);
  EXPECT_FALSE(mta.recorder.messages.back().quarantined);
  EXPECT_TRUE(mta.recorder.messages.back().tls_required_no);
  mta.mail("<u@a.test>", {}, {"REQUIRETLS"});
  mta.rcpt("x@b.test");
  EXPECT_TRUE(mta.end("B").quarantine);
  mta.headers = {{"TLS-Required", " Yes"}};
  mta.mail();
  mta.rcpt("x@b.test");
  EXPECT_TRUE(mta.end("C").quarantine);
}

TEST(MilterSession, QuarantineTakesAProbeAndCountsAgainstTheBreaker) {
  config::Milter milter = deferring();
  milter.defer.peers.clear();
  milter.overrides = {{{"b.test"}, {}, Action::quarantine}};
  milter.defer.min_count = 2;
  milter.defer.max_share = 1;
  Mta mta(milter);
  mta.lookup.paths["b.test"] = blocked_path();
  mta.lookup.paths["b.test"].state = PathState::probing;
  mta.lookup.probe_free = true;
  mta.connect();
  mta.mail();
  mta.rcpt("1@b.test");
  EXPECT_EQ(reason_of(mta.last()), "probe");
  EXPECT_FALSE(mta.end("A").quarantine);
  mta.mail();
  mta.rcpt("2@b.test");
  EXPECT_EQ(mta.lookup.probes_asked.size(), 2U);
  EXPECT_TRUE(mta.end("B").quarantine);
  EXPECT_EQ(mta.breaker.counts(kNow).rcpts, 2U);
  EXPECT_EQ(mta.breaker.counts(kNow).deferrals, 1U);
  mta.mail();
  mta.rcpt("3@b.test");
  EXPECT_EQ(mta.recorder.trips.size(), 1U);
  EXPECT_TRUE(mta.end("C").quarantine);
  mta.mail();
  mta.rcpt("4@b.test");
  EXPECT_EQ(reason_of(mta.last()), "breaker");
  EXPECT_FALSE(mta.end("D").quarantine);
}

TEST(MilterSession, TheQueueIdIsToldWhenItIsKnown) {
  Mta mta(deferring());
  mta.connect();
  mta.mail();
  mta.rcpt("x@b.test");  // Postfix has none yet
  mta.now = kNow + 1;
  mta.rcpt("y@b.test", "ID1");
  mta.end("ID1");
  ASSERT_EQ(mta.recorder.ids.size(), 1U);
  EXPECT_EQ(mta.recorder.ids[0].id, "ID1");
  EXPECT_TRUE(mta.recorder.messages.back().named_late);
  EXPECT_EQ(mta.recorder.ids[0].session, mta.session->id());
  EXPECT_EQ(mta.recorder.ids[0].since, kNow);
  EXPECT_EQ(mta.recorder.decisions[0].queue_id, "");
  EXPECT_EQ(mta.recorder.decisions[1].queue_id, "ID1");
  // The macros of the first message are still there when the second begins.
  mta.mail("<u@a.test>", {{"i", "ID1"}});
  mta.rcpt("x@b.test", "ID1");
  EXPECT_EQ(mta.last().queue_id, "");
  mta.end("ID2");
  ASSERT_EQ(mta.recorder.ids.size(), 2U);
  EXPECT_EQ(mta.recorder.ids[1].id, "ID2");
  EXPECT_EQ(mta.recorder.ids[1].since, kNow + 1);
  EXPECT_EQ(mta.recorder.messages.back().queue_id, "ID2");
  // Sendmail: at MAIL; nothing is told later.
  mta.mail("<u@a.test>", {{"i", "ID3"}});
  mta.rcpt("x@b.test", "ID3");
  EXPECT_EQ(mta.last().queue_id, "ID3");
  mta.end("ID3");
  EXPECT_EQ(mta.recorder.ids.size(), 2U);
}

TEST(MilterSession, AuthMakesItASubmissionThatIsNeverDeferred) {
  Mta mta(deferring());
  mta.lookup.paths = {{"b.test", blocked_path()}};
  mta.connect();
  mta.mail("<u@a.test>", {{"{auth_type}", "PLAIN"}});
  EXPECT_EQ(mta.rcpt("x@b.test").kind, Kind::go_on);
  EXPECT_EQ(mta.last().role, Role::submission);
  EXPECT_EQ(reason_of(mta.last()), "authenticated");
}

TEST(MilterSession, LocalInjectionIsNotJudged) {
  Mta mta(deferring());
  mta.session->connect({"localhost", Endpoint{*IpAddress::parse("127.0.0.1"), 0}},
                       FakeMacros{{"j", "b.test"}, {"{daemon_port}", "0"}, {"i", "ID"}});
  mta.session->helo("localhost", FakeMacros());
  mta.mail("root@b.test", {{"i", "ID"}}, {});
  EXPECT_EQ(mta.rcpt_by("x@b.test", {{"i", "ID"}, {"{rcpt_addr}", "x@b.test"}}).kind, Kind::go_on);
  EXPECT_EQ(reason_of(mta.last()), "local-mail");
  EXPECT_EQ(mta.last().queue_id, "ID");
  EXPECT_EQ(mta.last().listener, "0");
  EXPECT_FALSE(mta.end("ID").authentication_results);
}

TEST(MilterSession, AnExemptClientIsNotLookedAt) {
  config::Milter milter = deferring();
  milter.exempt = {".a.test", "192.0.2.1"};
  const auto reason = [&](std::string_view client, std::string_view host,
                          const std::string& resolve) {
    Mta mta(milter);
    mta.session->connect({std::string(host), Endpoint{*IpAddress::parse(client), 4711}},
                         FakeMacros{{"{client_resolve}", resolve}});
    mta.mail();
    mta.rcpt("x@b.test");
    return reason_of(mta.last());
  };
  EXPECT_EQ(reason("192.0.2.9", "client.a.test", "OK"), "exempt");
  EXPECT_EQ(reason("192.0.2.1", "[192.0.2.1]", "FAIL"), "exempt");
  EXPECT_EQ(reason("192.0.2.9", "client.c.test", "OK"), "policy-unknown");
  // Names that the client's address does not confirm.
  for (const char* resolve : {"FORGED", "TEMP", "FAIL", ""})
    EXPECT_EQ(reason("192.0.2.9", "client.a.test", resolve), "policy-unknown") << resolve;
}

TEST(MilterSession, RequireTlsAndTlsRequiredAreTold) {
  Mta mta(deferring());
  mta.lookup.paths = {{"b.test", blocked_path()}};
  mta.connect();
  mta.mail("<u@a.test>", {}, {"SIZE=1", "requiretls"});
  EXPECT_EQ(mta.rcpt("x@b.test").kind, Kind::defer);  // not let through weaker because of us
  EXPECT_TRUE(mta.last().requiretls);
  mta.rcpt("y@c.test");
  mta.headers = {{"Subject", "x"}, {"tls-required", " no\r\n"}};
  mta.end();
  EXPECT_TRUE(mta.recorder.messages.back().requiretls);
  EXPECT_TRUE(mta.recorder.messages.back().tls_required_no);
  mta.headers = {{"TLS-Required", "yes"}, {"X-TLS-Required", "No"}};
  mta.mail("<REQUIRETLS@a.test>");
  mta.rcpt("y@c.test");
  EXPECT_FALSE(mta.last().requiretls);
  mta.end();
  EXPECT_FALSE(mta.recorder.messages.back().requiretls);
  EXPECT_FALSE(mta.recorder.messages.back().tls_required_no);
}

TEST(MilterSession, AReloadChangesNothingInTheMiddle) {
  Mta mta(deferring());
  mta.lookup.paths = {{"b.test", blocked_path()}};
  mta.connect();
  mta.settings = *Settings::compile({});
  mta.mail();
  EXPECT_EQ(mta.rcpt("x@b.test").kind, Kind::defer);
  mta.again();
  mta.connect("192.0.2.9");
  mta.mail();
  EXPECT_EQ(mta.rcpt("x@b.test").kind, Kind::go_on);
}

TEST(MilterSession, AFaultOfOursLetsMailGoOn) {
  Mta mta(deferring());
  mta.lookup.broken = true;
  mta.connect();
  mta.mail();
  EXPECT_EQ(mta.rcpt("x@b.test").kind, Kind::go_on);
  EXPECT_EQ(reason_of(mta.last()), "internal-error");
  EXPECT_EQ(mta.recorder.errors, std::vector<Stage>{Stage::rcpt});
  mta.recorder.broken = true;
  EXPECT_EQ(mta.rcpt("x@b.test").kind, Kind::go_on);
  mta.recorder.broken = mta.lookup.broken = false;
  EXPECT_EQ(mta.rcpt("x@b.test").kind, Kind::go_on);
  EXPECT_EQ(reason_of(mta.last()), "policy-unknown");
  EXPECT_EQ(mta.end().reply.kind, Kind::go_on);
}

TEST(MilterSession, TempfailOnAFaultIsAChoice) {
  config::Milter milter = deferring();
  milter.on_internal_error = config::InternalError::tempfail;
  Mta mta(milter);
  mta.lookup.broken = true;
  mta.connect();
  mta.mail();
  const Reply reply = mta.rcpt("x@b.test");
  EXPECT_EQ(reply.kind, Kind::defer);
  EXPECT_EQ(reply.code + ' ' + reply.enhanced, "451 4.3.0");
  mta.again();
  mta.connect("203.0.113.9");
  mta.mail();
  EXPECT_EQ(mta.rcpt("x@b.test").kind, Kind::go_on);  // inbound: asked at the end only
  const Edits edits = mta.end();
  EXPECT_EQ(edits.reply.kind, Kind::defer);
  EXPECT_EQ(edits.reply.enhanced, "4.3.0");
  EXPECT_FALSE(edits.authentication_results);
}

TEST(MilterSession, CallbacksInAnImpossibleOrderAreFaults) {
  Mta mta(deferring());
  EXPECT_EQ(mta.rcpt("x@b.test").kind, Kind::go_on);  // no connection, no MAIL
  EXPECT_EQ(reason_of(mta.last()), "internal-error");
  mta.session->header("Authentication-Results", "x");
  EXPECT_TRUE(mta.end().changed.empty());
  EXPECT_EQ(mta.recorder.errors.back(), Stage::end_of_message);
  mta.mail();  // never connected
  EXPECT_EQ(mta.rcpt("x@b.test").kind, Kind::go_on);
  EXPECT_EQ(reason_of(mta.last()), "internal-error");
  mta.connect();
  EXPECT_EQ(mta.session->mail({}, FakeMacros()).kind, Kind::go_on);
  EXPECT_EQ(mta.session->rcpt({}, FakeMacros()).kind, Kind::go_on);
  for (int i = 0; i < 3; ++i) mta.session->abort();
  mta.session->close();
  mta.session->close();
  mta.mail();
  mta.rcpt("x@b.test");
  EXPECT_EQ(reason_of(mta.last()), "policy-unknown");
}

// Rows age by one clock; a session began, and something was told, by the system's.
TEST(MilterSession, TellsWallTime) {
  Mta mta;
  mta.wall = kNow + kDay;
  mta.connect();
  mta.mail();
  mta.rcpt("b@b.test");
  mta.end();
  EXPECT_EQ(mta.lookup.session_start, kNow + kDay);
  EXPECT_EQ(mta.last().time, kNow + kDay);
  EXPECT_EQ(mta.last().since, kNow + kDay);
  ASSERT_FALSE(mta.recorder.messages.empty());
  EXPECT_EQ(mta.recorder.messages.back().time, kNow + kDay);
}

}  // namespace
}  // namespace mxw::milter
