// What a reader holds: the rows of its owner, within bounds, with what holds at a time.
#include "core/feed/refill.hpp"
#include "core/feed/replica.hpp"

#include <gmock/gmock.h>

#include <limits>

#include "tests/unit/feed_support.hpp"

namespace mxw::feed {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

constexpr const char* kBase = "_25._tcp.mx.example.org";

class ReplicaTest : public testing::Test {
 protected:
  explicit ReplicaTest(Replica::Bounds bounds = {}) : replica(bounds) {
    replica.on_changed(
        {.domain = [this](std::uint32_t, std::string_view name) { domains.emplace_back(name); },
         .tlsa = [this](std::uint32_t, std::string_view base) { bases.emplace_back(base); }});
  }

  template <typename Row>
  void put(Row row) {
    row.seq = ++seq;
    replica.on_change(row);
  }
  void del(rows::Table table, const std::string& name) {
    put(rows::Deletion{.table = table, .tenant = 0, .name = name});
  }
  // Without a change the same row comes as it was.
  template <typename Row>
  void again(Row row, rows::Sequence as) {
    row.seq = as;
    replica.on_change(row);
  }
  std::vector<std::string> told() {
    replica.on_batch();
    return std::exchange(domains, {});
  }

  Replica replica;
  rows::Sequence seq = 100;
  std::vector<std::string> domains, bases;
};

TEST_F(ReplicaTest, HoldsOneOfEachOfADomain) {
  EXPECT_EQ(replica.find("a.example"), nullptr);
  put(domain_row("a.example"));
  put(policy_row("a.example", "1"));
  put(policy_row("a.example", "2"));
  put(route_row("a.example", "mx.example.org", "192.0.2.1"));
  put(route_row("a.example", "mx.example.org", "192.0.2.2"));
  put(route_row("a.example", "mx.example.org", "192.0.2.2"));
  put(event_row("a.example"));
  const DomainEntry* entry = replica.find("a.example");
  ASSERT_NE(entry, nullptr);
  EXPECT_EQ(entry->domain()->name, "a.example");
  EXPECT_EQ(entry->policy()->id, "2");
  EXPECT_EQ(entry->routes().size(), 2U);
  EXPECT_EQ(entry->tlsrpt(), nullptr);
  EXPECT_EQ(entry->reread(), nullptr);
  EXPECT_EQ(replica.find("a.example", 1), nullptr);
  EXPECT_EQ(replica.find("b.example"), nullptr);
  EXPECT_EQ(replica.sizes().policies, 1U);
  EXPECT_EQ(replica.sizes().routes, 2U);
  EXPECT_EQ(replica.sizes().body_bytes, entry->policy()->body.size());
  EXPECT_EQ(replica.sequence(), seq);
}

TEST_F(ReplicaTest, KeepsTenantsApart) {
  rows::DomainRow other = domain_row("a.example", rows::DomainState::none);
  other.tenant = 3;
  put(domain_row("a.example"));
  put(other);
  EXPECT_EQ(replica.find("a.example")->domain()->state, rows::DomainState::policy);
  EXPECT_EQ(replica.find("a.example", 3)->domain()->state, rows::DomainState::none);
  del(rows::Table::domain, "a.example");
  EXPECT_EQ(replica.find("a.example"), nullptr);
  EXPECT_NE(replica.find("a.example", 3), nullptr);
}

TEST_F(ReplicaTest, DropsWhatIsDeleted) {
  const auto fill = [this] {
    put(domain_row("a.example"));
    put(policy_row("a.example"));
    put(route_row("a.example", "mx.example.org"));
    put(tlsa_row(kBase, {3, 1, 1}));
  };
  fill();
  del(rows::Table::policy, "a.example");
  EXPECT_EQ(replica.find("a.example")->policy(), nullptr);
  del(rows::Table::mx_route, "a.example");
  EXPECT_THAT(replica.find("a.example")->routes(), IsEmpty());
  EXPECT_NE(replica.find("a.example")->domain(), nullptr);
  del(rows::Table::tlsa, kBase);
  EXPECT_THAT(replica.tlsa(kBase), IsEmpty());
  fill();
  del(rows::Table::domain, "a.example");
  EXPECT_EQ(replica.find("a.example"), nullptr);
  EXPECT_EQ(replica.tlsa(kBase).size(), 1U);
  EXPECT_EQ(replica.sizes().domains, 0U);
  EXPECT_EQ(replica.sizes().policies, 0U);
  EXPECT_EQ(replica.sizes().routes, 0U);
  EXPECT_EQ(replica.sizes().body_bytes, 0U);
  EXPECT_EQ(replica.sizes().tlsa, 1U);
  del(rows::Table::domain, "never.example");
}

TEST_F(ReplicaTest, DropsAPolicyThatHasAnEndAndOnlyThat) {
  put(policy_row("a.example"));
  rows::PolicyRow closed = policy_row("a.example", "0");
  closed.valid_to = at(20);
  closed.valid_from = at(-100);
  put(closed);
  EXPECT_EQ(replica.find("a.example")->policy()->id, "1");
  closed.valid_from = at(0);
  put(closed);
  EXPECT_EQ(replica.find("a.example"), nullptr);
}

TEST_F(ReplicaTest, SaysWhatHoldsAtATime) {
  put(policy_row("a.example"));
  put(route_row("a.example", "mx.example.org"));
  put(tlsa_row(kBase, {3, 1, 1}));
  const DomainEntry* entry = replica.find("a.example");
  const Time end = at(10) + 604'800 * kSecond;  // fetched, and a week
  EXPECT_NE(entry->policy_at(end), nullptr);
  EXPECT_EQ(entry->policy_at(end + 1), nullptr);
  EXPECT_EQ(entry->routes_at(at(3'600)).size(), 1U);
  EXPECT_EQ(entry->routes_at(at(3'600) + 1).size(), 0U);
  EXPECT_EQ(replica.tlsa_at(kBase, at(3'600)).size(), 1U);
  EXPECT_EQ(replica.tlsa_at(kBase, at(3'601)).size(), 0U);
  EXPECT_NE(entry->policy(), nullptr);
}

TEST_F(ReplicaTest, PrunesRoutesAndTlsaADayAfterTheirEnd) {
  put(policy_row("a.example"));
  put(route_row("a.example", "mx.example.org"));
  rows::RouteRow longer = route_row("a.example", "mx2.example.org");
  longer.until = at(3'601);
  put(longer);
  put(route_row("b.example", "mx.example.org"));
  put(tlsa_row(kBase, {3, 1, 1}));
  told();
  EXPECT_EQ(replica.prune(at(3'600) + kDay), 0U);
  EXPECT_THAT(domains, IsEmpty());
  EXPECT_EQ(replica.prune(at(3'600) + kDay + 1), 3U);
  EXPECT_THAT(domains, UnorderedElementsAre("a.example", "b.example"));
  EXPECT_THAT(bases, testing::Contains(kBase));
  EXPECT_EQ(replica.find("a.example")->routes().size(), 1U);
  EXPECT_EQ(replica.find("b.example"), nullptr);
  EXPECT_EQ(replica.sizes().routes, 1U);
  EXPECT_EQ(replica.sizes().tlsa, 0U);
  EXPECT_THAT(replica.domains_over("mx.example.org"), IsEmpty());
  EXPECT_THAT(replica.domains_over("mx2.example.org"), ElementsAre("a.example"));
  EXPECT_NE(replica.find("a.example")->policy(), nullptr);
}

TEST_F(ReplicaTest, KnowsWhoseMailGoesOverAHost) {
  put(route_row("a.example", "mx.example.org", "192.0.2.1"));
  put(route_row("a.example", "mx.example.org", "192.0.2.2"));
  put(route_row("b.example", "mx.example.org", ""));
  put(route_row("c.example", "other.example.org"));
  EXPECT_THAT(replica.domains_over("mx.example.org"),
              UnorderedElementsAre("a.example", "b.example"));
  del(rows::Table::mx_route, "a.example");
  EXPECT_THAT(replica.domains_over("mx.example.org"), ElementsAre("b.example"));
}

TEST_F(ReplicaTest, KeepsOldRowsUntilAllIsTold) {
  put(domain_row("kept.example"));
  put(policy_row("kept.example"));
  put(route_row("kept.example", "old.example.org"));
  put(domain_row("gone.example"));
  put(route_row("gone.example", "mx.example.net"));
  put(tlsa_row(kBase, {1}));
  put(tlsa_row(kBase, {2}));
  told();
  bases.clear();
  replica.on_reset();
  EXPECT_EQ(replica.sequence(), 0U);
  again(domain_row("kept.example"), 101);
  again(policy_row("kept.example"), 102);
  put(tlsa_row(kBase, {2}));
  put(policy_row("new.example"));
  EXPECT_NE(replica.find("gone.example")->domain(), nullptr);
  EXPECT_EQ(replica.find("kept.example")->routes().size(), 1U);
  EXPECT_EQ(replica.tlsa(kBase).size(), 2U);
  EXPECT_THAT(told(), UnorderedElementsAre("new.example"));
  replica.on_end(500);
  EXPECT_EQ(replica.find("gone.example"), nullptr);
  EXPECT_NE(replica.find("kept.example")->policy(), nullptr);
  EXPECT_THAT(replica.find("kept.example")->routes(), IsEmpty());
  EXPECT_EQ(replica.tlsa(kBase).size(), 1U);
  EXPECT_THAT(told(), UnorderedElementsAre("gone.example", "kept.example"));
  EXPECT_EQ(replica.counters().swept, 4U);
  EXPECT_EQ(replica.sequence(), 500U);
}

// An owner whose store was lost tells nothing of what it knew: that ends no policy.
TEST_F(ReplicaTest, KeepsAForgottenPolicyUntilItRunsOut) {
  put(domain_row("a.example"));
  rows::PolicyRow policy = policy_row("a.example");
  policy.max_age = 86'400;
  put(policy);
  put(route_row("a.example", "mx.example.org"));
  const Time end = policy.valid_until();
  replica.on_reset();
  replica.on_end(500);
  ASSERT_NE(replica.find("a.example"), nullptr);
  EXPECT_NE(replica.find("a.example")->policy_at(end), nullptr);
  EXPECT_EQ(replica.find("a.example")->routes().size(), 1U);
  replica.prune(end);
  EXPECT_NE(replica.find("a.example")->policy(), nullptr);
  replica.prune(end + kDay + kSecond);
  EXPECT_EQ(replica.find("a.example"), nullptr);
}

TEST_F(ReplicaTest, AForgottenPolicyGoesWhenItIsDeletedByName) {
  put(policy_row("a.example"));
  replica.on_reset();
  replica.on_end(500);
  del(rows::Table::domain, "a.example");
  EXPECT_EQ(replica.find("a.example"), nullptr);
}

TEST_F(ReplicaTest, AnEndWithoutABeginningSweepsNothing) {
  put(policy_row("a.example"));
  replica.on_end(500);
  EXPECT_NE(replica.find("a.example"), nullptr);
  EXPECT_EQ(replica.sequence(), seq);
}

TEST_F(ReplicaTest, ATellingThatWasBrokenOffSweepsNothingOfItsOwn) {
  put(domain_row("a.example"));
  replica.on_reset();
  put(domain_row("b.example"));
  replica.on_reset();
  put(domain_row("c.example"));
  EXPECT_EQ(replica.sizes().domains, 3U);
  replica.on_end(500);
  EXPECT_EQ(replica.sizes().domains, 1U);
  EXPECT_NE(replica.find("c.example"), nullptr);
}

TEST_F(ReplicaTest, TellsEachNameOncePerBatch) {
  put(domain_row("a.example"));
  put(policy_row("a.example"));
  put(route_row("a.example", "mx.example.org"));
  put(tlsa_row(kBase, {1}));
  put(tlsa_row(kBase, {2}));
  EXPECT_THAT(told(), ElementsAre("a.example"));
  EXPECT_THAT(bases, ElementsAre(kBase));
  EXPECT_THAT(told(), IsEmpty());
  again(policy_row("a.example"), 102);
  EXPECT_THAT(told(), IsEmpty());
}

class BoundedReplica : public ReplicaTest {
 protected:
  BoundedReplica() : ReplicaTest({.domains = 3, .routes = 4, .tlsa = 2, .body_bytes = 1'000}) {}
  static rows::PolicyRow large(const std::string& domain, std::size_t size) {
    rows::PolicyRow row = policy_row(domain);
    row.body = std::string(size, 'b');
    return row;
  }
};

TEST_F(BoundedReplica, RefusesRowsOverItsBounds) {
  for (const char* name : {"a.example", "b.example", "c.example", "d.example"})
    put(domain_row(name));
  EXPECT_EQ(replica.sizes().domains, 3U);
  EXPECT_EQ(replica.counters().refused, 1U);
  for (int i = 0; i < 6; ++i)
    put(route_row("a.example", "mx" + std::to_string(i) + ".example.org"));
  EXPECT_EQ(replica.sizes().routes, 4U);
  EXPECT_EQ(replica.counters().refused, 3U);
  for (std::uint8_t i = 0; i < 3; ++i) put(tlsa_row(kBase, {i}));
  EXPECT_EQ(replica.sizes().tlsa, 2U);
  EXPECT_EQ(replica.counters().refused, 4U);
  // What is there already may change.
  put(domain_row("a.example", rows::DomainState::none));
  put(tlsa_row(kBase, {1}));
  EXPECT_EQ(replica.counters().refused, 4U);
  EXPECT_EQ(replica.find("a.example")->domain()->state, rows::DomainState::none);
}

TEST_F(BoundedReplica, SaysThatItLacksRowsUntilAllIsToldAnew) {
  Refill refill;
  replica.on_state(true);
  for (const char* name : {"a.example", "b.example", "c.example"}) put(domain_row(name));
  EXPECT_FALSE(replica.lacks());
  put(domain_row("d.example"));
  EXPECT_TRUE(replica.lacks());
  EXPECT_FALSE(refill.due(replica, 0)) << "there is no room";
  replica.on_change(
      rows::Deletion{.table = rows::Table::domain, .tenant = 0, .name = "a.example", .seq = 999});
  EXPECT_TRUE(replica.has_room());
  replica.on_state(false);
  EXPECT_FALSE(refill.due(replica, 0)) << "nobody can be asked";
  replica.on_state(true);
  EXPECT_TRUE(refill.due(replica, 0));
  EXPECT_FALSE(refill.due(replica, Refill::kEvery - 1)) << "it was asked just now";
  EXPECT_TRUE(refill.due(replica, Refill::kEvery));
  replica.on_reset();
  EXPECT_FALSE(replica.lacks());
  EXPECT_FALSE(refill.due(replica, 3 * Refill::kEvery));
}

TEST_F(BoundedReplica, EveryBoundLeavesItLackingButThatOfOneName) {
  const auto lacks = [](Replica::Bounds bounds, const auto& fill) {
    Replica one(bounds);
    fill(one);
    EXPECT_GT(one.counters().refused, 0U);
    return one.lacks();
  };
  const auto routes = [](Replica& to, int count) {
    to.on_change(domain_row("a.example"));
    for (int i = 0; i < count; ++i)
      to.on_change(route_row("a.example", "mx" + std::to_string(i) + ".example.org"));
  };
  const auto tlsa = [](Replica& to, int count) {
    for (int i = 0; i < count; ++i)
      to.on_change(
          tlsa_row(kBase, {static_cast<std::uint8_t>(i), static_cast<std::uint8_t>(i / 256)}));
  };
  EXPECT_TRUE(lacks({.routes = 4}, [&](Replica& to) { routes(to, 5); }));
  EXPECT_TRUE(lacks({.tlsa = 4}, [&](Replica& to) { tlsa(to, 5); }));
  EXPECT_TRUE(
      lacks({.body_bytes = 10}, [](Replica& to) { to.on_change(policy_row("a.example")); }));
  EXPECT_FALSE(
      lacks({}, [&](Replica& to) { routes(to, static_cast<int>(rows::kRoutesOfDomain) + 1); }));
  EXPECT_FALSE(lacks({}, [&](Replica& to) { tlsa(to, static_cast<int>(rows::kTlsaOfBase) + 1); }));
}

TEST_F(BoundedReplica, APolicyWithoutRoomTakesTheOneBeforeWithIt) {
  put(large("a.example", 600));
  put(large("b.example", 401));
  EXPECT_EQ(replica.find("b.example"), nullptr);
  put(large("b.example", 400));
  EXPECT_NE(replica.find("b.example"), nullptr);
  told();
  put(large("b.example", 500));
  EXPECT_EQ(replica.find("b.example"), nullptr);
  EXPECT_THAT(told(), ElementsAre("b.example"));
  EXPECT_EQ(replica.counters().refused, 2U);
  EXPECT_EQ(replica.sizes().body_bytes, 600U);
  EXPECT_EQ(replica.sizes().policies, 1U);
}

TEST(ReplicaOthers, OnlyTheLastToldAreHeld) {
  Replica replica({.others = 3});
  std::vector<std::string> changed;
  replica.on_changed(
      {.domain = [&](std::uint32_t, std::string_view name) { changed.emplace_back(name); },
       .tlsa = {}});
  rows::Sequence seq = 100;
  const auto put = [&](auto row) {
    row.seq = ++seq;
    replica.on_change(row);
  };
  put(domain_row("policy.example"));
  put(policy_row("policy.example"));
  const auto none = rows::DomainState::none;
  for (const char* name : {"a.example", "b.example", "c.example"}) put(domain_row(name, none));
  replica.on_batch();
  changed.clear();
  put(domain_row("b.example", none));  // known: nothing goes
  EXPECT_EQ(replica.counters().forgotten, 0U);
  put(domain_row("d.example", none));
  replica.on_batch();
  EXPECT_EQ(replica.find("a.example"), nullptr);
  EXPECT_THAT(changed, testing::Contains("a.example")) << "whoever compiled it is told";
  EXPECT_NE(replica.find("policy.example"), nullptr);
  for (int i = 0; i < 1'000; ++i) {
    rows::TlsrptRow tlsrpt = tlsrpt_row("x" + std::to_string(i) + ".example");
    tlsrpt.valid_to.reset();
    put(tlsrpt);  // policyd tells it first or last
    put(domain_row("x" + std::to_string(i) + ".example", none));
  }
  EXPECT_LE(replica.sizes().domains, 4U);
  EXPECT_GE(replica.sizes().domains, 3U);
  EXPECT_NE(replica.find("x999.example"), nullptr);
  EXPECT_NE(replica.find("policy.example")->policy(), nullptr);
  EXPECT_EQ(replica.counters().refused, 0U);
}

TEST(ReplicaOthers, OneThatGotAPolicyStays) {
  Replica replica({.others = 2});
  rows::Sequence seq = 100;
  const auto put = [&](auto row) {
    row.seq = ++seq;
    replica.on_change(row);
  };
  put(domain_row("a.example", rows::DomainState::none));
  put(policy_row("a.example"));
  for (int i = 0; i < 10; ++i)
    put(domain_row("x" + std::to_string(i) + ".example", rows::DomainState::none));
  EXPECT_NE(replica.find("a.example"), nullptr);
  EXPECT_EQ(replica.sizes().domains, 3U);
}

TEST_F(BoundedReplica, OldRowsMakeRoomForThoseToldAnew) {
  put(large("a.example", 400));
  put(large("b.example", 400));
  put(domain_row("c.example"));
  replica.on_reset();
  put(large("d.example", 400));
  EXPECT_EQ(replica.find("a.example"), nullptr);
  put(large("e.example", 600));
  replica.on_end(500);
  EXPECT_EQ(replica.counters().refused, 0U);
  EXPECT_EQ(replica.sizes().policies, 2U);
  EXPECT_EQ(replica.sizes().body_bytes, 1'000U);
  EXPECT_EQ(replica.sizes().domains, 2U);
}

TEST_F(ReplicaTest, HoldsAtMostTheRowsOfOneNameThatTheStoreHas) {
  for (std::size_t i = 0; i < rows::kRoutesOfDomain + 2; ++i)
    put(route_row("a.example", "mx" + std::to_string(i) + ".example.org"));
  EXPECT_EQ(replica.find("a.example")->routes().size(), rows::kRoutesOfDomain);
  for (std::size_t i = 0; i < rows::kTlsaOfBase + 3; ++i)
    put(tlsa_row(kBase, {static_cast<std::uint8_t>(i)}));
  EXPECT_EQ(replica.tlsa(kBase).size(), rows::kTlsaOfBase);
  EXPECT_EQ(replica.counters().refused, 5U);
}

rows::TlsrptRow open_record(const std::string& domain, const std::string& record = "v=TLSRPTv1") {
  rows::TlsrptRow row = tlsrpt_row(domain);
  row.record = record;
  row.valid_to = std::nullopt;
  return row;
}

TEST_F(ReplicaTest, HoldsTheRecordThatIsCurrent) {
  put(open_record("a.example", "old"));
  put(open_record("a.example", "new"));
  ASSERT_NE(replica.find("a.example"), nullptr);
  EXPECT_EQ(replica.find("a.example")->tlsrpt()->record, "new");
  EXPECT_THAT(told(), ElementsAre("a.example"));
  again(open_record("a.example", "new"), seq);
  EXPECT_THAT(told(), IsEmpty());
  // The end of another span is no end of this one.
  rows::TlsrptRow closed = tlsrpt_row("a.example");
  closed.valid_from = at(-100);
  put(closed);
  EXPECT_NE(replica.find("a.example"), nullptr);
  closed.valid_from = at(0);
  put(closed);
  EXPECT_EQ(replica.find("a.example"), nullptr);
  EXPECT_THAT(told(), ElementsAre("a.example"));
  put(closed);
  EXPECT_EQ(replica.sizes().domains, 0U);
}

TEST_F(ReplicaTest, HoldsTheLastReread) {
  put(reread_row("a.example"));
  rows::RereadRow later = reread_row("a.example");
  later.at = at(8);
  later.ok = false;
  put(later);
  EXPECT_EQ(replica.find("a.example")->reread()->at, at(8));
  EXPECT_FALSE(replica.find("a.example")->reread()->ok);
  EXPECT_EQ(replica.sizes().domains, 1U);
}

TEST_F(ReplicaTest, RecordAndRereadGoByTheirTableAndWithTheirDomain) {
  const auto fill = [this] {
    put(domain_row("a.example"));
    put(open_record("a.example"));
    put(reread_row("a.example"));
    told();
  };
  fill();
  del(rows::Table::tlsrpt, "a.example");
  EXPECT_EQ(replica.find("a.example")->tlsrpt(), nullptr);
  EXPECT_NE(replica.find("a.example")->reread(), nullptr);
  EXPECT_THAT(told(), ElementsAre("a.example"));
  del(rows::Table::reread, "a.example");
  EXPECT_EQ(replica.find("a.example")->reread(), nullptr);
  EXPECT_NE(replica.find("a.example")->domain(), nullptr);
  EXPECT_THAT(told(), ElementsAre("a.example"));
  del(rows::Table::reread, "a.example");
  EXPECT_THAT(told(), IsEmpty());
  fill();
  del(rows::Table::domain, "a.example");
  EXPECT_EQ(replica.find("a.example"), nullptr);
  EXPECT_THAT(told(), ElementsAre("a.example"));
  // Alone they hold an entry, and the last of them takes it along.
  put(reread_row("b.example"));
  del(rows::Table::reread, "b.example");
  EXPECT_EQ(replica.find("b.example"), nullptr);
}

TEST_F(ReplicaTest, RecordAndRereadThatDoNotComeAgainGoAtTheEnd) {
  put(open_record("a.example"));
  put(reread_row("a.example"));
  put(open_record("b.example"));
  put(reread_row("b.example"));
  replica.on_reset();
  again(open_record("a.example"), 101);
  again(reread_row("b.example"), 104);
  EXPECT_NE(replica.find("b.example")->tlsrpt(), nullptr);
  replica.on_end(500);
  EXPECT_NE(replica.find("a.example")->tlsrpt(), nullptr);
  EXPECT_EQ(replica.find("a.example")->reread(), nullptr);
  EXPECT_EQ(replica.find("b.example")->tlsrpt(), nullptr);
  EXPECT_NE(replica.find("b.example")->reread(), nullptr);
  EXPECT_EQ(replica.counters().swept, 2U);
  // With a policy that was forgotten they stay and go.
  put(policy_row("c.example"));
  put(open_record("c.example"));
  put(reread_row("c.example"));
  replica.on_reset();
  replica.on_end(600);
  EXPECT_NE(replica.find("c.example")->tlsrpt(), nullptr);
  replica.prune(policy_row("c.example").valid_until() + kDay + kSecond);
  EXPECT_EQ(replica.find("c.example"), nullptr);
}

}  // namespace
}  // namespace mxw::feed
