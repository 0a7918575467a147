// Single facts of the evidence: transactions under pipelining, what stands around the 220, and what
// must never be kept.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/limits.hpp"
#include "tests/unit/session_support.hpp"

namespace mxw::session {
namespace {

using evidence::SessionEvidence;
using test::Dialogue;
using test::Turns;

const Turns kGreeting = {{'S', "220 mx.example.org ESMTP\r\n"},
                         {'C', "EHLO client.example.net\r\n"},
                         {'S', "250-mx.example.org\r\n250-STARTTLS\r\n250 SIZE\r\n"}};

SessionEvidence after_greeting(SessionBench& bench, const Turns& turns) {
  Dialogue d;
  d.open();
  d.say(kGreeting);
  d.say(turns);
  d.close();
  return bench.play(d.packets);
}

SessionEvidence after_greeting(const Turns& turns) {
  SessionBench bench;
  return after_greeting(bench, turns);
}

TEST(Evidence, TheNextMailMayBePipelinedBehindTheEndOfThisOne) {
  SessionBench bench;
  const SessionEvidence s = after_greeting(
      bench, {{'C', "MAIL FROM:<a@example.net>\r\nRCPT TO:<b@example.org>\r\nDATA\r\n"},
              {'S', "250 ok\r\n250 ok\r\n354 go\r\n"},
              {'C', "x\r\n.\r\nMAIL FROM:<c@example.com>\r\nRCPT TO:<d@example.org>\r\n"},
              {'S', "451 later\r\n250 ok\r\n250 ok\r\n"}});
  ASSERT_EQ(s.transactions.size(), 2U);
  EXPECT_FALSE(s.transactions[0].delivered);
  EXPECT_FALSE(s.transactions[1].delivered);
  EXPECT_EQ(s.transactions[1].recipients.at(0).code, 250);
  EXPECT_THAT(bench.told_transactions, testing::ElementsAre(0, 1));
}

TEST(Evidence, SoMayMailBehindRset) {
  SessionBench bench;
  const SessionEvidence s = after_greeting(
      bench, {{'C', "RSET\r\nMAIL FROM:<a@example.net>\r\nRCPT TO:<b@example.org>\r\nDATA\r\n"},
              {'S', "250 reset\r\n250 ok\r\n250 ok\r\n354 go\r\n"},
              {'C', "x\r\n.\r\n"},
              {'S', "250 queued\r\n"}});
  ASSERT_EQ(s.transactions.size(), 1U);
  EXPECT_TRUE(s.transactions[0].delivered);
  EXPECT_EQ(s.transactions[0].recipients.at(0).code, 250);
  EXPECT_THAT(bench.told_transactions, testing::ElementsAre(0));
}

TEST(Evidence, ARefusedMailBeginsNothingAndEndsNothing) {
  SessionBench bench;
  const SessionEvidence s = after_greeting(bench, {{'C', "MAIL FROM:<a@example.net>\r\n"},
                                                   {'S', "250 ok\r\n"},
                                                   {'C', "MAIL FROM:<b@example.net>\r\n"},
                                                   {'S', "503 nested\r\n"},
                                                   {'C', "RCPT TO:<c@example.org>\r\n"},
                                                   {'S', "250 ok\r\n"}});
  EXPECT_EQ(s.transaction_count, 1U);
  ASSERT_EQ(s.transactions.at(0).recipients.size(), 1U);
  EXPECT_THAT(bench.told_transactions, testing::ElementsAre(0));
}

TEST(Evidence, TheLastChunkEndsItsMail) {
  SessionBench bench;
  const SessionEvidence s = after_greeting(
      bench, {{'C',
               "MAIL FROM:<a@example.net>\r\nRCPT TO:<b@example.org>\r\nBDAT 3\r\nabc"
               "BDAT 2 LAST\r\nde"},
              {'S', "250 ok\r\n250 ok\r\n250 3 octets\r\n"},
              {'S', "250 queued\r\n"},
              {'C', "RCPT TO:<late@example.com>\r\n"},
              {'S', "503 no\r\n"}});
  ASSERT_EQ(s.transactions.size(), 1U);
  EXPECT_TRUE(s.transactions[0].data);
  EXPECT_TRUE(s.transactions[0].delivered);
  EXPECT_EQ(s.transactions[0].recipients.size(), 1U);
}

TEST(Evidence, MailOfTheNullSenderHasNoDomain) {
  const SessionEvidence s = after_greeting({{'C', "MAIL FROM:<>\r\n"}, {'S', "250 ok\r\n"}});
  EXPECT_EQ(s.mail_from_domain(), "");
  EXPECT_EQ(s.transactions.at(0).mail_from, "<>");
}

TEST(Evidence, RefusedRecipientsAreListed) {
  const SessionEvidence s =
      after_greeting({{'C', "MAIL FROM:<a@example.net>\r\n"},
                      {'S', "250 ok\r\n"},
                      {'C', "RCPT TO:<b@example.org>\r\nRCPT TO:<c@example.com>\r\n"},
                      {'S', "550 no\r\n251 forwarded\r\n"}});
  EXPECT_THAT(s.rcpt_domains, testing::ElementsAre("example.org", "example.com"));
  EXPECT_EQ(s.transactions[0].recipients[0].code, 550);
  EXPECT_EQ(s.transactions[0].recipients[1].code, 251);
}

TEST(Evidence, NoGreetingCountsBehindStarttls) {
  const SessionEvidence s = after_greeting({{'C', "STARTTLS\r\n"},
                                            {'S', "454 later\r\n"},
                                            {'C', "EHLO again\r\n"},
                                            {'S', "250-mx\r\n250 SIZE\r\n"}});
  EXPECT_EQ(name(s.offered()), "yes");
  EXPECT_EQ(s.greetings.size(), 2U);
}

TEST(Evidence, AnOverwrittenCommandIsSeenWhereStarttlsWasDue) {
  for (const std::string command : {"XXXXXXXX", "STARXXXX", "********"}) {
    const SessionEvidence s = after_greeting({{'C', command + "\r\n"}, {'S', "500 unknown\r\n"}});
    EXPECT_TRUE(s.starttls.overwritten) << command;
    EXPECT_EQ(s.dialogue.back().text, "500 unknown");
  }
  EXPECT_FALSE(after_greeting({{'C', "XCLIENTX\r\n"}, {'S', "500 no\r\n"}}).starttls.overwritten);
}

TEST(Evidence, ALateSecond220IsADuplicateReply) {
  const SessionEvidence s = after_greeting({{'C', "STARTTLS\r\n"},
                                            {'S', "454 injected\r\n"},
                                            {'S', "220 go\r\n"},
                                            {'C', "QUIT\r\n"},
                                            {'S', "221 bye\r\n"}});
  EXPECT_TRUE(s.starttls.duplicate_reply);
  EXPECT_EQ(s.starttls.reply_code, 454);
}

TEST(Evidence, ALostClientHelloIsNoPlaintext) {
  const Turns turns = turns_of("clean-tls12-cert.pcap");
  ASSERT_GT(turns.size(), 6U);
  Dialogue d;
  d.open();
  bool lost = false;
  for (const test::Turn& turn : turns) {
    if (!lost && turn.who == 'C' && turn.bytes[0] == 0x16) {
      d.lose({'C', turn.bytes.substr(0, 100)});
      d.say({'C', turn.bytes.substr(100)});
      lost = true;
    } else {
      d.say(turn);
    }
  }
  d.wait(2 * kSecond);
  d.acknowledge('S');
  d.close();
  ASSERT_TRUE(lost);
  SessionBench bench;
  const SessionEvidence s = bench.play(d.packets);
  EXPECT_FALSE(s.tls.client_not_tls);
  EXPECT_FALSE(s.starttls.plain_after_220);
  EXPECT_EQ(s.starttls.bytes_after_220, 0U);
  EXPECT_TRUE(s.quality.gap);
}

TEST(Evidence, AnInjectedLineNeverTakesTheDialoguesLastPlace) {
  Dialogue d;
  d.open();
  d.say(kGreeting);
  for (std::size_t i = 0; i < limits::kSmtpDialogueLines; ++i)
    d.say({{'C', "EHLO again\r\n"}, {'S', "502 no\r\n"}});
  d.say({{'C', "STARTTLS\r\n"}, {'S', "220 go\r\n250 injected\r\n"}, {'C', "\x16\x03\x01"}});
  d.close();
  SessionBench bench;
  const SessionEvidence s = bench.play(d.packets);
  EXPECT_EQ(s.dialogue.size(), limits::kSmtpDialogueLines);
  EXPECT_GT(s.dialogue_dropped, 0U);
  EXPECT_EQ(s.starttls.bytes_after_220, 14U);
  for (const evidence::DialogueLine& line : s.dialogue)
    EXPECT_THAT(line.text, testing::Not(testing::HasSubstr("injected")));
}

// The local part stands where a bound would cut between it and its domain.
TEST(Privacy, ABoundNeverSparesALocalPart) {
  const std::string pad(limits::kSmtpTextBytes - 12, 'x');
  const std::string address = " contact-person@example.org ok\r\n";
  Dialogue d;
  d.open();
  d.say({{'S', "220 " + pad + address},
         {'C', "EHLO c\r\n"},
         {'S', "250-mx\r\n250-STARTTLS\r\n250 " + pad + address},
         {'C', "STARTTLS\r\n"},
         {'S', "220 " + pad + address + "250 " + pad + address},
         {'C', "\x16\x03\x01"}});
  d.close();
  SessionBench bench;
  EXPECT_THAT(describe(bench.play(d.packets)), testing::Not(testing::HasSubstr("contact")));
}

TEST(Privacy, NothingOfAuthIsKept) {
  const std::string secret = "c2VjcmV0LXdvcmQ=";
  const Turns ways[] = {
      {{'C', "AUTH PLAIN " + secret + "\r\n"}, {'S', "235 ok\r\n"}},
      {{'C', "AUTH LOGIN\r\n"}, {'S', "334 x\r\n"}, {'C', secret + "\r\n"}, {'S', "535 no\r\n"}},
      {{'C', "AUTH LOGIN\r\n" + secret + "\r\n" + secret + "\r\n"},
       {'S', "334 x\r\n334 y\r\n235 ok\r\n"}},
      {{'C', "STARTTLS\r\nEHLO x\r\nAUTH PLAIN " + secret + "\r\n"}, {'S', "220 go\r\n"}},
      {{'C', "STARTTLS\r\nAUTH PLAIN " + secret + "\r\n"}, {'S', "220 go\r\n"}},
      {{'C', "STARTTLS\r\n" + secret + "\r\n"}, {'S', "220 go\r\n"}},
  };
  for (const Turns& turns : ways) {
    const std::string all = describe(after_greeting(turns));
    EXPECT_THAT(all, testing::Not(testing::HasSubstr("c2VjcmV0"))) << turns[0].bytes;
  }
}

TEST(Privacy, NorOfLocalPartsBehindStarttls) {
  for (const std::string line :
       {"MAIL FROM:<contact-person@example.org>", "RCPT TO:<contact-person>", "VRFY contact-person",
        "NOOP contact-person", "EHLO <contact-person@example.org>"}) {
    const std::string all =
        describe(after_greeting({{'C', "STARTTLS\r\n" + line + "\r\n"}, {'S', "220 go\r\n"}}));
    EXPECT_THAT(all, testing::Not(testing::HasSubstr("contact"))) << line;
    EXPECT_THAT(all, testing::HasSubstr("after_command=" + std::to_string(line.size() + 2)));
  }
}

TEST(Evidence, TheMechanismThatShowsTheSecretIsNamedWhateverCameBefore) {
  const auto after = [](const char* second) {
    return after_greeting({{'C', "AUTH CRAM-MD5\r\n"},
                           {'S', "504 no\r\n"},
                           {'C', std::string(second) + "\r\n"},
                           {'S', "235 ok\r\n"}})
        .auth_mechanism;
  };
  EXPECT_EQ(after("AUTH PLAIN AGEAYg=="), "PLAIN");
  EXPECT_EQ(after("AUTH SCRAM-SHA-256 xyz"), "SCRAM-SHA-256");
  EXPECT_EQ(after("AUTH AHVzZXIAcGFzc3dk"), "other") << "a secret in the mechanism's place";
}

TEST(Evidence, ACommentBehindTheDomainIsNoDomain) {
  const SessionEvidence s = after_greeting({{'C', "MAIL FROM:<a@example.net>\r\n"},
                                            {'S', "250 ok\r\n"},
                                            {'C', "RCPT TO:<bob@y.test(john.smithers)>\r\n"},
                                            {'S', "250 ok\r\n"}});
  EXPECT_THAT(s.rcpt_domains, testing::ElementsAre("y.test"));
  EXPECT_THAT(describe(s), testing::Not(testing::HasSubstr("smithers")));
}

}  // namespace
}  // namespace mxw::session
