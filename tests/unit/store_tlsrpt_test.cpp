// What every PolicyStore promises of TLSRPT records, re-reads and failures: history, the feed, and
// who goes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/store/policy_sql.hpp"
#include "tests/unit/store_support.hpp"

namespace mxw::store {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

constexpr const char* kRecord = "v=TLSRPTv1; rua=mailto:tls@example.org";

template <typename Kind>
class PolicyStoreTlsrpt : public EachPolicyStore<Kind> {
 protected:
  using EachPolicyStore<Kind>::store_;

  PolicyChange put(const std::string& record, Time seen, const std::string& domain = "a.test") {
    return value_of(store_->put_tlsrpt(tlsrpt_row(domain, record, seen)));
  }
  std::string record_at(Time time) {
    const auto row = value_of(store_->tlsrpt_at({0, "a.test"}, time));
    return row ? row->record : "none";
  }
  Pruned prune(const PolicyBounds& bounds, Time now) {
    return value_of(store_->prune(bounds, now, {}));
  }
};
TYPED_TEST_SUITE(PolicyStoreTlsrpt, PolicyStoreKinds);

TYPED_TEST(PolicyStoreTlsrpt, KeepsEveryMember) {
  TlsrptRow row = tlsrpt_row("example.org", std::string("v=TLSRPTv1;\0\xff", 13), at(10));
  row.tenant = 7;
  row.valid_from = at(3);  // the store's to set
  row.valid_to = at(4);
  EXPECT_EQ(value_of(this->store_->put_tlsrpt(row)), PolicyChange::added);
  const auto read = value_of(this->store_->tlsrpt({7, "example.org"}));
  ASSERT_TRUE(read);
  row.valid_from = at(10);
  row.valid_to.reset();
  row.seq = value_of(this->store_->head());
  EXPECT_EQ(*read, row);
  EXPECT_FALSE(value_of(this->store_->tlsrpt({0, "example.org"})));

  RereadRow reread = reread_row("example.org", at(5));
  reread.tenant = 7;
  value_of(this->store_->put_reread(reread));
  reread.seq = value_of(this->store_->head());
  EXPECT_EQ(value_of(this->store_->reread({7, "example.org"})), reread);
  EXPECT_FALSE(value_of(this->store_->reread({0, "example.org"})));
}

TYPED_TEST(PolicyStoreTlsrpt, HistoryAnswersForAnyTime) {
  EXPECT_EQ(this->put(kRecord, at(100)), PolicyChange::added);
  EXPECT_EQ(this->put(kRecord, at(150)), PolicyChange::renewed);
  EXPECT_EQ(this->put("", at(200)), PolicyChange::replaced);  // a denial
  EXPECT_EQ(this->put("", at(250)), PolicyChange::renewed);
  EXPECT_EQ(this->put(kRecord, at(300)), PolicyChange::replaced);
  this->put("other", at(120), "b.test");
  EXPECT_EQ(this->record_at(at(100) - 1), "none");
  EXPECT_EQ(this->record_at(at(100)), kRecord);
  EXPECT_EQ(this->record_at(at(200) - 1), kRecord);
  EXPECT_EQ(this->record_at(at(200)), "");
  EXPECT_EQ(this->record_at(at(300)), kRecord);
  const auto history = value_of(this->store_->tlsrpt_history({0, "a.test"}));
  ASSERT_THAT(history, SizeIs(3));
  EXPECT_EQ(history[0].confirmed_at, at(150));
  EXPECT_EQ(history[0].valid_to, at(200));
  EXPECT_EQ(history[1].valid_from, at(200));
  EXPECT_EQ(history[1].confirmed_at, at(250));
  EXPECT_FALSE(history[2].valid_to);
}

TYPED_TEST(PolicyStoreTlsrpt, ClockThatStepsBackMakesNoOverlap) {
  this->put(kRecord, at(100));
  EXPECT_EQ(this->put(kRecord, at(50)), PolicyChange::renewed);
  EXPECT_EQ(value_of(this->store_->tlsrpt({0, "a.test"}))->confirmed_at, at(100));
  EXPECT_EQ(this->put("", at(60)), PolicyChange::replaced);
  EXPECT_EQ(this->record_at(at(99)), "none");
  EXPECT_EQ(this->record_at(at(100)), "");
}

TYPED_TEST(PolicyStoreTlsrpt, EventStandsWithItsRecord) {
  const EventRow event = event_row("a.test", "tlsrpt-added");
  value_of(this->store_->put_tlsrpt(tlsrpt_row("a.test", kRecord, at(0)), &event));
  const auto events = value_of(this->store_->events({0, "a.test"}, 9));
  ASSERT_THAT(events, SizeIs(1));
  EXPECT_EQ(events[0].kind, "tlsrpt-added");
}

TYPED_TEST(PolicyStoreTlsrpt, RefusedWritesLeaveNothing) {
  const std::string large(kTlsrptBytes + 1, 'r');
  EXPECT_EQ(fault_in(this->store_->put_tlsrpt(tlsrpt_row("a.test", large, at(0)))), "limit");
  const EventRow event = event_row("a.test", std::string(kWordBytes + 1, 'k'));
  EXPECT_EQ(fault_in(this->store_->put_tlsrpt(tlsrpt_row("a.test", "r", at(0)), &event)), "limit");
  EXPECT_EQ(fault_in(this->store_->put_reread(reread_row(std::string(256, 'a'), at(0)))), "limit");
  const auto statistics = value_of(this->store_->statistics());
  EXPECT_EQ(statistics.tlsrpt + statistics.tlsrpt_history + statistics.rereads, 0U);
  EXPECT_EQ(statistics.events, 0U);
}

TYPED_TEST(PolicyStoreTlsrpt, OnlyTheNewestRereadIsKept) {
  value_of(this->store_->put_reread(reread_row("a.test", at(1))));
  RereadRow failed = reread_row("a.test", at(2));
  failed.ok = false;
  failed.id.clear();
  failed.mode = policy::Mode::none;
  value_of(this->store_->put_reread(failed));
  failed.seq = value_of(this->store_->head());
  EXPECT_EQ(value_of(this->store_->reread({0, "a.test"})), failed);
  EXPECT_EQ(value_of(this->store_->statistics()).rereads, 1U);
}

TYPED_TEST(PolicyStoreTlsrpt, FeedTellsWhatIsCurrent) {
  const Sequence before = value_of(this->store_->head());
  this->put(kRecord, at(0));
  this->put("", at(9));
  value_of(this->store_->put_reread(reread_row("a.test", at(1))));
  const auto rows = value_of(this->store_->changes_since(before, 10)).rows;
  ASSERT_THAT(rows, SizeIs(2));
  EXPECT_EQ(std::get<TlsrptRow>(rows[0]).record, "");
  EXPECT_EQ(std::get<RereadRow>(rows[1]).at, at(1));
  EXPECT_TRUE(value_of(this->store_->current(0, 10)) == rows);
}

TYPED_TEST(PolicyStoreTlsrpt, EvictedDomainTakesThem) {
  for (const char* domain : {"a.test", "b.test"}) {
    value_of(this->store_->put_domain(domain_row(domain, at(domain[0]))));
    this->put(kRecord, at(0), domain);
    this->put("", at(1), domain);
    value_of(this->store_->put_reread(reread_row(domain, at(1))));
    value_of(this->store_->put_failures(std::vector{failure_row(domain, at(1), {}, at(1))}));
  }
  const Sequence before = value_of(this->store_->head());
  EXPECT_EQ(this->prune({.others = 1}, at(1'000)).others, 1U);
  EXPECT_THAT(value_of(this->store_->failures({0, "a.test"})), IsEmpty());
  EXPECT_THAT(value_of(this->store_->failures({0, "b.test"})), SizeIs(1));
  EXPECT_THAT(value_of(this->store_->tlsrpt_history({0, "a.test"})), IsEmpty());
  EXPECT_FALSE(value_of(this->store_->reread({0, "a.test"})));
  EXPECT_THAT(value_of(this->store_->tlsrpt_history({0, "b.test"})), SizeIs(2));
  EXPECT_TRUE(value_of(this->store_->reread({0, "b.test"})));
  const auto told = value_of(this->store_->changes_since(before, 10)).rows;
  ASSERT_THAT(told, SizeIs(1));
  EXPECT_EQ(std::get<Deletion>(told[0]).table, Table::domain);
}

TYPED_TEST(PolicyStoreTlsrpt, HistoryByAgeAndCount) {
  for (int i = 0; i < 6; ++i) this->put(std::to_string(i), at(i * 100));
  // Closed at 100, 200, 300, 400, 500.
  EXPECT_EQ(this->prune({.history_age = 300 * kSecond}, at(550)).tlsrpt, 2U);
  EXPECT_EQ(this->prune({.tlsrpt_history = 1}, at(550)).tlsrpt, 2U);
  std::vector<std::string> left;
  for (const TlsrptRow& row : value_of(this->store_->tlsrpt_history({0, "a.test"})))
    left.push_back(row.record);
  EXPECT_THAT(left, ElementsAre("4", "5"));
}

// Names without a domain row, as TLSA base domains are: by age, then by count, and told.
TYPED_TEST(PolicyStoreTlsrpt, RecordsThatStandAlone) {
  value_of(this->store_->put_domain(domain_row("kept.test", at(0) + 60 * kDay)));
  this->put(kRecord, at(0), "kept.test");
  for (int i = 0; i < 4; ++i) this->put(kRecord, at(i), "n" + std::to_string(i) + ".test");
  const Sequence before = value_of(this->store_->head());
  const Time now = at(1) + PolicyBounds().idle_age;
  EXPECT_EQ(this->prune({}, now).tlsrpt, 1U);
  EXPECT_EQ(this->prune({.tlsrpt = 3}, now).tlsrpt, 1U);
  EXPECT_EQ(this->prune({.tlsrpt = 0}, at(10)).tlsrpt, 2U);
  EXPECT_TRUE(value_of(this->store_->tlsrpt({0, "kept.test"})));
  const auto told = value_of(this->store_->changes_since(before, 10)).rows;
  ASSERT_THAT(told, SizeIs(4));
  for (const Change& change : told) EXPECT_EQ(std::get<Deletion>(change).table, Table::tlsrpt);
}

TYPED_TEST(PolicyStoreTlsrpt, RereadsGoWithAgeAndCount) {
  value_of(this->store_->put_domain(domain_row("kept.test")));
  value_of(this->store_->put_reread(reread_row("kept.test", at(3))));
  for (int i = 0; i < 4; ++i)
    value_of(this->store_->put_reread(reread_row("n" + std::to_string(i) + ".test", at(i))));
  const Sequence before = value_of(this->store_->head());
  EXPECT_EQ(this->prune({}, at(0) + 7 * kDay).rereads, 0U);
  EXPECT_EQ(this->prune({}, at(1) + 7 * kDay).rereads, 1U);
  EXPECT_THAT(value_of(this->store_->changes_since(before, 10)).rows, IsEmpty());
  EXPECT_EQ(this->prune({.rereads = 2}, at(10)).rereads, 2U);
  EXPECT_TRUE(value_of(this->store_->reread({0, "n3.test"})));
  EXPECT_TRUE(value_of(this->store_->reread({0, "kept.test"})));
  const auto told = value_of(this->store_->changes_since(before, 10)).rows;
  ASSERT_THAT(told, SizeIs(2));
  EXPECT_EQ(std::get<Deletion>(told[0]).table, Table::reread);
}

// One span is one row, whatever becomes of it; other hosts, results and begins are others.
TYPED_TEST(PolicyStoreTlsrpt, FailuresAreSpans) {
  PolicyFailureRow row = failure_row("a.test", at(10), {}, at(10));
  row.tenant = 7;
  PolicyFailureRow host = row, result = row, later = row;
  host.mx_host.clear();
  result.result = "dnssec-invalid";
  later.from = later.seen = at(50);
  const Sequence before = value_of(this->store_->head());
  value_of(this->store_->put_failures(std::vector{later, row, host, result}));
  row.seen = at(20);
  row.to = at(30);
  row.reason = "another";
  value_of(this->store_->put_failures(std::vector{row}));
  auto held = value_of(this->store_->failures({7, "a.test"}));
  ASSERT_THAT(held, SizeIs(4));
  EXPECT_EQ(held[3].from, at(50));
  row.seq = value_of(this->store_->head());
  EXPECT_EQ(held[2], row);
  EXPECT_THAT(value_of(this->store_->open_failures({7, "a.test"})), SizeIs(3));
  EXPECT_THAT(value_of(this->store_->failures({0, "a.test"})), IsEmpty());
  EXPECT_EQ(value_of(this->store_->statistics()).failures, 4U);
  const auto told = value_of(this->store_->changes_since(before, 10)).rows;
  ASSERT_THAT(told, SizeIs(4));
  EXPECT_TRUE(std::get<PolicyFailureRow>(told[3]) == row);
  EXPECT_TRUE(value_of(this->store_->current(0, 10)) == told) << "ended ones are told, too";
  PolicyFailureRow large = row;
  large.reason = std::string(rows::kReasonBytes + 1, 'r');
  EXPECT_EQ(fault_in(this->store_->put_failures(std::vector{host, large})), "limit");
  EXPECT_EQ(value_of(this->store_->head()), row.seq) << "nothing of it stands";
}

TYPED_TEST(PolicyStoreTlsrpt, FailuresGoWithAgeAndCount) {
  std::vector<PolicyFailureRow> many;
  for (int i = 0; i < 300; ++i) many.push_back(failure_row("a.test", at(i), at(i + 1), at(i)));
  value_of(this->store_->put_failures(many));
  auto held = value_of(this->store_->failures({0, "a.test"}));
  ASSERT_THAT(held, SizeIs(kFailuresOfDomain));
  EXPECT_EQ(held.front().from, at(300 - 256)) << "the newest";
  value_of(this->store_->put_failures(std::vector{failure_row("b.test", at(0), {}, at(280))}));
  const Sequence before = value_of(this->store_->head());
  EXPECT_EQ(this->prune({}, at(280) + 7 * kDay).failures, 235U) << "44 to 278";
  EXPECT_THAT(value_of(this->store_->failures({0, "b.test"})), SizeIs(1)) << "seen at 280";
  EXPECT_EQ(this->prune({}, at(281) + 7 * kDay).failures, 2U);
  EXPECT_EQ(this->prune({.failures = 5}, at(300)).failures, 15U);
  held = value_of(this->store_->failures({0, "a.test"}));
  ASSERT_THAT(held, SizeIs(5));
  EXPECT_EQ(held.front().from, at(295));
  EXPECT_THAT(value_of(this->store_->changes_since(before, 10)).rows, IsEmpty()) << "not told";
}

TYPED_TEST(PolicyStoreTlsrpt, StatisticsCount) {
  this->put(kRecord, at(0));
  this->put("", at(1));
  value_of(this->store_->put_reread(reread_row("a.test", at(1))));
  const auto s = value_of(this->store_->statistics());
  EXPECT_THAT(std::vector({s.tlsrpt, s.tlsrpt_history, s.rereads}), ElementsAre(1, 1, 1));
}

// A file of the version before is brought forward, and the program of the version before opens,
// reads and writes one of this version.
TEST(PolicySchema, OneVersionEitherWay) {
  TemporaryDirectory directory;
  const std::string path = directory.file("policy.db");
  const Schema& schema = sql::policy_schema();
  const Schema before{schema.application_id, schema.steps.first(schema.steps.size() - 1)};
  {
    const auto older = Database::open(path, before);
    ASSERT_TRUE(older) << older.error().message;
    EXPECT_EQ(older->version(), static_cast<int>(before.steps.size()));
  }
  {
    const auto store = value_of(SqlitePolicyStore::open(path, at(0)));
    value_of(store->put_policy(domain_row("a.test"), policy_row("a.test", "1", at(0)), nullptr));
    value_of(store->put_tlsrpt(tlsrpt_row("a.test", kRecord, at(0)), nullptr));
  }
  {
    auto older = Database::open(path, before);
    ASSERT_TRUE(older) << older.error().message;
    EXPECT_EQ(value_of(sql::find_policy(*older, {0, "a.test"}))->id, "1");
    Transaction transaction(*older);
    sql::write_domain(*older, transaction, domain_row("b.test"));
    transaction.run(
        "INSERT INTO tlsa(tenant, origin, base, rdata, ad, until, seq) "
        "VALUES(0, '', '_25._tcp.mx.b.test', x'03', 1, 1, 1)");
    value_of(transaction.commit());
    EXPECT_TRUE(Database::open(path, before, {.access = Access::reader}));
  }
  const auto store = value_of(SqlitePolicyStore::open(path, at(0)));
  EXPECT_TRUE(value_of(store->domain({0, "b.test"})));
  EXPECT_EQ(value_of(store->tlsa({0, "_25._tcp.mx.b.test"})).at(0).found_at, "");
  EXPECT_EQ(value_of(store->tlsrpt({0, "a.test"}))->record, kRecord);
}

// What a newer version says of a table of its own is no deletion of a domain.
TEST(PolicySchema, DeletionInATableNotKnownIsPassedOver) {
  TemporaryDirectory directory;
  const auto store = value_of(SqlitePolicyStore::open(directory.file("policy.db"), at(0)));
  value_of(store->put_domain(domain_row("a.test"), nullptr));
  const Sequence before = value_of(store->head());
  value_of(store->database().run(
      "INSERT INTO deletion(seq, tbl, tenant, origin, name) VALUES(?, 'later', 0, '', 'a.test')",
      before + 1));
  value_of(store->database().run("UPDATE feed SET head = head + 1"));
  const Changes changes = value_of(store->changes_since(before, 10));
  EXPECT_THAT(changes.rows, IsEmpty());
  EXPECT_EQ(changes.head, before + 1);
}

}  // namespace
}  // namespace mxw::store
