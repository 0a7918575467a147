// What every PolicyStore promises to readers of its feed: a copy that follows the changes is the
// store.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <random>
#include <tuple>

#include "core/store/statement.hpp"
#include "tests/unit/store_support.hpp"

namespace mxw::store {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

// A reader as map and milter will be: it knows nothing but what it is told.
class Copy {
 public:
  void apply(const Change& change) {
    std::visit([this](const auto& row) { take(row); }, change);
  }
  friend bool operator==(const Copy&, const Copy&) = default;

 private:
  using Name = std::pair<std::uint32_t, std::string>;

  void take(const DomainRow& row) {
    DomainRow told = row;
    told.last_asked = {};  // not a change to readers
    domains_[{row.tenant, row.name}] = told;
  }
  void take(const PolicyRow& row) { policies_[{row.tenant, row.domain}] = row; }
  void take(const RouteRow& row) {
    routes_[{row.tenant, row.policy_domain}][{row.mx_host, address_blob(row.address)}] = row;
  }
  void take(const TlsaRow& row) { tlsa_[{row.tenant, row.base}][row.rdata] = row; }
  void take(const EventRow&) {}
  void take(const VerdictRow&) {}  // never policyd's
  void take(const TlsrptRow& row) { tlsrpt_[{row.tenant, row.domain}] = row; }
  void take(const RereadRow& row) { rereads_[{row.tenant, row.domain}] = row; }
  void take(const PolicyFailureRow& row) {
    failures_[{row.tenant, row.domain}][{row.from, row.result}] = row;
  }
  void take(const Deletion& gone) {
    const Name name{gone.tenant, gone.name};
    if (gone.table == Table::domain) domains_.erase(name);
    if (gone.table == Table::domain || gone.table == Table::policy) policies_.erase(name);
    if (gone.table == Table::domain || gone.table == Table::mx_route) routes_.erase(name);
    if (gone.table == Table::tlsa) tlsa_.erase(name);
    if (gone.table == Table::domain || gone.table == Table::tlsrpt) tlsrpt_.erase(name);
    if (gone.table == Table::domain || gone.table == Table::reread) rereads_.erase(name);
    if (gone.table == Table::domain) failures_.erase(name);
  }

  std::map<Name, DomainRow> domains_;
  std::map<Name, PolicyRow> policies_;
  std::map<Name, std::map<std::pair<std::string, std::vector<std::uint8_t>>, RouteRow>> routes_;
  std::map<Name, std::map<std::vector<std::uint8_t>, TlsaRow>> tlsa_;
  std::map<Name, TlsrptRow> tlsrpt_;
  std::map<Name, RereadRow> rereads_;
  std::map<Name, std::map<std::pair<Time, std::string>, PolicyFailureRow>> failures_;
};

template <typename Kind>
class PolicyFeed : public EachPolicyStore<Kind> {
 protected:
  using EachPolicyStore<Kind>::store_;

  // Everything, in pages.
  Copy load(std::size_t page) {
    Copy copy;
    Sequence after = 0;
    for (;;) {
      const auto rows = value_of(store_->current(after, page));
      EXPECT_LE(rows.size(), page);
      if (rows.empty()) return copy;
      for (const Change& row : rows) {
        EXPECT_GT(sequence_of(row), after);
        after = sequence_of(row);
        copy.apply(row);
      }
    }
  }
  // Brings a copy up to date; false: told to begin anew.
  bool follow(Copy& copy, Sequence& from, std::size_t page) {
    for (;;) {
      const Changes changes = value_of(store_->changes_since(from, page));
      if (changes.reset) return false;
      EXPECT_LE(changes.rows.size(), page);
      for (const Change& row : changes.rows) copy.apply(row);
      from = changes.head;
      if (changes.rows.size() < page) return true;
    }
  }
  // One write of any kind, drawn from the seed.
  void write_something(std::mt19937& random, int step) {
    const auto draw = [&](unsigned below) { return static_cast<unsigned>(random() % below); };
    const std::string domain = "d" + std::to_string(draw(6)) + ".test";
    const std::string base = "_25._tcp.mx." + domain;
    const Time now = at(step);
    std::vector<RouteRow> routes;
    std::vector<TlsaRow> tlsa;
    for (unsigned i = draw(4); i > 0; --i) {
      routes.push_back(route_row(domain, "mx" + std::to_string(draw(3)) + ".test",
                                 "192.0.2." + std::to_string(draw(3)), now + kHour));
      tlsa.push_back(tlsa_row(base, {3, 1, 1, static_cast<std::uint8_t>(draw(3))}, now + kHour));
    }
    switch (draw(11)) {
      case 0:
        value_of(store_->put_domain(domain_row(domain, now)));
        break;
      case 1:
      case 2:
        value_of(store_->put_policy(domain_row(domain, now),
                                    policy_row(domain, std::to_string(draw(3)), now)));
        break;
      case 3:
        value_of(store_->end_policy({0, domain}, now));
        break;
      case 4:
        value_of(store_->replace_routes({0, domain}, routes));
        break;
      case 5:
        value_of(store_->replace_tlsa({0, base}, tlsa));
        break;
      case 6:
        value_of(store_->append_event(event_row(domain, "k", now)));
        break;
      case 7:
        value_of(store_->put_tlsrpt(tlsrpt_row(domain, std::to_string(draw(3)), now)));
        break;
      case 8:
        value_of(store_->put_reread(reread_row(domain, now)));
        break;
      case 9:
        value_of(store_->put_failures(std::vector{failure_row(
            domain, at(step / 8 * 8), draw(2) == 0 ? std::optional(now) : std::nullopt, now)}));
        break;
      default:
        value_of(store_->prune({.policies = 3,
                                .others = 2,
                                .routes = 8,
                                .tlsa = 8,
                                .tlsrpt = 3,
                                .rereads = 3,
                                .tlsrpt_history = 4},
                               now, {}));
    }
  }
};
TYPED_TEST_SUITE(PolicyFeed, PolicyStoreKinds);

TYPED_TEST(PolicyFeed, BeginsAtTheTimeTheStoreWasMade) {
  EXPECT_EQ(value_of(this->store_->head()), static_cast<Sequence>(at(0).ns / kMicrosecond));
  EXPECT_LT(value_of(this->store_->head()), Sequence{1} << 53);
  EXPECT_THAT(value_of(this->store_->current(0, 10)), IsEmpty());
  EXPECT_TRUE(value_of(this->store_->changes_since(0, 10)).reset);
  EXPECT_FALSE(value_of(this->store_->changes_since(value_of(this->store_->head()), 10)).reset);
}

TYPED_TEST(PolicyFeed, TellsEachWrite) {
  const Sequence before = value_of(this->store_->head());
  const EventRow event = event_row("a.test", "policy-added");
  value_of(
      this->store_->put_policy(domain_row("a.test"), policy_row("a.test", "1", at(0)), &event));
  Changes changes = value_of(this->store_->changes_since(before, 10));
  ASSERT_THAT(changes.rows, SizeIs(3));
  EXPECT_EQ(std::get<DomainRow>(changes.rows[0]).name, "a.test");
  EXPECT_EQ(std::get<PolicyRow>(changes.rows[1]).id, "1");
  EXPECT_EQ(std::get<EventRow>(changes.rows[2]).kind, "policy-added");
  EXPECT_EQ(changes.head, value_of(this->store_->head()));

  const Sequence second = changes.head;
  value_of(this->store_->end_policy({0, "a.test"}, at(5)));
  changes = value_of(this->store_->changes_since(second, 10));
  ASSERT_THAT(changes.rows, SizeIs(2));
  EXPECT_EQ(std::get<Deletion>(changes.rows[0]).table, Table::policy);
  EXPECT_EQ(std::get<Deletion>(changes.rows[0]).name, "a.test");
  EXPECT_EQ(std::get<DomainRow>(changes.rows[1]).state, DomainState::unknown);
}

// What was only asked for is not news: a busy map must not make every reader read every domain.
TYPED_TEST(PolicyFeed, AskingIsNoChange) {
  value_of(this->store_->put_domain(domain_row("a.test", at(0))));
  const Sequence before = value_of(this->store_->head());
  value_of(this->store_->touch(std::vector<Key>{{0, "a.test"}}, at(100)));
  value_of(this->store_->put_domain(domain_row("a.test", at(200))));
  EXPECT_EQ(value_of(this->store_->head()), before);
  DomainRow row = domain_row("a.test", at(200));
  row.fail_count = 3;
  value_of(this->store_->put_domain(row));
  EXPECT_THAT(value_of(this->store_->changes_since(before, 10)).rows, SizeIs(1));
}

// A set that shrinks is told as a deletion first and then what is left.
TYPED_TEST(PolicyFeed, ShrunkenSetIsDeletedFirst) {
  const Key key{0, "a.test"};
  std::vector rows = {route_row("a.test", "mx1.a.test", "192.0.2.1"),
                      route_row("a.test", "mx2.a.test", "192.0.2.2")};
  value_of(this->store_->replace_routes(key, rows));
  Sequence before = value_of(this->store_->head());
  value_of(this->store_->replace_routes(key, rows));
  EXPECT_THAT(value_of(this->store_->changes_since(before, 10)).rows, SizeIs(2));
  before = value_of(this->store_->head());
  rows.pop_back();
  value_of(this->store_->replace_routes(key, rows));
  const Changes changes = value_of(this->store_->changes_since(before, 10));
  ASSERT_THAT(changes.rows, SizeIs(2));
  EXPECT_EQ(std::get<Deletion>(changes.rows[0]).table, Table::mx_route);
  EXPECT_EQ(std::get<RouteRow>(changes.rows[1]).mx_host, "mx1.a.test");
}

TYPED_TEST(PolicyFeed, ReaderOfAnotherStoreBeginsAnew) {
  value_of(this->store_->put_domain(domain_row("a.test")));
  const Sequence old = value_of(this->store_->head());
  EXPECT_TRUE(value_of(this->store_->changes_since(old + 1, 10)).reset);
  TypeParam other;
  const auto later = other.make(at(1));  // made anew after the first was lost
  EXPECT_TRUE(value_of(later->changes_since(old, 10)).reset);
}

TYPED_TEST(PolicyFeed, ForgottenDeletionsMeanAReset) {
  for (int i = 0; i < 5; ++i)
    value_of(this->store_->put_domain(domain_row("d" + std::to_string(i) + ".test", at(i))));
  const Sequence before = value_of(this->store_->head());
  const PolicyBounds bounds{.others = 1, .deletions = 3};
  const Pruned pruned = value_of(this->store_->prune(bounds, at(10), {}));
  EXPECT_EQ(pruned.others, 4U);
  EXPECT_EQ(pruned.deletions, 1U);
  EXPECT_TRUE(value_of(this->store_->changes_since(before, 10)).reset);
  EXPECT_THAT(value_of(this->store_->changes_since(before + 1, 10)).rows, SizeIs(3));
}

TYPED_TEST(PolicyFeed, CopiesFollowWhateverIsWritten) {
  for (unsigned seed = 1; seed <= 4; ++seed) {
    std::mt19937 random(seed);
    Copy copy = this->load(3);
    Sequence from = value_of(this->store_->head());
    for (int step = 1; step <= 150; ++step) {
      this->write_something(random, step);
      if (random() % 4 != 0) continue;
      ASSERT_TRUE(this->follow(copy, from, 1 + random() % 5)) << "seed " << seed;
      ASSERT_EQ(from, value_of(this->store_->head()));
      ASSERT_TRUE(copy == this->load(1 + random() % 7)) << "seed " << seed << " step " << step;
    }
  }
}

// Loading page by page while the store is written to, then following from the head before.
TYPED_TEST(PolicyFeed, LoadingWhileWritingMissesNothing) {
  std::mt19937 random(9);
  for (int step = 1; step <= 60; ++step) this->write_something(random, step);
  Sequence from = value_of(this->store_->head()), after = 0;
  Copy copy;
  for (int step = 61;; ++step) {
    const auto rows = value_of(this->store_->current(after, 2));
    if (rows.empty()) break;
    for (const Change& row : rows) copy.apply(row);
    after = sequence_of(rows.back());
    if (step < 100) this->write_something(random, step);
  }
  ASSERT_TRUE(this->follow(copy, from, 4));
  EXPECT_TRUE(copy == this->load(100));
}

// Both stores number, order and answer alike, change by change.
TEST(PolicyStores, AgreeOnEveryChange) {
  InFile file;
  InMemory memory;
  const auto a = file.make(at(0)), b = memory.make(at(0));
  const Sequence begin = value_of(a->head());
  for (PolicyStore* store : {a.get(), b.get()}) {
    value_of(store->put_policy(domain_row("a.test"), policy_row("a.test", "1", at(0))));
    value_of(store->replace_routes({0, "a.test"},
                                   std::vector{route_row("a.test", "mx.a.test", "2001:db8::1"),
                                               route_row("a.test", "mx.a.test", "192.0.2.1")}));
    value_of(store->put_policy(domain_row("a.test"), policy_row("a.test", "2", at(9))));
    value_of(store->replace_routes({0, "a.test"}, {}));
    value_of(store->append_event(event_row("a.test", "k")));
    value_of(store->put_domain(domain_row("b.test")));
    for (const char* name : {"a.test", "b.test", "c.test", "d.test"}) {
      value_of(store->put_tlsrpt(tlsrpt_row(name, "v=TLSRPTv1", at(9))));
      value_of(store->put_reread(reread_row(name, at(9))));
    }
    value_of(store->prune({.policies = 0, .tlsrpt = 2, .rereads = 2}, at(10), {}));
  }
  const Changes from_file = value_of(a->changes_since(begin, 100));
  const Changes from_memory = value_of(b->changes_since(begin, 100));
  EXPECT_EQ(from_file.head, from_memory.head);
  EXPECT_TRUE(from_file.rows == from_memory.rows);
  // Of a: two deletions and the event; of b: three rows; of c: two deletions; of d: two rows.
  EXPECT_THAT(from_file.rows, SizeIs(10));
}

}  // namespace
}  // namespace mxw::store
