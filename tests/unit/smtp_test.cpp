// The SMTP parser: commands and what answers them, bodies, AUTH, STARTTLS, loss.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/limits.hpp"
#include "tests/unit/smtp_support.hpp"

namespace mxw::smtp {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

using Heard = std::vector<std::string>;

Heard heard(const test::Turns& turns, bool midstream = false) {
  Talk talk(midstream);
  talk.say(turns);
  return talk.heard();
}

TEST(Smtp, BannerAndMultiLineReplies) {
  Talk talk;
  talk.say({{'S', "220-mx\r\n220-second\r\n220 third\r\n"},
            {'C', "EHLO client.example.net\r\n"},
            {'S', "250-mx.example.org\r\n250-STARTTLS\r\n250\r\n"}});
  EXPECT_THAT(talk.log.lines,
              ElementsAre("220 x3 to connect", "EHLO client.example.net @0+25", "250 x3 to EHLO"));
  ASSERT_EQ(talk.log.last_reply.lines.size(), 3U);
  EXPECT_EQ(talk.log.last_reply.lines[1].text, "STARTTLS");
  EXPECT_EQ(talk.log.last_reply.lines[1].offset, 51U);
  EXPECT_EQ(talk.log.last_reply.lines[2].text, "");
}

TEST(Smtp, ABannerThatIsNoReplyHasNoCode) {
  EXPECT_THAT(heard({{'S', "SSH-2.0-x\r\n"}}), ElementsAre("0 to connect"));
}

TEST(Smtp, PipelinedCommandsGetTheirOwnReplies) {
  EXPECT_THAT(
      heard({{'S', "220 mx\r\n"},
             {'C', "mail from: <a@example.net> SIZE=1\r\nRcpt To:<b@example.org>\r\nDATA\r\n"},
             {'S', "250 a\r\n550 b\r\n"},
             {'S', "554 c\r\n"},
             {'C', "RSET\r\nQUIT\r\n"},
             {'S', "250 d\r\n221 e\r\n"}}),
      ElementsAre("220 to connect", "MAIL <a@example.net> SIZE=1", "RCPT <b@example.org>", "DATA",
                  "250 to MAIL", "550 to RCPT", "554 to DATA", "RSET", "QUIT", "250 to RSET",
                  "221 to QUIT"));
}

TEST(Smtp, DataEndsAtItsDotAndNowhereElse) {
  EXPECT_THAT(heard({{'S', "220 mx\r\n"},
                     {'C', "DATA\r\n"},
                     {'S', "354 go\r\n"},
                     {'C', "QUIT\r\n..\r\n.x\r\n. \r\nEHLO x\r\n.\r\nQUIT\r\n"},
                     {'S', "250 queued\r\n221 bye\r\n"}}),
              ElementsAre("220 to connect", "DATA", "354 to DATA", "body", ".", "QUIT", "250 to .",
                          "221 to QUIT"));
}

TEST(Smtp, AnEmptyBodyIsADotLine) {
  EXPECT_THAT(heard({{'S', "220 mx\r\n"}, {'C', "DATA\r\n"}, {'S', "354 go\r\n"}, {'C', ".\r\n"}}),
              ElementsAre("220 to connect", "DATA", "354 to DATA", "body", "."));
}

TEST(Smtp, RefusedDataHasNoBody) {
  EXPECT_THAT(
      heard({{'S', "220 mx\r\n"}, {'C', "DATA\r\nRSET\r\n"}, {'S', "503 no\r\n250 ok\r\n"}}),
      ElementsAre("220 to connect", "DATA", "503 to DATA", "RSET", "250 to RSET"));
}

TEST(Smtp, ABodySentBeforeIts354IsABody) {
  EXPECT_THAT(heard({{'S', "220 mx\r\n"},
                     {'C', "DATA\r\nMAIL FROM:<x@example.net>\r\n.\r\n"},
                     {'S', "354 go\r\n250 ok\r\n"}}),
              ElementsAre("220 to connect", "DATA", "354 to DATA", "body", ".", "250 to ."));
}

struct Smuggled {
  const char* body;
  bool dot, verb;
};

TEST(Smtp, DotLinesWithoutTheirCrLfAreNoted) {
  for (const Smuggled& s : {Smuggled{"a\n.\nMAIL FROM:<x>\r\n.\r\n", true, true},
                            Smuggled{"a\n.\r\nmail from:<x>\r\n.\r\n", true, true},
                            Smuggled{"a\r\n.\nRCPT x\r\n.\r\n", true, true},
                            Smuggled{"a\n.\nhello\r\n.\r\n", true, false},
                            Smuggled{"a\r\n..\n.x\nMAIL\r\n.\r\n", false, false},
                            Smuggled{"a\nb\n\r\n.\r\n", false, false}}) {
    Heard expected = {"220 to connect", "DATA", "354 to DATA"};
    expected.push_back(std::string("body") + (s.dot ? " bare-dot" : "") + (s.verb ? " verb" : ""));
    expected.emplace_back(".");
    EXPECT_EQ(heard({{'S', "220 mx\r\n"}, {'C', "DATA\r\n"}, {'S', "354 go\r\n"}, {'C', s.body}}),
              expected)
        << s.body;
  }
}

TEST(Smtp, ChunksAreCounted) {
  EXPECT_THAT(heard({{'S', "220 mx\r\n"},
                     {'C', "BDAT 12\r\nQUIT\r\nRSET\r\nBDAT 0\r\nBDAT 2 LAST\r\n\r\nNOOP\r\n"},
                     {'S', "250 a\r\n250 b\r\n250 c\r\n250 d\r\n"}}),
              ElementsAre("220 to connect", "BDAT 12", "BDAT 0", "BDAT 2 LAST", "NOOP",
                          "250 to BDAT", "250 to BDAT", "250 to BDAT", "250 to NOOP"));
}

TEST(Smtp, OctetsOfARefusedChunkAreSkippedAllTheSame) {
  EXPECT_THAT(heard({{'S', "220 mx\r\n"},
                     {'C', "BDAT 12\r\nQUIT\r\n"},
                     {'S', "503 no\r\n"},
                     {'C', "RSET\r\nNOOP\r\n"}}),
              ElementsAre("220 to connect", "BDAT 12", "503 to BDAT", "NOOP"));
}

// What stands behind a size that is none may be a chunk or commands: nothing is believed before a
// reply.
TEST(Smtp, ASizeThatIsNoneLosesTheClient) {
  for (const std::string size : {"-5", "x", "", "99999999999999999999999", "1.5"}) {
    Talk talk;
    talk.say({{'S', "220 mx\r\n"},
              {'C', "BDAT " + size + "\r\nMAIL FROM:<a@example.net>\r\ntext\r\n"},
              {'S', "501 no\r\n"}});
    EXPECT_EQ(talk.heard().size(), 3U) << size;
    EXPECT_TRUE(talk.parser.lost());
    talk.say({{'C', "RSET\r\n"}, {'S', "250 ok\r\n"}});
    EXPECT_EQ(talk.heard().back(), "250 to RSET");
    EXPECT_FALSE(talk.parser.lost());
  }
}

TEST(Smtp, AHugeChunkTakesAllThatFollows) {
  Talk talk;
  talk.say({{'S', "220 mx\r\n"},
            {'C', "BDAT 18446744073709551615\r\n" + std::string(100'000, 'x') + "\r\nQUIT\r\n"}});
  EXPECT_EQ(talk.heard().size(), 2U);
  talk.say({{'S', "500 what\r\n"}, {'C', "QUIT\r\n"}, {'S', "221 bye\r\n"}});  // it was not taken
  EXPECT_EQ(talk.heard().back(), "221 to QUIT");
}

TEST(Smtp, LinesOfAuthAreNeverReportedWithText) {
  const test::Turns ways[] = {
      {{'S', "220 mx\r\n"},
       {'C', "AUTH LOGIN\r\n"},
       {'S', "334 a\r\n"},
       {'C', "c2VjcmV0\r\n"},
       {'S', "334 b\r\n"},
       {'C', "QUIT\r\n"},
       {'S', "235 ok\r\n"},
       {'C', "NOOP\r\n"}},
      // All at once, against RFC 4954 section 4.
      {{'S', "220 mx\r\n"},
       {'C', "AUTH LOGIN\r\nc2VjcmV0\r\nc2VjcmV0\r\n"},
       {'S', "334 a\r\n334 b\r\n235 ok\r\n"},
       {'C', "NOOP\r\n"}},
  };
  for (const test::Turns& turns : ways) {
    Talk talk;
    talk.say(turns);
    const Heard lines = talk.heard();
    EXPECT_EQ(std::count(lines.begin(), lines.end(), "AUTH line"), 2);
    EXPECT_EQ(std::count(lines.begin(), lines.end(), "QUIT"), 0);
    EXPECT_EQ(lines.back(), "NOOP");
    EXPECT_THAT(lines, testing::Each(testing::Not(HasSubstr("c2Vj"))));
    EXPECT_THAT(lines, testing::Contains("235 to AUTH line"));
    EXPECT_EQ(talk.log.texts, "");
  }
}

TEST(Smtp, NorWhereTheServerIsNotSeen) {
  Talk talk;
  talk.parser.set_one_sided(true);
  talk.say('C', "EHLO x\r\nAUTH LOGIN\r\nc2VjcmV0\r\nc2VjcmV0\r\nMAIL FROM:<a@example.net>\r\n");
  EXPECT_THAT(talk.heard(), ElementsAre("EHLO x", "AUTH LOGIN", "AUTH line", "AUTH line",
                                        "MAIL <a@example.net>"));
}

TEST(Smtp, StarttlsTakenLeavesTheOctetsToTls) {
  Talk talk;
  talk.say({{'S', "220 mx\r\n"},
            {'C', "STARTTLS\r\n"},
            {'S', "220 go\r\nbehind"},
            {'C', "\x16\x03\x01hello\r\nQUIT\r\n"},
            {'S', "250 x\r\n"}});
  EXPECT_THAT(talk.heard(), ElementsAre("220 to connect", "STARTTLS", "220 to STARTTLS"));
  EXPECT_EQ(talk.log.behind[0], "\x16\x03\x01hello\r\nQUIT\r\n");
  EXPECT_EQ(talk.log.behind[1], "behind250 x\r\n");
  EXPECT_TRUE(talk.parser.after_220());
}

TEST(Smtp, StarttlsRefusedGoesOnWithWhatWasPipelined) {
  for (const std::string refusal : {"454 4.7.0 later", "501 no", "554 never", "421 bye"})
    EXPECT_THAT(heard({{'S', "220 mx\r\n"},
                       {'C', "STARTTLS\r\nMAIL FROM:<a@example.net>\r\n"},
                       {'S', refusal + "\r\n250 ok\r\n"}}),
                ElementsAre("220 to connect", "STARTTLS", refusal.substr(0, 3) + " to STARTTLS",
                            "MAIL <a@example.net>", "250 to MAIL"));
}

TEST(Smtp, ClearOctetsBetweenStarttlsAndIts220AreEarly) {
  Talk talk;
  talk.say({{'S', "220 mx\r\n"}, {'C', "STARTTLS\r\nEHLO x\r\n"}, {'S', "220 go\r\n"}});
  EXPECT_EQ(talk.log.lines.back(), "early EHLO x\r\n @10");
  talk.say('C', "\x16\x03\x01");
  EXPECT_EQ(talk.log.behind[0], "\x16\x03\x01");
}

TEST(Smtp, ALate220AnswersNoOtherCommand) {
  EXPECT_THAT(heard({{'S', "220 mx\r\n"},
                     {'C', "STARTTLS\r\n"},
                     {'S', "454 injected\r\n"},
                     {'C', "MAIL FROM:<a@example.net>\r\n"},
                     {'S', "220 go\r\n250 ok\r\n"}}),
              ElementsAre("220 to connect", "STARTTLS", "454 to STARTTLS", "MAIL <a@example.net>",
                          "220 unasked", "250 to MAIL"));
}

TEST(Smtp, A421NeedsNoCommand) {
  EXPECT_THAT(heard({{'S', "220 mx\r\n"}, {'S', "421 too slow\r\n"}}),
              ElementsAre("220 to connect", "421 unasked"));
}

TEST(Smtp, UnknownVerbsAndHttp) {
  EXPECT_THAT(heard({{'S', "220 mx\r\n"},
                     {'C', "POST / HTTP/1.1\r\nGET it\r\nXCLIENT A=b\r\n\r\nSTARTTLSX\r\nNOOP\n"}}),
              ElementsAre("220 to connect", "HTTP / HTTP/1.1", "unknown GET it",
                          "unknown XCLIENT A=b", "unknown ", "unknown STARTTLSX", "NOOP"));
}

TEST(Smtp, VeryLongLinesAreCutAndCounted) {
  Talk talk;
  talk.say('S', "220 mx\r\n");
  const std::string line = "EHLO " + std::string(3 * limits::kSmtpLineBytes, 'x');
  for (std::size_t i = 0; i < line.size(); i += 1'000) talk.say('C', line.substr(i, 1'000));
  talk.say('C', "\r\nNOOP\r\n");
  EXPECT_EQ(talk.log.lines[1].size(), limits::kSmtpLineBytes + std::string(" @0+12295").size());
  EXPECT_THAT(talk.log.lines[1], testing::EndsWith(" @0+12295"));
  EXPECT_EQ(talk.log.lines[2], "NOOP @12295+6");
}

TEST(Smtp, EndlessRepliesAreBounded) {
  Talk talk;
  for (std::size_t i = 0; i < 10 * limits::kSmtpReplyLines; ++i) talk.say('S', "220-more\r\n");
  EXPECT_TRUE(talk.log.lines.empty());
  talk.say('S', "220 end\r\n");
  EXPECT_EQ(talk.log.last_reply.lines.size(), limits::kSmtpReplyLines);
  EXPECT_EQ(talk.log.last_reply.dropped_lines, 9 * limits::kSmtpReplyLines + 1);
}

TEST(Smtp, SoAreUnansweredCommands) {
  Talk talk;
  talk.say('S', "220 mx\r\n");
  for (std::size_t i = 0; i < 3 * limits::kSmtpPipeline; ++i) talk.say('C', "NOOP\r\n");
  talk.say({{'S', "250 ok\r\n"}});
  EXPECT_EQ(talk.log.tags, 3 * limits::kSmtpPipeline);
}

TEST(SmtpLoss, InACommandTheClientIsFoundAgainByAFittingReply) {
  Talk talk;
  talk.say({{'S', "220 mx\r\n"}, {'C', "EHLO cli"}});
  talk.gap('C', 20);
  talk.say({{'C', "rest\r\n"}, {'S', "250 ok\r\n"}});
  EXPECT_THAT(talk.heard(), ElementsAre("220 to connect", "250 unasked"));
  talk.say({{'C', "MAIL FROM:<a@example.net>\r\n"},
            {'S', "250 ok\r\n"},
            {'C', "RCPT TO:<b@example.org>\r\n"},
            {'S', "550 no\r\n"}});
  EXPECT_THAT(talk.heard(), ElementsAre("220 to connect", "250 unasked", "MAIL <a@example.net>",
                                        "250 to MAIL", "RCPT <b@example.org>", "550 to RCPT"));
}

struct Found {
  const char *line, *reply;
  bool found;
};

TEST(SmtpLoss, OnlyAKnownVerbWithItsReplyIsBelieved) {
  for (const Found& f :
       {Found{"EHLO x", "250 ok", true}, Found{"DATA", "354 go", true},
        Found{"STARTTLS", "220 go", true}, Found{"QUIT", "221 bye", true},
        Found{"AUTH PLAIN x", "235 ok", true}, Found{"RCPT TO:<a@example.org>", "251 ok", true},
        Found{"DATA", "250 ok", false}, Found{"QUIT", "250 ok", false},
        Found{"STARTTLS", "454 no", false}, Found{"MAIL FROM:<a@example.org>", "550 no", false},
        Found{"Hello", "250 ok", false}, Found{".", "250 ok", false}}) {
    Talk talk(true);
    talk.say({{'C', std::string(f.line) + "\r\n"}, {'S', std::string(f.reply) + "\r\n"}});
    EXPECT_EQ(talk.log.tags, f.found ? 1U : 0U) << f.line;
    EXPECT_EQ(talk.parser.lost(), !f.found) << f.line;
  }
}

TEST(SmtpLoss, InABodyNothingIsACommandUntilTheServerAnswers) {
  Talk talk;
  talk.say({{'S', "220 mx\r\n"}, {'C', "DATA\r\n"}, {'S', "354 go\r\n"}, {'C', "text\r\n"}});
  talk.gap('C', 1'000);
  talk.say('C', ".\r\nMAIL FROM:<x@example.net>\r\n");  // no line end was seen before that dot
  EXPECT_EQ(talk.heard().back(), "354 to DATA");
  talk.say('C', "more\r\n.\r\n");
  EXPECT_EQ(talk.heard().back(), ".");
}

TEST(SmtpLoss, TheEndOfABodyMayBeLost) {
  Talk talk;
  talk.say({{'S', "220 mx\r\n"}, {'C', "DATA\r\n"}, {'S', "354 go\r\n"}, {'C', "text\r\n"}});
  talk.gap('C', 1'000);
  talk.say({{'S', "250 queued\r\n"}, {'C', "RSET\r\n"}, {'S', "250 ok\r\n"}});
  EXPECT_THAT(talk.heard(), ElementsAre("220 to connect", "DATA", "354 to DATA", "250 unasked",
                                        "RSET", "250 to RSET"));
}

TEST(SmtpLoss, InsideAChunkItIsWalkedOver) {
  Talk talk;
  talk.say({{'S', "220 mx\r\n"}, {'C', "BDAT 100\r\nabc"}});
  talk.gap('C', 97);
  talk.say({{'C', "NOOP\r\n"}, {'S', "250 a\r\n250 b\r\n"}});
  EXPECT_THAT(talk.heard(),
              ElementsAre("220 to connect", "BDAT 100", "NOOP", "250 to BDAT", "250 to NOOP"));
  talk.say('C', "BDAT 100\r\nabc");
  talk.gap('C', 98);
  EXPECT_TRUE(talk.parser.lost());
}

TEST(SmtpLoss, OfTheReplyToDataKeepsTheBodyABody) {
  Talk talk;
  talk.say({{'S', "220 mx\r\n"}, {'C', "DATA\r\n"}});
  talk.gap('S', 8);
  talk.say('C', "MAIL FROM:<x@example.net>\r\n.\r\n");
  EXPECT_THAT(talk.heard(), ElementsAre("220 to connect", "DATA", "body", "."));

  Talk other;  // it is another reply that was lost, and DATA was refused
  other.say({{'S', "220 mx\r\n"}, {'C', "RCPT TO:<b@example.org>\r\nDATA\r\n"}});
  other.gap('S', 8);
  other.say({{'S', "554 no\r\n"}, {'C', "RSET\r\n"}, {'S', "250 ok\r\n"}});
  EXPECT_EQ(other.heard().back(), "250 to RSET");
}

TEST(SmtpLoss, OfTheReplyToStarttlsTheClientsOctetsTell) {
  Talk tls, clear;
  for (Talk* const talk : {&tls, &clear}) {
    talk->say({{'S', "220 mx\r\n"}, {'C', "STARTTLS\r\n"}});
    talk->gap('S', 8);
  }
  tls.say('C', "\x16\x03\x01hello");
  EXPECT_TRUE(tls.parser.after_220());
  clear.say('C', "MAIL FROM:<a@example.net>\r\n");
  EXPECT_EQ(clear.heard().back(), "MAIL <a@example.net>");
}

TEST(SmtpLoss, OfAClientHelloIsNotLossOfTheDialogue) {
  Talk talk;
  talk.say({{'S', "220 mx\r\n"}, {'C', "STARTTLS\r\n"}});
  talk.gap('C', 300);
  talk.say('S', "220 go\r\n");
  EXPECT_TRUE(talk.parser.after_220());
}

TEST(SmtpLoss, OfAReplyIsForgottenWithTheNextCommand) {
  Talk talk;
  talk.say({{'S', "220 mx\r\n"}, {'C', "EHLO x\r\n"}, {'S', "250-mx\r\n250-STA"}});
  talk.gap('S', 20);
  talk.say({{'S', "IME\r\n"}, {'C', "QUIT\r\n"}, {'S', "221 bye\r\n"}});
  EXPECT_THAT(talk.heard(), ElementsAre("220 to connect", "EHLO x", "QUIT", "221 to QUIT"));
}

}  // namespace
}  // namespace mxw::smtp
