// What the tool makes of reports: mailboxes, and words for a postmaster.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/report_files.hpp"
#include "cli/report_words.hpp"
#include "core/policy/tlsrpt.hpp"

namespace mxw::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

TEST(Mbox, IsSplitAtFromBehindAnEmptyLine) {
  EXPECT_THAT(
      split_mbox("From a Thu\nSubject: 1\n\nx\nFrom here\n\nFrom b Fri\nSubject: 2\n\n"
                 ">From there\n>>From deep\n>no\n"),
      ElementsAre("Subject: 1\n\nx\nFrom here\n\n", "Subject: 2\n\nFrom there\n>From deep\n>no\n"));
  EXPECT_THAT(split_mbox("Subject: one\n\nFrom x\n"), ElementsAre("Subject: one\n\nFrom x\n"));
  EXPECT_THAT(split_mbox(""), ElementsAre(""));
  EXPECT_THAT(split_mbox("From a"), ElementsAre(""));
}

Inbox sample() {
  Inbox inbox;
  for (int day = 1; day <= 4; ++day)
    inbox.days.push_back(R"({"v":1,"domain":"example.org","day":"2026-11-0)" + std::to_string(day) +
                         R"(","reports":2,"sessions":100,"failed":)" +
                         std::to_string(day > 2 ? 20 : 1) + "}");
  inbox.causes.push_back(
      R"({"v":1,"domain":"example.org","result_type":"certificate-expired","mx_host":"mx1.example.org",)"
      R"("reason":"","count":42,"reporters":2,"first":"2026-11-01","last":"2026-11-04"})");
  inbox.reporters.push_back(
      R"({"v":1,"submitter":"reporter.example","organisation":"R","dkim":"none","reports":4,)"
      R"("sessions":400,"failed":42,"last":"2026-11-04"})");
  return inbox;
}

TEST(InboxText, SaysWhatFailsWhereAndWhetherItGrows) {
  const std::string text = inbox_text(sample());
  EXPECT_THAT(text,
              HasSubstr("example.org: 400 sessions in 8 reports, 42 failed (10.5 %), and that "
                        "grows"));
  EXPECT_THAT(text, HasSubstr("42 times certificate-expired at mx1.example.org, 2026-11-01 to"));
  EXPECT_THAT(text, HasSubstr("renewals reach"));
  EXPECT_THAT(text, HasSubstr("not proved to be theirs (DKIM none)"));
}

TEST(InboxText, HasWordsForEveryResultType) {
  for (int i = 0; i <= static_cast<int>(policy::ResultType::sts_webpki_invalid); ++i) {
    const auto type = name(static_cast<policy::ResultType>(i));
    EXPECT_THAT(std::string(result_meaning(type)), Not(HasSubstr("does not list"))) << type;
  }
  EXPECT_THAT(std::string(result_meaning("other")), HasSubstr("does not list"));
}

TEST(InboxText, NothingIsSaidToBeNothing) {
  EXPECT_EQ(inbox_text({}), "no reports about our domains in this time\n");
  Inbox quarantined;
  quarantined.quarantined = 3;
  EXPECT_THAT(inbox_text(quarantined), HasSubstr("3 reports came by mail without a valid"));
  EXPECT_EQ(inbox_json(quarantined),
            "{\"quarantined\":3,\"cut\":false,\"days\":[],\"causes\":[],\"reporters\":[]}\n");
}

}  // namespace
}  // namespace mxw::cli
