// The table of cases of semantics section 1, row by row, and which connections are sessions at all.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/limits.hpp"
#include "tests/unit/session_support.hpp"

namespace mxw::session {
namespace {

using evidence::Offered;
using evidence::Outcome;
using evidence::SessionEvidence;
using test::Dialogue;
using test::Turns;

const Turns kGreeting = {{'S', "220 mx.example.org ESMTP\r\n"},
                         {'C', "EHLO client.example.net\r\n"},
                         {'S', "250-mx.example.org\r\n250-STARTTLS\r\n250 SIZE\r\n"}};

Turns operator+(Turns a, const Turns& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

// A TLS record.
std::string record(char type, std::size_t length) {
  return std::string{type, 3, 3, static_cast<char>(length >> 8), static_cast<char>(length & 255)} +
         std::string(length, '\x07');
}

enum class End { fin, rst, open };

struct Case {
  const char* name;
  Turns turns;
  End end;
  Offered offered;
  bool requested;
  Outcome outcome;
};

void PrintTo(const Case& c, std::ostream* out) {
  *out << c.name;
}

const Case kCases[] = {
    {"HELO only, mail",
     {{'S', "220 mx.example.org\r\n"},
      {'C', "HELO c\r\n"},
      {'S', "250 mx\r\n"},
      {'C', "MAIL FROM:<a@example.net>\r\n"},
      {'S', "250 ok\r\n"}},
     End::fin,
     Offered::no,
     false,
     Outcome::plaintext},
    {"454, then QUIT",
     kGreeting + Turns{{'C', "STARTTLS\r\n"},
                       {'S', "454 4.7.0 later\r\n"},
                       {'C', "QUIT\r\n"},
                       {'S', "221 bye\r\n"}},
     End::fin, Offered::yes, true, Outcome::refused},
    {"refused, MAIL accepted",
     kGreeting + Turns{{'C', "STARTTLS\r\n"},
                       {'S', "502 no\r\n"},
                       {'C', "MAIL FROM:<a@example.net>\r\n"},
                       {'S', "250 ok\r\n"}},
     End::fin, Offered::yes, true, Outcome::plaintext},
    {"220 and no ClientHello", kGreeting + Turns{{'C', "STARTTLS\r\n"}, {'S', "220 go\r\n"}},
     End::fin, Offered::yes, true, Outcome::failed},
    {"the same, reset", kGreeting + Turns{{'C', "STARTTLS\r\n"}, {'S', "220 go\r\n"}}, End::rst,
     Offered::yes, true, Outcome::failed},
    {"the same, input ends", kGreeting + Turns{{'C', "STARTTLS\r\n"}, {'S', "220 go\r\n"}},
     End::open, Offered::yes, true, Outcome::unknown},
    {"handshake fails",
     kGreeting + Turns{{'C', "STARTTLS\r\n"},
                       {'S', "220 go\r\n"},
                       {'C', record(22, 40)},
                       {'S', std::string("\x15\x03\x03\x00\x02\x02\x28", 7)}},
     End::fin, Offered::yes, true, Outcome::failed},
    {"cut before the banner", {{'S', "22"}}, End::fin, Offered::unknown, false, Outcome::none},
    {"cut before the banner, input ends",
     {{'S', "22"}},
     End::open,
     Offered::unknown,
     false,
     Outcome::unknown},
    {"AUTH, MAIL rejected",
     kGreeting + Turns{{'C', "AUTH PLAIN AGEAYg==\r\n"},
                       {'S', "535 no\r\n"},
                       {'C', "MAIL FROM:<a@example.net>\r\n"},
                       {'S', "530 first\r\n"}},
     End::fin, Offered::yes, false, Outcome::none},
    {"masked keyword",
     {{'S', "220 mx.example.org\r\n"},
      {'C', "EHLO c\r\n"},
      {'S', "250-mx.example.org\r\n250-XXXXXXXA\r\n250 SIZE\r\n"},
      {'C', "QUIT\r\n"},
      {'S', "221 bye\r\n"}},
     End::fin,
     Offered::garbled,
     false,
     Outcome::none},
    {"masked CHUNKING is explained",
     {{'S', "220 mx.example.org\r\n"},
      {'C', "EHLO c\r\n"},
      {'S', "250-mx.example.org\r\n250-BINARYMIME\r\n250 XXXXXXXX\r\n"},
      {'C', "QUIT\r\n"},
      {'S', "221 bye\r\n"}},
     End::fin,
     Offered::no,
     false,
     Outcome::none},
    {"plaintext goes on behind the 220",
     kGreeting + Turns{{'C', "STARTTLS\r\n"},
                       {'S', "220 go\r\n"},
                       {'C', "EHLO c\r\n"},
                       {'S', "250 mx\r\n"},
                       {'C', "MAIL FROM:<a@example.net>\r\n"},
                       {'S', "250 ok\r\n"}},
     End::fin, Offered::yes, true, Outcome::plaintext},
    {"the greeting after a refused EHLO",
     {{'S', "220 mx\r\n"},
      {'C', "EHLO c\r\n"},
      {'S', "502 no\r\n"},
      {'C', "HELO c\r\n"},
      {'S', "250 mx\r\n"},
      {'C', "QUIT\r\n"},
      {'S', "221 bye\r\n"}},
     End::fin,
     Offered::no,
     false,
     Outcome::none},
};

class Table : public testing::TestWithParam<Case> {};

TEST_P(Table, OfSemantics) {
  const Case& c = GetParam();
  Dialogue d;
  d.open();
  d.say(c.turns);
  if (c.end == End::fin) d.close();
  if (c.end == End::rst) d.reset('S');
  SessionBench bench;
  const SessionEvidence s = bench.play(d.packets);
  EXPECT_EQ(name(s.offered()), name(c.offered));
  EXPECT_EQ(s.starttls.sent, c.requested);
  EXPECT_EQ(name(s.outcome()), name(c.outcome));
  EXPECT_EQ(bench.count(Change::settled), 1U);
  EXPECT_EQ(bench.count(Change::end), 1U);
  EXPECT_EQ(bench.count(Change::removed), 1U);
}

INSTANTIATE_TEST_SUITE_P(Semantics1, Table, testing::ValuesIn(kCases));

TEST(Session, MailRefusedUntilTlsThenTls) {
  Turns turns = turns_of("clean-tls13.pcap");
  ASSERT_GT(turns.size(), 6U);
  turns.insert(turns.begin() + 3, {{'C', "MAIL FROM:<a@example.net>\r\n"}, {'S', "530 first\r\n"}});
  Dialogue d;
  d.open();
  d.say(turns);
  d.close();
  SessionBench bench;
  const SessionEvidence s = bench.play(d.packets);
  EXPECT_EQ(name(s.offered()), "yes");
  EXPECT_EQ(name(s.outcome()), "tls");
  EXPECT_FALSE(s.mail_accepted_in_clear);
  EXPECT_EQ(s.transaction_count, 0U);
  EXPECT_TRUE(bench.told_transactions.empty());
}

TEST(Session, TwoTransactionsOfTwoDomains) {
  Dialogue d;
  d.open();
  d.say(kGreeting);
  for (const std::string domain : {"example.org", "example.com"})
    d.say({{'C', "MAIL FROM:<a@example.net>\r\n"},
           {'S', "250 ok\r\n"},
           {'C', "RCPT TO:<b@" + domain + ">\r\n"},
           {'S', "250 ok\r\n"},
           {'C', "DATA\r\n"},
           {'S', "354 go\r\n"},
           {'C', "Subject: x\r\n\r\n.\r\n"},
           {'S', "250 queued\r\n"}});
  d.close();
  SessionBench bench;
  const SessionEvidence s = bench.play(d.packets);
  EXPECT_EQ(s.transaction_count, 2U);
  EXPECT_THAT(bench.told_transactions, testing::ElementsAre(0, 1));
  EXPECT_THAT(s.rcpt_domains, testing::ElementsAre("example.org", "example.com"));
  EXPECT_TRUE(s.transactions[0].delivered && s.transactions[1].delivered);
  EXPECT_EQ(bench.count(Change::settled), 1U);
}

// Body lines are never commands: not in the middle, not when their replies look right.
TEST(Session, BeginsInsideData) {
  Dialogue d;
  d.say({{'C', "text\r\nMAIL FROM:<x@example.net>\r\nEHLO x\r\n"},
         {'C', "QUIT\r\n.\r\n"},
         {'S', "250 2.0.0 queued\r\n"}});
  SessionBench only_body;
  const SessionEvidence lost = only_body.play(d.packets);
  EXPECT_EQ(name(lost.outcome()), "unknown");
  EXPECT_TRUE(lost.transactions.empty());
  EXPECT_TRUE(lost.greetings.empty());

  d.say({{'C', "MAIL FROM:<a@example.net>\r\n"},
         {'S', "250 ok\r\n"},
         {'C', "RCPT TO:<b@example.org>\r\n"},
         {'S', "250 ok\r\n"}});
  SessionBench bench;
  const SessionEvidence s = bench.play(d.packets);
  EXPECT_EQ(name(s.outcome()), "plaintext");
  EXPECT_EQ(name(s.offered()), "unknown");
  EXPECT_THAT(s.rcpt_domains, testing::ElementsAre("example.org"));
  EXPECT_TRUE(s.quality.midstream);
}

std::vector<test::Captured> one_side(const Dialogue& d, char who) {
  std::vector<test::Captured> out;
  for (const test::Captured& packet : d.packets)
    if ((packet.bytes[29] == 10) == (who == 'C')) out.push_back(packet);
  return out;
}

TEST(Session, OneSideOnly) {
  Dialogue d;
  d.open();
  d.say(kGreeting + Turns{{'C', "STARTTLS\r\n"},
                          {'S', "220 go\r\n"},
                          {'C', record(22, 600)},
                          {'S', record(22, 900)},
                          {'C', record(23, 60)},
                          {'C', record(23, 90)}});
  d.close();
  SessionBench server;
  const SessionEvidence s = server.play(one_side(d, 'S'));
  EXPECT_EQ(name(s.offered()), "yes");
  EXPECT_FALSE(s.client_spoke);
  EXPECT_FALSE(s.starttls.sent);
  EXPECT_EQ(s.starttls.reply_code, 220);
  EXPECT_EQ(name(s.outcome()), "unknown");
  EXPECT_EQ(s.tcp.gaps, 0U);
  EXPECT_EQ(s.starttls.bytes_after_220, 0U);

  SessionBench client;
  const SessionEvidence c = client.play(one_side(d, 'C'));
  EXPECT_EQ(name(c.offered()), "unknown");
  EXPECT_TRUE(c.starttls.sent);
  EXPECT_EQ(name(c.outcome()), "unknown");
}

TEST(Session, ImplicitTlsOnAnyMailPort) {
  const Turns turns = turns_of("clean-implicit-tls.pcap");
  ASSERT_FALSE(turns.empty());
  for (const std::uint16_t port : {25, 465, 587, 2525}) {
    Dialogue d({.server_port = port});
    d.open();
    d.say(turns);
    d.close();
    SessionBench bench;
    EXPECT_EQ(name(bench.play(d.packets).outcome()), "implicit_tls") << port;

    Dialogue failed({.server_port = port});
    failed.open();
    failed.say(turns.front());
    failed.close();
    SessionBench other;
    const SessionEvidence s = other.play(failed.packets);
    EXPECT_EQ(name(s.outcome()), "failed") << port;
    EXPECT_TRUE(s.implicit_tls);
    EXPECT_FALSE(s.starttls.sent);
  }
}

TEST(Session, TlsInTheMiddleOfAClearDialogueIsNotImplicit) {
  Dialogue d;
  d.open();
  d.say(kGreeting[0]);
  d.say({'C', record(22, 40)});
  d.close();
  SessionBench bench;
  EXPECT_FALSE(bench.play(d.packets).implicit_tls);
}

TEST(Session, WithoutPayloadThereIsNoSession) {
  for (const std::uint16_t port : {25, 465, 80}) {
    Dialogue d({.server_port = port});
    d.open();
    d.close();
    SessionBench bench;
    bench.give(d.packets);
    bench.table.finish();
    EXPECT_TRUE(bench.changes.empty());
    EXPECT_EQ(bench.without_data, port == 80 ? 0U : 1U);
  }
}

TEST(Session, ASingleOctetOnAMailPortIsASession) {
  Dialogue d;
  d.open();
  d.say({'C', "\x16"});
  d.close();
  SessionBench bench;
  bench.play(d.packets);
  EXPECT_EQ(bench.count(Change::removed), 1U);
  EXPECT_EQ(bench.without_data, 0U);
}

TEST(Session, SmtpIsFoundOnAnyPort) {
  Dialogue d({.server_port = 10'025});
  d.open();
  d.say(kGreeting);
  d.close();
  SessionBench bench;
  EXPECT_EQ(name(bench.play(d.packets).offered()), "yes");

  Dialogue late({.server_port = 10'025});  // the banner was lost
  late.open();
  late.lose(kGreeting[0]);
  late.say(kGreeting[1]);
  late.say(kGreeting[2]);
  late.close();
  SessionBench other;
  EXPECT_EQ(other.play(late.packets).server.port, 10'025);
}

TEST(Session, WhatIsNotSmtpIsLetGo) {
  const Turns talks[] = {
      {{'S', "220 ftp.example.org FTP\r\n"}, {'C', "USER anonymous\r\n"}, {'S', "331 ok\r\n"}},
      {{'C', "GET / HTTP/1.1\r\nHost: example.org\r\n\r\n"}, {'S', "HTTP/1.1 200 OK\r\n\r\n"}},
      {{'S', "SSH-2.0-x\r\n"}, {'C', "SSH-2.0-y\r\n"}},
      {{'C', record(22, 200)}, {'S', record(22, 300)}},
      {{'S', "220 hello\r\n"}},
      {{'S', "2200 hello\r\n"}, {'C', "hi\r\n"}},
  };
  for (const Turns& turns : talks) {
    Dialogue d({.server_port = 8'080});
    d.open();
    d.say(turns);
    d.close();
    SessionBench bench;
    bench.give(d.packets);
    bench.table.finish();
    EXPECT_TRUE(bench.changes.empty()) << turns.front().bytes;
    EXPECT_EQ(bench.without_data, 0U);
  }
}

TEST(Session, TlsThatBeganBeforeTheCaptureIsNoFailure) {
  Dialogue d;
  d.say({{'C', record(23, 100)}, {'S', record(23, 100)}});
  SessionBench bench;
  const SessionEvidence s = bench.play(d.packets);
  EXPECT_EQ(name(s.outcome()), "unknown");
  EXPECT_TRUE(s.dialogue.empty());
}

}  // namespace
}  // namespace mxw::session
