// The engine on the real store and the real loop's clock.
#include <gtest/gtest.h>

#include "core/store/sqlite_policy_store.hpp"
#include "engine_support.hpp"
#include "store_support.hpp"

namespace mxw::policyd {
namespace {

using namespace test;

class SqliteEngine : public testing::Test {
 protected:
  void open() {
    engine.reset();
    sqlite.reset();
    auto opened = store::SqlitePolicyStore::open(directory.file("policy.db"), clock.wall());
    ASSERT_TRUE(opened) << opened.error().message;
    sqlite = std::move(*opened);
    engine = std::make_unique<Engine>(clock, dns, https, *sqlite, Options{}, recorder, &recorder);
    engine->start();
  }
  void settle() {
    for (bool any = true; any;) {
      any = dns.deliver();
      any = https.deliver() || any;
    }
  }
  Answer want(const std::string& domain) {
    Answer got;
    engine->want(domain, [&](const Answer& answer) { got = answer; });
    settle();
    return got;
  }

  store::TemporaryDirectory directory;
  ManualClock clock;
  FakeDns dns;
  FakeHttps https;
  Recorder recorder;
  std::unique_ptr<store::SqlitePolicyStore> sqlite;
  std::unique_ptr<Engine> engine;
};

TEST_F(SqliteEngine, WhatWasLearnedSurvivesARestart) {
  open();
  dns.txt("_mta-sts.example.org", "v=STSv1; id=1;");
  dns.address("mta-sts.example.org");
  dns.mx("example.org", {"mx.example.org"}, true);
  dns.address("mx.example.org", true);
  dns.tlsa("mx.example.org");
  https.bodies["example.org"] = policy_text("enforce", 604'800);
  want("example.org");
  https.bodies.erase("example.org");
  dns.txt("_mta-sts.failing.test", "v=STSv1; id=1;");
  dns.address("mta-sts.failing.test");
  EXPECT_EQ(want("failing.test").state, rows::DomainState::unknown);
  EXPECT_EQ(https.gets["failing.test"], 1);

  dns.all = resolve::Outcome::timeout;
  open();
  const Answer answer = want("example.org");
  EXPECT_EQ(answer.state, rows::DomainState::policy);
  EXPECT_EQ(answer.mode, policy::Mode::enforce);
  EXPECT_EQ(answer.dane, policy::DaneState::all);
  EXPECT_EQ(want("failing.test").state, rows::DomainState::unknown);
  EXPECT_EQ(https.gets["failing.test"], 1) << "the hold survives, too";
  EXPECT_TRUE(recorder.errors.empty());
}

TEST(LoopClock, AlarmsRingInTheLoop) {
  auto loop = EventLoop::create();
  ASSERT_TRUE(loop);
  LoopClock clock(**loop);
  const std::int64_t before = clock.boot();
  int rung = 0;
  std::unique_ptr<Alarm> stopped = clock.alarm([&] { rung += 100; });
  std::unique_ptr<Alarm> again;
  again = clock.alarm([&] {
    if (++rung < 2) return again->start(kMillisecond);
    (*loop)->stop();
  });
  stopped->start(0);
  stopped->stop();
  again->start(kMillisecond);
  (*loop)->run();
  EXPECT_EQ(rung, 2);
  EXPECT_GE(clock.boot() - before, 2 * kMillisecond);
  EXPECT_GT(clock.wall().ns, 1'700'000'000 * kSecond);
}

}  // namespace
}  // namespace mxw::policyd
