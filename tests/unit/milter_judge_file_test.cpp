// -t FILE: a message judged without mail server and milter.
#include "milter/judge_file.hpp"

#include <gmock/gmock.h>

#include <fstream>

#include "core/feed/replica.hpp"
#include "tests/unit/store_support.hpp"

namespace mxw::milter {
namespace {

using store::at;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

constexpr char kMessage[] =
    "From someone Thu Nov 26 2026\r\n"
    "From: Somebody <u@example.net>\r\n"
    "To: \"X\" <x@example.org>, y@example.com,\r\n z@Example.COM\r\n"
    "Cc: x@example.org\r\n"
    "Authentication-Results: mta.example.org; x-tls=pass\r\n"
    "\r\n"
    "To: body@example.com\r\n";

TEST(MilterJudgeFile, ReadsTheHeaderOnly) {
  const MessageHeader header = read_header(kMessage);
  EXPECT_THAT(header.recipients, ElementsAre("x@example.org", "y@example.com", "z@Example.COM"));
  ASSERT_EQ(header.fields.size(), 4U);  // without the line of a mailbox
  EXPECT_THAT(header.fields[1],
              Pair("To", " \"X\" <x@example.org>, y@example.com,\n z@Example.COM"));
  for (const char* const odd : {"", "\n", " folded\n", "no colon", ":", "To:", "To: @ a@ @b a@b c"})
    EXPECT_LE(read_header(odd).recipients.size(), 1U) << odd;
}

TEST(MilterJudgeFile, SaysWhatWouldBeDoneByTheCache) {
  const store::TemporaryDirectory folder;
  std::ofstream(folder.file("message")) << kMessage;
  feed::Replica known;
  rows::DomainRow domain;
  domain.name = "example.org";
  domain.state = rows::DomainState::none;
  domain.checked_at = at(0);
  domain.seq = 1;
  known.on_change(domain);
  known.on_end(1);
  ASSERT_TRUE(known.save(folder.file("cache")));
  config::Config config;
  config.paths.operator_dir = folder.file("operator");
  const auto report = judge_file(folder.file("message"), config, folder.file("cache"), at(60));
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(*report,
            "as inbound:\n"
            "  example.org: tag, inbound\n"
            "  Authentication-Results 1 goes\n"
            "  inserted: Authentication-Results: mta.example.org; x-tls=none\n"
            "as relay:\n"
            "  example.org: accept, no-policy, protection none, path unprotected\n"
            "  example.com: accept, policy-unknown, protection none, path unknown\n"
            "  example.com: accept, policy-unknown, protection none, path unknown\n");
  config.milter.role = config::MilterRole::relay;
  const auto without = judge_file(folder.file("message"), config, folder.file("absent"), at(60));
  ASSERT_TRUE(without);
  EXPECT_THAT(*without, HasSubstr("nothing is known of policies: "));
  EXPECT_THAT(*without, testing::Not(HasSubstr("as inbound")));
}

TEST(MilterJudgeFile, WhatOthersWroteInAHeaderIsNotPrinted) {
  const store::TemporaryDirectory folder;
  std::ofstream(folder.file("message"))
      << "To: x@example.org\r\n"
         "Authentication-Results: mta.example.org; spf=pass smtp.mailfrom=secret@example.net;\r\n"
         " x-tls=pass; x-mta-sts=pass\r\n\r\n";
  config::Config config;
  config.paths.operator_dir = folder.file("operator");
  const auto report = judge_file(folder.file("message"), config, folder.file("absent"), at(60));
  ASSERT_TRUE(report);
  EXPECT_THAT(*report, HasSubstr("  Authentication-Results 1 loses 2 of its results\n"));
  EXPECT_THAT(*report, testing::Not(HasSubstr("secret")));
  EXPECT_THAT(*report, testing::Not(HasSubstr("spf")));
}

TEST(MilterJudgeFile, AFileThatIsNotThereIsAnError) {
  const auto report = judge_file("/nonexistent", {}, "/nonexistent", at(0));
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().kind, ErrorKind::input);
}

}  // namespace
}  // namespace mxw::milter
