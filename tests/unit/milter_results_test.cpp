// A session on inbound: the header, forged ones, the sensor's verdict about this very session.
#include <gtest/gtest.h>

#include "milter/auth_results.hpp"
#include "tests/unit/milter_support.hpp"

namespace mxw::milter {
namespace {

struct Inbound : Mta {
  explicit Inbound(const config::Milter& milter = {}) : Mta(milter) { connect("203.0.113.9"); }
  Edits message(std::vector<std::pair<std::string, std::string>> with = {}) {
    headers = std::move(with);
    mail();
    rcpt("x@b.test");
    rcpt("y@b.test");
    return end();
  }
};

TEST(MilterInbound, ThisHopIsTagged) {
  Inbound mta;
  EXPECT_EQ(mta.message().authentication_results, "mx1.b.test; x-tls=none");
  EXPECT_EQ(mta.last().x_tls, "none");
  mta.starttls();
  EXPECT_EQ(mta.message().authentication_results,
            "mx1.b.test; x-tls=pass smtp.version=TLSv1.3\n"
            "\tsmtp.cipher=TLS_AES_256_GCM_SHA384 smtp.bits=256");
  ASSERT_EQ(mta.recorder.decisions.size(), 2U);  // one a message
  const DecisionNote& note = mta.last();
  EXPECT_EQ(note.x_tls, "pass");
  EXPECT_EQ(note.x_mta_sts, "");
  EXPECT_EQ(note.recipients, 2U);
  EXPECT_EQ(note.domain, "b.test");
  EXPECT_EQ(note.queue_id, "87B5BA7C94F");
  EXPECT_EQ(reason_of(note), "inbound");
  EXPECT_EQ(note.decision.action, Action::tag);
  EXPECT_EQ(note.tls.version, "TLSv1.3");
  EXPECT_EQ(note.client->text(), "203.0.113.0");
  EXPECT_TRUE(mta.lookup.asked.empty());  // the senders' policies are not ours to judge
}

TEST(MilterInbound, ImplicitTlsAndClientsThatSkipHelo) {
  Mta implicit;
  implicit.session->connect({"x", Endpoint{*IpAddress::parse("203.0.113.9"), 4711}},
                            FakeMacros{{"j", "mx1.b.test"}});
  implicit.session->helo("x", FakeMacros{{"{tls_version}", "TLSv1.2"}});
  implicit.mail();
  implicit.rcpt("x@b.test");
  EXPECT_EQ(implicit.end().authentication_results, "mx1.b.test; x-tls=pass smtp.version=TLSv1.2");
  Mta silent;
  silent.connect("203.0.113.9");
  silent.mail("<u@a.test>", {{"{tls_version}", "TLSv1.2"}});
  silent.rcpt("x@b.test");
  EXPECT_EQ(silent.end().authentication_results, "mx1.b.test; x-tls=pass smtp.version=TLSv1.2");
}

TEST(MilterInbound, TheVerdictOfThisSessionIsToldAndNothingElse) {
  Inbound mta;
  mta.lookup.verdict = SessionVerdict{"v7", "R13", "b.test", "20261121a"};
  mta.now = kNow + kSecond;
  const Edits edits = mta.message();
  EXPECT_EQ(edits.authentication_results,
            "mx1.b.test; x-tls=none; x-mta-sts=fail reason=\"R13\"\n"
            "\tpolicy.domain=b.test policy.id=20261121a");
  EXPECT_EQ(edits.reply.kind, Reply::Kind::go_on);
  EXPECT_FALSE(edits.quarantine);
  EXPECT_EQ(mta.last().session_verdict, "v7");
  EXPECT_EQ(mta.last().session_rule, "R13");
  EXPECT_EQ(mta.last().x_mta_sts, "fail");
  EXPECT_EQ(reason_of(mta.last()), "session-verdict");
  EXPECT_EQ(mta.last().decision.action, Action::tag);
  EXPECT_EQ(mta.lookup.session_asked.first, (Endpoint{*IpAddress::parse("203.0.113.9"), 4711}));
  EXPECT_EQ(mta.lookup.session_asked.second, (Endpoint{*IpAddress::parse("198.51.100.2"), 25}));
  EXPECT_EQ(mta.lookup.session_start, kNow);  // of the connection
}

// What is told of a mail does not depend on the header.
TEST(MilterInbound, TheVerdictOfThisSessionIsKeptWithoutAHeader) {
  config::Milter off, dry, exempt;
  off.header = false;
  dry.dry_run = true;
  exempt.exempt = {"203.0.113.9"};
  for (const config::Milter& milter : {off, dry}) {
    Inbound mta(milter);
    mta.lookup.verdict = SessionVerdict{"v7", "R13", "b.test", "20261121a"};
    EXPECT_FALSE(mta.message().authentication_results);
    EXPECT_EQ(reason_of(mta.last()), "session-verdict");
    EXPECT_EQ(mta.last().session_verdict, "v7");
    EXPECT_EQ(mta.last().session_rule, "R13");
    EXPECT_EQ(mta.last().decision.action, Action::accept);
    EXPECT_EQ(mta.last().x_mta_sts, milter.dry_run ? "fail" : "");
  }
  Inbound mta(exempt);
  mta.lookup.verdict = SessionVerdict{"v7", "R13", "b.test", "20261121a"};
  mta.message();
  EXPECT_EQ(reason_of(mta.last()), "exempt");
  EXPECT_EQ(mta.last().session_verdict, "");
}

TEST(MilterInbound, WithoutTheSensorThatIsSaid) {
  Inbound mta;
  mta.message();
  EXPECT_FALSE(mta.last().decision.temperror);
  mta.lookup.sensor = false;
  EXPECT_EQ(mta.message().authentication_results, "mx1.b.test; x-tls=none");
  EXPECT_TRUE(mta.last().decision.temperror);
  mta.lookup.verdict = SessionVerdict{"v7", "R13", "b.test", "1"};  // told before it went
  mta.message();
  EXPECT_FALSE(mta.last().decision.temperror);
}

TEST(MilterInbound, TheFourTupleIsThatOfTheWire) {
  struct Row {
    FakeMacros macros;
    std::optional<Endpoint> client;
    Endpoint asked_client, asked_server;
  };
  const auto at = [](const char* address, std::uint16_t port) {
    return Endpoint{*IpAddress::parse(address), port};
  };
  const Row kRows[] = {
      // Sendmail.
      {{{"j", "m"}, {"{if_addr}", "198.51.100.2"}, {"{daemon_port}", "2525"}},
       at("203.0.113.9", 5),
       at("203.0.113.9", 5),
       at("198.51.100.2", 2525)},
      {{{"j", "m"}, {"{if_addr}", "IPv6:2001:db8::2"}},
       at("2001:db8::9", 5),
       at("2001:db8::9", 5),
       at("2001:db8::2", 25)},
      {{{"j", "m"}, {"{daemon_addr}", "::ffff:198.51.100.2"}, {"{daemon_port}", "x"}},
       at("::ffff:203.0.113.9", 5),
       at("203.0.113.9", 5),
       at("198.51.100.2", 25)},
      // An address libmilter does not give.
      {{{"j", "m"},
        {"{daemon_addr}", "198.51.100.2"},
        {"{client_addr}", "203.0.113.9"},
        {"{client_port}", "5"}},
       {},
       at("203.0.113.9", 5),
       at("198.51.100.2", 25)},
  };
  for (const Row& row : kRows) {
    Mta mta;
    mta.session->connect({"x", row.client}, row.macros);
    mta.mail();
    mta.rcpt("x@b.test");
    mta.end();
    EXPECT_EQ(mta.lookup.session_asked.first.address.text(), row.asked_client.address.text());
    EXPECT_EQ(mta.lookup.session_asked.second.address.text(), row.asked_server.address.text());
    EXPECT_EQ(mta.lookup.session_asked.first.port, row.asked_client.port);
    EXPECT_EQ(mta.lookup.session_asked.second.port, row.asked_server.port);
  }
}

const std::vector<std::pair<std::string, std::string>> kForged = {
    {"Received", "from x"},
    {"Authentication-Results", " mx2.b.test; x-tls=pass"},
    {"authentication-results", " mx1.b.test; x-tls=pass"},
    {"Authentication-Results", " mx1.b.test; dkim=pass; x-mta-sts=pass; spf=none"},
    {"X-Authentication-Results", " mx1.b.test; x-tls=pass"},
    {"Authentication-Results", " mx1.b.test; dkim=pass"},
    {"AUTHENTICATION-RESULTS", " MX1.B.TEST; X-TLS=pass"},
};

TEST(MilterInbound, ForgedResultsGoFromTheLastToTheFirst) {
  Inbound mta;
  const Edits edits = mta.message(kForged);
  ASSERT_EQ(edits.changed.size(), 3U);
  EXPECT_EQ(edits.changed[0].index, 5U);
  EXPECT_EQ(edits.changed[0].value, "");
  EXPECT_EQ(edits.changed[1].index, 3U);
  EXPECT_EQ(edits.changed[1].value, " mx1.b.test; dkim=pass; spf=none");
  EXPECT_EQ(edits.changed[2].index, 2U);
  EXPECT_EQ(edits.changed[2].value, "");
  EXPECT_EQ(mta.last().forged, 3U);
  // The next message on the connection begins anew.
  EXPECT_TRUE(mta.message().changed.empty());
  EXPECT_EQ(mta.last().forged, 0U);
}

TEST(MilterInbound, TrustedPeersKeepTheirs) {
  config::Milter milter;
  milter.role = config::MilterRole::inbound;
  milter.trusted_networks = {*Cidr::parse("203.0.113.0/24")};
  Inbound mta(milter);
  const Edits edits = mta.message(kForged);
  EXPECT_TRUE(edits.changed.empty());
  EXPECT_TRUE(edits.authentication_results);
}

TEST(MilterInbound, OurIdIsTheConfiguredOne) {
  config::Milter milter;
  milter.authserv_id = "b.test";
  Inbound mta(milter);
  const Edits edits = mta.message({{"Authentication-Results", "mx1.b.test; x-tls=pass"},
                                   {"Authentication-Results", "b.test; x-tls=pass"}});
  ASSERT_EQ(edits.changed.size(), 1U);
  EXPECT_EQ(edits.changed[0].index, 2U);
  EXPECT_EQ(edits.authentication_results, "b.test; x-tls=none");
}

TEST(MilterInbound, WithoutANameOfOursThereIsNoHeader) {
  Mta mta;
  mta.session->connect({"x", Endpoint{*IpAddress::parse("203.0.113.9"), 4711}}, FakeMacros());
  mta.headers = kForged;
  mta.mail();
  mta.rcpt("x@b.test");
  const Edits edits = mta.end();
  EXPECT_FALSE(edits.authentication_results);
  EXPECT_TRUE(edits.changed.empty());
}

TEST(MilterInbound, SwitchedOffExemptOrDryNothingIsTouched) {
  config::Milter off, exempt, dry;
  off.header = false;
  exempt.exempt = {"203.0.113.9"};
  dry.dry_run = true;
  for (const auto& [milter, reason] :
       {std::pair{off, "inbound"}, {exempt, "exempt"}, {dry, "inbound"}}) {
    Inbound mta(milter);
    const Edits edits = mta.message(kForged);
    EXPECT_FALSE(edits.authentication_results);
    EXPECT_TRUE(edits.changed.empty());
    EXPECT_EQ(reason_of(mta.last()), reason);
    EXPECT_EQ(mta.last().decision.action, Action::accept);
    EXPECT_EQ(mta.last().forged, milter.dry_run ? 3U : 0U);
    EXPECT_EQ(mta.last().decision.wish, milter.dry_run ? Action::tag : Action::accept);
  }
}

using Headers = std::vector<std::pair<std::string, std::string>>;

TEST(MilterInbound, OverTheBoundForgedOnesGoAsAWhole) {
  Inbound mta;
  const Headers many(1'001, {"Authentication-Results", "mx1.b.test; dkim=pass; x-tls=pass"});
  Edits edits = mta.message(many);
  ASSERT_EQ(edits.changed.size(), 1'001U);
  EXPECT_EQ(edits.changed[0].index, 1'001U);
  EXPECT_EQ(edits.changed[0].value, "");
  EXPECT_EQ(edits.changed[1].value, "mx1.b.test; dkim=pass");
  EXPECT_EQ(edits.changed[1].clauses, 1U);
  EXPECT_EQ(mta.last().forged, 1'001U);
  EXPECT_EQ(mta.last().forged_left, 0U);

  const std::string rest(100'000, 'x');
  const Headers large(5, {"Authentication-Results", "mx1.b.test; dkim=" + rest + "; x-tls=pass"});
  edits = mta.message(large);
  ASSERT_EQ(edits.changed.size(), 5U);
  EXPECT_EQ(edits.changed[2].value, "");  // the third
  EXPECT_NE(edits.changed[3].value, "");
  EXPECT_EQ(mta.last().forged_left, 0U);
}

TEST(MilterInbound, OthersKeepTheirsWhateverStoodBefore) {
  Inbound mta;
  Headers many(1'001, {"Authentication-Results", "mx1.b.test; x-tls=pass"});
  many.emplace_back("Authentication-Results", "mx1.b.test; dkim=pass");
  many.emplace_back("Authentication-Results", "elsewhere.test; x-tls=pass");
  const Edits edits = mta.message(many);
  ASSERT_EQ(edits.changed.size(), 1'001U);
  EXPECT_EQ(edits.changed[0].index, 1'001U);
}

TEST(MilterInbound, WhatWouldKeepTheMtaBusyIsLeftAndCounted) {
  Inbound mta;
  const Headers many(10'020, {"Authentication-Results", "mx1.b.test; x-tls=pass"});
  EXPECT_EQ(mta.message(many).changed.size(), 10'000U);
  EXPECT_EQ(mta.last().forged, 10'000U);
  EXPECT_EQ(mta.last().forged_left, 20U);
}

}  // namespace
}  // namespace mxw::milter
