// The knowledge thread between a feed, the operator's files and the serving thread's table.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <thread>

#include "core/base/aging_clock.hpp"
#include "core/feed/feed_server.hpp"
#include "core/feed/replica.hpp"
#include "core/ipc/listener.hpp"
#include "core/operator/write.hpp"
#include "map/knowledge.hpp"
#include "tests/unit/feed_support.hpp"
#include "tests/unit/ipc_support.hpp"

namespace mxw::map {
namespace {

class KnowledgeTest : public LoopTest {
 protected:
  void SetUp() override { std::filesystem::create_directories(operator_dir); }
  void TearDown() override { knowledge.reset(); }

  void serve() {
    listening = ipc::listen_on("unix:" + socket, {.mode = 0666}).value();
    server = feed::FeedServer::create(*loop, listening.get(), source, {}).value();
  }
  void start() {
    knowledge.reset();
    rows.clear();
    Knowledge::Settings settings;
    settings.feed_socket = socket;
    settings.cache_path = directory.file("feed.cache");
    settings.answers_path = directory.file("answers.ndjson");
    settings.operator_dir = operator_dir;
    settings.options.enforce = true;
    settings.cache_interval = cache_interval;
    knowledge = std::make_unique<Knowledge>(
        *loop, names, settings,
        Knowledge::Callbacks{.rows =
                                 [this](std::vector<Knowledge::Row> batch) {
                                   EXPECT_LE(batch.size(), Knowledge::kBatch);
                                   for (Knowledge::Row& row : batch) take(std::move(row));
                                 },
                             .off = [this](bool said) { off = said; }});
    ASSERT_TRUE(knowledge->start());
  }
  void take(Knowledge::Row row) {
    if (on_row) on_row(row);
    if (row.gone)
      rows.erase(row.domain);
    else
      rows[row.domain] = std::move(row.facts);
  }
  // What would be said of a domain now.
  [[nodiscard]] std::string said(const std::string& domain) {
    const auto at = rows.find(domain);
    const Moment moment{AgingClock().now(), off, true};
    const Answer answer =
        choose(at == rows.end() ? nullptr : &at->second, Dialect::postfix, KeyKind::domain, moment);
    return std::string(name(answer.said)) + ' ' + std::string(name(answer.basis));
  }
  void put(const std::string& domain) {
    rows::DomainRow row = feed::domain_row(domain);
    rows::PolicyRow policy = feed::policy_row(domain);
    row.checked_at = policy.fetched_at = AgingClock().now();
    source.put(row);
    source.put(policy);
    if (server) server->notify();
  }

  feed::FakeSource source;
  std::string socket = directory.file("feed.sock");
  std::string operator_dir = directory.file("operator");
  Fd listening;
  std::unique_ptr<feed::FeedServer> server;
  MapNames names{{{"postfix", config::Dialect::postfix}}};
  std::unique_ptr<Knowledge> knowledge;
  std::map<std::string, Compiled> rows;
  bool off = false;
  std::function<void(const Knowledge::Row&)> on_row;
  std::int64_t cache_interval = kMinute;
};

TEST_F(KnowledgeTest, RowsOfTheFeedComeCompiled) {
  serve();
  put("example.org");
  start();
  run_until([&] { return rows.contains("example.org"); });
  EXPECT_EQ(said("example.org"), "secure sts");
  put("example.net");
  run_until([&] { return rows.contains("example.net"); });
  source.del(rows::Table::domain, "example.org");
  server->notify();
  run_until([&] { return !rows.contains("example.org"); });
  EXPECT_EQ(said("example.org"), "notfound unknown");
}

TEST_F(KnowledgeTest, ManyRowsComeInBatches) {
  serve();
  for (int i = 0; i < 2'000; ++i) put("d" + std::to_string(i) + ".example");
  start();
  run_until([&] { return rows.size() == 2'000; });
}

TEST_F(KnowledgeTest, AfterARestartWithoutPolicydTheCacheAnswersAtOnce) {
  serve();
  put("example.org");
  start();
  run_until([&] { return rows.contains("example.org"); });
  knowledge.reset();  // writes the cache a last time
  server.reset();
  start();
  EXPECT_TRUE(rows.contains("example.org")) << "before the first question";
  EXPECT_EQ(said("example.org"), "secure sts");
}

TEST_F(KnowledgeTest, ASpoiledCacheIsAsNone) {
  std::ofstream(directory.file("feed.cache")) << "{\"v\":1";
  serve();
  put("example.org");
  start();
  EXPECT_TRUE(rows.empty());
  run_until([&] { return rows.contains("example.org"); });
  run_until([&] { return knowledge->numbers().bad_files == 1; });
}

// A feed told anew is long under way; a bypass must not stand at its end.
TEST_F(KnowledgeTest, TheOperatorsWordGoesBeforeAFullQueue) {
  constexpr std::size_t kRows = 40 * Knowledge::kBatch;
  serve();
  for (std::size_t i = 0; i < kRows; ++i) put("d" + std::to_string(i) + ".example");
  start();
  run_until([&] { return rows.size() == kRows; });
  operators::DomainBrake brake;
  brake.until = AgingClock().now() + kHour;
  // All rows are compiled anew; nothing is taken here until the thread has seen the brake.
  std::size_t taken = 0, at = 0;
  on_row = [&](const Knowledge::Row& row) {
    ++taken;
    if (at == 0 && row.facts.action == Brake::Action::bypass) at = taken;
  };
  Options options;
  options.enforce = true;
  knowledge->set_options(options);
  ASSERT_TRUE(operators::write_brake(operator_dir, "late.example", brake));
  const auto seen = [&] { return knowledge->numbers().brakes == 1; };
  while (!seen()) std::this_thread::sleep_for(std::chrono::milliseconds(10));
  run_until([&] { return taken >= kRows; });
  // One batch was made before, and lies with the loop.
  EXPECT_GT(at, 0U);
  EXPECT_LE(at, Knowledge::kBatch + 1);
}

TEST_F(KnowledgeTest, AnOperatorsFolderThatCannotBeReadIsSeen) {
  start();
  run_until([&] { return !knowledge->numbers().operator_unread; });
  std::filesystem::remove_all(operator_dir);
  std::ofstream(operator_dir) << "a file where the folder was";
  run_until([&] { return knowledge->numbers().operator_unread; });
  std::filesystem::remove(operator_dir);
  run_until([&] { return !knowledge->numbers().operator_unread; });
}

TEST_F(KnowledgeTest, TheOperatorsWordCountsWithinSeconds) {
  serve();
  put("example.org");
  start();
  run_until([&] { return rows.contains("example.org"); });
  const Time now = AgingClock().now();
  operators::DomainBrake brake;
  brake.until = now + kHour;
  ASSERT_TRUE(operators::write_brake(operator_dir, "example.org", brake));
  run_until([&] { return said("example.org") == "notfound sts"; });
  brake.action = operators::Action::pin;
  brake.until.reset();
  brake.mx = {"mx.example.net"};
  ASSERT_TRUE(operators::write_brake(operator_dir, "unknown.example", brake));
  run_until([&] { return said("unknown.example") == "secure pin"; });
  ASSERT_TRUE(operators::remove_brake(operator_dir, "example.org"));
  run_until([&] { return said("example.org") == "secure sts"; });
  ASSERT_TRUE(operators::write_enforcement_off(
      operator_dir, {.off = true, .until = now + kHour, .reason = "test", .who = "test"}));
  run_until([&] { return off; });
  EXPECT_EQ(said("unknown.example"), "notfound pin");
}

// With 100,000 domains the copy takes long to write, and is written all the time here. One brake of
// three must be noticed by then: the others are for a machine that is busy itself.
TEST_F(KnowledgeTest, ABrakeIsNoticedWhileALargeCopyIsWritten) {
  constexpr int kDomains = 100'000;
  constexpr std::int64_t kSoon = 1'200 * kMillisecond;
  {
    feed::Replica large({.domains = kDomains, .others = 0});
    for (int i = 0; i < kDomains; ++i) {
      const std::string name = "d" + std::to_string(i) + ".example";
      rows::PolicyRow policy = feed::policy_row(name);
      policy.seq = 1'000'000;
      large.on_change(policy);
    }
    ASSERT_TRUE(large.save(directory.file("feed.cache")));
  }
  cache_interval = 0;
  serve();
  start();
  ASSERT_EQ(rows.size(), std::size_t{kDomains});
  int changes = 0;
  Timer* self = nullptr;
  Timer change(*loop, [&] {  // the copy is never as the file
    put("e" + std::to_string(++changes % 100) + ".example");
    self->start(20 * kMillisecond);
  });
  self = &change;
  change.start(0);
  std::int64_t best = kMinute;
  for (int i = 0; i < 3 && best > kSoon; ++i) {
    const std::string name = "d" + std::to_string(i) + ".example";
    run_until([&] { return std::filesystem::exists(directory.file("feed.cache.new")); });
    operators::DomainBrake brake;
    brake.until = AgingClock().now() + kHour;
    const std::int64_t begun = EventLoop::now();
    ASSERT_TRUE(operators::write_brake(operator_dir, name, brake));
    run_until([&] { return rows[name].action == Brake::Action::bypass; });
    best = std::min(best, EventLoop::now() - begun);
  }
  EXPECT_LT(best, kSoon);
  run_until([&] { return knowledge->numbers().cache_written > 0; });
}

}  // namespace
}  // namespace mxw::map
