// The shipped rules: each loads, fires on prepared evidence and is silent on a near miss.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <set>

#include "core/rules/evaluate.hpp"
#include "core/rules/loader.hpp"
#include "tests/unit/rules_evidence.hpp"

namespace mxw::rules {
namespace {

const std::string kDir = std::string(MXW_SOURCE_DIR) + "/rules";

const RuleSet& shipped() {
  static const Result<RuleSet> set = load(kDir, std::nullopt);
  EXPECT_TRUE(set.has_value()) << (set ? "" : set.error().message);
  return *set;
}

// What a session shows that nothing is wrong with the capture of.
constexpr std::string_view kGoodCapture =
    "capture.poor_before_decision=false capture.gap=false capture.midstream=false "
    "capture.one_sided=false capture.cut=false capture.ambiguous=false ";

struct Firing {
  std::string_view rule;
  Scope scope;
  At at;
  std::string_view evidence;
  Severity severity;
  std::string_view reason;     // of the case
  std::string_view tlsrpt;     // "result/reason"
  std::string_view near_miss;  // laid over the evidence: the case is silent then

  friend void PrintTo(const Firing& f, std::ostream* out) {
    *out << f.rule << ' ' << f.reason << ": " << f.evidence;
  }
};

Evaluation judge(const Firing& f, std::string_view change) {
  static std::vector<std::unique_ptr<TestEvidence>> kept;
  auto evidence = std::make_unique<TestEvidence>(kGoodCapture);
  evidence->set(f.evidence).set(change);
  const Rule* rule = shipped().find(f.rule);
  if (rule == nullptr) {
    ADD_FAILURE() << f.rule;
    return {};
  }
  const Evaluation e = evaluate(*rule, f.scope, f.at, *evidence, {});
  kept.push_back(std::move(evidence));
  return e;
}

class Shipped : public testing::TestWithParam<Firing> {};

TEST_P(Shipped, Fires) {
  const Firing& f = GetParam();
  const Evaluation e = judge(f, "");
  ASSERT_EQ(e.outcome, Outcome::match);
  EXPECT_EQ(e.severity, f.severity);
  EXPECT_EQ(e.reason, f.reason);
  std::string report(e.tlsrpt_result);
  if (!e.tlsrpt_reason.empty()) report += '/' + std::string(e.tlsrpt_reason);
  EXPECT_EQ(report, f.tlsrpt);
}

// Another case of the rule may still speak, but not this one and none more severe.
TEST_P(Shipped, IsSilentOnTheNearMiss) {
  const Firing& f = GetParam();
  const Evaluation fired = judge(f, "");
  const Evaluation e = judge(f, f.near_miss);
  if (e.outcome != Outcome::match) return;
  EXPECT_NE(e.matched, fired.matched) << f.near_miss;
  EXPECT_LE(e.severity, f.severity);
}

// No `when` clause of the case that spoke may hold on evidence that is not there, and losing
// evidence never makes a finding more severe.
TEST_P(Shipped, EveryClauseNeedsItsEvidence) {
  const Firing& f = GetParam();
  const Case* c = judge(f, "").matched;
  ASSERT_NE(c, nullptr);
  for (const Clause& clause : c->when) {
    const std::string gone = std::string(info(clause.field).name) + "=?";
    const Evaluation e = judge(f, gone);
    if (e.outcome == Outcome::match) {
      EXPECT_NE(e.matched, c) << gone;
      EXPECT_LE(e.severity, f.severity) << gone;
    }
  }
}

// A session is not judged on a capture with holes (semantics 3).
TEST_P(Shipped, APoorCaptureIsNotJudged) {
  const Firing& f = GetParam();
  if (!has_points(f.scope)) return;
  if (f.reason != "overlap-conflict") {
    EXPECT_EQ(judge(f, "capture.poor_before_decision=true").outcome, Outcome::blocked);
    EXPECT_EQ(judge(f, "capture.poor_before_decision=?").outcome, Outcome::blocked);
    return;
  }
  EXPECT_EQ(judge(f, "capture.poor_before_decision=true capture.ambiguous=true").outcome,
            Outcome::match);
  for (const std::string_view hole :
       {"capture.gap=true", "capture.one_sided=true", "capture.midstream=true", "capture.cut=true",
        "capture.gap=?"}) {
    EXPECT_EQ(judge(f, hole).outcome, Outcome::blocked) << hole;
  }
}

constexpr Scope S = Scope::session;

INSTANTIATE_TEST_SUITE_P(
    Withdrawn, Shipped,
    testing::Values(
        Firing{"R01", S, At::greeting,
               "session.tcp_handshake_seen=true ehlo.accepted=true ehlo.reply_complete=true "
               "ehlo.starttls=absent base.mx.sessions=20 base.mx.starttls_rate=0.95",
               Severity::high, "", "starttls-not-supported/starttls-withdrawn",
               "base.mx.sessions=19"},
        Firing{"R01", S, At::greeting,
               "session.tcp_handshake_seen=true ehlo.accepted=true ehlo.reply_complete=true "
               "ehlo.starttls=absent base.mx.sessions=500 base.mx.starttls_rate=1.0",
               Severity::high, "", "starttls-not-supported/starttls-withdrawn",
               "base.mx.starttls_rate=0.94"},
        Firing{"R01", S, At::greeting,
               "session.tcp_handshake_seen=true ehlo.accepted=true ehlo.reply_complete=true "
               "ehlo.starttls=absent base.mx.sessions=500 base.mx.starttls_rate=1.0",
               Severity::high, "", "starttls-not-supported/starttls-withdrawn",
               "ehlo.accepted=false"},
        Firing{"R02", S, At::greeting,
               "ehlo.accepted=true ehlo.reply_complete=true ehlo.starttls=absent "
               "policy.protection=sts_enforce",
               Severity::critical, "not-offered", "starttls-not-supported/starttls-not-offered",
               "policy.protection=none"},
        Firing{"R02", S, At::greeting,
               "ehlo.accepted=true ehlo.reply_complete=true ehlo.starttls=garbled "
               "policy.protection=dane",
               Severity::critical, "not-offered", "starttls-not-supported/starttls-not-offered",
               "ehlo.starttls=offered"},
        Firing{"R02", S, At::greeting,
               "ehlo.accepted=false ehlo.starttls=absent ehlo.fallback_helo=true ehlo.code=502 "
               "policy.protection=pin",
               Severity::critical, "ehlo-refused", "starttls-not-supported/ehlo-refused",
               "ehlo.fallback_helo=false banner.masked=false"},
        Firing{
            "R02", S, At::greeting,
            "ehlo.accepted=false ehlo.starttls=absent ehlo.fallback_helo=false banner.masked=true "
            "policy.protection=sts_testing",
            Severity::critical, "banner-masked", "starttls-not-supported/banner-masked",
            "banner.masked=false"},
        Firing{"R03", S, At::greeting,
               "ehlo.starttls=garbled ehlo.garbled_count=1 policy.protection=sts_testing",
               Severity::high, "starttls-masked", "starttls-not-supported/starttls-masked",
               "policy.protection=none"},
        Firing{"R03", S, At::greeting,
               "ehlo.starttls=garbled ehlo.garbled_count=1 base.mx.sessions=20 "
               "base.mx.starttls_rate=1",
               Severity::high, "starttls-masked", "starttls-not-supported/starttls-masked",
               "base.mx.sessions=19"},
        Firing{"R03", S, At::greeting,
               "ehlo.starttls=absent ehlo.garbled_count=2 policy.protection=sts_enforce",
               Severity::low, "keyword-masked", "starttls-not-supported/starttls-masked",
               "ehlo.garbled_count=0"},
        Firing{"R03", S, At::greeting,
               "ehlo.starttls=offered ehlo.garbled_count=1 policy.protection=sts_enforce",
               Severity::low, "keyword-masked", "", "ehlo.garbled_count=0"},
        Firing{"R04", S, At::greeting, "banner.masked=true", Severity::low, "", "",
               "banner.masked=false"},
        Firing{"R05", S, At::greeting,
               "ehlo.fallback_helo=true ehlo.code=500 base.mx.sessions=20 base.mx.esmtp_rate=0.95",
               Severity::high, "", "starttls-not-supported/ehlo-refused", "ehlo.code=450"},
        Firing{"R05", S, At::greeting,
               "ehlo.fallback_helo=true ehlo.code=502 base.mx.sessions=20 base.mx.esmtp_rate=0.95",
               Severity::high, "", "starttls-not-supported/ehlo-refused",
               "base.mx.esmtp_rate=0.9"}));

INSTANTIATE_TEST_SUITE_P(
    Refused, Shipped,
    testing::Values(
        Firing{"R06", S, At::mail,
               "ehlo.starttls=offered starttls.sent=true starttls.reply_code=454 "
               "mail.accepted_in_clear=true",
               Severity::medium, "", "starttls-not-supported/starttls-refused-4xx",
               "mail.accepted_in_clear=false"},
        Firing{"R06", S, At::mail,
               "ehlo.starttls=offered starttls.sent=true starttls.reply_code=400 "
               "mail.accepted_in_clear=true",
               Severity::medium, "", "starttls-not-supported/starttls-refused-4xx",
               "starttls.reply_code=421"},
        Firing{"R07", S, At::command,
               "ehlo.starttls=offered starttls.sent=true starttls.reply_code=502", Severity::high,
               "refused", "starttls-not-supported/starttls-refused", "starttls.reply_code=454"},
        Firing{"R07", S, At::command,
               "ehlo.starttls=offered starttls.sent=true starttls.reply_code=250", Severity::high,
               "nonsense-code", "starttls-not-supported/starttls-refused",
               "starttls.reply_code=220"},
        Firing{"R07", S, At::command,
               "ehlo.starttls=offered starttls.sent=true starttls.reply_code=503", Severity::high,
               "refused", "starttls-not-supported/starttls-refused", "ehlo.starttls=absent"},
        Firing{"R08", S, At::command, "ehlo.starttls=offered starttls.overwritten=true",
               Severity::critical, "", "", "starttls.overwritten=false"},
        Firing{"R09", S, At::command, "starttls.duplicate_reply=true starttls.reply_code=454",
               Severity::critical, "duplicate-reply", "validation-failure/injected-reply",
               "starttls.reply_code=421"},
        Firing{"R09", S, At::command, "starttls.reply_before_rtt=true starttls.reply_code=454",
               Severity::medium, "early-reply", "validation-failure/injected-reply",
               "starttls.reply_before_rtt=false"},
        Firing{"R10", S, At::handshake,
               "tcp.rst=true tcp.rst_stage=handshake tcp.rst_then_data=true tcp.rst_ttl_delta=0",
               Severity::high, "forged-reset", "validation-failure/connection-reset",
               "tcp.rst_then_data=false"},
        Firing{"R10", S, At::handshake,
               "tcp.rst=true tcp.rst_stage=after_starttls tcp.rst_ttl_delta=-3", Severity::high,
               "forged-reset", "validation-failure/connection-reset", "tcp.rst_ttl_delta=-2"},
        Firing{"R10", S, At::handshake,
               "tcp.rst=true tcp.rst_stage=after_starttls tcp.rst_ttl_delta=3", Severity::high,
               "forged-reset", "validation-failure/connection-reset", "tcp.rst_stage=settled"},
        Firing{"R10", S, At::handshake,
               "tcp.rst=true tcp.rst_stage=handshake tcp.rst_then_data=false tcp.rst_ttl_delta=2",
               Severity::info, "bare-reset", "", "tcp.rst_stage=before_starttls"},
        Firing{"R11", S, At::handshake, "tls.plain_after_220=true tls.client_not_tls=true",
               Severity::low, "plaintext-after-220", "",
               "tls.plain_after_220=false tls.client_not_tls=false"},
        Firing{"R11", S, At::handshake,
               "tls.plain_after_220=false starttls.reply_code=220 tls.server_not_tls=true",
               Severity::medium, "not-tls", "validation-failure/tls-handshake-failed",
               "tls.server_not_tls=false"},
        Firing{"R11", S, At::handshake,
               "tls.plain_after_220=false starttls.reply_code=220 tls.client_not_tls=true",
               Severity::medium, "not-tls", "validation-failure/tls-handshake-failed",
               "tls.completed=true"},
        Firing{"R11", S, At::handshake, "tls.client_alert=20", Severity::low, "handshake-damaged",
               "validation-failure/tls-handshake-failed", "tls.client_alert=48"},
        Firing{"R11", S, At::handshake, "tls.server_alert=40 tls.completed=false", Severity::info,
               "handshake-refused", "validation-failure/tls-handshake-failed",
               "tls.completed=true"}));

INSTANTIATE_TEST_SUITE_P(
    Retry, Shipped,
    testing::Values(
        Firing{"R12", Scope::retry, At::mail,
               "retry.plain=true retry.same_mx=true retry.prev_failure=alert retry.gap_s=300 "
               "mail.accepted_in_clear=true policy.protection=dane",
               Severity::critical, "protected-domain", "validation-failure/plaintext-retry",
               "policy.protection=sts_testing"},
        Firing{"R12", Scope::retry, At::mail,
               "retry.plain=true retry.same_mx=true retry.prev_failure=reset retry.gap_s=0 "
               "mail.accepted_in_clear=true base.client.sessions=20 base.client.tls_rate=0.95 "
               "policy.protection=none",
               Severity::high, "client-used-tls-before", "validation-failure/plaintext-retry",
               "base.client.sessions=19"},
        Firing{"R12", Scope::retry, At::mail,
               "retry.plain=true retry.same_mx=true retry.prev_failure=timeout retry.gap_s=432000 "
               "mail.accepted_in_clear=true base.mx.sessions=20 base.mx.tls_rate=1",
               Severity::high, "mx-used-tls-before", "validation-failure/plaintext-retry",
               "retry.gap_s=432001"},
        Firing{"R12", Scope::retry, At::mail,
               "retry.plain=true retry.same_mx=true retry.prev_failure=refused retry.gap_s=5 "
               "mail.accepted_in_clear=true",
               Severity::medium, "plaintext-retry", "validation-failure/plaintext-retry",
               "retry.same_mx=false"},
        Firing{"R13", S, At::mail,
               "ehlo.reply_complete=true ehlo.starttls=offered starttls.sent=false "
               "mail.accepted_in_clear=true base.client.sessions=20 base.client.tls_rate=0.95",
               Severity::high, "", "", "base.client.tls_rate=0.94"},
        Firing{"R13", S, At::mail,
               "ehlo.reply_complete=true ehlo.starttls=offered starttls.sent=false "
               "mail.accepted_in_clear=true base.client.sessions=20 base.client.tls_rate=0.95",
               Severity::high, "", "", "starttls.sent=true"},
        Firing{"R29", S, At::mail,
               "mail.accepted_in_clear=true policy.protection=sts_enforce ehlo.starttls=absent "
               "starttls.sent=false",
               Severity::critical, "not-offered", "starttls-not-supported/starttls-not-offered",
               "policy.protection=none"},
        Firing{"R29", S, At::mail,
               "mail.accepted_in_clear=true policy.protection=pin ehlo.starttls=offered "
               "starttls.sent=true starttls.reply_code=454",
               Severity::critical, "starttls-refused", "starttls-not-supported/starttls-refused",
               "mail.accepted_in_clear=false"},
        Firing{"R29", S, At::mail,
               "mail.accepted_in_clear=true policy.protection=dane ehlo.starttls=offered "
               "starttls.sent=false retry.prev_failure=alert",
               Severity::critical, "plaintext-retry", "validation-failure/plaintext-retry",
               "policy.protection=?"},
        Firing{"R29", S, At::mail,
               "mail.accepted_in_clear=true policy.protection=dane ehlo.starttls=offered "
               "starttls.sent=false",
               Severity::critical, "offered-not-used", "validation-failure/offered-not-used",
               "policy.protection=none"},
        Firing{"R29", S, At::mail,
               "mail.accepted_in_clear=true policy.protection=sts_testing ehlo.starttls=offered "
               "starttls.sent=true starttls.reply_code=220 tls.plain_after_220=true",
               Severity::critical, "plaintext-after-220", "validation-failure/plaintext-after-220",
               "policy.protection=none"},
        Firing{"R29", S, At::mail, "mail.accepted_in_clear=true policy.protection=sts_enforce",
               Severity::critical, "", "starttls-not-supported", "policy.protection=none"}));

INSTANTIATE_TEST_SUITE_P(
    Handshake, Shipped,
    testing::Values(
        Firing{"R15", S, At::handshake, "tls.downgrade_sentinel=true tls.offered_13=true",
               Severity::critical, "downgrade-sentinel", "validation-failure/tls-version-downgrade",
               "tls.offered_13=false"},
        Firing{"R15", S, At::handshake, "base.mx.sessions=20 base.mx.version_steps_below=1",
               Severity::medium, "version-below-history",
               "validation-failure/tls-version-downgrade", "base.mx.version_steps_below=0"},
        Firing{"R16", S, At::handshake,
               "cert.visibility=clear policy.protection=sts_enforce cert.name_match=false "
               "cert.verify=ok",
               Severity::critical, "name-mismatch", "certificate-host-mismatch/name-mismatch",
               "cert.name_match=true"},
        Firing{
            "R16", S, At::handshake,
            "cert.visibility=clear policy.protection=pin cert.name_match=true cert.verify=expired",
            Severity::critical, "expired", "certificate-expired/expired", "cert.verify=ok"},
        Firing{"R16", S, At::handshake,
               "cert.visibility=clear policy.protection=sts_testing cert.name_match=true "
               "cert.verify=self_signed",
               Severity::critical, "not-trusted", "certificate-not-trusted/not-trusted",
               "cert.verify=not_checked"},
        Firing{"R16", S, At::handshake,
               "cert.visibility=clear policy.protection=sts_enforce cert.name_match=true "
               "cert.verify=untrusted",
               Severity::critical, "not-trusted", "certificate-not-trusted/not-trusted",
               "cert.visibility=hidden"},
        Firing{"R16", S, At::handshake,
               "cert.visibility=clear policy.protection=dane dane.state=secure dane.match=false "
               "cert.name_match=false cert.verify=self_signed",
               Severity::critical, "tlsa-mismatch", "tlsa-invalid/tlsa-mismatch",
               "dane.match=true"},
        Firing{
            "R17", S, At::handshake,
            "cert.visibility=clear cert.spki_new=true cert.verify=self_signed base.mx.sessions=20 "
            "base.mx.trusted_rate=0.95",
            Severity::high, "", "certificate-not-trusted/key-changed-to-untrusted",
            "cert.verify=ok"},
        Firing{"R17", S, At::handshake,
               "cert.visibility=clear cert.spki_new=true cert.verify=untrusted base.mx.sessions=20 "
               "base.mx.trusted_rate=0.95 policy.protection=none",
               Severity::high, "", "certificate-not-trusted/key-changed-to-untrusted",
               "policy.protection=sts_enforce"},
        Firing{"R30", S, At::handshake,
               "cert.visibility=clear cert.verify=ok cert.spki_new=true cert.issuer_new=true "
               "cert.age_h=23 base.mx.sessions=20",
               Severity::medium, "", "", "cert.age_h=24"},
        Firing{"R31", S, At::handshake, "tls.completed=true tls.version=770", Severity::info,
               "old-version", "", "tls.version=771"},
        Firing{"R31", S, At::handshake, "cert.visibility=clear cert.days_left=-1", Severity::info,
               "certificate-expired", "", "cert.days_left=0"},
        Firing{"R31", S, At::handshake, "cert.visibility=clear cert.days_left=14", Severity::info,
               "certificate-expires-soon", "", "cert.days_left=15"}));

INSTANTIATE_TEST_SUITE_P(
    Injection, Shipped,
    testing::Values(Firing{"R22", S, At::command, "mail.auth_plain=true auth.mechanism=LOGIN",
                           Severity::high, "", "", "auth.mechanism=CRAM-MD5"},
                    Firing{"R24", S, At::command, "starttls.bytes_after_cmd=1", Severity::critical,
                           "command-injection", "", "starttls.bytes_after_cmd=0"},
                    Firing{"R24", S, At::command, "starttls.bytes_after_220=40", Severity::critical,
                           "response-injection", "", "starttls.bytes_after_220=0"},
                    Firing{"R24", S, At::command, "tcp.overlap_conflicts=1", Severity::critical,
                           "overlap-conflict", "", "tcp.overlap_conflicts=0"},
                    Firing{"R25", S, At::end, "mail.bare_lf_eod=true mail.smtp_verb_after_eod=true",
                           Severity::medium, "smuggled-message", "",
                           "mail.smtp_verb_after_eod=false"},
                    Firing{"R25", S, At::end, "tls.alpn=h2,http/1.1 session.role=inbound",
                           Severity::info, "web-protocol", "", "tls.alpn=smtp"},
                    Firing{"R25", S, At::end, "tls.alpn=http/1.1 session.role=outbound",
                           Severity::medium, "web-protocol", "", "tls.alpn="},
                    Firing{"R25", S, At::end, "mail.http_verb=true session.role=unknown",
                           Severity::medium, "web-protocol", "", "mail.http_verb=false"}));

INSTANTIATE_TEST_SUITE_P(
    Routing, Shipped,
    testing::Values(
        Firing{"R18", S, At::greeting,
               "policy.session_mx_in_policy=false policy.protection=sts_enforce", Severity::high,
               "session-to-unlisted-mx", "validation-failure/mtasts-policy-mx-mismatch",
               "policy.session_mx_in_policy=true"},
        Firing{"R18", S, At::greeting,
               "policy.session_mx_in_policy=false policy.protection=sts_enforce policy.reread=true",
               Severity::critical, "session-to-unlisted-mx",
               "validation-failure/mtasts-policy-mx-mismatch", "policy.reread=false"},
        Firing{
            "R18", Scope::dns, At::end,
            "dns.qtype=mx dns.query_seen=true dns.mx_in_policy=none policy.protection=sts_testing",
            Severity::high, "no-mx-listed", "validation-failure/mtasts-policy-mx-mismatch",
            "dns.null_mx=true"},
        Firing{
            "R18", Scope::dns, At::end,
            "dns.qtype=mx dns.query_seen=true dns.mx_in_policy=some policy.protection=sts_enforce",
            Severity::low, "some-mx-unlisted", "validation-failure/mtasts-policy-mx-mismatch",
            "dns.mx_in_policy=all"},
        Firing{"R19", Scope::dns, At::end,
               "dns.query_seen=true dns.qtype=tlsa dns.answers_conflict=true", Severity::high, "",
               "", "dns.qtype=a"},
        Firing{"R19", Scope::dns, At::end,
               "dns.query_seen=true dns.qtype=mx dns.answers_conflict=true", Severity::high, "", "",
               "dns.query_seen=false"},
        Firing{"R14", Scope::peer, At::end, "peer.same_banner_asns=3", Severity::high, "",
               "validation-failure/transparent-proxy", "peer.same_banner_asns=2"},
        Firing{"R21", Scope::policy, At::end,
               "policy.refresh_failures=3 policy.life_left=0.24 policy.state=enforce_valid "
               "policy.fetch_error=webpki",
               Severity::high, "webpki", "sts-webpki-invalid", "policy.refresh_failures=2"},
        Firing{"R21", Scope::policy, At::end,
               "policy.refresh_failures=3 policy.life_left=0.24 policy.state=enforce_valid "
               "policy.fetch_error=invalid",
               Severity::high, "invalid", "sts-policy-invalid", "policy.life_left=0.25"},
        Firing{"R21", Scope::policy, At::end,
               "policy.refresh_failures=9 policy.life_left=0.1 policy.state=testing",
               Severity::high, "fetch", "sts-policy-fetch-error", "policy.state=none"},
        Firing{"R23", Scope::policy, At::end, "policy.mode_weakened=true cert.spki_new=true",
               Severity::critical, "weakened-with-key-change", "", "cert.spki_new=false"},
        Firing{"R23", Scope::policy, At::end, "policy.maxage_ratio=0.09", Severity::medium,
               "weakened", "", "policy.maxage_ratio=0.1"}));

// ---------------------------------------------------------------- the set as a whole

constexpr std::string_view kIds[] = {"R01", "R02", "R03", "R04", "R05", "R06", "R07", "R08", "R09",
                                     "R10", "R11", "R12", "R13", "R14", "R15", "R16", "R17", "R18",
                                     "R19", "R21", "R22", "R23", "R24", "R25", "R29", "R30", "R31"};

TEST(ShippedSet, IsTheseRules) {
  std::vector<std::string> ids;
  for (const Rule& rule : shipped().rules) ids.push_back(rule.id);
  EXPECT_THAT(ids, testing::ElementsAreArray(kIds));
}

TEST(ShippedSet, RolesAreAsDefined) {
  const std::set<std::string_view> outbound{"R02", "R05", "R06", "R07", "R11",
                                            "R12", "R16", "R18", "R29"};
  const std::set<std::string_view> inbound{"R08", "R13"};
  for (const Rule& rule : shipped().rules) {
    RoleSet expected{Role::outbound, Role::inbound, Role::internal, Role::transit, Role::unknown};
    if (outbound.contains(rule.id)) expected = {Role::outbound, Role::unknown};
    if (inbound.contains(rule.id)) expected = {Role::inbound, Role::unknown};
    EXPECT_EQ(rule.roles, expected) << rule.id;
  }
}

TEST(ShippedSet, OnlyTheseRulesMayDefer) {
  std::vector<std::string> defer;
  for (const Rule& rule : shipped().rules) {
    if (rule.protected_.has(Action::defer)) defer.push_back(rule.id);
  }
  EXPECT_THAT(defer, testing::ElementsAre("R01", "R02", "R05", "R12", "R16", "R18", "R29"));
}

// The near misses above show it for each; this shows that no case was forgotten.
TEST(ShippedSet, EveryCaseOfASessionIsGuarded) {
  for (const Rule& rule : shipped().rules) {
    for (const Case& c : rule.cases) {
      if (!has_points(effective_scope(rule, c))) continue;
      std::set<Field> guards;
      for (const Clause& clause : c.unless) guards.insert(clause.field);
      const bool single =
          guards.contains(Field::capture_gap) && guards.contains(Field::capture_one_sided) &&
          guards.contains(Field::capture_midstream) && guards.contains(Field::capture_cut);
      EXPECT_TRUE(guards.contains(Field::capture_poor_before_decision) ||
                  (rule.id == "R24" && single))
          << rule.file << ':' << c.line;
    }
  }
}

// Where nothing protects the domain, the policy-based rules have nothing to say.
TEST(ShippedSet, PolicyRulesRequireProtection) {
  for (const std::string_view id : {"R02", "R16", "R18", "R29"}) {
    for (const Case& c : shipped().find(id)->cases) {
      EXPECT_TRUE(std::ranges::any_of(
          c.when, [](const Clause& x) { return x.field == Field::policy_protection; }))
          << id << ':' << c.line;
    }
  }
}

TEST(ShippedSet, WordsAreInterferenceAndPolicyFailure) {
  for (const Rule& rule : shipped().rules) {
    std::ifstream in(rule.file, std::ios::binary);
    const std::string text((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
    EXPECT_EQ(text.find("attacker"), std::string::npos) << rule.id;
    EXPECT_FALSE(rule.doc.refs.empty()) << rule.id;
    for (const std::string& sentence : rule.doc.not_excluded) {
      EXPECT_TRUE(sentence.ends_with('.')) << rule.id << ": " << sentence;
    }
    EXPECT_TRUE(rule.doc.next.ends_with('.')) << rule.id;
    EXPECT_NE(rule.throttle.window, 0) << rule.id;
  }
}

TEST(ShippedSet, TellsWhatAReplayCannotFind) {
  std::vector<std::string> never;
  for (const Unfilled& unfilled : shipped().unfilled) {
    if (unfilled.never) never.push_back(shipped().rules[unfilled.rule].id);
  }
  EXPECT_THAT(never, testing::ElementsAre("R14", "R21", "R23"));
}

TEST(ShippedSet, CatalogueHasASectionForEachRule) {
  std::ifstream in(kDir + "/CATALOGUE.md", std::ios::binary);
  ASSERT_TRUE(in);
  const std::string text((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  for (const Rule& rule : shipped().rules) {
    const std::string heading = "\n## " + rule.id + ": " + rule.title + "\n";
    const std::size_t begin = text.find(heading);
    ASSERT_NE(begin, std::string::npos) << heading;
    const std::string section = text.substr(begin + 1, text.find("\n## ", begin + 1) - begin);
    for (const std::string& code : rule.doc.fp) {
      EXPECT_NE(section.find(code), std::string::npos) << rule.id << ' ' << code;
    }
    const std::string result = rule.tlsrpt.result.empty() ? "TLS-RPT" : rule.tlsrpt.result;
    EXPECT_NE(section.find(result), std::string::npos) << rule.id << ' ' << result;
  }
  EXPECT_EQ(text.find("attacker"), std::string::npos);
}

}  // namespace
}  // namespace mxw::rules
