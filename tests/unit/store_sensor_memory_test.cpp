// What SensorStore promises of its longer memory: daily counters, levels, DNS names.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/store/sensor_store.hpp"
#include "tests/unit/store_support.hpp"

namespace mxw::store {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

constexpr std::int32_t kToday = 20'775;  // of at(0)

BaselineRow baseline(const std::string& key, Time last = at(0)) {
  return {.tenant = 3, .origin = "host-a", .key = key, .first = at(0), .last = last};
}

BaselineDay day(const std::string& key, std::int32_t number, std::uint64_t sessions = 9) {
  return {.tenant = 3,
          .origin = "host-a",
          .key = key,
          .day = number,
          .counts = {.sessions = sessions,
                     .complete_replies = 8,
                     .starttls_offered = 7,
                     .first_greetings = 6,
                     .esmtp = 5,
                     .tls_eligible = 4,
                     .tls = 3,
                     .chains = 2,
                     .trusted = 1}};
}

LevelRow level(const std::string& key, const std::string& capability, Time shown = at(5)) {
  return {.tenant = 3,
          .origin = "host-a",
          .key = key,
          .capability = capability,
          .risen_at = at(1),
          .shown_at = shown,
          .absent_since = std::nullopt,
          .absent_sessions = 0,
          .fallen_at = std::nullopt,
          .fallen_by = ""};
}

DnsSeenRow seen(const std::string& kind, const std::string& name, Time last = at(5)) {
  return {.tenant = 3,
          .origin = "host-a",
          .kind = kind,
          .name = name,
          .value = "v=TLSRPTv1; rua=https://reports.example.org/",
          .ad = true,
          .first = at(1),
          .last = last,
          .count = 4,
          .gone_since = std::nullopt};
}

class SensorMemory : public testing::Test {
 protected:
  void SetUp() override {
    store_ = value_of(SensorStore::open(directory_.file("s.db"), at(0)));
    ASSERT_EQ(at(0).ns / kDay, kToday);
  }
  void write(const SensorStore::Batch& batch) { value_of(store_->write(batch)); }

  TemporaryDirectory directory_;
  std::unique_ptr<SensorStore> store_;
};

TEST_F(SensorMemory, DaysComeBackAndAddUp) {
  write({.baselines = {baseline("a"), baseline("b")},
         .days = {day("a", 11), day("a", 10), day("b", 11), day("a", 12)}});
  EXPECT_THAT(value_of(store_->days({3, "a"})),
              ElementsAre(day("a", 10), day("a", 11), day("a", 12)));
  EXPECT_THAT(value_of(store_->days({0, "a"})), IsEmpty());
  write({.days = {day("a", 12, 20)}});
  EXPECT_EQ(value_of(store_->days({3, "a"})).back(), day("a", 12, 20));
  const BaselineCounts sum = value_of(store_->counts({3, "a"}, 11));
  EXPECT_EQ(sum, (BaselineCounts{.sessions = 29,
                                 .complete_replies = 16,
                                 .starttls_offered = 14,
                                 .first_greetings = 12,
                                 .esmtp = 10,
                                 .tls_eligible = 8,
                                 .tls = 6,
                                 .chains = 4,
                                 .trusted = 2}));
  EXPECT_EQ(value_of(store_->counts({3, "c"}, 0)), BaselineCounts{});
}

TEST_F(SensorMemory, AreReadInPages) {
  SensorStore::Batch batch{.baselines = {baseline("a"), baseline("b")}};
  for (const char* key : {"a", "b"}) {
    for (std::int32_t i = 1; i <= 3; ++i) {
      batch.days.push_back(day(key, i));
      batch.levels.push_back(level(key, std::to_string(i)));
      batch.dns_seen.push_back(seen("tlsa", key + std::to_string(i)));
    }
  }
  write(batch);
  std::vector<BaselineDay> days;
  for (BaselineDay last;;) {
    const auto page = value_of(store_->days({last.tenant, last.key}, last.day, 2));
    if (page.empty()) break;
    days.insert(days.end(), page.begin(), page.end());
    last = page.back();
  }
  EXPECT_EQ(days, batch.days);
  std::vector<LevelRow> levels;
  for (LevelRow last;;) {
    const auto page = value_of(store_->levels({last.tenant, last.key}, last.capability, 4));
    if (page.empty()) break;
    levels.insert(levels.end(), page.begin(), page.end());
    last = page.back();
  }
  EXPECT_EQ(levels, batch.levels);
  std::vector<DnsSeenRow> names;
  for (DnsSeenRow last;;) {
    const auto page = value_of(store_->dns_seen("tlsa", {last.tenant, last.name}, 4));
    if (page.empty()) break;
    names.insert(names.end(), page.begin(), page.end());
    last = page.back();
  }
  EXPECT_EQ(names, batch.dns_seen);
}

TEST_F(SensorMemory, LevelsRiseAndFall) {
  write({.levels = {level("a", "starttls"), level("a", "esmtp")}});
  LevelRow fallen = level("a", "starttls");
  fallen.absent_since = at(9);
  fallen.absent_sessions = 21;
  fallen.fallen_at = at(99);
  fallen.fallen_by = "days";
  write({.levels = {fallen}});
  EXPECT_THAT(value_of(store_->levels({3, "a"})), ElementsAre(level("a", "esmtp"), fallen));
}

TEST_F(SensorMemory, NamesAreKeptByKind) {
  DnsSeenRow gone = seen("tlsrpt", "a.test");
  gone.gone_since = at(7);
  write({.dns_seen = {gone, seen("tlsa", "a.test")}});
  EXPECT_EQ(value_of(store_->dns_seen("tlsrpt", {3, "a.test"})), gone);
  EXPECT_EQ(value_of(store_->dns_seen("tlsa", {3, "a.test"})), seen("tlsa", "a.test"));
  EXPECT_FALSE(value_of(store_->dns_seen("tlsa", {0, "a.test"})));
}

TEST_F(SensorMemory, BatchIsAllOrNothing) {
  DnsSeenRow large = seen("tlsa", "a.test");
  large.value.assign(kSeenBytes + 1, 'v');
  EXPECT_EQ(fault_in(store_->write({.levels = {level("a", "tls")}, .dns_seen = {large}})), "limit");
  EXPECT_EQ(fault_in(store_->write({.levels = {level(std::string(600, 'k'), "tls")}})), "limit");
  EXPECT_EQ(fault_in(store_->write({.days = {day("none", 1)}, .levels = {level("a", "tls")}})),
            "constraint");
  EXPECT_THAT(value_of(store_->levels({}, "", 9)), IsEmpty());
}

TEST_F(SensorMemory, DaysGoWithAgeCountAndBaseline) {
  SensorStore::Batch batch{.baselines = {baseline("a", at(5)), baseline("b", at(6))}};
  for (std::int32_t i = 0; i < 32; ++i) batch.days.push_back(day("a", kToday - i));
  batch.days.push_back(day("b", kToday));
  write(batch);
  EXPECT_EQ(value_of(store_->prune({}, at(10))), 2U);
  EXPECT_THAT(value_of(store_->days({3, "a"})), SizeIs(kBaselineDays));
  EXPECT_EQ(value_of(store_->prune({.days = 11}, at(10))), 20U);
  EXPECT_EQ(value_of(store_->days({3, "a"})).front().day, kToday - 9);
  EXPECT_EQ(value_of(store_->prune({.baselines = 1}, at(10))), 1U);
  EXPECT_THAT(value_of(store_->days({3, "a"})), IsEmpty());
  EXPECT_THAT(value_of(store_->days({3, "b"})), SizeIs(1));
}

// A level outlives its baseline: silence is no reason to fall.
TEST_F(SensorMemory, LevelsGoFallenFirst) {
  LevelRow fallen = level("x", "tls", at(90));
  fallen.fallen_at = at(100);
  fallen.fallen_by = "operator";
  write({.baselines = {baseline("a")},
         .levels = {level("a", "tls", at(50)), level("b", "tls", at(60)), fallen}});
  EXPECT_EQ(value_of(store_->prune({}, at(0) + 90 * kDay)), 1U);  // the baseline
  EXPECT_EQ(value_of(store_->prune({.levels = 2}, at(200))), 1U);
  EXPECT_THAT(value_of(store_->levels({3, "x"})), IsEmpty());
  write({.levels = {fallen}});
  EXPECT_EQ(value_of(store_->prune({}, at(101) + 90 * kDay)), 1U);
  EXPECT_EQ(value_of(store_->prune({.levels = 1}, at(200))), 1U);
  EXPECT_THAT(value_of(store_->levels({3, "b"})), SizeIs(1));
  EXPECT_EQ(value_of(store_->prune({}, at(61) + 400 * kDay)), 1U);
}

TEST_F(SensorMemory, NamesGoWithAgeAndCount) {
  SensorStore::Batch batch;
  for (int i = 0; i < 5; ++i) batch.dns_seen.push_back(seen("tlsa", std::to_string(i), at(i)));
  write(batch);
  EXPECT_EQ(value_of(store_->prune({}, at(1) + 90 * kDay)), 1U);
  EXPECT_EQ(value_of(store_->prune({.dns_seen = 3, .per_call = 5}, at(9))), 1U);
  EXPECT_EQ(value_of(store_->prune({.dns_seen = 0, .per_call = 2}, at(9))), 2U);
  EXPECT_EQ(value_of(store_->dns_seen("tlsa", {3, "4"})), batch.dns_seen[4]);
}

}  // namespace
}  // namespace mxw::store
