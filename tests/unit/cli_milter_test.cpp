// The milter's decisions in words.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/milter_rows.hpp"
#include "milter/decide.hpp"

namespace mxw::cli {
namespace {

using testing::HasSubstr;
using testing::Not;

MilterDecision deferral() {
  return {.time = {1'796'083'200 * kSecond},  // 2026-12-01
          .session = "0000000000000abc",
          .queue_id = "4bXyZ",
          .listener = "MTA",
          .role = "relay",
          .domain = "example.org",
          .verdict_id = "v1",
          .action = "defer",
          .code = "451 4.7.4",
          .reason = "path-blocked"};
}

// Wrapped lines as one.
std::string line(const MilterDecision& decision) {
  std::string text = decision_text(decision);
  for (char& c : text)
    if (c == '\n') c = ' ';
  return text;
}

TEST(Explain, ADeferralInWordsForACustomer) {
  EXPECT_EQ(decision_text(deferral()),
            "2026-12-01 00:00:00 UTC: A message for example.org (queue id 4bXyZ) was not\n"
            "accepted yet: the sending server was told to try again later (451 4.7.4),\n"
            "because an alarm was active for every mail server that the policy of example.org\n"
            "names: connections to them were not protected as example.org demands, so the\n"
            "mail could have been read or changed on its way (alarm v1). A mail server does\n"
            "that by itself; the message is accepted once the alarm is over, at the latest\n"
            "after the time the milter holds any mail (defer.max_age).\n");
}

TEST(Explain, ADryRunSaysWhatWouldHaveBeen) {
  MilterDecision dry = deferral();
  dry.dry_run = true;
  EXPECT_THAT(line(dry),
              HasSubstr("was accepted; without dry_run the sender would have been told"));
  EXPECT_THAT(line(dry), Not(HasSubstr("once the alarm is over")));
  dry.action = "quarantine";
  EXPECT_THAT(line(dry), HasSubstr("would have been held in the queue"));
}

TEST(Explain, AnAlarmAboutTheConnectionInWordsForACustomer) {
  MilterDecision inbound = deferral();
  inbound.role = "inbound";
  inbound.action = "tag";
  inbound.code = "";
  inbound.reason = "session-verdict";
  inbound.verdict_id = "v7";
  inbound.rule = "R13";
  EXPECT_EQ(decision_text(inbound),
            "2026-12-01 00:00:00 UTC: A message from outside for example.org (queue id 4bXyZ)\n"
            "was accepted, and noted, because it came in for that host, where mail is never\n"
            "held back; but an alarm was active for the very connection it came by: the\n"
            "sending server used no TLS, which it always did before, so the mail could have\n"
            "been read or changed on its way (alarm v7, rule R13). Who runs the sending\n"
            "server should look at what it logged of that delivery.\n");
}

TEST(Explain, EveryReasonHasWords) {
  MilterDecision decision = deferral();
  for (int i = 0; i <= static_cast<int>(milter::Reason::internal_error); ++i) {
    decision.reason = name(static_cast<milter::Reason>(i));
    EXPECT_THAT(line(decision), Not(HasSubstr("because reason"))) << decision.reason;
  }
  decision.reason = "later-word";
  EXPECT_THAT(line(decision), HasSubstr("because reason later-word"));
}

TEST(Explain, TextFromOutsideDrivesNoTerminal) {
  MilterDecision decision = deferral();
  decision.queue_id = decision.verdict_id = decision.domain = decision.code = decision.rule =
      "\x1b[2J\n";
  EXPECT_THAT(decision_text(decision), Not(HasSubstr("\x1b")));
}

TEST(Explain, JsonLeavesOutWhatIsEmpty) {
  MilterDecision decision = deferral();
  decision.queue_id.clear();
  decision.rule = "R02";
  decision.began = decision.time - kSecond;
  EXPECT_EQ(decision_json(decision),
            R"({"time":"2026-12-01T00:00:00Z","session":"0000000000000abc","listener":"MTA",)"
            R"("role":"relay","domain":"example.org","verdict_id":"v1","action":"defer",)"
            R"("code":"451 4.7.4","reason":"path-blocked","rule":"R02",)"
            R"("began":"2026-11-30T23:59:59Z","dry_run":false})"
            "\n");
}

TEST(Explain, OtherMailsOfTheQueueIdAreSaid) {
  const Time start = deferral().time;
  EXPECT_EQ(others_text({}), "");
  EXPECT_EQ(others_text({.rows = {deferral()}, .others = 1, .starts = {start}}),
            "1 other mail had that queue id: --at TIME shows the newest that had begun by then "
            "(it began 2026-12-01 00:00:00 UTC)");
  EXPECT_EQ(others_text({.rows = {}, .others = 3, .starts = {start, start - kDay}}),
            "3 other mails had that queue id: --at TIME shows the newest that had begun by then "
            "(they began 2026-12-01 00:00:00 UTC, 2026-11-30 00:00:00 UTC, and before)");
}

TEST(MilterImpact, WhatWouldHaveBeenHeldIsSaid) {
  EXPECT_EQ(tally_text({}), "");
  EXPECT_EQ(tally_text({{"relay", "accept", "path-clear", false, 40, 3},
                        {"relay", "defer", "path-blocked", true, 2, 1},
                        {"relay", "defer", "path-blocked", false, 1, 1}}),
            "the milter decided 43 times\n"
            "  40  relay: accept, path-clear, domains: 3\n"
            "  2  relay: would have been: defer, path-blocked, domains: 1\n"
            "  1  relay: defer, path-blocked, domains: 1\n");
}

}  // namespace
}  // namespace mxw::cli
