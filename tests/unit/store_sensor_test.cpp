// What SensorStore promises: baselines, retry pairs and verdicts as they were written, in bounds.
#include "core/store/sensor_store.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/store_support.hpp"

namespace mxw::store {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

class Sensor : public testing::Test {
 protected:
  void SetUp() override { store_ = value_of(SensorStore::open(directory_.file("s.db"), at(0))); }

  static BaselineRow baseline(const std::string& key, Time last) {
    return {.tenant = 3,
            .origin = "host-a",
            .key = key,
            .first = at(1),
            .last = last,
            .sessions = 20,
            .complete_replies = 19,
            .starttls_offered = 18,
            .first_greetings = 17,
            .esmtp = 16,
            .tls_eligible = 15,
            .tls = 14,
            .chains = 13,
            .trusted = 12};
  }
  static RetryRow retry(const std::string& key, Time time) {
    return {.tenant = 3,
            .origin = "host-a",
            .key = key,
            .how = "reset",
            .session = (1ULL << 53) - 1,
            .at = time,
            .frame = 17};
  }
  static VerdictRow verdict(const std::string& id, Subject subject, Time seen = at(0)) {
    return {.id = id,
            .origin = "host-a",
            .tenant = 3,
            .rule = "R02",
            .severity = "critical",
            .subject = std::move(subject),
            .policy_domain = "example.org",
            .domain_basis = "rcpt",
            .policy_id = "20261121",
            .first_seen = seen,
            .last_seen = seen + kSecond,
            .expires = seen + 15 * kMinute,
            .count = 2,
            .state = VerdictState::active,
            .evidence_ref = "a.pcapng:17,19"};
  }
  static PathSubject path(const std::string& host = "mx1.example.org") {
    return {.egress_ip = *IpAddress::parse("192.0.2.25"),
            .mx_ip = *IpAddress::parse("2001:db8::25"),
            .mx_host = host};
  }
  std::vector<std::string> ids(const std::vector<VerdictRow>& rows) {
    std::vector<std::string> ids;
    for (const VerdictRow& row : rows) ids.push_back(row.id);
    return ids;
  }

  TemporaryDirectory directory_;
  std::unique_ptr<SensorStore> store_;
};

TEST_F(Sensor, BaselinesComeBackAsWritten) {
  const BaselineRow row = baseline("s192.0.2.25", at(9));
  const BaselineValue spki{.tenant = 3,
                           .origin = "host-a",
                           .key = row.key,
                           .kind = "spki",
                           .value = "ab12",
                           .count = 4,
                           .last = at(8)};
  BaselineValue version = spki;
  version.kind = "version";
  version.value = "0304";
  value_of(store_->write({.baselines = {row}, .values = {version, spki}}));
  EXPECT_EQ(value_of(store_->baseline({3, row.key})), row);
  EXPECT_FALSE(value_of(store_->baseline({0, row.key})));
  EXPECT_THAT(value_of(store_->values({3, row.key})), ElementsAre(spki, version));

  BaselineRow more = row;
  more.sessions = 21;
  value_of(store_->write({.baselines = {more}}));
  EXPECT_EQ(value_of(store_->baseline({3, row.key})), more);
  EXPECT_THAT(value_of(store_->values({3, row.key})), SizeIs(2));
}

TEST_F(Sensor, BaselinesAreReadInPages) {
  SensorStore::Batch batch;
  for (const char* key : {"c", "a", "e", "b", "d"}) batch.baselines.push_back(baseline(key, at(9)));
  value_of(store_->write(batch));
  std::string keys, last;
  for (;;) {
    const auto page = value_of(store_->baselines({3, last}, 2));
    if (page.empty()) break;
    for (const BaselineRow& row : page) keys += row.key;
    last = page.back().key;
  }
  EXPECT_EQ(keys, "abcde");
}

TEST_F(Sensor, ValuesOfAKindAreBounded) {
  SensorStore::Batch batch{.baselines = {baseline("k", at(9))}};
  for (int i = 0; i < 100; ++i)
    batch.values.push_back({.tenant = 3,
                            .key = "k",
                            .kind = "spki",
                            .value = std::to_string(i),
                            .count = 1,
                            .last = at(i)});
  batch.values.push_back({.tenant = 3, .key = "k", .kind = "issuer", .value = "x", .count = 1});
  value_of(store_->write(batch));
  const auto values = value_of(store_->values({3, "k"}));
  ASSERT_THAT(values, SizeIs(kValuesOfKind + 1));
  for (const BaselineValue& value : values) {
    if (value.kind == "spki") EXPECT_GE(value.last, at(36));
  }
}

TEST_F(Sensor, RetryPairsAreRememberedAndForgotten) {
  value_of(store_->write({.retries = {retry("a", at(1)), retry("b", at(2))}}));
  EXPECT_EQ(value_of(store_->retry({3, "a"})), retry("a", at(1)));
  value_of(store_->write({.retries = {retry("b", at(5))}, .forgotten_retries = {{3U, "a"}}}));
  EXPECT_THAT(value_of(store_->retries({}, 10)), ElementsAre(retry("b", at(5))));
}

TEST_F(Sensor, BatchIsAllOrNothing) {
  SensorStore::Batch orphan{.baselines = {baseline("k", at(9))}};
  orphan.values.push_back({.tenant = 3, .key = "no such baseline", .kind = "spki", .value = "v"});
  EXPECT_EQ(fault_in(store_->write(orphan)), "constraint");
  SensorStore::Batch large{.baselines = {baseline("k", at(9))}};
  large.retries.push_back(retry(std::string(kDetailBytes + 1, 'k'), at(1)));
  EXPECT_EQ(fault_in(store_->write(large)), "limit");
  EXPECT_FALSE(value_of(store_->baseline({3, "k"})));
}

TEST_F(Sensor, VerdictsOfEverySubject) {
  const SessionSubject session{.client = {*IpAddress::parse("192.0.2.25"), 40'001},
                               .server = {*IpAddress::parse("198.51.100.25"), 25},
                               .start = at(3)};
  for (const Subject& subject :
       {Subject(path()), Subject(path("")), Subject(session), Subject(DomainSubject{"b.test"})}) {
    VerdictRow row = verdict("v", subject);
    value_of(store_->put_verdict(row));
    const auto read = value_of(store_->verdict("host-a", "v"));
    ASSERT_TRUE(read);
    row.seq = read->seq;
    EXPECT_EQ(*read, row);
  }
  EXPECT_FALSE(value_of(store_->verdict("host-b", "v")));
}

TEST_F(Sensor, StatesComeBack) {
  for (const auto state :
       {VerdictState::active, VerdictState::cleared, VerdictState::expired, VerdictState::voided}) {
    VerdictRow row = verdict("v", path());
    row.state = state;
    value_of(store_->put_verdict(row));
    EXPECT_EQ(value_of(store_->verdict("host-a", "v"))->state, state);
  }
  EXPECT_EQ(name(VerdictState::voided), "void");
}

TEST_F(Sensor, StateOfANewerVersionDoesNotAct) {
  value_of(store_->put_verdict(verdict("v", path())));
  value_of(store_->database().run("UPDATE verdict SET state = 'suspended'"));
  EXPECT_EQ(value_of(store_->verdict("host-a", "v"))->state, VerdictState::voided);
}

TEST_F(Sensor, FeedTellsVerdictsInOrder) {
  const Sequence begin = value_of(store_->verdicts_since(0, 10)).head;
  for (const char* id : {"a", "b", "c"}) value_of(store_->put_verdict(verdict(id, path())));
  value_of(store_->put_verdict(verdict("a", path())));
  VerdictChanges changes = value_of(store_->verdicts_since(begin, 2));
  EXPECT_FALSE(changes.reset);
  EXPECT_THAT(ids(changes.rows), ElementsAre("b", "c"));
  changes = value_of(store_->verdicts_since(changes.head, 2));
  EXPECT_THAT(ids(changes.rows), ElementsAre("a"));
  EXPECT_THAT(value_of(store_->verdicts_since(changes.head, 2)).rows, IsEmpty());
  EXPECT_TRUE(value_of(store_->verdicts_since(changes.head + 1, 10)).reset);
  EXPECT_THAT(value_of(store_->verdicts_since(0, 10)).rows, SizeIs(3));
}

TEST_F(Sensor, VerdictsExpire) {
  value_of(store_->put_verdict(verdict("old", path(), at(0))));
  value_of(store_->put_verdict(verdict("new", path(), at(600))));
  VerdictRow cleared = verdict("cleared", path(), at(0));
  cleared.state = VerdictState::cleared;
  value_of(store_->put_verdict(cleared));
  const Time end = at(0) + 15 * kMinute;
  EXPECT_EQ(value_of(store_->expire(end, 10)), 0U);
  EXPECT_THAT(ids(value_of(store_->active_verdicts(end, 10))), ElementsAre("old", "new"));
  const Sequence before = value_of(store_->verdicts_since(0, 10)).head;
  EXPECT_EQ(value_of(store_->expire(end + 1, 10)), 1U);
  EXPECT_THAT(ids(value_of(store_->active_verdicts(at(0), 10))), ElementsAre("new"));
  const auto told = value_of(store_->verdicts_since(before, 10)).rows;
  ASSERT_THAT(told, SizeIs(1));
  EXPECT_EQ(told[0].state, VerdictState::expired);
}

TEST_F(Sensor, PruneByAgeAndCount) {
  SensorStore::Batch batch;
  for (int i = 0; i < 5; ++i) {
    const std::string key(1, static_cast<char>('a' + i));
    batch.baselines.push_back(baseline(key, at(i)));
    batch.values.push_back({.tenant = 3, .key = key, .kind = "spki", .value = "v"});
    batch.retries.push_back(retry(key, at(i)));
    value_of(store_->put_verdict(verdict(key, path(), at(i))));
  }
  value_of(store_->write(batch));
  EXPECT_EQ(value_of(store_->prune({}, at(10))), 0U);
  EXPECT_EQ(value_of(store_->prune({.baselines = 3, .retries = 4, .verdicts = 2}, at(10))), 6U);
  EXPECT_THAT(value_of(store_->values({3, "a"})), IsEmpty());
  EXPECT_THAT(value_of(store_->values({3, "c"})), SizeIs(1));
  EXPECT_THAT(ids(value_of(store_->active_verdicts(at(0), 10))), ElementsAre("d", "e"));
  EXPECT_EQ(value_of(store_->prune({}, at(4) + 5 * kDay)), 3U);  // retries but the newest
  EXPECT_THAT(value_of(store_->retries({}, 10)), SizeIs(1));
  EXPECT_EQ(value_of(store_->prune({}, at(100) + 90 * kDay)), 6U);
}

TEST_F(Sensor, IsNoPolicyStore) {
  EXPECT_EQ(fault_in(SqlitePolicyStore::open(directory_.file("s.db"), at(0))), "foreign");
}

}  // namespace
}  // namespace mxw::store
