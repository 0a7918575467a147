// Counters, gauges, histograms and their text.
#include "core/service/metrics.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "core/base/time.hpp"

namespace mxw::service {
namespace {

using testing::HasSubstr;

TEST(Metrics, TextIsTheExpositionFormat) {
  Metrics metrics("map");
  Counter& ok = metrics.counter("mxwarden_map_answers_total", "Answers given", {{"kind", "ok"}});
  Counter& none =
      metrics.counter("mxwarden_map_answers_total", "Answers given", {{"kind", "a\"b\\c\n"}});
  Gauge& open = metrics.gauge("mxwarden_map_connections", "Open connections");
  metrics.counter_of("mxwarden_map_lines_total", "Lines", [] { return std::uint64_t{1} << 40; });
  metrics.gauge_of("mxwarden_map_depth", "Depth", [] { return std::int64_t{-3}; });
  ok.add();
  ok.add(41);
  none.add(2);
  open.set(7);
  open.add(-9);
  EXPECT_EQ(ok.value(), 42U);
  EXPECT_EQ(metrics.text(),
            "# HELP mxwarden_map_answers_total Answers given\n"
            "# TYPE mxwarden_map_answers_total counter\n"
            "mxwarden_map_answers_total{program=\"map\",kind=\"ok\"} 42\n"
            "mxwarden_map_answers_total{program=\"map\",kind=\"a\\\"b\\\\c\\n\"} 2\n"
            "# HELP mxwarden_map_connections Open connections\n"
            "# TYPE mxwarden_map_connections gauge\n"
            "mxwarden_map_connections{program=\"map\"} -2\n"
            "# HELP mxwarden_map_lines_total Lines\n"
            "# TYPE mxwarden_map_lines_total counter\n"
            "mxwarden_map_lines_total{program=\"map\"} 1099511627776\n"
            "# HELP mxwarden_map_depth Depth\n"
            "# TYPE mxwarden_map_depth gauge\n"
            "mxwarden_map_depth{program=\"map\"} -3\n");
}

TEST(Metrics, HistogramCountsAtMostItsBound) {
  Metrics metrics("map");
  Histogram& wait = metrics.histogram("mxwarden_map_wait_seconds", "Time to answer",
                                      {kMillisecond, 100 * kMillisecond, kSecond});
  for (const std::int64_t ns : {std::int64_t{0}, kMillisecond, kMillisecond + 1, 500 * kMillisecond,
                                kSecond, 2 * kSecond}) {
    wait.observe(ns);
  }
  EXPECT_EQ(metrics.text(),
            "# HELP mxwarden_map_wait_seconds Time to answer\n"
            "# TYPE mxwarden_map_wait_seconds histogram\n"
            "mxwarden_map_wait_seconds_count{program=\"map\"} 6\n"
            "mxwarden_map_wait_seconds_sum{program=\"map\"} 3.502000001\n"
            "mxwarden_map_wait_seconds_bucket{program=\"map\",le=\"0.001\"} 2\n"
            "mxwarden_map_wait_seconds_bucket{program=\"map\",le=\"0.1\"} 3\n"
            "mxwarden_map_wait_seconds_bucket{program=\"map\",le=\"1\"} 5\n"
            "mxwarden_map_wait_seconds_bucket{program=\"map\",le=\"+Inf\"} 6\n");
}

TEST(Metrics, ThreadsCountWithoutLoss) {
  Metrics metrics("map");
  Counter& counter = metrics.counter("mxwarden_a_total", "A");
  Histogram& histogram = metrics.histogram("mxwarden_b_seconds", "B", {kSecond});
  constexpr int kThreads = 4, kEach = 20'000;
  std::vector<std::jthread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&] {
      for (int n = 0; n < kEach; ++n) {
        counter.add();
        histogram.observe(n % 2 == 0 ? 0 : 2 * kSecond);
      }
    });
  }
  for (int i = 0; i < 20; ++i) EXPECT_THAT(metrics.text(), HasSubstr("mxwarden_a_total"));
  threads.clear();
  EXPECT_EQ(counter.value(), 80'000U);
  EXPECT_THAT(metrics.text(), HasSubstr("{program=\"map\",le=\"1\"} 40000\n"));
  EXPECT_THAT(metrics.text(), HasSubstr("mxwarden_b_seconds_count{program=\"map\"} 80000\n"));
}

TEST(MetricsDeathTest, WrongUseIsFoundAtStart) {
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  Metrics metrics("map");
  metrics.counter("mxwarden_a_total", "A");
  EXPECT_DEATH(metrics.counter("mxwarden_a_total", "A"), "series");
  EXPECT_DEATH(metrics.gauge("mxwarden_a_total", "A", {{"x", "y"}}), "type");
  EXPECT_DEATH(metrics.counter("bad-name", "A"), "name_holds");
  EXPECT_DEATH(metrics.counter("mxwarden_b_total", "A", {{"program", "y"}}), "program");
}

}  // namespace
}  // namespace mxw::service
