// The knowledge thread between a feed, the operator's files and the serving thread's table.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>

#include "core/base/aging_clock.hpp"
#include "core/feed/feed_server.hpp"
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

}  // namespace
}  // namespace mxw::map
