// From counts to reports: what enters, for whom a report is built, and when a day is done.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/report/gzip.hpp"
#include "core/report/read.hpp"
#include "reportd/day.hpp"
#include "reportd/day_run.hpp"
#include "reportd/delivery.hpp"
#include "reportd/failure_feed.hpp"
#include "reportd/fetcher.hpp"
#include "tests/unit/reportd_lookups.hpp"
#include "tests/unit/store_support.hpp"

namespace mxw::reportd {
namespace {

using store::value_of;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr store::Day kTheDay = 20'783;  // 2026-11-26
constexpr Time kNoon{kTheDay * kDay + 12 * kHour};
constexpr Time kComplete{(kTheDay + 1) * kDay + 31 * kMinute};

BuildSettings settings() {
  BuildSettings out;
  out.organisation = "Example Net";
  out.contact = "tls@reports.example.net";
  out.sensor_sources = {"wire"};
  return out;
}

store::TallyAdd counts(const std::string& domain, const std::string& type, std::uint64_t success,
                       std::uint64_t failure, const std::string& source = "postfix") {
  store::TallyAdd add;
  add.key.day = kTheDay;
  add.key.source = source;
  add.key.domain = domain;
  add.key.type = type;
  if (type == "sts") {
    add.key.strings = "version: STSv1\nmode: enforce\nmx: mx.example.org\nmax_age: 86400";
    add.key.mx_hosts = "mx.example.org";
  }
  add.success = success;
  add.failure = failure;
  if (failure > 0) {
    store::FailureRow row;
    row.key.result_type = "starttls-not-supported";
    row.key.mx_host = "mx.example.org";
    row.key.receiving_ip = *IpAddress::parse("192.0.2.25");
    row.count = failure;
    add.details.push_back(row);
  }
  return add;
}

CountedTally counted(const store::TallyAdd& add) {
  CountedTally one;
  one.row.key = add.key;
  one.row.success = add.success;
  one.row.failure = add.failure;
  one.row.undetermined = add.undetermined;
  one.failures = add.details;
  return one;
}

TEST(Day, IsCompleteHalfAnHourAfterMidnight) {
  const Time midnight = begin_of(kTheDay + 1);
  EXPECT_EQ(last_complete(midnight), kTheDay - 1);
  EXPECT_EQ(last_complete(midnight + 30 * kMinute - 1), kTheDay - 1);
  EXPECT_EQ(last_complete(midnight + 30 * kMinute), kTheDay);
  EXPECT_EQ(day_text(kTheDay), "2026-11-26");
  EXPECT_EQ(parse_day("2026-11-26"), kTheDay);
  for (const char* const bad : {"", "2026-11-31", "2026-1-1", "2026-11-26 ", "26.11.2026", "x"})
    EXPECT_FALSE(parse_day(bad)) << bad;
}

TEST(Builder, MergesPoliciesOfAllSources) {
  const store::ReportKey key{0, kTheDay, "example.org"};
  const auto built =
      build_report(settings(), key,
                   {counted(counts("example.org", "sts", 3, 1, "postfix")),
                    counted(counts("example.org", "no-policy-found", 2, 0, "postfix")),
                    counted(counts("example.org", "sts", 4, 2, "other"))});
  ASSERT_TRUE(built);
  ASSERT_EQ(built->report.policies.size(), 2U);
  const report::PolicyReport& sts = built->report.policies[1];
  EXPECT_EQ(sts.success, 7U);
  EXPECT_EQ(sts.failure, 3U);
  EXPECT_EQ(sts.strings.size(), 4U);
  ASSERT_EQ(sts.details.size(), 1U);
  EXPECT_EQ(sts.details[0].count, 3U);
  EXPECT_EQ(built->sessions, 10U);
  EXPECT_EQ(format_rfc3339(built->report.begin), "2026-11-26T00:00:00Z");
  EXPECT_EQ(format_rfc3339(built->report.end), "2026-11-26T23:59:59Z");
  EXPECT_THAT(
      built->report.report_id,
      testing::MatchesRegex("20261126\\.example\\.org\\.[0-9a-f]*@reports\\.example\\.net"));
}

TEST(Builder, LeavesOutWhatIsUndeterminedOrBeyondBounds) {
  store::TallyAdd unknown = counts("example.org", "sts", 0, 0);
  unknown.undetermined = 5;
  store::TallyAdd overflow = counts("example.org", std::string(store::kOverflow), 9, 0);
  const store::ReportKey key{0, kTheDay, "example.org"};
  EXPECT_FALSE(build_report(settings(), key, {counted(unknown), counted(overflow)}));
  const auto built = build_report(
      settings(), key,
      {counted(unknown), counted(overflow), counted(counts("example.org", "sts", 1, 0))});
  ASSERT_TRUE(built);
  EXPECT_EQ(built->sessions, 1U);
  EXPECT_EQ(built->undetermined, 5U);
}

TEST(Builder, CountsTheSensorAloneOnlyWhereChosen) {
  const store::ReportKey key{0, kTheDay, "example.org"};
  const auto wire = counted(counts("example.org", "sts", 0, 2, "wire"));
  const auto mta = counted(counts("example.org", "sts", 5, 0));
  BuildSettings chosen = settings();
  chosen.sensor = true;
  const auto both = build_report(settings(), key, {wire, mta});
  EXPECT_FALSE(both->sensor_only);
  EXPECT_EQ(both->sessions, 5U);
  const auto alone = build_report(settings(), key, {wire});
  EXPECT_TRUE(alone->sensor_only);
  EXPECT_EQ(alone->sessions, 2U);
  EXPECT_FALSE(build_report(chosen, key, {wire})->sensor_only);
  EXPECT_EQ(build_report(chosen, key, {wire, mta})->sessions, 7U);
}

// tlsa and sts are told of the same sessions.
TEST(Builder, CountsSessionsOfTwoTypesOnce) {
  const auto built = build_report(
      settings(), {0, kTheDay, "example.org"},
      {counted(counts("example.org", "sts", 4, 0)), counted(counts("example.org", "tlsa", 3, 0))});
  EXPECT_EQ(built->sessions, 4U);
}

class DayRunTest : public testing::Test {
 protected:
  void SetUp() override {
    store_ = value_of(store::ReportStore::open(folder_.file("report.db")));
    restart();
  }
  void restart(bool send = true) {
    DayRunSettings options;
    options.build = settings();
    options.send = send;
    days_ = std::make_unique<DayRun>(*store_, lookups_, options,
                                     [this](store::Day day, const std::function<void()>& frozen) {
                                       value_of(store_->freeze(0, day, kComplete));
                                       frozen();
                                     });
  }
  void add(const store::TallyAdd& counts) { value_of(store_->add({{counts}, {}})); }
  void record(const std::string& domain, store::Day day = kTheDay,
              const std::string& rua = "mailto:r@example.com") {
    value_of(store_->put_rua({.tenant = 0,
                              .origin = "test",
                              .day = day,
                              .domain = domain,
                              .record = "v=TLSRPTv1; rua=" + rua,
                              .seen = begin_of(day) + kHour}));
  }
  // As the program's timers do.
  void run(Time now = kComplete) {
    days_->tick(now);
    for (int turn = 0; turn < 20; ++turn) {
      lookups_.answer();
      while (days_->work(now)) lookups_.answer();
    }
  }
  std::optional<store::ReportRow> report(const std::string& domain, store::Day day = kTheDay) {
    return value_of(store_->report({0, day, domain}));
  }
  [[nodiscard]] std::uint64_t built(Built word) const {
    return days_->counters().built[static_cast<std::size_t>(word)];
  }

  store::TemporaryDirectory folder_;
  std::unique_ptr<store::ReportStore> store_;
  test::HeldLookups lookups_;
  std::unique_ptr<DayRun> days_;
};

TEST_F(DayRunTest, BuildsEachDomainOnceWhenTheDayIsComplete) {
  add(counts("example.org", "sts", 3, 1));
  record("example.org");
  run(kComplete - 2 * kMinute);
  EXPECT_FALSE(report("example.org"));
  run();
  const auto row = report("example.org");
  ASSERT_TRUE(row);
  EXPECT_EQ(row->state, store::ReportState::queued);
  ASSERT_TRUE(row->next_at);
  EXPECT_GE(*row->next_at, begin_of(kTheDay + 1));
  EXPECT_LE(*row->next_at, begin_of(kTheDay + 1) + 4 * kHour);
  EXPECT_TRUE(value_of(store_->day(0, kTheDay))->frozen_at);
  const auto octets = value_of(store_->report_bytes(row->key));
  const auto json = report::gunzip(as_text(*octets));
  const auto read = report::read_report(*json);
  ASSERT_TRUE(read);
  EXPECT_TRUE(read->deviations.empty()) << read->deviations.text();
  EXPECT_EQ(read->report.policies[0].failure, 1U);
  // Nothing more to do, and nothing changes.
  run(kComplete + kHour);
  EXPECT_EQ(days_->counters().days, 1U);
  EXPECT_EQ(value_of(store_->report_bytes(row->key)), octets);
}

TEST_F(DayRunTest, GoesOnAfterARestart) {
  for (int i = 0; i < 60; ++i) {
    const std::string name = "d" + std::to_string(1'000 + i) + ".example";
    add(counts(name, "sts", 1, 0));
    record(name);
  }
  days_->tick(kComplete);
  days_->work(kComplete);  // the questions
  days_->work(kComplete);  // one slice
  EXPECT_LT(built(Built::stored), 60U);
  restart();
  run(kComplete + kMinute);
  EXPECT_EQ(value_of(store_->reports(0, kTheDay, "", 1'000)).size(), 60U);
  EXPECT_GT(built(Built::exists), 0U);
}

TEST_F(DayRunTest, KeepsReportsWhereSendingIsOff) {
  restart(false);
  add(counts("example.org", "sts", 3, 1));
  record("example.org");
  run();
  const auto row = report("example.org");
  ASSERT_TRUE(row);
  EXPECT_FALSE(row->next_at);
  EXPECT_THAT(row->detail, HasSubstr("sending is off"));
  EXPECT_TRUE(value_of(store_->due(kComplete + kDay, 10)).empty());
}

TEST_F(DayRunTest, KeepsWhatTheSensorAloneCounted) {
  add(counts("example.org", "sts", 0, 2, "wire"));
  record("example.org");
  run();
  ASSERT_TRUE(report("example.org"));
  EXPECT_FALSE(report("example.org")->next_at);
}

TEST_F(DayRunTest, AsksForRecordsTheDayHasNot) {
  add(counts("asked.example", "sts", 1, 0));
  add(counts("known.example", "sts", 1, 0));
  add(counts("without.example", "sts", 1, 0));
  record("known.example");
  lookups_.found("asked.example", "v=TLSRPTv1; rua=https://r.example/x", kNoon);
  lookups_.denied("without.example");
  run();
  EXPECT_THAT(lookups_.asked, ElementsAre("asked.example", "without.example"));
  EXPECT_TRUE(report("asked.example"));
  EXPECT_TRUE(report("known.example"));
  EXPECT_FALSE(report("without.example"));
  EXPECT_EQ(built(Built::no_record), 1U);
}

TEST_F(DayRunTest, KnowsTodayWhoHasNoRecord) {
  store::TallyAdd today = counts("a.example", "sts", 0, 1);
  today.key.day = kTheDay + 1;
  add(today);
  lookups_.denied("a.example");
  run();
  EXPECT_TRUE(days_->denied("a.example"));
  lookups_.found("a.example", "v=TLSRPTv1; rua=mailto:a@a.example", kComplete);
  run(begin_of(kTheDay + 1) + 2 * kHour);
  EXPECT_FALSE(days_->denied("a.example"));
}

TEST_F(DayRunTest, TheLastRecordIsKeptThirtyDaysWhileLookupsFail) {
  add(counts("a.example", "sts", 1, 0));
  add(counts("b.example", "sts", 1, 0));
  record("a.example", kTheDay - 30);
  record("b.example", kTheDay - 31);
  run();
  ASSERT_TRUE(report("a.example"));
  EXPECT_FALSE(report("b.example"));
  // Where it is sent it is looked for under the day.
  EXPECT_TRUE(value_of(store_->rua({0, kTheDay, "a.example"})));
  // And does not become younger by that.
  store::TallyAdd later = counts("a.example", "sts", 1, 0);
  later.key.day = kTheDay + 1;
  add(later);
  run(kComplete + kDay);
  EXPECT_FALSE(report("a.example", kTheDay + 1));
}

TEST_F(DayRunTest, OneDenialEndsNothingTwoADayApartDo) {
  record("a.example", kTheDay - 1);
  lookups_.denied("a.example");
  store::ReportBook book(store_->database());
  for (const auto& [seen, ends] :
       {std::pair(kNoon - 23 * kHour, false), {kNoon, false}, {kNoon + 2 * kHour, true}}) {
    value_of(book.deny(0, "a.example", seen));
    EXPECT_EQ(value_of(book.record({0, kTheDay, "a.example"})).has_value(), !ends)
        << format_rfc3339(seen);
  }
  // A record that is seen again is not ended by denials before it.
  record("a.example", kTheDay + 1);
  EXPECT_TRUE(value_of(book.record({0, kTheDay + 2, "a.example"})));
  value_of(book.deny(0, "a.example", begin_of(kTheDay + 2)));
  EXPECT_TRUE(value_of(book.record({0, kTheDay + 2, "a.example"})));
}

TEST_F(DayRunTest, ATlsaBaseDomainWithTheSameReadersIsLeftOut) {
  for (const char* const recipient : {"a.example", "b.example"}) {
    store::TallyAdd tlsa = counts(recipient, "tlsa", 2, 0);
    tlsa.key.mx_hosts = "mx.example.org";
    add(tlsa);
    record(recipient, kTheDay, "mailto:r@example.com,https://r.example/x");
  }
  add(counts("mx.example.org", "tlsa", 4, 0));
  record("mx.example.org", kTheDay, "https://r.example/x,mailto:R@example.com");
  run();
  EXPECT_FALSE(report("mx.example.org"));
  EXPECT_EQ(built(Built::same_rua), 1U);
  EXPECT_TRUE(report("a.example"));
}

TEST_F(DayRunTest, ATlsaBaseDomainWithOtherReadersGetsItsOwn) {
  store::TallyAdd tlsa = counts("a.example", "tlsa", 2, 0);
  tlsa.key.mx_hosts = "mx.example.org";
  add(tlsa);
  add(counts("mx.example.org", "tlsa", 2, 0));
  record("a.example");
  record("mx.example.org", kTheDay, "mailto:other@example.com");
  run();
  EXPECT_TRUE(report("a.example"));
  EXPECT_TRUE(report("mx.example.org"));
}

TEST_F(DayRunTest, NothingIsBuiltWithoutANameToReportIn) {
  add(counts("example.org", "sts", 1, 0));
  record("example.org");
  days_ =
      std::make_unique<DayRun>(*store_, lookups_, DayRunSettings{},
                               [](store::Day, const std::function<void()>& frozen) { frozen(); });
  EXPECT_THAT(days_->why_not(), HasSubstr("organisation"));
  run();
  EXPECT_FALSE(report("example.org"));
  restart();
  run();
  EXPECT_TRUE(report("example.org"));
}

TEST_F(DayRunTest, LookStoresNothing) {
  store::TallyAdd today = counts("example.org", "sts", 1, 0);
  today.key.day = kTheDay + 1;
  add(today);
  record("example.org", kTheDay + 1);
  const auto one = days_->look({0, kTheDay + 1, "example.org"});
  EXPECT_EQ(one.built, Built::stored);
  EXPECT_THAT(one.json, HasSubstr("\"policy-domain\""));
  EXPECT_FALSE(report("example.org", kTheDay + 1));
  EXPECT_EQ(days_->look({0, kTheDay, "nobody.example"}).built, Built::nothing);
}

TEST_F(DayRunTest, TheFetchersTextHasTheCodesOfTheProtocol) {
  add(counts("example.org", "sts", 3, 1));
  record("example.org");
  EXPECT_EQ(
      value_of(fetcher_text(*store_, {0, kTheDay, "example.org"})),
      R"({"d":"example.org","policies":{"v=TLSRPTv1; rua=mailto:r@example.com":{)"
      R"("{\"policy-type\":2,\"policy-domain\":\"example.org\",\"policy-string\":[\"version: STSv1\",)"
      R"(\"mode: enforce\",\"mx: mx.example.org\",\"max_age: 86400\"],\"mx-host\":[\"mx.example.org\"]}":)"
      R"({"cntrtotal":4,"cntrfailure":1,"failures":{"{\"c\":201,\"n\":\"mx.example.org\",)"
      R"(\"r\":\"192.0.2.25\"}":1}}}}})");
}

TEST(FailureFeed, TellsASpanAsFarAsItIsKnown) {
  PolicyFailures failures;
  FailureFeed feed(failures);
  rows::PolicyFailureRow row;
  row.domain = "example.org";
  row.result = "sts-policy-fetch-error";
  row.from = row.seen = kNoon;
  feed.on_change(row);
  EXPECT_EQ(failures.counters().spans, 0U);
  feed.tick(kNoon + 5 * kMinute);
  EXPECT_EQ(failures.counters().spans, 1U);
  feed.tick(kNoon + 5 * kMinute);
  EXPECT_EQ(failures.counters().spans, 1U);
  row.to = kNoon + 10 * kMinute;
  feed.on_change(row);
  EXPECT_EQ(failures.counters().spans, 2U);
  EXPECT_EQ(feed.open(), 0U);
  row.result = "no such type";
  feed.on_change(row);
  EXPECT_EQ(failures.counters().spans, 2U);
}

TEST(FailureFeed, AFailureNobodyLooksAtAgainEndsAfterADay) {
  PolicyFailures failures;
  FailureFeed feed(failures);
  rows::PolicyFailureRow row;
  row.domain = "example.org";
  row.result = "sts-policy-invalid";
  row.from = row.seen = kNoon;
  feed.on_change(row);
  feed.tick(kNoon + kDay + kMinute);
  EXPECT_EQ(feed.open(), 0U);
  EXPECT_EQ(failures.counters().spans, 1U);
}

}  // namespace
}  // namespace mxw::reportd
