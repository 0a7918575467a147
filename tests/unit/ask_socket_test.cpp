// What one asker of policyd's ask socket can rely on: as many questions in flight as semantics 11
// allows, each answered, whatever their answers weigh and in however few turns they come.
#include <gtest/gtest.h>
#include <sys/socket.h>

#include "core/feed/ask.hpp"
#include "core/ipc/connect.hpp"
#include "core/ipc/listener.hpp"
#include "policyd/ask_server.hpp"
#include "policyd/name_lookups.hpp"
#include "tests/unit/engine_support.hpp"
#include "tests/unit/ipc_support.hpp"

namespace mxw::policyd::test {
namespace {

// The largest there is: 256 patterns of 240 octets.
std::string large_policy() {
  std::string text = "version: STSv1\nmode: enforce\nmax_age: 604800\n";
  for (int i = 0; i < 256; ++i) {
    const std::string number = std::to_string(1'000 + i);
    text += "mx: m" + number;
    for (int label = 0; label < 4; ++label) text += '.' + std::string(55, 'x');
    text += ".test\n";
  }
  return text;
}

class AskSocketTest : public LoopTest {
 protected:
  AskSocketTest() {
    engine.dns.silent.insert("_mta-sts.large.test");
    names = std::make_unique<NameLookups>(engine.clock, engine.dns, *engine.engine);
    server = AskServer::create(*loop, listening.get(), ipc::PeerCheck().allow_uid(::geteuid()),
                               *engine.engine, *names)
                 .value();
  }

  // EngineTest as a value: its fakes, its engine.
  struct Fakes : EngineTest {
    Fakes() { SetUp(); }
    void TestBody() override {}
    using EngineTest::advance;
    using EngineTest::clock;
    using EngineTest::dns;
    using EngineTest::engine;
    using EngineTest::publish;
    using EngineTest::settle;
  };

  // Sends without reading anything.
  void want(const Fd& fd, std::uint64_t first, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      feed::AskRequest request;
      request.id = first + i;
      request.domain = "large.test";
      const std::string text = encode(request);
      run_until([&] {
        return ::send(fd.get(), text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT) > 0 ||
               errno != EAGAIN;
      });
    }
    asked += count;
    run_until(
        [&] { return server->counters().wants >= asked || server->server().connections() == 0; });
  }
  // The policy host answers: all who asked are answered in this turn.
  void answer_all() {
    engine.publish("large.test", large_policy());
    engine.dns.silent.clear();
    engine.settle();
  }
  [[nodiscard]] std::size_t read_answers(const Fd& fd, std::size_t most) {
    std::size_t good = 0;
    bool ended = false;
    std::string text(feed::kAskAnswerBytes + 1, '\0');
    run_until([&] {
      for (;;) {
        const ssize_t count = ::recv(fd.get(), text.data(), text.size(), MSG_DONTWAIT);
        if (count <= 0) {
          ended = count == 0 || errno != EAGAIN;
          return ended || good == most;
        }
        const auto answer = std::string_view(text).substr(0, static_cast<std::size_t>(count));
        good += answer.size() > 60'000 && answer.contains("\"mode\":\"enforce\"") ? 1U : 0U;
      }
    });
    return good;
  }

  Fakes engine;
  SocketDirectory ask_directory;
  std::string path = ask_directory.file("ask.sock");
  Fd listening = ipc::listen_on("unix:" + path, {.type = ipc::SocketType::seqpacket}).value();
  std::unique_ptr<NameLookups> names;
  std::unique_ptr<AskServer> server;
  std::size_t asked = 0;
};

TEST_F(AskSocketTest, AllThatMayBeInFlightIsAnsweredInOneTurn) {
  const Fd map = ipc::connect_unix(path, ipc::SocketType::seqpacket).value();
  want(map, 1, AskServer::kInFlight);
  answer_all();
  EXPECT_EQ(read_answers(map, AskServer::kInFlight), AskServer::kInFlight);
  EXPECT_EQ(server->server().counters().not_reading, 0U);
}

TEST_F(AskSocketTest, WhoAsksOnAndReadsNothingIsCutOff) {
  const Fd deaf = ipc::connect_unix(path, ipc::SocketType::seqpacket).value();
  want(deaf, 1, AskServer::kInFlight);
  answer_all();
  EXPECT_EQ(server->server().connections(), 1U);
  want(deaf, 5'000, AskServer::kInFlight);
  EXPECT_EQ(server->server().counters().not_reading, 1U);
  EXPECT_EQ(server->server().connections(), 0U);
}

}  // namespace
}  // namespace mxw::policyd::test
