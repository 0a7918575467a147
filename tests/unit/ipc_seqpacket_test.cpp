// What core/ipc promises of packets: server, client and the waited-for question.
#include <gmock/gmock.h>
#include <sys/socket.h>

#include <map>
#include <thread>

#include "core/ipc/backoff.hpp"
#include "core/ipc/connect.hpp"
#include "core/ipc/listener.hpp"
#include "core/ipc/request.hpp"
#include "core/ipc/seqpacket_client.hpp"
#include "core/ipc/seqpacket_server.hpp"
#include "tests/unit/ipc_support.hpp"

namespace mxw::ipc {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class SeqpacketTest : public LoopTest {
 protected:
  void listen() {
    listening = listen_on("unix:" + path, {.type = SocketType::seqpacket, .mode = 0666}).value();
  }
  void serve(SeqpacketServer::Handler handler, SeqpacketServer::Options options = {}) {
    server = SeqpacketServer::create(*loop, listening.get(), PeerCheck().allow_uid(::geteuid()),
                                     std::move(handler), options,
                                     [this](SeqpacketServer::PeerId id) { closed.push_back(id); })
                 .value();
  }
  void serve_echo(SeqpacketServer::Options options = {}) {
    serve([](SeqpacketServer::Peer& peer,
             std::string_view text) { peer.send("echo " + std::string(text)); },
          options);
  }
  [[nodiscard]] Fd connected() const { return connect_unix(path, SocketType::seqpacket).value(); }
  static void send_to(const Fd& fd, const std::string& text) {
    EXPECT_EQ(::send(fd.get(), text.data(), text.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(text.size()));
  }
  // What came: text, "(end)", or "(nothing)".
  static std::string heard(const Fd& fd) {
    std::string text(1 << 17, '\0');
    const ssize_t count = ::recv(fd.get(), text.data(), text.size(), MSG_DONTWAIT);
    if (count == 0 || (count < 0 && errno == ECONNRESET)) return "(end)";
    if (count < 0) return "(nothing)";
    text.resize(static_cast<std::size_t>(count));
    return text;
  }
  std::string wait_for(const Fd& fd) {
    std::string text;
    run_until([&] { return (text = heard(fd)) != "(nothing)"; });
    return text;
  }

  std::string path = directory.file("s");
  Fd listening;
  std::vector<SeqpacketServer::PeerId> closed;
  std::unique_ptr<SeqpacketServer> server;
};

TEST_F(SeqpacketTest, AnswersEachPacket) {
  listen();
  serve_echo();
  const Fd a = connected(), b = connected();
  send_to(a, "one");
  send_to(a, "two");
  send_to(b, "three");
  EXPECT_EQ(wait_for(a), "echo one");
  EXPECT_EQ(wait_for(a), "echo two");
  EXPECT_EQ(wait_for(b), "echo three");
  EXPECT_EQ(server->connections(), 2U);
}

TEST_F(SeqpacketTest, AnswersLaterByNumber) {
  listen();
  std::vector<SeqpacketServer::PeerId> asked;
  serve([&](SeqpacketServer::Peer& peer, std::string_view) { asked.push_back(peer.id()); });
  const Fd a = connected();
  {
    const Fd b = connected();
    send_to(a, "?");
    send_to(b, "?");
    run_until([&] { return asked.size() == 2; });
  }
  run_until([&] { return closed.size() == 1; });
  for (const auto id : asked) EXPECT_EQ(server->send(id, "late"), id != closed[0]);
  EXPECT_EQ(wait_for(a), "late");
}

TEST_F(SeqpacketTest, TakesMessagesUpToTheLimitAndClosesBeyond) {
  listen();
  serve_echo();
  const Fd good = connected(), bad = connected(), worse = connected();
  send_to(good, std::string(kRequestBytes, 'x'));
  send_to(bad, std::string(kRequestBytes + 1, 'x'));
  send_to(worse, std::string(100'000, 'x'));
  EXPECT_EQ(wait_for(good).size(), kRequestBytes + 5);
  EXPECT_EQ(wait_for(bad), "(end)");
  EXPECT_EQ(wait_for(worse), "(end)");
  EXPECT_EQ(server->counters().too_large, 2U);
  EXPECT_EQ(server->counters().messages, 1U);
}

TEST_F(SeqpacketTest, DoesNotSendWhatIsOverItsOwnLimit) {
  listen();
  bool sent = true;
  serve([&](SeqpacketServer::Peer& peer, std::string_view) {
    sent = peer.send(std::string(kAnswerBytes + 1, 'x'));
  });
  const Fd a = connected();
  send_to(a, "?");
  EXPECT_EQ(wait_for(a), "(end)");
  EXPECT_FALSE(sent);
  EXPECT_EQ(server->counters().bad_replies, 1U);
}

TEST_F(SeqpacketTest, ClosesAPeerThatDoesNotReadAndNobodyElse) {
  listen();
  serve([](SeqpacketServer::Peer& peer, std::string_view text) {
    peer.send(std::string(text == "big" ? 60'000 : 10, 'x'));
  });
  const Fd slow = connected(), good = connected();
  for (int i = 0; i < 60 && server->counters().not_reading == 0; ++i) {
    if (::send(slow.get(), "big", 3, MSG_NOSIGNAL | MSG_DONTWAIT) < 0) break;
    run_for(kMillisecond);
    send_to(good, "small");
    EXPECT_EQ(wait_for(good).size(), 10U);
  }
  EXPECT_EQ(server->counters().not_reading, 1U);
  EXPECT_EQ(server->connections(), 1U);
  send_to(good, "small");
  EXPECT_EQ(wait_for(good).size(), 10U);
}

TEST_F(SeqpacketTest, SendsOnWhenASlowPeerReads) {
  listen();
  serve([](SeqpacketServer::Peer& peer, std::string_view) {
    for (int i = 0; i < 15; ++i) peer.send(std::string(60'000, static_cast<char>('a' + i)));
  });
  const Fd slow = connected();
  send_to(slow, "?");
  run_until([&] { return server->counters().messages == 1; });
  for (int i = 0; i < 15; ++i)
    EXPECT_EQ(wait_for(slow), std::string(60'000, static_cast<char>('a' + i)));
}

TEST_F(SeqpacketTest, HasNoMoreConnectionsThanAllowed) {
  listen();
  serve_echo({.connections = 2});
  const Fd a = connected(), b = connected();
  run_until([&] { return server->connections() == 2; });
  const Fd c = connected();
  EXPECT_EQ(wait_for(c), "(end)");
  EXPECT_EQ(server->accept_counters().full, 1U);
  send_to(a, "still");
  EXPECT_EQ(wait_for(a), "echo still");
}

TEST_F(SeqpacketTest, MayBeClosedByItsHandler) {
  listen();
  serve([](SeqpacketServer::Peer& peer, std::string_view) {
    peer.send("bye");
    peer.close();
    EXPECT_FALSE(peer.send("too late"));
  });
  const Fd a = connected();
  send_to(a, "1");
  EXPECT_EQ(wait_for(a), "bye");
  EXPECT_EQ(wait_for(a), "(end)");
  EXPECT_EQ(server->connections(), 0U);
}

// The child is another user and says what it got: 0 an answer, 1 the end of the connection.
int ask_as_child(const std::string& path) {
  const auto answer = request(path, "who", 10 * kSecond);
  return answer ? 0 : 1;
}

TEST_F(SeqpacketTest, RefusesOtherUsersAndTakesThoseOfItsGroups) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can be another user";
  listen();
  server = SeqpacketServer::create(*loop, listening.get(),
                                   PeerCheck().allow_uid(60'001).allow_gid(60'002),
                                   [](SeqpacketServer::Peer& peer, std::string_view) {
                                     peer.send(std::to_string(peer.credentials().uid));
                                   })
               .value();
  struct Case {
    uid_t uid;
    gid_t gid;
    std::vector<gid_t> groups;
    int code;
  };
  const std::vector<Case> cases = {
      {60'001, 60'009, {}, 0}, {60'009, 60'002, {}, 0},       {60'009, 60'009, {60'003, 60'002}, 0},
      {60'009, 60'009, {}, 1}, {60'002, 60'001, {60'003}, 1}, {60'009, 0, {0}, 1}};
  for (const Case& c : cases) {
    OtherUser child(c.uid, c.gid, c.groups, [this] { return ask_as_child(path); });
    run_until([&] { return child.ended(); });
    EXPECT_EQ(child.code(), c.code) << c.uid << ' ' << c.gid;
  }
  EXPECT_EQ(server->accept_counters().refused, 3U);
  EXPECT_EQ(server->counters().messages, 3U);
}

TEST_F(SeqpacketTest, ClientComesBackAfterTheServerWasGone) {
  std::vector<std::string> received;
  std::vector<bool> states;
  const auto client = SeqpacketClient::create(
                          *loop, path, [&](std::string_view text) { received.emplace_back(text); },
                          [&](bool connected) { states.push_back(connected); })
                          .value();
  EXPECT_FALSE(client->send("nobody is there"));
  run_for(kMillisecond);
  EXPECT_FALSE(client->send("nobody is there"));
  for (int round = 0; round < 2; ++round) {
    listen();
    serve_echo();
    run_until([&] { return client->connected(); });
    EXPECT_TRUE(client->send("hello"));
    run_until([&] { return !received.empty(); });
    EXPECT_THAT(received, ElementsAre("echo hello"));
    received.clear();
    server.reset();
    listening.reset();
    run_until([&] { return !client->connected(); });
  }
  EXPECT_THAT(states, ElementsAre(true, false, true, false));
  EXPECT_EQ(client->counters().dropped, 2U);
}

TEST(Backoff, BeginsAnewAfterAConnectionThatOutlastedTheWait) {
  Backoff backoff;
  EXPECT_EQ(backoff.next(), Backoff::kFirst);
  EXPECT_EQ(backoff.next(), 2 * Backoff::kFirst);
  backoff.held(4 * Backoff::kFirst);
  EXPECT_EQ(backoff.next(), 4 * Backoff::kFirst);
  backoff.held(8 * Backoff::kFirst + 1);
  EXPECT_EQ(backoff.next(), Backoff::kFirst);
  for (int i = 0; i < 10; ++i) (void)backoff.next();
  backoff.held(Backoff::kLast);
  EXPECT_EQ(backoff.next(), Backoff::kLast);
}

// It only hints and is never answered: that its connection lasted is enough.
TEST_F(SeqpacketTest, ClientHurriesBackToAServerThatKeptIt) {
  listen();
  const auto client = SeqpacketClient::create(*loop, path, [](std::string_view) {}).value();
  const auto accepted = [this] {
    Fd fd;
    run_until([&] {
      fd = Fd(::accept4(listening.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
      return static_cast<bool>(fd);
    });
    return fd;
  };
  for (int i = 0; i < 3; ++i) (void)accepted();  // closed at once: after 100, 200 and 400 ms
  {
    const Fd kept = accepted();
    EXPECT_TRUE(client->send("hint"));
    run_for(8 * Backoff::kFirst + 50 * kMillisecond);
    EXPECT_TRUE(client->connected());
  }
  const std::int64_t left = EventLoop::now();
  (void)accepted();
  EXPECT_LT(EventLoop::now() - left, 8 * Backoff::kFirst);
}

TEST_F(SeqpacketTest, ClientDropsWhatAStandingServerDoesNotTake) {
  listen();
  const auto client = SeqpacketClient::create(*loop, path, [](std::string_view) {}).value();
  run_until([&] { return client->connected(); });
  int taken = 0;
  while (taken < 10'000 && client->send(std::string(1'000, 'x'))) ++taken;
  EXPECT_GT(taken, 0);
  EXPECT_LT(taken, 10'000);
  EXPECT_EQ(client->counters().dropped, 1U);
  EXPECT_TRUE(client->connected());
}

TEST_F(SeqpacketTest, ClientLeavesAServerThatSendsTooMuch) {
  listen();
  std::vector<std::string> received;
  const auto client = SeqpacketClient::create(
                          *loop, path, [&](std::string_view text) { received.emplace_back(text); },
                          {}, {.message_bytes = 10})
                          .value();
  serve_echo();
  run_until([&] { return client->connected(); });
  client->send("12345");
  client->send("123456");
  run_until([&] { return client->counters().too_large == 1; });
  EXPECT_THAT(received, ElementsAre("echo 12345"));
  EXPECT_EQ(client->counters().disconnects, 1U);
}

class RequestTest : public SeqpacketTest {
 protected:
  // Asks from another thread, as the tool is another process.
  Result<std::string> ask(const std::string& message, std::int64_t timeout = 10 * kSecond) {
    Result<std::string> answer;
    bool done = false;
    std::thread asking([&] {
      auto got = request(path, message, timeout);
      loop->post([&, got = std::move(got)] {
        answer = got;
        done = true;
      });
    });
    run_until([&] { return done; });
    asking.join();
    return answer;
  }
};

TEST_F(RequestTest, BringsTheAnswer) {
  listen();
  serve_echo();
  EXPECT_EQ(ask("hi").value(), "echo hi");
}

TEST_F(RequestTest, SaysWhyThereIsNone) {
  EXPECT_THAT(ask("hi").error().message, HasSubstr("No such file"));
  EXPECT_EQ(ask("hi").error().kind, ErrorKind::environment);
  EXPECT_EQ(ask(std::string(kRequestBytes + 1, 'x')).error().kind, ErrorKind::usage);
  EXPECT_EQ(request(std::string(200, 'p'), "x", kSecond).error().kind, ErrorKind::usage);
  EXPECT_EQ(request(path, "12345", kSecond, 4).error().kind, ErrorKind::usage) << "its own limit";
  EXPECT_EQ(request(path, "1234", kSecond, 4).error().kind, ErrorKind::environment);
  listen();
  EXPECT_THAT(ask("hi", 20 * kMillisecond).error().message, HasSubstr("no answer in time"));
  serve([](SeqpacketServer::Peer& peer, std::string_view) { peer.close(); });
  EXPECT_THAT(ask("hi").error().message, HasSubstr("closed the connection"));
  server.reset();
  listening.reset();
  EXPECT_THAT(ask("hi").error().message, HasSubstr("Connection refused"));
}

TEST_F(RequestTest, WaitsForAFullBacklogNoLongerThanItMay) {
  listening = listen_on("unix:" + path, {.type = SocketType::seqpacket, .backlog = 0}).value();
  std::vector<Fd> waiting;
  for (;;) {
    auto fd = connect_unix(path, SocketType::seqpacket);
    if (!fd) break;
    waiting.push_back(std::move(*fd));
  }
  EXPECT_THAT(ask("hi", 30 * kMillisecond).error().message, HasSubstr("busy"));
}

}  // namespace
}  // namespace mxw::ipc
