// The milter's knowledge between real feeds, policyd's ask socket and the operator's files, by a
// clock that the test sets.
#include "milter/knowledge.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <thread>

#include "core/feed/ask.hpp"
#include "core/feed/feed_server.hpp"
#include "core/ipc/listener.hpp"
#include "core/ipc/seqpacket_server.hpp"
#include "core/operator/write.hpp"
#include "milter/wanted.hpp"
#include "tests/unit/feed_support.hpp"
#include "tests/unit/ipc_support.hpp"

namespace mxw::milter {
namespace {

using feed::at;
using testing::ElementsAre;
using testing::IsEmpty;

// A FakeSource behind a socket, in the test's loop.
struct Owner {
  Owner(EventLoop& the_loop, std::string path) : loop(the_loop), socket(std::move(path)) {}
  void serve() {
    ipc::ListenOptions everybody;
    everybody.mode = 0666;
    listening = ipc::listen_on("unix:" + socket, everybody).value();
    server = feed::FeedServer::create(loop, listening.get(), source, {}).value();
  }
  void leave() {
    server.reset();
    listening = Fd();
  }
  template <typename Row>
  void put(Row row) {
    source.put(std::move(row));
    if (server) server->notify();
  }

  EventLoop& loop;
  std::string socket;
  feed::FakeSource source;
  Fd listening;
  std::unique_ptr<feed::FeedServer> server;
};

class MilterKnowledge : public LoopTest {
 protected:
  MilterKnowledge()
      : policyd(*loop, directory.file("policyd.sock")),
        sensor(*loop, directory.file("sensor.sock")) {
    std::filesystem::create_directories(operator_dir);
  }
  void TearDown() override { knowledge.reset(); }

  void start() {
    knowledge.reset();
    Knowledge::Settings settings;
    settings.policyd_feed = policyd.socket;
    settings.policyd_ask = directory.file("ask.sock");
    settings.sensor_feed = sensor.socket;
    settings.cache_path = directory.file("policyd.cache");
    settings.operator_dir = operator_dir;
    settings.clock = [this] { return at(second); };
    settings.aging = [this] { return at(second - stepped); };
    knowledge = std::make_unique<Knowledge>(settings);
    const auto started = knowledge->start();
    ASSERT_TRUE(started) << started.error().message;
  }
  void serve_all() {
    policyd.serve();
    sensor.serve();
    serve_ask();
  }
  void serve_ask() {
    ipc::ListenOptions options;
    options.type = ipc::SocketType::seqpacket;
    options.mode = 0666;
    asking = ipc::listen_on("unix:" + directory.file("ask.sock"), options).value();
    ask =
        ipc::SeqpacketServer::create(*loop, asking.get(), ipc::PeerCheck().allow_everybody(),
                                     [this](ipc::SeqpacketServer::Peer&, std::string_view message) {
                                       const auto request = feed::decode_request(message);
                                       ASSERT_TRUE(request) << message;
                                       if (request->op == feed::AskOp::hint)
                                         hinted.push_back(request->domain);
                                       if (request->op == feed::AskOp::reread)
                                         reread.push_back(request->domain);
                                     },
                                     {})
            .value();
  }
  void put_domain(const std::string& domain, const std::string& address) {
    policyd.put(feed::domain_row(domain));
    policyd.put(feed::policy_row(domain));
    rows::RouteRow route = feed::route_row(domain, "mx." + domain, address);
    route.source = "mx unsigned insecure";
    policyd.put(route);
  }
  void put_reread(const std::string& domain, std::int64_t when) {
    rows::RereadRow row = feed::reread_row(domain);
    row.at = at(when);
    row.id = "1";
    row.mode = policy::Mode::enforce;
    policyd.put(row);
  }
  [[nodiscard]] std::string state(const std::string& domain) {
    return std::string(name(knowledge->path(domain, knowledge->now(), false).state));
  }
  void run_until_state(const std::string& domain, const std::string& wanted) {
    run_until([&] { return state(domain) == wanted; });
    ASSERT_EQ(state(domain), wanted);
  }

  Owner policyd, sensor;
  Fd asking;
  std::unique_ptr<ipc::SeqpacketServer> ask;
  std::vector<std::string> hinted, reread;
  std::string operator_dir = directory.file("operator");
  std::atomic<std::int64_t> second = 200, stepped = 0;
  std::unique_ptr<Knowledge> knowledge;
};

TEST_F(MilterKnowledge, JoinsBothFeeds) {
  serve_all();
  put_domain("example.org", "192.0.2.1");
  put_reread("example.org", 150);
  start();
  run_until_state("example.org", "clear");
  EXPECT_EQ(state("example.net"), "unknown");
  sensor.put(feed::path_verdict("v1", "192.0.2.1"));
  run_until_state("example.org", "blocked");
  const DomainPath path = knowledge->path("example.org", at(200), false);
  EXPECT_THAT(path.verdict_ids, ElementsAre("v1"));
  rows::VerdictRow cleared = feed::path_verdict("v1", "192.0.2.1");
  cleared.state = rows::VerdictState::cleared;
  sensor.put(cleared);
  run_until_state("example.org", "clear");
  run_until([&] {
    const Knowledge::Numbers numbers = knowledge->numbers();
    return numbers.policyd && numbers.sensor && numbers.told && numbers.policies == 1 &&
           numbers.verdicts == 0;
  });
}

TEST_F(MilterKnowledge, AsksForAReReadOfEveryDomainThatAVerdictMeets) {
  serve_all();
  put_domain("example.org", "192.0.2.1");
  put_domain("example.com", "192.0.2.1");
  put_domain("example.net", "192.0.2.9");
  policyd.put(feed::domain_row("bare.example", rows::DomainState::none));
  rows::RouteRow route = feed::route_row("bare.example", "mx.bare.example", "192.0.2.1");
  route.source = "mx unsigned insecure";
  policyd.put(route);
  start();
  run_until_state("example.org", "clear");
  rows::VerdictRow one = feed::path_verdict("v1", "192.0.2.1");
  one.count = 1;
  sensor.put(one);
  run_until([&] { return reread.size() >= 2; });
  std::ranges::sort(reread);
  EXPECT_THAT(reread, ElementsAre("example.com", "example.org"));
  EXPECT_EQ(state("example.org"), "reread");
  put_reread("example.org", 205);
  run_until_state("example.org", "blocked");
  EXPECT_EQ(state("example.com"), "reread");
  // Nobody is asked again and again.
  run_for(3 * Knowledge::kTick);
  EXPECT_EQ(reread.size(), 2U);
  EXPECT_EQ(knowledge->numbers().rereads, 2U);
}

TEST_F(MilterKnowledge, AsksWhenMailComesWhereTheRouteWasLearnedLater) {
  serve_all();
  start();
  sensor.put(feed::path_verdict("v1", "192.0.2.1"));
  run_until([&] { return knowledge->numbers().verdicts == 1; });
  run_for(2 * Knowledge::kTick);
  put_domain("example.org", "192.0.2.1");
  run_until_state("example.org", "reread");
  EXPECT_THAT(reread, IsEmpty());
  knowledge->path("example.org", at(200), true);
  run_until([&] { return !reread.empty(); });
  EXPECT_THAT(reread, ElementsAre("example.org"));
}

TEST_F(MilterKnowledge, AsksAsSoonAsPolicydIsThere) {
  policyd.serve();
  sensor.serve();
  put_domain("example.org", "192.0.2.1");
  start();
  run_until_state("example.org", "clear");
  sensor.put(feed::path_verdict("v1", "192.0.2.1"));
  run_until_state("example.org", "reread");
  run_for(2 * Knowledge::kTick);
  serve_ask();
  run_until([&] { return !reread.empty(); });
  EXPECT_THAT(reread, ElementsAre("example.org"));
}

TEST_F(MilterKnowledge, HintsOncePerMinuteAndDomain) {
  serve_all();
  start();
  run_until([&] { return knowledge->numbers().ask; });
  for (int i = 0; i < 10; ++i) knowledge->path("example.org", at(200), true);
  knowledge->path("example.net", at(200), false);
  knowledge->path("example.com", at(200), true);
  run_until([&] { return hinted.size() >= 2; });
  run_for(50 * kMillisecond);
  EXPECT_THAT(hinted, ElementsAre("example.org", "example.com"));
}

// Nothing waits and nothing fails when nobody is there; what was told holds to its end.
TEST_F(MilterKnowledge, KnowsWhatItWasToldWhenAllAreGone) {
  start();
  EXPECT_EQ(knowledge->path("example.org", at(200), true).state, PathState::unknown);
  serve_all();
  put_domain("example.org", "192.0.2.1");
  put_reread("example.org", 150);
  sensor.put(feed::path_verdict("v1", "192.0.2.1"));  // to 960
  run_until_state("example.org", "blocked");
  run_until([&] { return knowledge->numbers().policyd && knowledge->numbers().sensor; });
  policyd.leave();
  sensor.leave();
  run_until([&] { return !knowledge->numbers().policyd && !knowledge->numbers().sensor; });
  EXPECT_EQ(state("example.org"), "blocked");
  second = 961;
  EXPECT_EQ(state("example.org"), "probing");
  second = 960 + 301;
  EXPECT_EQ(state("example.org"), "unknown") << "nobody watches the path any more";
  second = 700'000;
  EXPECT_EQ(state("example.org"), "unknown") << "the policy has ended";
  EXPECT_EQ(knowledge->path("example.org", knowledge->now(), false).protection,
            policy::Protection::none);
}

TEST_F(MilterKnowledge, AfterARestartTheCacheKnowsThePolicies) {
  serve_all();
  put_domain("example.org", "192.0.2.1");
  start();
  run_until_state("example.org", "clear");
  knowledge.reset();
  policyd.leave();
  start();
  EXPECT_EQ(knowledge->path("example.org", at(200), false).protection,
            policy::Protection::sts_enforce)
      << "before the first question";
  run_until_state("example.org", "clear");
  knowledge->stop();
  EXPECT_EQ(knowledge->path("example.org", at(200), true).protection,
            policy::Protection::sts_enforce)
      << "and after the end";
}

// Policyd keeps what it read again for days: it says nothing of a verdict that was armed anew.
TEST_F(MilterKnowledge, AfterARestartAnOldReReadCountsForNoNewVerdict) {
  serve_all();
  put_domain("example.org", "192.0.2.1");
  put_reread("example.org", 150);
  rows::VerdictRow row = feed::path_verdict("v1", "192.0.2.1");
  sensor.put(row);
  start();
  run_until_state("example.org", "blocked");
  row.last_seen = at(50'000);
  row.expires = at(50'900);
  sensor.put(row);
  second = 50'100;
  start();
  run_until_state("example.org", "reread");
  put_reread("example.org", 50'110);
  run_until_state("example.org", "blocked");
}

TEST_F(MilterKnowledge, ASpoiledCacheIsAsNone) {
  std::ofstream(directory.file("policyd.cache")) << "{\"v\":1";
  serve_all();
  put_domain("example.org", "192.0.2.1");
  start();
  run_until_state("example.org", "clear");
  EXPECT_EQ(knowledge->numbers().bad_files, 1U);
}

TEST_F(MilterKnowledge, TheOperatorsWordCountsWithinSeconds) {
  serve_all();
  put_domain("example.org", "192.0.2.1");
  start();
  run_until_state("example.org", "clear");
  operators::DomainBrake brake;
  brake.until = at(200) + kHour;
  ASSERT_TRUE(operators::write_brake(operator_dir, "example.org", brake));
  const auto path = [&] { return knowledge->path("example.org", knowledge->now(), false); };
  run_until([&] { return path().bypass; });
  second = 200 + 3'600;
  EXPECT_FALSE(path().bypass) << "it has ended";
  second = 200;
  brake.action = operators::Action::report_only;
  ASSERT_TRUE(operators::write_brake(operator_dir, "example.org", brake));
  run_until([&] { return path().report_only; });
  ASSERT_TRUE(operators::remove_brake(operator_dir, "example.org"));
  run_until([&] { return !path().report_only; });
  ASSERT_TRUE(operators::write_enforcement_off(
      operator_dir, {.off = true, .until = at(200) + kHour, .reason = "test", .who = "test"}));
  run_until([&] { return path().bypass; });
}

// The sensor writes wall time: neither clock may keep a verdict for longer than it has.
TEST_F(MilterKnowledge, AVerdictEndsWhenEitherClockSaysSo) {
  serve_all();
  put_domain("example.org", "192.0.2.1");
  put_reread("example.org", 150);
  sensor.put(feed::path_verdict("v1", "192.0.2.1"));  // to 960
  sensor.put(feed::session_verdict("v2"));
  start();
  run_until_state("example.org", "blocked");
  const Endpoint client{*IpAddress::parse("198.51.100.7"), 40'000};
  const Endpoint server{*IpAddress::parse("192.0.2.25"), 25};
  const auto of_session = [&] {
    return knowledge->session(client, server, at(50), knowledge->now()).has_value();
  };
  run_until(of_session);
  const auto both = [&](std::int64_t wall, std::int64_t aging) {
    second = wall, stepped = wall - aging;
  };
  both(960, -10'000);
  EXPECT_EQ(knowledge->now(), at(-10'000));
  EXPECT_EQ(knowledge->wall(), at(960));
  EXPECT_TRUE(of_session());
  both(961, 300);
  EXPECT_EQ(state("example.org"), "probing") << "by wall time";
  EXPECT_FALSE(of_session());
  both(960 + 301, 300);
  EXPECT_EQ(state("example.org"), "clear");
  both(-10'000, 961);
  EXPECT_EQ(state("example.org"), "probing") << "by elapsed time";
  EXPECT_FALSE(of_session());
  both(700'000, 300);
  EXPECT_EQ(knowledge->path("example.org", knowledge->now(), false).protection,
            policy::Protection::sts_enforce)
      << "a policy ages by elapsed time";
}

TEST_F(MilterKnowledge, FindsTheVerdictOfThisVerySession) {
  serve_all();
  start();
  sensor.put(feed::session_verdict("v1"));  // 198.51.100.7:40000, began at 50
  rows::VerdictRow outbound = feed::session_verdict("v0");
  outbound.rule = "R02";
  sensor.put(outbound);
  const Endpoint client{*IpAddress::parse("198.51.100.7"), 40'000};
  const Endpoint server{*IpAddress::parse("192.0.2.25"), 25};
  run_until([&] { return knowledge->session(client, server, at(50), at(200)).has_value(); });
  run_until([&] { return knowledge->numbers().verdicts == 2; });
  const auto found = knowledge->session(client, server, at(50), at(200));
  ASSERT_TRUE(found);
  EXPECT_EQ(found->id + ' ' + found->rule + ' ' + found->policy_domain + ' ' + found->policy_id,
            "v1 R13 example.org 1");
  EXPECT_TRUE(knowledge->session(client, server, at(45), at(200)));
  // The MTA tells the milter of a client after postscreen and the lookup of its name.
  EXPECT_TRUE(knowledge->session(client, server, at(110), at(200)));
  EXPECT_FALSE(knowledge->session(client, server, at(44), at(200)));
  EXPECT_FALSE(knowledge->session(client, server, at(111), at(200)));
  EXPECT_TRUE(knowledge->session(client, server, at(50), at(960)));
  EXPECT_FALSE(knowledge->session(client, server, at(50), at(961))) << "it has ended";
  EXPECT_FALSE(knowledge->session({client.address, 40'001}, server, at(50), at(200)));
  EXPECT_FALSE(knowledge->session(client, {server.address, 26}, at(50), at(200)));
}

TEST_F(MilterKnowledge, GrantsOneProbePerDomainAndMinute) {
  start();
  EXPECT_TRUE(knowledge->take_probe("example.org", at(0)));
  EXPECT_FALSE(knowledge->take_probe("example.org", at(0)));
  EXPECT_TRUE(knowledge->take_probe("example.net", at(0)));
  EXPECT_FALSE(knowledge->take_probe("example.org", at(59)));
  EXPECT_TRUE(knowledge->take_probe("example.org", at(60)));
  EXPECT_FALSE(knowledge->take_probe("example.org", at(61)));
  EXPECT_TRUE(knowledge->take_probe("example.org", at(-100))) << "the clock was set back";
}

TEST_F(MilterKnowledge, TakesOtherSettingsWithoutARestart) {
  serve_all();
  put_domain("example.org", "192.0.2.1");
  put_reread("example.org", 150);
  sensor.put(feed::path_verdict("v1", "192.0.2.1"));
  start();
  run_until_state("example.org", "blocked");
  knowledge->set_join({.families = {4}, .egress = {*IpAddress::parse("198.51.100.99")}});
  EXPECT_EQ(state("example.org"), "clear");
}

// For the thread sanitizer: everything is asked while all of it changes.
TEST_F(MilterKnowledge, IsAskedFromManyThreads) {
  serve_all();
  start();
  std::atomic<bool> over = false;
  std::atomic<std::uint64_t> asked = 0;
  const Endpoint client{*IpAddress::parse("198.51.100.7"), 40'000};
  const Endpoint server{*IpAddress::parse("192.0.2.25"), 25};
  std::vector<std::jthread> threads;
  for (int i = 0; i < 3; ++i) {
    threads.emplace_back([&] {
      while (!over) {
        const Time now = knowledge->now();
        (void)knowledge->path("d" + std::to_string(asked++ % 50) + ".example", now, true);
        (void)knowledge->session(client, server, at(50), now);
        (void)knowledge->take_probe("d1.example", now);
        (void)knowledge->numbers();
      }
    });
  }
  for (int i = 0; i < 50; ++i) {
    put_domain("d" + std::to_string(i) + ".example", "192.0.2." + std::to_string(i));
    sensor.put(feed::path_verdict("v" + std::to_string(i), "192.0.2." + std::to_string(i)));
    knowledge->set_join({});
    run_for(2 * kMillisecond);
  }
  sensor.source.lose(5'000'000);
  sensor.leave();
  sensor.serve();
  run_until(
      [&] { return knowledge->numbers().policies == 50 && knowledge->numbers().verdicts == 0; });
  over = true;
  threads.clear();
  EXPECT_GT(asked, 0U);
}

TEST(MilterWanted, AsksOnceInAMinuteAndAgainWhereItCouldNot) {
  Wanted wanted(2, kMinute);
  std::vector<std::string> sent;
  bool reachable = false;
  const auto each = [&](std::int64_t now) {
    sent.clear();
    wanted.each(now, [&](const std::string& domain) {
      if (reachable) sent.push_back(domain);
      return reachable;
    });
    return sent;
  };
  for (const char* const domain : {"a.example", "b.example", "c.example"}) wanted.add(domain);
  EXPECT_THAT(each(1 * kSecond), IsEmpty());
  reachable = true;
  EXPECT_THAT(each(2 * kSecond), ElementsAre("a.example", "b.example")) << "c found no room";
  EXPECT_THAT(each(3 * kSecond), IsEmpty());
  wanted.add("a.example");
  EXPECT_THAT(each(61 * kSecond), IsEmpty());
  EXPECT_THAT(each(62 * kSecond), ElementsAre("a.example"));
  EXPECT_EQ(wanted.size(), 1U) << "b is over";
  EXPECT_THAT(each(200 * kSecond), IsEmpty());
  EXPECT_EQ(wanted.size(), 0U);
}

}  // namespace
}  // namespace mxw::milter
