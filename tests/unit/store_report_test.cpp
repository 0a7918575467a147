// What ReportStore promises: tallies that add up and stay bounded, marks that stand with them, and
// reports that move only as their sender says.
#include "core/store/report_store.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/store_support.hpp"

namespace mxw::store {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

constexpr Day kDayOfTest = 20'775;  // of at(0)

TallyKey sts(const std::string& domain, Day day = kDayOfTest) {
  return {.tenant = 3,
          .day = day,
          .source = "mx-out",
          .domain = domain,
          .type = "sts",
          .strings = "version: STSv1\nmode: enforce\nmx: *.example.org\nmax_age: 86400",
          .mx_hosts = "*.example.org"};
}

FailureRow failure(const std::string& type, const std::string& sending, std::uint64_t count = 1) {
  return {.key = {.result_type = type,
                  .sending_ip = *IpAddress::parse(sending),
                  .mx_host = "mx1.example.org",
                  .mx_helo = "mx1.example.org",
                  .receiving_ip = *IpAddress::parse("2001:db8::25"),
                  .reason = "X509_V_ERR_CERT_HAS_EXPIRED"},
          .count = count};
}

TallyAdd add_of(const TallyKey& key, std::uint64_t success, std::uint64_t failed = 0,
                std::vector<FailureRow> details = {}) {
  return {.key = key,
          .origin = "host-a",
          .success = success,
          .failure = failed,
          .undetermined = 0,
          .details = std::move(details)};
}

FeedMark mark(const std::string& instance, std::uint64_t seq, Time time = at(0)) {
  return {.tenant = 3,
          .origin = "host-a",
          .sensor = "tap-1",
          .instance = instance,
          .seq = seq,
          .at = time};
}

ReportRow report_row(const std::string& domain, Day day = kDayOfTest) {
  return {.key = {.tenant = 3, .day = day, .domain = domain},
          .origin = "host-a",
          .report_id = "20261118." + domain + ".0a1b2c3d@reports.example.net",
          .state = ReportState::queued,
          .built_at = at(10),
          .next_at = at(100),
          .first_at = std::nullopt,
          .tries = 0,
          .uri = "",
          .detail = "",
          .ended_at = std::nullopt};
}

class Report : public testing::Test {
 protected:
  void SetUp() override { open({}); }
  void open(const ReportLimits& limits) {
    store_.reset();
    store_ = value_of(ReportStore::open(directory_.file("r.db"), {}, limits));
    ASSERT_EQ(day_of(at(0)), kDayOfTest);
  }
  ReportStore::Added add(std::vector<TallyAdd> tallies) {
    return value_of(store_->add({.tallies = std::move(tallies), .marks = {}}));
  }
  std::vector<TallyRow> tallies(const std::string& domain, Day day = kDayOfTest) {
    return value_of(store_->tallies({3, day, domain}));
  }
  bool put(const ReportRow& row, const std::string& body = "report") {
    return value_of(store_->put_report(row, as_bytes(body)));
  }

  TemporaryDirectory directory_;
  std::unique_ptr<ReportStore> store_;
};

TEST(ReportDay, IsUtcAndRoundsDown) {
  EXPECT_EQ(day_of(Time{0}), 0);
  EXPECT_EQ(day_of(Time{kDay - 1}), 0);
  EXPECT_EQ(day_of(Time{kDay}), 1);
  EXPECT_EQ(day_of(Time{-1}), -1);
}

TEST_F(Report, TalliesAddUpByKey) {
  add({add_of(sts("a.test"), 5, 2,
              {failure("certificate-expired", "192.0.2.1"),
               failure("starttls-not-supported", "192.0.2.1")}),
       add_of(sts("a.test"), 1, 1, {failure("certificate-expired", "192.0.2.1")})});
  add({add_of(sts("a.test"), 0, 3, {failure("certificate-expired", "192.0.2.2", 3)})});
  const auto rows = tallies("a.test");
  ASSERT_THAT(rows, SizeIs(1));
  EXPECT_EQ(rows[0].key, sts("a.test"));
  EXPECT_EQ(rows[0].origin, "host-a");
  EXPECT_EQ(rows[0].success, 6U);
  EXPECT_EQ(rows[0].failure, 6U);
  EXPECT_THAT(value_of(store_->failures(rows[0].id)),
              ElementsAre(failure("certificate-expired", "192.0.2.2", 3),
                          failure("certificate-expired", "192.0.2.1", 2),
                          failure("starttls-not-supported", "192.0.2.1", 1)));
  const auto day = value_of(store_->day(3, kDayOfTest));
  ASSERT_TRUE(day);
  EXPECT_EQ(*day, (DayRow{.tenant = 3,
                          .day = kDayOfTest,
                          .frozen_at = std::nullopt,
                          .late = 0,
                          .tallies = 1,
                          .failures = 3,
                          .overflow = 0}));
}

TEST_F(Report, AnyDifferenceIsAnotherTally) {
  std::vector<TallyKey> keys(8, sts("a.test"));
  keys[1].tenant = 4;
  keys[2].day += 1;
  keys[3].source = "tap-1";
  keys[4].domain = "b.test";
  keys[5].type = "tlsa";
  keys[6].strings += "\nx: y";
  std::swap(keys[7].strings, keys[7].mx_hosts);
  for (const TallyKey& key : keys) add({add_of(key, 1)});
  for (const TallyKey& key : keys) {
    const auto rows = value_of(store_->tallies({key.tenant, key.day, key.domain}));
    EXPECT_EQ(std::ranges::count(rows, key, &TallyRow::key), 1);
    for (const TallyRow& row : rows) EXPECT_EQ(row.success, 1U);
  }
}

// A detail differs in any of its six members.
TEST_F(Report, AnyDifferenceIsAnotherFailure) {
  std::vector<FailureRow> rows(7, failure("a", "192.0.2.1"));
  rows[1].key.result_type = "b";
  rows[2].key.sending_ip = *IpAddress::parse("192.0.2.2");
  rows[3].key.mx_host = "";
  rows[4].key.mx_helo = "";
  rows[5].key.receiving_ip = {};
  rows[6].key.reason = "";
  add({add_of(sts("a.test"), 0, 7, rows)});
  EXPECT_THAT(value_of(store_->failures(tallies("a.test")[0].id)),
              testing::UnorderedElementsAreArray(rows));
}

TEST_F(Report, MarksStandWithTheirTallies) {
  value_of(store_->add({.tallies = {add_of(sts("a.test"), 1)}, .marks = {mark("i1", 7)}}));
  EXPECT_EQ(value_of(store_->last_seq("tap-1", "i1")), 7U);
  EXPECT_EQ(value_of(store_->last_seq("tap-1", "i2")), 0U);
  value_of(store_->add({.tallies = {}, .marks = {mark("i1", 5)}}));
  EXPECT_EQ(value_of(store_->last_seq("tap-1", "i1")), 7U);

  FailureRow large = failure("a", "192.0.2.1");
  large.key.reason.assign(kWordBytes + 1, 'r');
  EXPECT_EQ(fault_in(store_->add(
                {.tallies = {add_of(sts("b.test"), 1, 1, {large})}, .marks = {mark("i1", 9)}})),
            "limit");
  EXPECT_EQ(value_of(store_->last_seq("tap-1", "i1")), 7U);
  EXPECT_THAT(tallies("b.test"), IsEmpty());
}

TEST_F(Report, FrozenDayCountsLate) {
  add({add_of(sts("a.test"), 4)});
  EXPECT_TRUE(value_of(store_->freeze(3, kDayOfTest, at(50))));
  EXPECT_FALSE(value_of(store_->freeze(3, kDayOfTest, at(60))));
  const auto added = add({add_of(sts("a.test"), 2, 1, {failure("a", "192.0.2.1")}),
                          add_of(sts("a.test", kDayOfTest + 1), 1)});
  EXPECT_EQ(added.late, 3U);
  EXPECT_EQ(tallies("a.test")[0].success, 4U);
  EXPECT_THAT(tallies("a.test", kDayOfTest + 1), SizeIs(1));
  const auto day = value_of(store_->day(3, kDayOfTest));
  EXPECT_EQ(day->frozen_at, at(50));
  EXPECT_EQ(day->late, 3U);
  EXPECT_TRUE(value_of(store_->freeze(3, kDayOfTest - 1, at(50))));  // without sessions
}

TEST_F(Report, TalliesBeyondTheLimitKeepCounting) {
  open({.tallies = 2, .failures = 100, .failures_of_tally = 100});
  for (int i = 0; i < 5; ++i)
    add({add_of(sts("d" + std::to_string(i) + ".test"), 2, 1, {failure("a", "192.0.2.1")})});
  EXPECT_EQ(add({add_of(sts("d0.test"), 1)}).overflow, 0U);
  EXPECT_EQ(add({add_of(sts("d4.test"), 1)}).overflow, 1U);
  EXPECT_THAT(value_of(store_->domains(3, kDayOfTest, "", 10)), ElementsAre("d0.test", "d1.test"));
  const auto beyond = tallies("");
  ASSERT_THAT(beyond, SizeIs(1));
  EXPECT_EQ(beyond[0].key.type, kOverflow);
  EXPECT_EQ(beyond[0].success, 7U);
  EXPECT_EQ(beyond[0].failure, 3U);
  EXPECT_EQ(value_of(store_->day(3, kDayOfTest))->overflow, 10U);
  EXPECT_EQ(value_of(store_->day(3, kDayOfTest))->tallies, 2U);
}

TEST_F(Report, FailuresBeyondTheLimitKeepCounting) {
  open({.tallies = 10, .failures = 5, .failures_of_tally = 3});
  for (int i = 0; i < 20; ++i)
    add({add_of(sts("a.test"), 0, 1,
                {failure("certificate-expired", "192.0.2." + std::to_string(i))})});
  auto rows = value_of(store_->failures(tallies("a.test")[0].id));
  ASSERT_THAT(rows, SizeIs(4));
  EXPECT_EQ(rows[0], (FailureRow{.key = {.result_type = "certificate-expired"}, .count = 17}));
  EXPECT_EQ(tallies("a.test")[0].failure, 20U);
  // The limit of the day: four rows so far, one more, then folded.
  const auto added =
      add({add_of(sts("b.test"), 0, 2, {failure("a", "192.0.2.1"), failure("b", "192.0.2.1", 9)})});
  EXPECT_EQ(added.failures_folded, 9U);
  rows = value_of(store_->failures(tallies("b.test")[0].id));
  ASSERT_THAT(rows, SizeIs(2));
  EXPECT_EQ(rows[0], (FailureRow{.key = {.result_type = "b"}, .count = 9}));
}

// Not even invented result types make rows without end.
TEST_F(Report, FoldedTypesAreBounded) {
  open({.tallies = 10, .failures = 100, .failures_of_tally = 0});
  for (int i = 0; i < 100; ++i)
    add({add_of(sts("a.test"), 0, 1, {failure("type" + std::to_string(i), "192.0.2.1")})});
  const auto rows = value_of(store_->failures(tallies("a.test")[0].id));
  ASSERT_THAT(rows, SizeIs(kOverflowTypes + 1));
  EXPECT_EQ(rows[0], (FailureRow{.key = {}, .count = 100 - kOverflowTypes}));
}

TEST_F(Report, RuaIsTheLastOneOfTheDay) {
  RuaRow row{.tenant = 3,
             .origin = "host-a",
             .day = kDayOfTest,
             .domain = "a.test",
             .record = "v=TLSRPTv1; rua=mailto:tls@a.test",
             .seen = at(5)};
  value_of(store_->put_rua(row));
  RuaRow later = row;
  later.record = "v=TLSRPTv1; rua=https://a.test/";
  later.seen = at(9);
  value_of(store_->put_rua(later));
  value_of(store_->put_rua(row));
  EXPECT_EQ(value_of(store_->rua({3, kDayOfTest, "a.test"})), later);
  EXPECT_FALSE(value_of(store_->rua({3, kDayOfTest + 1, "a.test"})));
}

TEST_F(Report, BytesAreStoredOnceForGood) {
  const std::string body("\x1f\x8b\0gzip", 7);
  EXPECT_TRUE(put(report_row("a.test"), body));
  EXPECT_FALSE(put(report_row("a.test"), "other"));
  EXPECT_EQ(value_of(store_->report({3, kDayOfTest, "a.test"})), report_row("a.test"));
  const auto bytes = value_of(store_->report_bytes({3, kDayOfTest, "a.test"}));
  ASSERT_TRUE(bytes);
  EXPECT_EQ(as_text(*bytes), body);
  EXPECT_FALSE(value_of(store_->report_bytes({3, kDayOfTest, "b.test"})));
  EXPECT_EQ(fault_in(store_->put_report(report_row("b.test"),
                                        as_bytes(std::string(kReportBytes + 1, 'x')))),
            "limit");
  EXPECT_THAT(value_of(store_->reports(3, kDayOfTest, "", 9)), ElementsAre(report_row("a.test")));
}

TEST_F(Report, MovesOnlyFromTheStateItHas) {
  put(report_row("a.test"));
  ReportRow row = report_row("a.test");
  row.state = ReportState::sending;
  row.first_at = at(100);
  row.tries = 1;
  EXPECT_TRUE(value_of(store_->move_report(row, ReportState::queued)));
  EXPECT_FALSE(value_of(store_->move_report(row, ReportState::queued)));
  row.state = ReportState::accepted;
  row.next_at.reset();
  row.uri = "mailto:tls@a.test";
  row.detail = std::string(2 * kDetailBytes, 'd');
  row.ended_at = at(101);
  const DeliveryRow delivery{
      .uri = row.uri, .tries = 1, .final = true, .at = at(101), .detail = "250 2.0.0 Ok"};
  EXPECT_TRUE(value_of(store_->move_report(row, ReportState::sending, &delivery)));
  EXPECT_FALSE(value_of(store_->move_report(row, ReportState::retry, &delivery)));
  row.detail.resize(kDetailBytes);
  EXPECT_EQ(value_of(store_->report(row.key)), row);
  EXPECT_THAT(value_of(store_->deliveries(row.key)), ElementsAre(delivery));
}

TEST_F(Report, EveryStateHasItsWord) {
  const std::vector<std::string> words = {"queued", "sending", "accepted",
                                          "retry",  "expired", "suppressed"};
  for (std::size_t i = 0; i < words.size(); ++i) {
    ReportRow row = report_row(words[i]);
    row.state = static_cast<ReportState>(i);
    put(row);
    EXPECT_EQ(name(row.state), words[i]);
    EXPECT_EQ(value_of(store_->report(row.key))->state, row.state);
  }
  // That of a newer version is not sent.
  value_of(store_->database().run("UPDATE report SET state = 'later'"));
  EXPECT_THAT(value_of(store_->due(at(1'000), 10)), IsEmpty());
  EXPECT_EQ(value_of(store_->report({3, kDayOfTest, "queued"}))->state, ReportState::expired);
}

TEST_F(Report, DueIsOrderedAndSendingIsTakenUpAgain) {
  for (const auto& [domain, seconds] :
       std::vector<std::pair<std::string, int>>{{"c.test", 30}, {"a.test", 10}, {"b.test", 20}}) {
    ReportRow row = report_row(domain);
    row.next_at = at(seconds);
    put(row);
  }
  ReportRow sending = report_row("d.test");
  sending.state = ReportState::sending;
  put(sending);
  const auto names = [&](Time now, std::size_t limit) {
    std::vector<std::string> names;
    for (const ReportRow& row : value_of(store_->due(now, limit))) names.push_back(row.key.domain);
    return names;
  };
  EXPECT_THAT(names(at(20), 9), ElementsAre("a.test", "b.test"));
  EXPECT_THAT(names(at(999), 1), ElementsAre("a.test"));
  EXPECT_EQ(value_of(store_->resume(at(200))), 1U);
  EXPECT_EQ(value_of(store_->resume(at(200))), 0U);
  EXPECT_THAT(names(at(200), 9), ElementsAre("a.test", "b.test", "c.test", "d.test"));
  EXPECT_EQ(value_of(store_->report(sending.key))->state, ReportState::retry);
}

TEST_F(Report, SuppressionsEnd) {
  const SuppressionRow row{.tenant = 3,
                           .origin = "host-a",
                           .address = "tls@a.test",
                           .reason = "5.1.1",
                           .since = at(0),
                           .until = at(100)};
  value_of(store_->put_suppression(row));
  SuppressionRow shorter = row;
  shorter.until = at(50);
  value_of(store_->put_suppression(shorter));
  EXPECT_EQ(value_of(store_->suppression(3, "tls@a.test", at(99))), row);
  EXPECT_FALSE(value_of(store_->suppression(3, "tls@a.test", at(100))));
  EXPECT_FALSE(value_of(store_->suppression(0, "tls@a.test", at(9))));
  EXPECT_EQ(value_of(store_->lift_suppression(3, "tls@a.test")), 1U);
  EXPECT_FALSE(value_of(store_->suppression(3, "tls@a.test", at(9))));
}

TEST_F(Report, OldDaysGo) {
  for (Day day = kDayOfTest - 31; day <= kDayOfTest; ++day) {
    value_of(
        store_->add({.tallies = {add_of(sts("a.test", day), 1, 2,
                                        {failure("a", "192.0.2.1"), failure("b", "192.0.2.1")})},
                     .marks = {mark(std::to_string(day), 1, Time{day * kDay})}}));
    value_of(store_->put_rua(
        {.tenant = 3, .origin = "", .day = day, .domain = "a.test", .record = "r", .seen = at(0)}));
  }
  const ReportPruned pruned = value_of(store_->prune({}, at(0)));
  EXPECT_EQ(pruned.failures, 2U);
  EXPECT_EQ(pruned.tallies, 1U);
  EXPECT_EQ(pruned.days, 1U);
  EXPECT_EQ(pruned.ruas, 1U);
  EXPECT_EQ(pruned.marks, 2U);
  EXPECT_FALSE(pruned.more);
  EXPECT_THAT(tallies("a.test", kDayOfTest - 30), SizeIs(1));
  EXPECT_EQ(value_of(store_->prune({.marks = 10}, at(0))).marks, 20U);

  const ReportBounds small{.tally_days = 0, .per_call = 7};
  std::size_t calls = 0;
  while (value_of(store_->prune(small, at(0))).more) ASSERT_LT(++calls, 20U);
  EXPECT_GE(calls, 8U);  // 60 failures, seven at a time
  EXPECT_THAT(tallies("a.test", kDayOfTest - 1), IsEmpty());
  EXPECT_THAT(tallies("a.test"), SizeIs(1));
}

TEST_F(Report, EndedReportsGoFirst) {
  for (int i = 0; i < 6; ++i) {
    ReportRow row = report_row("d" + std::to_string(i) + ".test");
    row.built_at = at(i);
    if (i >= 3) {
      row.state = ReportState::accepted;
      row.ended_at = at(100 - i);
    }
    put(row, std::string(100, 'x'));
  }
  const auto left = [&] {
    std::string names;
    for (const ReportRow& row : value_of(store_->reports(3, kDayOfTest, "", 9)))
      names += row.key.domain.substr(1, 1);
    return names;
  };
  EXPECT_EQ(value_of(store_->prune({}, at(50))).total(), 0U);
  EXPECT_EQ(value_of(store_->prune({.reports = 5}, at(50))).reports, 1U);
  EXPECT_EQ(left(), "01234");
  EXPECT_EQ(value_of(store_->prune({.report_bytes = 350}, at(50))).reports, 2U);
  EXPECT_EQ(left(), "012");
  EXPECT_EQ(value_of(store_->prune({.report_bytes = 300}, at(50))).reports, 0U);
  EXPECT_EQ(value_of(store_->prune({}, at(1) + 30 * kDay)).reports, 1U);
  EXPECT_EQ(left(), "12");
  EXPECT_EQ(value_of(store_->database().integer("SELECT count(*) FROM report_body")), 2);
}

TEST_F(Report, IsNoOtherStore) {
  EXPECT_EQ(fault_in(SqlitePolicyStore::open(directory_.file("r.db"), at(0))), "foreign");
}

}  // namespace
}  // namespace mxw::store
