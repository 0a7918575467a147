// What LmtpServer takes and bounds, and which bounces suppress an address.
#include "reportd/lmtp.hpp"

#include <gmock/gmock.h>
#include <sys/socket.h>

#include <array>

#include "core/ipc/connect.hpp"
#include "core/ipc/listener.hpp"
#include "reportd/suppression.hpp"
#include "reportd_delivery_support.hpp"
#include "tests/unit/ipc_support.hpp"

namespace mxw::reportd {
namespace {

using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

// A bounce as Postfix writes it.
std::string bounce(const std::string& to, const std::string& status = "5.1.1",
                   const std::string& action = "failed") {
  return "Return-Path: <>\r\n"
         "From: MAILER-DAEMON@mx.example.net\r\n"
         "Content-Type: multipart/report; report-type=delivery-status;\r\n"
         "\tboundary=\"4XyZ.1/mx.example.net\"\r\n"
         "MIME-Version: 1.0\r\n"
         "\r\n"
         "This is a MIME-encapsulated message.\r\n"
         "\r\n"
         "--4XyZ.1/mx.example.net\r\n"
         "Content-Description: Notification\r\n"
         "\r\n"
         "Action: failed\r\nStatus: 5.9.9\r\n"
         "--4XyZ.1/mx.example.net\r\n"
         "Content-Description: Delivery report\r\n"
         "Content-Type: message/delivery-status\r\n"
         "\r\n"
         "Reporting-MTA: dns; mx.example.net\r\n"
         "\r\n"
         "Final-Recipient: rfc822; " +
         to +
         "\r\n"
         "Original-Recipient: rfc822;" +
         to +
         "\r\n"
         "Action: " +
         action +
         "\r\n"
         "Status: " +
         status +
         "\r\n"
         "Diagnostic-Code: smtp; 550 5.1.1 User\r\n"
         "    unknown\r\n"
         "\r\n"
         "--4XyZ.1/mx.example.net\r\n"
         "Content-Type: text/rfc822-headers\r\n"
         "\r\n"
         "From: Reports <tlsrpt@reports.example.net>\r\n"
         "To: <tls@example.org>\r\n"
         "\r\n"
         "--4XyZ.1/mx.example.net--\r\n";
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const std::size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  if (at != std::string::npos) text.replace(at, from.size(), to);
  return text;
}

class LmtpTest : public LoopTest {
 protected:
  void start() {
    server.reset();
    listener.reset();
    listener = ipc::listen_on("unix:" + directory.file("lmtp"), {.mode = 0600}).value();
    ipc::PeerCheck everybody;
    everybody.allow_everybody();
    server =
        LmtpServer::create(
            *loop, listener.get(), everybody, "reports.example.net",
            {.known =
                 [](const std::string& name) { return name.find("unknown") == std::string::npos; },
             .take = [this](const LmtpMail& mail) { return take(mail); }},
            limits)
            .value();
  }
  std::vector<LmtpVerdict> take(const LmtpMail& mail) {
    mails.push_back(mail);
    std::vector<LmtpVerdict> verdicts;
    for (const std::string& name : mail.recipients) {
      verdicts.push_back(name.starts_with("later") ? LmtpVerdict::try_again
                         : name.starts_with("no")  ? LmtpVerdict::refused
                                                   : LmtpVerdict::taken);
    }
    return verdicts;
  }
  Fd connect() {
    return ipc::connect_unix(directory.file("lmtp"), ipc::SocketType::stream).value();
  }
  // Sends all and reads until the server hangs up or has said the last word.
  std::string talk(const Fd& fd, std::string_view octets, std::size_t piece = SIZE_MAX,
                   const std::string& last = "221 2.0.0 bye\r\n") {
    std::string said;
    bool over = false;
    run_until([&] {
      while (!octets.empty()) {
        const std::string_view now = octets.substr(0, piece);
        const ssize_t sent = ::send(fd.get(), now.data(), now.size(), MSG_NOSIGNAL);
        if (sent <= 0) break;
        octets.remove_prefix(static_cast<std::size_t>(sent));
        if (piece != SIZE_MAX) break;
      }
      std::array<char, 16'384> buffer{};
      for (;;) {
        const ssize_t got = ::recv(fd.get(), buffer.data(), buffer.size(), 0);
        if (got == 0) over = true;
        if (got <= 0) break;
        said.append(buffer.data(), static_cast<std::size_t>(got));
      }
      return over || (octets.empty() && said.ends_with(last));
    });
    return said;
  }
  std::string talk(std::string_view octets, std::size_t piece = SIZE_MAX) {
    return talk(connect(), octets, piece);
  }

  SocketDirectory directory;
  Fd listener;
  LmtpLimits limits;
  std::vector<LmtpMail> mails;
  std::unique_ptr<LmtpServer> server;
};

const std::string kDialogue =
    "LHLO mx.example.net\r\n"
    "MAIL FROM:<> BODY=8BITMIME\r\n"
    "RCPT TO:<a@Reports.Example.NET>\r\n"
    "RCPT TO:<unknown@reports.example.net>\r\n"
    "rcpt to: <later@reports.example.net>\r\n"
    "RCPT TO:<no@reports.example.net>\r\n"
    "DATA\r\n"
    "Subject: x\r\n\r\n..dot\r\nnot\n.\nthe end\r\n.\n\r\n..\r\n.\r\n"
    "MAIL FROM:<b@example.org>\r\n"
    "RCPT TO:<a@reports.example.net>\r\n"
    "DATA\r\n"
    ".\r\n"
    "QUIT\r\n";

TEST_F(LmtpTest, EachRecipientHasAnAnswerOfItsOwn) {
  start();
  EXPECT_EQ(talk(kDialogue),
            "220 reports.example.net LMTP\r\n"
            "250-reports.example.net\r\n"
            "250-PIPELINING\r\n"
            "250-8BITMIME\r\n"
            "250-ENHANCEDSTATUSCODES\r\n"
            "250 SIZE 16777216\r\n"
            "250 2.1.0 sender ok\r\n"
            "250 2.1.5 recipient ok\r\n"
            "550 5.1.1 no such mailbox\r\n"
            "250 2.1.5 recipient ok\r\n"
            "250 2.1.5 recipient ok\r\n"
            "354 go on\r\n"
            "250 2.0.0 taken\r\n"
            "451 4.3.0 try again later\r\n"
            "550 5.7.1 refused\r\n"
            "250 2.1.0 sender ok\r\n"
            "250 2.1.5 recipient ok\r\n"
            "354 go on\r\n"
            "250 2.0.0 taken\r\n"
            "221 2.0.0 bye\r\n");
  ASSERT_EQ(mails.size(), 2U);
  EXPECT_EQ(mails[0].sender, "");
  EXPECT_THAT(mails[0].recipients, ElementsAre("a@reports.example.net", "later@reports.example.net",
                                               "no@reports.example.net"));
  // A line feed alone ends no line, so no dot behind it ends the message.
  EXPECT_EQ(mails[0].message, "Subject: x\r\n\r\n.dot\r\nnot\n.\nthe end\r\n\n\r\n.\r\n");
  EXPECT_EQ(mails[1].sender, "b@example.org");
  EXPECT_EQ(mails[1].message, "");
  EXPECT_EQ(server->counters().messages, 2U);
  EXPECT_EQ(server->counters().unknown, 1U);
}

TEST_F(LmtpTest, AnySplitGivesTheSame) {
  start();
  const std::string whole = talk(kDialogue);
  const auto first = mails;
  for (const std::size_t piece : {1UL, 2UL, 7UL}) {
    mails.clear();
    EXPECT_EQ(talk(kDialogue, piece), whole);
    ASSERT_EQ(mails.size(), 2U);
    EXPECT_EQ(mails[0].message, first[0].message);
  }
}

TEST_F(LmtpTest, CommandsOutOfPlace) {
  start();
  const std::string said = talk(
      "MAIL FROM:<>\r\nLHLO\r\nEHLO x\r\nLHLO x\r\nRCPT TO:<a@x.test>\r\nDATA\r\nMAIL TO:<>\r\n"
      "MAIL FROM:<>\r\nMAIL FROM:<>\r\nDATA\r\nRCPT TO:<>\r\nRSET\r\nNOOP\r\nVRFY a\r\nRCPT\r\n" +
      std::string(5'000, 'x') + "\r\nQUIT\r\n");
  std::vector<std::string> codes;
  for (std::size_t at = 0; at < said.size(); at = said.find("\r\n", at) + 2)
    if (said[at + 3] == ' ') codes.push_back(said.substr(at, 3));
  EXPECT_THAT(codes, ElementsAre("220", "503", "501", "500", "250", "503", "503", "501", "250",
                                 "503", "503", "501", "250", "250", "252", "503", "500", "221"));
}

TEST_F(LmtpTest, BoundsAreTold) {
  limits.message_bytes = 100;
  limits.recipients = 2;
  limits.errors = 3;
  start();
  const std::string begin =
      "LHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<a@x.test>\r\nRCPT TO:<b@x.test>\r\n";
  EXPECT_THAT(talk(begin + "RCPT TO:<c@x.test>\r\nQUIT\r\n"),
              HasSubstr("452 4.5.3 too many recipients"));
  for (const std::size_t piece : {SIZE_MAX, 30UL}) {
    EXPECT_THAT(
        talk(begin + "DATA\r\n" + std::string(200, 'x') + "\r\n.\r\nQUIT\r\n", piece),
        EndsWith("354 go on\r\n552 5.3.4 too large\r\n552 5.3.4 too large\r\n221 2.0.0 bye\r\n"));
  }
  EXPECT_THAT(talk(begin + "DATA\r\n" + std::string(95, 'x') + "\r\n.\r\nQUIT\r\n"),
              HasSubstr("250 2.0.0 taken"));
  EXPECT_THAT(talk("x\r\nx\r\nx\r\nx\r\nQUIT\r\n"),
              EndsWith("421 4.7.0 too many bad commands\r\n"));
  EXPECT_EQ(server->counters().too_large, 2U);
  EXPECT_EQ(mails.size(), 1U);
}

TEST_F(LmtpTest, AllMessagesTogetherAreBounded) {
  limits.all_bytes = 100;
  start();
  const std::string begin = "LHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<a@x.test>\r\nDATA\r\n";
  const Fd holding = connect();
  talk(holding, begin, SIZE_MAX, "354 go on\r\n");
  ASSERT_GT(::send(holding.get(), std::string(80, 'x').data(), 80, MSG_NOSIGNAL), 0);
  run_for(2 * kMillisecond);
  const std::string second = begin + std::string(40, 'x') + "\r\n.\r\nQUIT\r\n";
  EXPECT_THAT(talk(second), HasSubstr("452 4.3.1 too busy"));
  EXPECT_THAT(talk(holding, "\r\n.\r\nQUIT\r\n"), HasSubstr("250 2.0.0 taken"));
  EXPECT_THAT(talk(second), HasSubstr("250 2.0.0 taken"));
  EXPECT_EQ(server->counters().too_busy, 1U);
}

TEST_F(LmtpTest, ConnectionsAndTheirTimeAreBounded) {
  limits.connections = 1;
  start();
  const Fd first = connect();
  talk(first, "", SIZE_MAX, "LMTP\r\n");
  EXPECT_EQ(talk(""), "") << "turned away";
  EXPECT_EQ(server->turned_away(), 1U);
  limits.idle_ns = kMillisecond;
  start();
  EXPECT_THAT(talk("LHLO x\r\n"), EndsWith("421 4.4.2 reports.example.net timeout\r\n"));
  limits.idle_ns = kMinute;
  limits.session_ns = 3 * kMillisecond;
  start();
  std::string noise;
  for (int i = 0; i < 4'000; ++i) noise += "NOOP\r\n";
  EXPECT_THAT(talk(noise, 6), HasSubstr("421 4.4.2"));
  EXPECT_EQ(server->counters().timeouts, 1U);
}

TEST_F(LmtpTest, AClientThatDoesNotReadIsNotReadEither) {
  start();
  const Fd fd = connect();
  const std::string noise = "NOOP\r\n";
  std::size_t sent = 0;
  for (int i = 0; i < 50; ++i) {
    for (int k = 0; k < 10'000; ++k) {
      if (::send(fd.get(), noise.data(), noise.size(), MSG_NOSIGNAL) <= 0) break;
      sent += noise.size();
    }
    run_for(0);
  }
  // Socket buffers of both directions and ours; it would take all 3 MB otherwise.
  EXPECT_LT(sent, 2U << 20);
}

// Bounces.

class BounceTest : public testing::Test {
 protected:
  void SetUp() override {
    store_ = store::value_of(store::ReportStore::open(directory_.file("report.db")));
    suppression_ = std::make_unique<Suppression>(*store_, test::return_path(), "host-a");
  }
  Suppression::Taken take(const std::string& message, const std::string& of = "tls@example.org") {
    return suppression_->take(test::return_path().sender(of), message, now_);
  }
  [[nodiscard]] bool suppressed(const std::string& address, std::int64_t later = 0) {
    return store::value_of(store_->suppression(0, address, now_ + later)).has_value();
  }

  store::TemporaryDirectory directory_{test::fast_folder()};
  std::unique_ptr<store::ReportStore> store_;
  std::unique_ptr<Suppression> suppression_;
  Time now_ = test::kDayEnd;
};

TEST_F(BounceTest, AFailedAddressIsSuppressedForThirtyDays) {
  EXPECT_EQ(take(bounce("TLS@example.org")), Suppression::Taken::yes);
  const auto row = store::value_of(store_->suppression(0, "tls@example.org", now_));
  ASSERT_TRUE(row.has_value());
  EXPECT_EQ(row->until - now_, 30 * kDay);
  EXPECT_EQ(row->reason, "bounced with status 5.1.1");
  EXPECT_FALSE(suppressed("tls@example.org", 30 * kDay));
  EXPECT_EQ(suppression_->counters().suppressed, 1U);
}

TEST_F(BounceTest, FormsThatCount) {
  const std::string good = bounce("tls@example.org");
  std::string unix_file = good;
  std::erase(unix_file, '\r');
  int round = 0;
  for (const std::string& message :
       {unix_file,
        // Forwarded: the bounce names another address, the returned message ours.
        bounce("elsewhere@example.com"), bounce("x@y.test", "5.7.1"),
        replaced(good, "boundary=\"4XyZ.1/mx.example.net\"",
                 "boundary=\"4Xy\\Z.1/mx.example.net\""),
        replaced(good, "Action: failed\r\nStatus: 5.1.1",
                 "ACTION: Failed (expired)\r\nStatus: 5.1.1")
            .replace(0, 0, ""),
        good.substr(0, good.find("Diagnostic-Code"))}) {
    ++round;
    const auto taken = take(message);
    if (round == 5) {
      EXPECT_EQ(taken, Suppression::Taken::ignored) << "a comment is no word of RFC 3464";
      continue;
    }
    EXPECT_EQ(taken, Suppression::Taken::yes) << round;
    EXPECT_TRUE(suppressed("tls@example.org"));
    EXPECT_EQ(store::value_of(store_->lift_suppression(0, "tls@example.org")), 1U);
  }
}

TEST_F(BounceTest, WhatSuppressesNobody) {
  const std::string good = bounce("tls@example.org");
  for (const std::string& message :
       {std::string(), std::string("Subject: hello\r\n\r\nAction: failed\r\nStatus: 5.1.1\r\n"),
        bounce("tls@example.org", "4.4.1", "delayed"), bounce("tls@example.org", "4.4.1"),
        bounce("tls@example.org", "5.1.1", "delivered"),
        replaced(good, "multipart/report", "multipart/mixed"),
        replaced(good, "message/delivery-status", "text/plain"),
        replaced(good, "boundary=\"4XyZ.1/mx.example.net\"", "charset=x"),
        std::string(kBounceBytes, 'x') + good})
    EXPECT_EQ(take(message), Suppression::Taken::ignored) << message.substr(0, 2'000);
  EXPECT_EQ(suppression_->counters().no_bounce, 9U);
  // A token given out for another address speaks for that alone.
  EXPECT_EQ(take(good, "tls@example.com"), Suppression::Taken::ignored);
  EXPECT_EQ(suppression_->counters().bad_token, 1U);
  EXPECT_FALSE(suppressed("tls@example.org"));
  EXPECT_FALSE(suppressed("tls@example.com"));
  EXPECT_TRUE(suppression_->is_return_path(test::return_path().sender("a@example.org")));
  EXPECT_FALSE(suppression_->is_return_path("a@reports.example.net"));
}

TEST_F(BounceTest, ManyRecipientsAndPartsAreBounded) {
  std::string groups;
  for (int i = 0; i < 100; ++i)
    groups += "Final-Recipient: rfc822; d" + std::to_string(i) +
              "@example.org\r\nAction: failed\r\nStatus: 5.1.1\r\n\r\n";
  const auto read = read_bounce(replaced(bounce("a@b.test"), "Final-Recipient", groups + "X"));
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(read->failed.size(), kBounceRecipients);
  EXPECT_THAT(read->to, ElementsAre("tls@example.org"));
}

}  // namespace
}  // namespace mxw::reportd
