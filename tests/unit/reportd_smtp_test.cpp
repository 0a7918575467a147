// What SmtpClient says to a mail server, and what each thing a server may do means.
#include "reportd/smtp_client.hpp"

#include <gmock/gmock.h>
#include <sys/socket.h>

#include <array>

#include "core/ipc/listener.hpp"
#include "tests/unit/ipc_support.hpp"

namespace mxw::reportd {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using Outcome = Attempt::Outcome;

// A mail server that says what it is told to, on the loop of the client.
class Mta {
 public:
  // Answers a command or, under the name `.`, the message; empty: silence; `hang up`: that.
  using Script = std::function<std::string(std::string_view command)>;

  Mta(EventLoop& loop, const std::string& address, Script script)
      : loop_(loop), script_(std::move(script)) {
    auto listener = ipc::listen_on(address, {.mode = 0600});
    EXPECT_TRUE(listener.has_value());
    listener_ = std::move(*listener);
    EXPECT_TRUE(loop_.add(listener_.get(), EPOLLIN, [this](std::uint32_t) { welcome(); }));
  }
  ~Mta() {
    loop_.remove(listener_.get());
    hang_up();
  }
  Mta(const Mta&) = delete;
  Mta& operator=(const Mta&) = delete;

  [[nodiscard]] std::uint16_t port() const { return ipc::bound_port(listener_.get()); }

  std::vector<std::string> commands;
  std::string message;  // as received, without the final dot
  int connections = 0;

 private:
  void welcome() {
    client_ = Fd(::accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!client_) return;
    ++connections;
    EXPECT_TRUE(loop_.add(client_.get(), EPOLLIN, [this](std::uint32_t) { read_some(); }));
    say("greeting");
  }
  void hang_up() {
    if (client_) loop_.remove(client_.get());
    client_.reset();
  }
  void say(std::string_view command) {
    const std::string reply = script_(command);
    if (reply == "hang up") return hang_up();
    if (reply.starts_with("354")) in_data_ = true;
    if (client_) (void)::send(client_.get(), reply.data(), reply.size(), MSG_NOSIGNAL);
  }
  void read_some() {
    std::array<char, 65'536> buffer{};
    const ssize_t count = ::recv(client_.get(), buffer.data(), buffer.size(), 0);
    if (count <= 0) return hang_up();
    in_.append(buffer.data(), static_cast<std::size_t>(count));
    while (client_ && (in_data_ ? take_message() : take_command())) {
    }
  }
  bool take_command() {
    const std::size_t end = in_.find("\r\n");
    if (end == std::string::npos) return false;
    commands.push_back(in_.substr(0, end));
    in_.erase(0, end + 2);
    say(commands.back());
    return true;
  }
  bool take_message() {
    const std::size_t end = in_.find("\r\n.\r\n");
    if (end == std::string::npos) return false;
    message = in_.substr(0, end + 2);
    in_.erase(0, end + 5);
    in_data_ = false;
    say(".");
    return true;
  }

  EventLoop& loop_;
  Script script_;
  Fd listener_, client_;
  std::string in_;
  bool in_data_ = false;
};

// Good answers, but for the command that begins with `but`.
Mta::Script good_but(std::string but = "-", std::string reply = "") {
  return [but = std::move(but), reply = std::move(reply)](std::string_view command) -> std::string {
    if (command.starts_with(but)) return reply;
    if (command == "greeting") return "220 mx.example.net ESMTP\r\n";
    if (command.starts_with("EHLO"))
      return "250-mx.example.net\r\n250-SIZE 1000000\r\n250-dsn\r\n250 8BITMIME\r\n";
    if (command == "DATA") return "354 go on\r\n";
    if (command == ".") return "250 2.0.0 Ok: queued as 4XyZ\r\n";
    return "250 ok\r\n";
  };
}

class SmtpTest : public LoopTest {
 protected:
  Mta& serve(Mta::Script script, const std::string& address = "inet:127.0.0.1:0") {
    mta = std::make_unique<Mta>(*loop, address, std::move(script));
    config.hello = "reports.example.net";
    config.server = ipc::parse_address(address).value();
    if (config.server.kind == ipc::Address::Kind::inet) config.server.port = mta->port();
    return *mta;
  }
  static Mail mail() {
    return {.sender = "b+00ff@reports.example.net",
            .recipient = "t+x@example.org",
            .message = "From: <a@reports.example.net>\r\n\r\n.\r\n..two\r\nend\r\n"};
  }
  Attempt send(Mail what) {
    SmtpClient client(*loop, config);
    std::optional<Attempt> got;
    int calls = 0;
    client.send(std::move(what), [&](const Attempt& attempt) {
      got = attempt;
      ++calls;
    });
    EXPECT_EQ(calls, 0) << "called from within send()";
    run_until([&] { return got.has_value(); });
    run_for(0);
    EXPECT_EQ(calls, 1);
    EXPECT_EQ(client.in_flight(), 0U);
    return got.value_or(Attempt{});
  }
  Attempt send() { return send(mail()); }

  SmtpConfig config;
  std::unique_ptr<Mta> mta;
};

TEST_F(SmtpTest, TheDialogue) {
  const Mta& server = serve(good_but());
  const Attempt attempt = send();
  EXPECT_EQ(attempt.outcome, Outcome::accepted);
  EXPECT_EQ(attempt.detail, "250 2.0.0 Ok: queued as 4XyZ");
  run_until([&] { return server.commands.size() == 5; });
  EXPECT_THAT(server.commands,
              ElementsAre("EHLO reports.example.net",
                          "MAIL FROM:<b+00ff@reports.example.net> SIZE=48 RET=HDRS",
                          "RCPT TO:<t+x@example.org> NOTIFY=FAILURE ORCPT=rfc822;t+2Bx@example.org",
                          "DATA", "QUIT"));
  EXPECT_EQ(server.message, "From: <a@reports.example.net>\r\n\r\n..\r\n...two\r\nend\r\n");
  EXPECT_EQ(server.connections, 1);
}

TEST_F(SmtpTest, ExtensionsAreUsedWhereTheyAreOffered) {
  const Mta& server = serve(good_but("EHLO", "250 mx.example.net\r\n"));
  EXPECT_EQ(send().outcome, Outcome::accepted);
  EXPECT_EQ(server.commands.at(1), "MAIL FROM:<b+00ff@reports.example.net>");
  EXPECT_EQ(server.commands.at(2), "RCPT TO:<t+x@example.org>");
}

TEST_F(SmtpTest, AUnixSocketWillDo) {
  const SocketDirectory directory;
  serve(good_but(), "unix:" + directory.file("smtp"));
  EXPECT_EQ(send().outcome, Outcome::accepted);
}

TEST_F(SmtpTest, WhatEachReplyMeans) {
  struct Row {
    const char *command, *reply;
    Outcome outcome;
  };
  for (const Row& row : {Row{"greeting", "421 busy\r\n", Outcome::retry},
                         {"greeting", "554 no service\r\n", Outcome::retry},
                         {"greeting", "hang up", Outcome::retry},
                         {"EHLO", "502 what\r\n", Outcome::retry},
                         {"MAIL", "451 later\r\n", Outcome::retry},
                         {"MAIL", "550 not you\r\n", Outcome::retry},
                         {"RCPT", "450 later\r\n", Outcome::retry},
                         {"RCPT", "550 5.1.1 no such user\r\n", Outcome::refused},
                         {"RCPT", "251 will forward\r\n", Outcome::accepted},
                         {"DATA", "451 later\r\n", Outcome::retry},
                         {"DATA", "250 ok\r\n", Outcome::retry},
                         {".", "451 later\r\n", Outcome::retry},
                         {".", "554 no\r\n", Outcome::retry},
                         {".", "251 ok\r\n", Outcome::retry},
                         {".", "354 more\r\n", Outcome::retry},
                         {".", "250-Ok\r\n250 Ok\r\n", Outcome::accepted},
                         {".", "250-Ok\r\n251 Ok\r\n", Outcome::retry},
                         {".", "25 Ok\r\n", Outcome::retry},
                         {".", "250Ok\r\n", Outcome::retry},
                         {".", "\r\n", Outcome::retry},
                         {".", "250\r\n", Outcome::accepted}}) {
    serve(good_but(row.command, row.reply));
    const Attempt attempt = send();
    EXPECT_EQ(attempt.outcome, row.outcome) << row.command << " " << row.reply;
    EXPECT_FALSE(attempt.detail.empty());
  }
}

TEST_F(SmtpTest, AConnectionLostAfterTheDotIsNotKnown) {
  const Mta& server = serve(good_but(".", "hang up"));
  const Attempt attempt = send();
  EXPECT_EQ(attempt.outcome, Outcome::retry);
  EXPECT_THAT(attempt.detail, HasSubstr("not known whether it was taken"));
  EXPECT_FALSE(server.message.empty());
}

TEST_F(SmtpTest, SilenceEndsAtEachStep) {
  config.minute_ns = kMillisecond;
  for (const char* command : {"greeting", "EHLO", "MAIL", "RCPT", "DATA", "."}) {
    serve(good_but(command, ""));
    const Attempt attempt = send();
    EXPECT_EQ(attempt.outcome, Outcome::retry) << command;
    EXPECT_THAT(attempt.detail, HasSubstr("no answer in time")) << command;
  }
}

TEST_F(SmtpTest, RepliesAreBoundedAndOnlyPrintablesAreKept) {
  std::string many, endless(10'000, 'x');
  for (int i = 0; i < 200; ++i) many += "250-x\r\n";
  for (const std::string& reply : {many + "250 x\r\n", "250 " + endless + "\r\n", endless}) {
    serve(good_but("EHLO", reply));
    EXPECT_EQ(send().outcome, Outcome::retry);
  }
  serve(good_but("RCPT", "550 \x1b[31m\xc3\xa9\r\n"));
  EXPECT_EQ(send().detail, "550 ?[31m??");
  serve(good_but("RCPT", "550 " + std::string(1'000, 'x') + "\r\n"));
  EXPECT_EQ(send().detail.size(), 300U);
}

TEST_F(SmtpTest, ALargeMessageGoesInPieces) {
  const Mta& server = serve(good_but());
  Mail large = mail();
  large.message.clear();
  for (int i = 0; i < 40'000; ++i)
    large.message += "a line of the report in base64, more or less\r\n";
  const std::string expected = large.message;
  EXPECT_EQ(send(std::move(large)).outcome, Outcome::accepted);
  EXPECT_EQ(server.message, expected);
}

TEST_F(SmtpTest, ARefusalInTheMiddleOfTheMessageIsNoAcceptance) {
  // The server answers DATA twice: the second reply comes while the message is sent.
  serve(good_but("DATA", "354 go on\r\n250 2.0.0 Ok\r\n"));
  Mail large = mail();
  large.message.assign(8 << 20, 'x');
  large.message += "\r\n";
  EXPECT_EQ(send(std::move(large)).outcome, Outcome::retry);
}

TEST_F(SmtpTest, NobodyListens) {
  serve(good_but());
  mta.reset();
  const Attempt attempt = send();
  EXPECT_EQ(attempt.outcome, Outcome::retry);
  EXPECT_THAT(attempt.detail, HasSubstr("Connection refused"));
  config.server = ipc::parse_address("unix:/nowhere/smtp").value();
  EXPECT_THAT(send().detail, HasSubstr("No such file"));
}

TEST_F(SmtpTest, NoMailboxCanEndACommand) {
  const Mta& server = serve(good_but());
  for (const char* recipient :
       {"a@b>\r\nDATA", "a b@example.org", "a", "", "<a@example.org>", "a@b\n"}) {
    Mail bad = mail();
    bad.recipient = recipient;
    EXPECT_EQ(send(std::move(bad)).outcome, Outcome::refused) << recipient;
  }
  EXPECT_EQ(server.connections, 0);
}

TEST_F(SmtpTest, AClientThatIsGoneCallsNobody) {
  serve(good_but("greeting", ""));
  bool called = false;
  auto client = std::make_unique<SmtpClient>(*loop, config);
  client->send(mail(), [&](const Attempt&) { called = true; });
  run_until([&] { return mta->connections == 1; });
  client.reset();
  run_for(2 * kMillisecond);
  EXPECT_FALSE(called);
  // From its own callback.
  serve(good_but());
  client = std::make_unique<SmtpClient>(*loop, config);
  client->send(mail(), [&](const Attempt&) {
    client.reset();
    called = true;
  });
  run_until([&] { return called; });
}

TEST(DotStuffed, EveryLine) {
  for (const auto& [message, sent] : {std::pair{"", ".\r\n"},
                                      {".\r\n", "..\r\n.\r\n"},
                                      {"a\r\n.b\r\n..\r\n", "a\r\n..b\r\n...\r\n.\r\n"},
                                      {"a.\r\n", "a.\r\n.\r\n"}})
    EXPECT_EQ(dot_stuffed(message), sent);
}

}  // namespace
}  // namespace mxw::reportd
