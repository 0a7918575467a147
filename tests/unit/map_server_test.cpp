// The server over real sockets, in the loop's thread together with its clients.
#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "map/server.hpp"
#include "tests/unit/map_support.hpp"

namespace mxw::map {
namespace {

constexpr std::string_view kSecure = "OK secure match=mx.example.org servername=hostname";
constexpr std::int64_t kPatience = 10 * kSecond;

std::string ask(std::string_view key) {
  return netstring("postfix " + std::string(key));
}

class Listener {
 public:
  Listener() : fd(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0)) {
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* const any = reinterpret_cast<sockaddr*>(&address);
    MXW_CHECK(::bind(fd, any, size) == 0 && ::listen(fd, 64) == 0);
    MXW_CHECK(::getsockname(fd, any, &size) == 0);
  }
  ~Listener() { ::close(fd); }

  int fd;
  sockaddr_in address{};
};

class Client {
 public:
  // A small receive buffer makes a slow reader slow soon.
  explicit Client(const Listener& listener, int receive_buffer = 0)
      : fd_(::socket(AF_INET, SOCK_STREAM, 0)) {
    if (receive_buffer > 0) {
      ::setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
    }
    MXW_CHECK(::connect(fd_, reinterpret_cast<const sockaddr*>(&listener.address),
                        sizeof listener.address) == 0);
    ::fcntl(fd_, F_SETFL, O_NONBLOCK);
  }
  ~Client() { ::close(fd_); }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  std::size_t send(std::string_view text) {
    const ssize_t n = ::send(fd_, text.data(), text.size(), MSG_NOSIGNAL);
    return n < 0 ? 0 : static_cast<std::size_t>(n);
  }
  void end() { ::shutdown(fd_, SHUT_WR); }
  void reset() {  // closing sends RST
    const linger now{1, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
  }
  void receive() {
    char buffer[65'536];
    for (;;) {
      const ssize_t n = ::recv(fd_, buffer, sizeof buffer, 0);
      if (n > 0) {
        got.append(buffer, static_cast<std::size_t>(n));
        continue;
      }
      if (n == 0 || errno != EAGAIN) closed = true;
      return;
    }
  }

  std::string got;
  bool closed = false;

 private:
  int fd_;
};

struct MapServer : ::testing::Test {
  MapServer() {
    settings.options = enforcing();
    settings.clock = [] { return kNow; };
    know("example.org", policy_of(policy::Mode::enforce, {"mx.example.org"}));
    know("none.example", none_known());
  }

  void know(std::string_view domain, const Known& known) {
    MXW_CHECK(table.put(domain, compile(domain, &known, {}, enforcing())));
  }
  void start() {
    server = std::make_unique<Server>(*loop, table, policyd, names, settings);
    MXW_CHECK(server->listen(listener.fd).has_value());
  }
  // Runs the loop, looking every millisecond, until it holds or patience ends.
  bool until(const std::function<bool()>& holds) {
    const std::int64_t end = EventLoop::now() + kPatience;
    bool held = false;
    Timer look(*loop, [&] {
      held = holds();
      if (held || EventLoop::now() > end) return loop->stop();
      look.start(kMillisecond);
    });
    look.start(0);
    loop->run();
    return held;
  }
  bool gets(Client& client, const std::vector<std::string>& replies) {
    std::string wanted;
    for (const std::string& reply : replies) wanted += netstring(reply);
    const bool got = until([&] {
      client.receive();
      return client.got.size() >= wanted.size();
    });
    EXPECT_EQ(client.got, wanted);
    client.got.clear();
    return got;
  }
  bool sees_end(Client& client) {
    return until([&] {
      client.receive();
      return client.closed;
    });
  }

  std::unique_ptr<EventLoop> loop = make_loop();
  FakePolicyd policyd;
  Table table{HashKey{1, 2}, 64};
  MapNames names{{{"postfix", Dialect::postfix}, {"sts", Dialect::sendmail}}};
  Server::Settings settings;
  Listener listener;
  std::unique_ptr<Server> server;
};

TEST_F(MapServer, AnswersOneAfterTheOtherAndMoreAtOnce) {
  start();
  Client client(listener);
  client.send(ask("example.org"));
  EXPECT_TRUE(gets(client, {std::string(kSecure)}));
  client.send(ask("none.example") + ask("example.org"));
  EXPECT_TRUE(gets(client, {"NOTFOUND ", std::string(kSecure)}));
  EXPECT_EQ(server->counters().accepted, 1U);
}

TEST_F(MapServer, AnswersWhatWasAskedBeforeTheClientEnded) {
  start();
  Client client(listener);
  client.send(ask("example.org") + ask("cold.example"));
  client.end();
  EXPECT_TRUE(until([&] { return !policyd.wanted.empty(); }));
  policyd.answer("cold.example", none_known());
  EXPECT_TRUE(gets(client, {std::string(kSecure), "NOTFOUND "}));
  EXPECT_TRUE(sees_end(client));
  EXPECT_EQ(server->connections(), 0U);
}

TEST_F(MapServer, AColdQuestionHoldsNobodyElse) {
  start();
  Client cold(listener), hot(listener);
  cold.send(ask("cold.example") + ask("example.org"));
  EXPECT_TRUE(until([&] { return !policyd.wanted.empty(); }));
  hot.send(ask("example.org"));
  EXPECT_TRUE(gets(hot, {std::string(kSecure)}));
  policyd.answer("cold.example", policy_of(policy::Mode::enforce, {"mx.example.org"}));
  EXPECT_TRUE(gets(cold, {std::string(kSecure), std::string(kSecure)}));
}

TEST_F(MapServer, WithoutAnAnswerOfPolicydTheWaitEnds) {
  settings.waiting.cold_wait = 20 * kMillisecond;
  start();
  Client client(listener);
  client.send(ask("cold.example"));
  EXPECT_TRUE(gets(client, {"NOTFOUND "}));
  EXPECT_EQ(server->desk().counters().in_vain, 1U);
}

TEST_F(MapServer, AWaitingClientThatLeavesIsForgotten) {
  start();
  {
    Client client(listener);
    client.send(ask("cold.example"));
    EXPECT_TRUE(until([&] { return server->desk().waiting() == 1; }));
    client.reset();
  }
  EXPECT_TRUE(until([&] { return server->connections() == 0; }));
  EXPECT_EQ(server->desk().waiting(), 0U);
  policyd.answer("cold.example", none_known());
}

TEST_F(MapServer, AProtocolErrorEndsTheConnectionAfterTheReplies) {
  start();
  Client client(listener);
  client.send(ask("example.org") + "x" + ask("example.org"));
  EXPECT_TRUE(gets(client, {std::string(kSecure)}));
  EXPECT_TRUE(sees_end(client));
  EXPECT_EQ(server->counters().protocol_faults, 1U);
}

TEST_F(MapServer, OffSilencesAtOnce) {
  start();
  Client client(listener);
  server->set_off(true);
  client.send(ask("example.org"));
  EXPECT_TRUE(gets(client, {"NOTFOUND "}));
  server->set_off(false);
  client.send(ask("example.org"));
  EXPECT_TRUE(gets(client, {std::string(kSecure)}));
}

TEST_F(MapServer, WhenFullTheOneIdleLongestGoes) {
  settings.max_connections = 2;
  start();
  Client first(listener), second(listener);
  second.send(ask("example.org"));
  EXPECT_TRUE(gets(second, {std::string(kSecure)}));
  first.send(ask("example.org"));
  EXPECT_TRUE(gets(first, {std::string(kSecure)}));
  Client third(listener);
  third.send(ask("example.org"));
  EXPECT_TRUE(gets(third, {std::string(kSecure)}));
  EXPECT_TRUE(sees_end(second));
  first.send(ask("example.org"));
  EXPECT_TRUE(gets(first, {std::string(kSecure)}));
  EXPECT_EQ(server->counters().closed_for_new, 1U);
}

TEST_F(MapServer, WhenAllAreBusyTheNewOneIsTurnedAway) {
  settings.max_connections = 1;
  start();
  Client busy(listener);
  busy.send(ask("cold.example"));
  EXPECT_TRUE(until([&] { return server->desk().waiting() == 1; }));
  Client late(listener);
  EXPECT_TRUE(sees_end(late));
  EXPECT_EQ(server->counters().turned_away, 1U);
  policyd.answer("cold.example", none_known());
  EXPECT_TRUE(gets(busy, {"NOTFOUND "}));
}

TEST_F(MapServer, IdleConnectionsAreClosed) {
  settings.idle = 20 * kMillisecond;
  start();
  Client client(listener);
  client.send("5:post");  // and never more
  EXPECT_TRUE(sees_end(client));
  EXPECT_EQ(server->counters().closed_idle, 1U);
}

// Asks without reading: the server stops reading long before memory matters, and goes on when the
// replies are taken.
TEST_F(MapServer, ASlowReaderIsNotReadFrom) {
  start();
  Client client(listener, 4'096);
  const std::string query = ask("example.org");
  std::string block;
  while (block.size() < 32'768) block += query;
  std::string left;
  std::size_t sent = 0;
  int stuck = 0;
  EXPECT_TRUE(until([&] {
    if (left.empty()) left = block;
    const std::size_t n = client.send(left);
    left.erase(0, n);
    sent += n;
    stuck = n == 0 ? stuck + 1 : 0;
    return stuck > 50;
  }));
  const std::size_t queries = (sent + query.size() - 1) / query.size();
  std::string rest = query.substr(sent % query.size());
  if (sent % query.size() == 0) rest.clear();
  const std::size_t wanted = queries * netstring(kSecure).size();
  EXPECT_TRUE(until([&] {
    client.receive();
    rest.erase(0, client.send(rest));
    return client.got.size() >= wanted;
  }));
  EXPECT_EQ(client.got.size(), wanted);
  EXPECT_LT(server->answers().queries, 2 * queries);
}

TEST_F(MapServer, StopAnswersWhatWasAskedAndTakesNoMore) {
  start();
  Client idle(listener), waiting(listener);
  waiting.send(ask("cold.example"));
  EXPECT_TRUE(until([&] { return server->desk().waiting() == 1; }));
  EXPECT_TRUE(until([&] { return server->connections() == 2; }));
  bool stopped = false;
  server->stop(kPatience, [&] { stopped = true; });
  EXPECT_TRUE(sees_end(idle));
  EXPECT_FALSE(stopped);
  Client late(listener);  // stays in the backlog for the next one
  policyd.answer("cold.example", none_known());
  EXPECT_TRUE(gets(waiting, {"NOTFOUND "}));
  EXPECT_TRUE(until([&] { return stopped; }));
  late.send(ask("example.org"));
  server.reset();
  start();
  EXPECT_TRUE(gets(late, {std::string(kSecure)}));
}

TEST_F(MapServer, StopAnswersAQuestionThatHasCome) {
  start();
  Client client(listener);
  EXPECT_TRUE(until([&] { return server->connections() == 1; }));
  client.send(ask("example.org"));  // the loop does not turn before it is told to stop
  bool stopped = false;
  server->stop(kPatience, [&] { stopped = true; });
  EXPECT_TRUE(gets(client, {std::string(kSecure)}));
  EXPECT_TRUE(sees_end(client));
  EXPECT_TRUE(until([&] { return stopped; }));
}

// The wait is over long before cold_wait; what came behind the question is answered too.
TEST_F(MapServer, StopAnswersWhatPolicydDoesNotWithinItsPatience) {
  settings.waiting.cold_wait = kMinute;
  start();
  Client client(listener), other(listener);
  client.send(ask("cold.example") + ask("example.org") + ask("colder.example"));
  other.send(ask("cold.example"));
  EXPECT_TRUE(until([&] { return server->desk().waiting() == 3; }));
  bool stopped = false;
  server->stop(10 * kMillisecond, [&] { stopped = true; });
  EXPECT_TRUE(gets(client, {"NOTFOUND ", std::string(kSecure), "NOTFOUND "}));
  EXPECT_TRUE(gets(other, {"NOTFOUND "}));
  EXPECT_TRUE(sees_end(client));
  EXPECT_TRUE(until([&] { return stopped; }));
}

TEST_F(MapServer, StopDoesNotWaitForClientsThatNeverRead) {
  start();
  Client client(listener, 4'096);
  std::string block;
  while (block.size() < 1 << 20) block += ask("example.org");
  EXPECT_TRUE(until([&] { return client.send(block) == 0; }));
  bool stopped = false;
  const std::int64_t begun = EventLoop::now();
  server->stop(10 * kMillisecond, [&] { stopped = true; });
  EXPECT_TRUE(until([&] { return stopped; }));
  EXPECT_LT(EventLoop::now() - begun, kPatience / 2);
}

// Lowers the limit of open descriptors to what is open, for the length of a test.
class DescriptorLimit {
 public:
  DescriptorLimit() {
    ::getrlimit(RLIMIT_NOFILE, &before_);
    const int next = ::dup(0);
    ::close(next);
    rlimit low = before_;
    low.rlim_cur = static_cast<rlim_t>(next);
    ::setrlimit(RLIMIT_NOFILE, &low);
  }
  ~DescriptorLimit() { ::setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  rlimit before_{};
};

TEST_F(MapServer, OutOfDescriptorsTheOneIdleLongestGoesForTheNewOne) {
  start();
  Client idle(listener);
  EXPECT_TRUE(until([&] { return server->connections() == 1; }));
  Client late(listener);
  late.send(ask("example.org"));
  {
    const DescriptorLimit limit;
    EXPECT_TRUE(gets(late, {std::string(kSecure)}));
  }
  EXPECT_TRUE(sees_end(idle));
  EXPECT_GE(server->counters().no_descriptor, 1U);
}

TEST_F(MapServer, OutOfDescriptorsWithNoneIdleItWaitsAndGoesOn) {
  start();
  Client busy(listener);
  busy.send(ask("cold.example"));
  EXPECT_TRUE(until([&] { return server->desk().waiting() == 1; }));
  Client late(listener);
  late.send(ask("example.org"));
  {
    const DescriptorLimit limit;
    EXPECT_TRUE(until([&] { return server->counters().no_descriptor > 1; }));
  }
  EXPECT_TRUE(gets(late, {std::string(kSecure)}));
}

// Both ends of every connection are here.
bool has_descriptors(std::size_t connections) {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = std::max<rlim_t>(limit.rlim_cur, 2 * connections + 100);
  return limit.rlim_cur <= limit.rlim_max && ::setrlimit(RLIMIT_NOFILE, &limit) == 0;
}

TEST_F(MapServer, AsManyClientsAsItTakesAreServed) {
  const std::size_t all = Server::Settings{}.max_connections;
  ASSERT_EQ(all, 4'096U);
  if (!has_descriptors(all)) GTEST_SKIP() << "too few descriptors are allowed here";
  start();
  std::vector<std::unique_ptr<Client>> clients;
  while (clients.size() < all) {
    clients.push_back(std::make_unique<Client>(listener));
    clients.back()->send(ask("example.org"));
    if (clients.size() % 32 == 0)  // less than the backlog
      ASSERT_TRUE(until([&] { return server->answers().queries == clients.size(); }));
  }
  EXPECT_EQ(server->connections(), all) << "none had to go for another";
  // Each is still there for another question.
  for (const auto& client : clients) client->send(ask("none.example"));
  for (const auto& client : clients)
    ASSERT_TRUE(gets(*client, {std::string(kSecure), std::string(kNotFoundText)}));
  EXPECT_EQ(server->connections(), all);
}

}  // namespace
}  // namespace mxw::map
