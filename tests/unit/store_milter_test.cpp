// What MilterStore promises: decision rows found by queue id and by domain, in bounds.
#include "core/store/milter_store.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

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
            .dry_run = true,
            .began = at(-1),
            .rule = "R02"};
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
  EXPECT_THAT(value_of(store_->by_mail("4bXyZ1", {"s1", at(-1), at(-1)}, 10)), ElementsAre(first));
  EXPECT_THAT(value_of(store_->mails("", 10)), IsEmpty());
}

// Postfix uses short queue ids again; a client may send several mails by one connection.
TEST_F(Milter, MailsOfOneQueueIdAreKeptApart) {
  const auto mail = [](const std::string& session, Time began, Time time) {
    DecisionRow decision = row(session, time);
    decision.queue_id = "4bXy";
    decision.began = began;
    return decision;
  };
  const DecisionRow one = mail("s1", at(1), at(2)), two = mail("s1", at(5), at(6)),
                    again = mail("s1", at(5), at(7)), other = mail("s2", at(3), at(9));
  DecisionRow stranger = mail("s3", at(4), at(4));
  stranger.queue_id = "5cZz";
  value_of(store_->append(std::vector{again, one, other, two, stranger}));
  const QueuedMail first{"s1", at(1), at(1)}, second{"s2", at(3), at(3)}, third{"s1", at(5), at(5)};
  EXPECT_THAT(value_of(store_->mails("4bXy", 10)), ElementsAre(third, second, first));
  EXPECT_THAT(value_of(store_->mails("4bXy", 2)), ElementsAre(third, second));
  EXPECT_THAT(value_of(store_->by_mail("4bXy", third, 10)), ElementsAre(two, again));
  EXPECT_THAT(value_of(store_->by_mail("4bXy", third, 1)), ElementsAre(two));
  EXPECT_THAT(value_of(store_->by_mail("4bXy", first, 10)), ElementsAre(one));
  EXPECT_THAT(value_of(store_->by_mail("5cZz", first, 10)), IsEmpty());
}

// The file as the version before made it: rows without `began` and `rule`.
constexpr const char* kVersion1 = R"sql(
CREATE TABLE decision(
  row INTEGER PRIMARY KEY, tenant INTEGER NOT NULL, origin TEXT NOT NULL, time INTEGER NOT NULL,
  session TEXT NOT NULL, queue_id TEXT NOT NULL, listener TEXT NOT NULL, role TEXT NOT NULL,
  domain TEXT NOT NULL, verdict_id TEXT NOT NULL, action TEXT NOT NULL, code TEXT NOT NULL,
  reason TEXT NOT NULL, dry_run INTEGER NOT NULL) STRICT;
CREATE INDEX decision_queue ON decision(queue_id) WHERE queue_id <> '';
)sql";
constexpr const char* kVersion2 = R"sql(
CREATE TABLE deferral(
  row INTEGER PRIMARY KEY, tenant INTEGER NOT NULL, origin TEXT NOT NULL, key BLOB NOT NULL,
  first INTEGER NOT NULL, last INTEGER NOT NULL, count INTEGER NOT NULL,
  UNIQUE(tenant, key)) STRICT;
)sql";
constexpr std::array<const char*, 2> kBefore = {kVersion1, kVersion2};
constexpr Schema kSchemaBefore{0x6d78776d, kBefore};

Result<void> append_as_before(Database& database, const DecisionRow& row) {
  return database.run(
      "INSERT INTO decision(tenant, origin, time, session, queue_id, listener, role, domain, "
      "verdict_id, action, code, reason, dry_run) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
      row.tenant, row.origin, row.time, row.session, row.queue_id, row.listener, row.role,
      row.domain, row.verdict_id, row.action, row.code, row.reason, row.dry_run);
}

TEST_F(Milter, AFileOfTheVersionBeforeIsReadAsItIsAndTakenOn) {
  const std::string path = directory_.file("before.db");
  DecisionRow old = row("s1", at(2));
  old.queue_id = "4bXy";
  old.began = {};
  old.rule = "";
  {
    auto before = Database::open(path, kSchemaBefore);
    ASSERT_TRUE(before) << before.error().message;
    value_of(append_as_before(*before, old));
  }
  const QueuedMail mail{"s1", Time{}, at(2)};
  {
    const auto reader = value_of(MilterStore::open(path, {.access = Access::reader}));
    EXPECT_THAT(value_of(reader->mails("4bXy", 10)), ElementsAre(mail));
    EXPECT_THAT(value_of(reader->by_mail("4bXy", mail, 10)), ElementsAre(old));
    EXPECT_THAT(value_of(reader->by_domain(3, "example.org", at(0), at(9), 10)), ElementsAre(old));
    EXPECT_THAT(value_of(reader->latest(3, "example.org", at(9), 10)), ElementsAre(old));
  }
  const auto store = value_of(MilterStore::open(path));
  EXPECT_EQ(store->database().version(), 3);
  DecisionRow fresh = row("s2", at(4));
  fresh.queue_id = "4bXy";
  fresh.began = at(3);
  fresh.rule = "R02";
  value_of(store->append(std::vector{fresh}));
  EXPECT_THAT(value_of(store->mails("4bXy", 10)),
              ElementsAre(QueuedMail{"s2", at(3), at(3)}, mail));
  EXPECT_THAT(value_of(store->by_domain(3, "example.org", at(0), at(9), 10)),
              ElementsAre(old, fresh));
}

TEST_F(Milter, TheVersionBeforeGoesOnWithAFileOfThisOne) {
  DecisionRow fresh = row("s1", at(1)), old = row("s2", at(2));
  fresh.began = at(1);
  fresh.rule = "R02";
  old.began = {};
  old.rule = "";
  value_of(store_->append(std::vector{fresh}));
  auto before = Database::open(directory_.file("m.db"), kSchemaBefore);
  ASSERT_TRUE(before) << before.error().message;
  value_of(append_as_before(*before, old));
  EXPECT_EQ(value_of(before->integer("SELECT count(*) FROM decision WHERE reason = 'R02'")), 2);
  EXPECT_THAT(value_of(store_->by_domain(3, "example.org", at(0), at(9), 10)),
              ElementsAre(fresh, old));
}

// A transaction that was deferred whole stays without a queue id when the session goes on.
TEST_F(Milter, QueueIdBelongsToItsTransaction) {
  value_of(store_->append(
      std::vector{row("s1", at(1)), row("s1", at(5)), row("s1", at(6)), row("s2", at(7))}));
  EXPECT_EQ(value_of(store_->set_queue_id("s1", at(5), "q1")), 2U);
  EXPECT_EQ(value_of(store_->set_queue_id("s1", at(5), "q2")), 0U);
  EXPECT_THAT(value_of(store_->by_mail("q1", {"s1", at(-1), at(-1)}, 10)), SizeIs(2));
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
