// What MilterStore promises: decision rows found by queue id and by domain, in bounds.
#include "core/store/milter_store.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/store_support.hpp"

namespace mxw::store {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

class Milter : public testing::Test {
 protected:
  void SetUp() override { store_ = value_of(MilterStore::open(directory_.file("m.db"))); }

  static DecisionRow row(const std::string& session, Time time) {
    return {.tenant = 3,
            .origin = "host-a",
            .time = time,
            .session = session,
            .listener = "mx",
            .role = "relay",
            .domain = "example.org",
            .verdict_id = "v1",
            .action = "defer",
            .code = "451 4.7.4",
            .reason = "R02",
            .dry_run = true};
  }

  TemporaryDirectory directory_;
  std::unique_ptr<MilterStore> store_;
};

TEST_F(Milter, RowsComeBackAsWritten) {
  DecisionRow first = row("s1", at(1)), second = row("s2", at(2));
  first.queue_id = "4bXyZ1";
  second.dry_run = false;
  value_of(store_->append(std::vector{second, first}));
  EXPECT_THAT(value_of(store_->by_domain(3, "example.org", at(0), at(3), 10)),
              ElementsAre(first, second));
  EXPECT_THAT(value_of(store_->by_domain(3, "example.org", at(2), at(3), 10)), ElementsAre(second));
  EXPECT_THAT(value_of(store_->by_domain(3, "example.org", at(0), at(2), 10)), ElementsAre(first));
  EXPECT_THAT(value_of(store_->by_domain(3, "example.org", at(0), at(3), 1)), SizeIs(1));
  EXPECT_THAT(value_of(store_->by_domain(0, "example.org", at(0), at(3), 10)), IsEmpty());
  EXPECT_THAT(value_of(store_->by_queue_id("4bXyZ1", 10)), ElementsAre(first));
  EXPECT_THAT(value_of(store_->by_queue_id("", 10)), IsEmpty());
}

// A transaction that was deferred whole stays without a queue id when the session goes on.
TEST_F(Milter, QueueIdBelongsToItsTransaction) {
  value_of(store_->append(
      std::vector{row("s1", at(1)), row("s1", at(5)), row("s1", at(6)), row("s2", at(7))}));
  EXPECT_EQ(value_of(store_->set_queue_id("s1", at(5), "q1")), 2U);
  EXPECT_EQ(value_of(store_->set_queue_id("s1", at(5), "q2")), 0U);
  EXPECT_THAT(value_of(store_->by_queue_id("q1", 10)), SizeIs(2));
  EXPECT_EQ(value_of(store_->by_domain(3, "example.org", at(1), at(2), 10)).at(0).queue_id, "");
}

TEST_F(Milter, LatestAreTheNewestOldestFirst) {
  const DecisionRow one = row("s1", at(1)), two = row("s2", at(2)), three = row("s3", at(3));
  value_of(store_->append(std::vector{three, one, two}));
  EXPECT_THAT(value_of(store_->latest(3, "example.org", at(9), 2)), ElementsAre(two, three));
  EXPECT_THAT(value_of(store_->latest(3, "example.org", at(3), 2)), ElementsAre(one, two));
  EXPECT_THAT(value_of(store_->latest(3, "example.net", at(9), 2)), IsEmpty());
}

TEST_F(Milter, TallyCountsWhatIsAlike) {
  DecisionRow other = row("s4", at(4));
  other.domain = "example.net";
  DecisionRow real = row("s5", at(5));
  real.dry_run = false;
  value_of(store_->append(std::vector{row("s1", at(1)), row("s2", at(2)), real, other}));
  EXPECT_THAT(value_of(store_->tally(at(2))),
              ElementsAre(DecisionTally{"relay", "defer", "R02", true, 2, 2},
                          DecisionTally{"relay", "defer", "R02", false, 1, 1}));
  EXPECT_THAT(value_of(store_->tally(at(6))), IsEmpty());
}

TEST_F(Milter, AppendIsAllOrNothing) {
  DecisionRow large = row("s1", at(1));
  large.reason = std::string(500, 'r');
  EXPECT_EQ(fault_in(store_->append(std::vector{row("s1", at(1)), large})), "limit");
  EXPECT_EQ(value_of(store_->count()), 0U);
}

DeferralRow deferral(std::uint8_t mark, Time first, Time last, std::uint64_t count = 1) {
  DeferralRow row;
  row.tenant = 3;
  row.origin = "host-a";
  row.key.fill(mark);
  row.first = first;
  row.last = last;
  row.count = count;
  return row;
}

TEST_F(Milter, DeferralsComeBackMostRecentFirst) {
  value_of(store_->put_deferrals(std::vector{deferral(1, at(1), at(5)), deferral(2, at(2), at(9)),
                                             deferral(3, at(3), at(7))}));
  EXPECT_THAT(
      value_of(store_->deferrals(10)),
      ElementsAre(deferral(2, at(2), at(9)), deferral(3, at(3), at(7)), deferral(1, at(1), at(5))));
  EXPECT_THAT(value_of(store_->deferrals(1)), SizeIs(1));
}

// What a queue brings late must not give a mail more time.
TEST_F(Milter, FirstDeferralNeverMovesOn) {
  value_of(store_->put_deferrals(std::vector{deferral(1, at(10), at(20), 2)}));
  value_of(store_->put_deferrals(std::vector{deferral(1, at(15), at(30), 3)}));
  value_of(store_->put_deferrals(std::vector{deferral(1, at(10), at(10), 1)}));
  EXPECT_THAT(value_of(store_->deferrals(9)), ElementsAre(deferral(1, at(10), at(30), 3)));
  DeferralRow large = deferral(2, at(1), at(1));
  large.origin.assign(kWordBytes + 1, 'o');
  EXPECT_EQ(fault_in(store_->put_deferrals(std::vector{deferral(3, at(1), at(1)), large})),
            "limit");
  EXPECT_THAT(value_of(store_->deferrals(9)), SizeIs(1));
}

TEST_F(Milter, DeferralsGoWithAgeAndCount) {
  std::vector<DeferralRow> rows;
  for (std::uint8_t i = 0; i < 6; ++i) rows.push_back(deferral(i, at(0), at(i)));
  value_of(store_->put_deferrals(rows));
  EXPECT_EQ(value_of(store_->prune({}, at(0) + 5 * kDay)), 0U);
  EXPECT_EQ(value_of(store_->prune({}, at(2) + 5 * kDay)), 2U);
  EXPECT_EQ(value_of(store_->prune({.deferrals = 1, .per_call = 2}, at(9))), 2U);
  EXPECT_EQ(value_of(store_->prune({.deferrals = 1, .per_call = 2}, at(9))), 1U);
  EXPECT_THAT(value_of(store_->deferrals(9)), ElementsAre(rows[5]));
}

TEST_F(Milter, PruneByAgeAndCount) {
  std::vector<DecisionRow> rows;
  for (int i = 0; i < 10; ++i) rows.push_back(row("s", at(i)));
  value_of(store_->append(rows));
  const Time now = at(0) + 14 * kDay;
  EXPECT_EQ(value_of(store_->prune({}, now)), 0U);
  EXPECT_EQ(value_of(store_->prune({}, now + 2 * kSecond)), 2U);
  EXPECT_EQ(value_of(store_->prune({.decisions = 5, .per_call = 2}, now)), 2U);
  EXPECT_EQ(value_of(store_->prune({.decisions = 5, .per_call = 2}, now)), 1U);
  EXPECT_EQ(value_of(store_->by_domain(3, "example.org", at(0), at(99), 10)).at(0).time, at(5));
}

}  // namespace
}  // namespace mxw::store
