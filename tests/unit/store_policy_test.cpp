// What every PolicyStore promises of its rows: all members kept, history, sets, events, touch, due.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/limits.hpp"
#include "tests/unit/store_support.hpp"

namespace mxw::store {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

template <typename Kind>
class PolicyStoreRows : public EachPolicyStore<Kind> {
 protected:
  using EachPolicyStore<Kind>::store_;

  PolicyChange put(const PolicyRow& row) {
    return value_of(store_->put_policy(domain_row(row.domain), row));
  }
  std::string id_at(const std::string& domain, Time time) {
    const auto row = value_of(store_->policy_at({0, domain}, time));
    return row ? row->id : "none";
  }
  DomainRow domain(const std::string& name) {
    return value_of(store_->domain({0, name})).value_or(DomainRow{});
  }
};
TYPED_TEST_SUITE(PolicyStoreRows, PolicyStoreKinds);

TYPED_TEST(PolicyStoreRows, DomainKeepsEveryMember) {
  DomainRow row = domain_row("example.org");
  row.tenant = 7;
  value_of(this->store_->put_domain(row));
  const auto read = value_of(this->store_->domain({7, "example.org"}));
  ASSERT_TRUE(read);
  row.seq = read->seq;
  EXPECT_EQ(*read, row);
  EXPECT_FALSE(value_of(this->store_->domain({0, "example.org"})));

  row.txt_until = row.checked_at = row.neg_until = row.refresh_at = std::nullopt;
  value_of(this->store_->put_domain(row));
  const auto empty = value_of(this->store_->domain({7, "example.org"}));
  row.seq = empty->seq;
  EXPECT_EQ(*empty, row);
}

TYPED_TEST(PolicyStoreRows, PolicyKeepsEveryMember) {
  PolicyRow row = policy_row("example.org", "1", at(10));
  row.body = std::string("version: STSv1\r\n\0\xff", 18);
  EXPECT_EQ(this->put(row), PolicyChange::added);
  const auto read = value_of(this->store_->current_policy({0, "example.org"}));
  ASSERT_TRUE(read);
  row.valid_from = at(10);
  row.seq = read->seq;
  EXPECT_EQ(*read, row);
  EXPECT_EQ(read->valid_until(), at(10 + 604'800));
}

TYPED_TEST(PolicyStoreRows, StateFollowsThePolicy) {
  value_of(this->store_->put_domain(domain_row("example.org")));
  EXPECT_EQ(this->domain("example.org").state, DomainState::none);
  this->put(policy_row("example.org", "1", at(0)));
  EXPECT_EQ(this->domain("example.org").state, DomainState::policy);
  value_of(this->store_->put_domain(domain_row("example.org")));  // state none
  EXPECT_EQ(this->domain("example.org").state, DomainState::policy);
  EXPECT_TRUE(value_of(this->store_->end_policy({0, "example.org"}, at(5))));
  EXPECT_EQ(this->domain("example.org").state, DomainState::unknown);
  EXPECT_FALSE(value_of(this->store_->end_policy({0, "example.org"}, at(6))));
  DomainRow claims = domain_row("b.test");
  claims.state = DomainState::policy;
  value_of(this->store_->put_domain(claims));
  EXPECT_EQ(this->domain("b.test").state, DomainState::unknown);
}

TYPED_TEST(PolicyStoreRows, HistoryAnswersForAnyTime) {
  EXPECT_EQ(this->put(policy_row("example.org", "1", at(100))), PolicyChange::added);
  EXPECT_EQ(this->put(policy_row("example.org", "1", at(150))), PolicyChange::renewed);
  EXPECT_EQ(this->put(policy_row("example.org", "2", at(200))), PolicyChange::replaced);
  EXPECT_EQ(this->put(policy_row("b.test", "9", at(120))), PolicyChange::added);
  EXPECT_TRUE(value_of(this->store_->end_policy({0, "example.org"}, at(300))));

  EXPECT_EQ(this->id_at("example.org", at(99)), "none");
  EXPECT_EQ(this->id_at("example.org", at(100)), "1");
  EXPECT_EQ(this->id_at("example.org", at(200) - 1), "1");
  EXPECT_EQ(this->id_at("example.org", at(200)), "2");
  EXPECT_EQ(this->id_at("example.org", at(300) - 1), "2");
  EXPECT_EQ(this->id_at("example.org", at(300)), "none");
  EXPECT_EQ(this->id_at("b.test", at(10'000)), "9");

  const auto history = value_of(this->store_->policy_history({0, "example.org"}));
  ASSERT_THAT(history, SizeIs(2));
  EXPECT_EQ(history[0].fetched_at, at(150));
  EXPECT_EQ(history[0].valid_to, at(200));
  EXPECT_EQ(history[1].valid_to, at(300));
  EXPECT_FALSE(value_of(this->store_->current_policy({0, "example.org"})));
}

// Any difference is another policy: a changed body under the same id, a changed id over the same
// body.
TYPED_TEST(PolicyStoreRows, AnyDifferenceReplaces) {
  PolicyRow row = policy_row("example.org", "1", at(0));
  this->put(row);
  row.body += "mx: b.example.org\n";
  row.fetched_at = at(1);
  EXPECT_EQ(this->put(row), PolicyChange::replaced);
  row.id = "2";
  row.fetched_at = at(2);
  EXPECT_EQ(this->put(row), PolicyChange::replaced);
  row.max_age = 86'400;
  row.fetched_at = at(3);
  EXPECT_EQ(this->put(row), PolicyChange::replaced);
  row.mode = policy::Mode::testing;
  row.fetched_at = at(4);
  EXPECT_EQ(this->put(row), PolicyChange::replaced);
  EXPECT_THAT(value_of(this->store_->policy_history({0, "example.org"})), SizeIs(5));
}

// The same policy after it ran out is a new span: in between nothing was in force.
TYPED_TEST(PolicyStoreRows, RenewalAfterTheEndKeepsTheGap) {
  this->put(policy_row("example.org", "1", at(0)));
  EXPECT_EQ(this->put(policy_row("example.org", "1", at(604'800))), PolicyChange::renewed);
  EXPECT_EQ(this->put(policy_row("example.org", "1", at(1'209'601))), PolicyChange::replaced);
  const auto between = value_of(this->store_->policy_at({0, "example.org"}, at(1'209'600) + 1));
  ASSERT_TRUE(between);
  EXPECT_LT(between->valid_until(), at(1'209'600) + 1);
}

TYPED_TEST(PolicyStoreRows, ClockThatStepsBackMakesNoOverlap) {
  this->put(policy_row("example.org", "1", at(100)));
  EXPECT_EQ(this->put(policy_row("example.org", "2", at(50))), PolicyChange::replaced);
  EXPECT_EQ(this->id_at("example.org", at(100)), "2");
  EXPECT_EQ(this->id_at("example.org", at(60)), "none");
  value_of(this->store_->end_policy({0, "example.org"}, at(200)));
  this->put(policy_row("example.org", "3", at(150)));
  EXPECT_EQ(this->id_at("example.org", at(199)), "2");
  EXPECT_EQ(this->id_at("example.org", at(200)), "3");
  const auto current = value_of(this->store_->current_policy({0, "example.org"}));
  EXPECT_EQ(current->fetched_at, at(150));
}

// What a wrong clock wrote must not outlive the renewal by the right one.
TYPED_TEST(PolicyStoreRows, ARenewalAfterAStepBackCountsFromItsOwnTime) {
  this->put(policy_row("example.org", "1", at(300'000)));
  EXPECT_EQ(this->put(policy_row("example.org", "1", at(100))), PolicyChange::renewed);
  const auto current = value_of(this->store_->current_policy({0, "example.org"}));
  ASSERT_TRUE(current);
  EXPECT_EQ(current->fetched_at, at(100));
  EXPECT_EQ(current->valid_until(), at(100 + 604'800));
}

TYPED_TEST(PolicyStoreRows, ARetimedPolicyIsToldAndOtherwiseTheSame) {
  EXPECT_FALSE(value_of(this->store_->retime_policy({0, "example.org"}, at(1))));
  this->put(policy_row("example.org", "1", at(100)));
  PolicyRow before = *value_of(this->store_->current_policy({0, "example.org"}));
  const Sequence head = value_of(this->store_->head());
  EXPECT_TRUE(value_of(this->store_->retime_policy({0, "example.org"}, at(-9'000'000))));
  const PolicyRow after = *value_of(this->store_->current_policy({0, "example.org"}));
  EXPECT_GT(after.seq, head);
  before.fetched_at = at(-9'000'000);
  before.seq = after.seq;
  EXPECT_EQ(after, before);
  const Changes changes = value_of(this->store_->changes_since(head, 9));
  ASSERT_THAT(changes.rows, SizeIs(1));
  EXPECT_EQ(std::get<PolicyRow>(changes.rows[0]), after);
  value_of(this->store_->end_policy({0, "example.org"}, at(200)));
  EXPECT_FALSE(value_of(this->store_->retime_policy({0, "example.org"}, at(1)))) << "closed";
}

TYPED_TEST(PolicyStoreRows, EventStandsWithItsPolicy) {
  const EventRow event = event_row("example.org", "policy-added");
  value_of(this->store_->put_policy(domain_row("example.org"),
                                    policy_row("example.org", "1", at(0)), &event));
  EventRow failed = event_row("example.org", "fetch-failed", at(9));
  failed.detail = std::string(2 * kDetailBytes, 'x');
  value_of(this->store_->append_event(failed));
  auto events = value_of(this->store_->events({0, "example.org"}, 10));
  ASSERT_THAT(events, SizeIs(2));
  EXPECT_EQ(events[0].kind, "fetch-failed");
  EXPECT_EQ(events[0].detail.size(), kDetailBytes);
  events[1].seq = 0;
  EXPECT_EQ(events[1], event);
  EXPECT_THAT(value_of(this->store_->events({0, "example.org"}, 1)), SizeIs(1));
  EXPECT_THAT(value_of(this->store_->events({1, "example.org"}, 9)), IsEmpty());
}

TYPED_TEST(PolicyStoreRows, RefusedWritesLeaveNothing) {
  PolicyRow row = policy_row("example.org", "1", at(0));
  row.body.resize(limits::kPolicyBytes + 1);
  EXPECT_EQ(fault_in(this->store_->put_policy(domain_row("example.org"), row)), "limit");
  EXPECT_EQ(fault_in(this->store_->put_policy(domain_row("b.test"),
                                              policy_row("example.org", "1", at(0)))),
            "constraint");
  EventRow large = event_row("example.org", std::string(kWordBytes + 1, 'k'));
  EXPECT_EQ(fault_in(this->store_->put_domain(domain_row("example.org"), &large)), "limit");
  EXPECT_EQ(fault_in(this->store_->put_policy(domain_row("example.org"),
                                              policy_row("example.org", "1", at(0)), &large)),
            "limit");
  EXPECT_EQ(fault_in(this->store_->append_event(large)), "limit");
  EXPECT_FALSE(value_of(this->store_->domain({0, "example.org"})));
  const auto statistics = value_of(this->store_->statistics());
  EXPECT_EQ(statistics.policies + statistics.events + statistics.history, 0U);
}

TYPED_TEST(PolicyStoreRows, RoutesAreReplacedAsASet) {
  const Key key{0, "example.org"};
  std::vector rows = {route_row("example.org", "mx2.example.org", "2001:db8::2"),
                      route_row("example.org", "mx1.example.org", "192.0.2.1"),
                      route_row("example.org", "mx1.example.org", "2001:db8::1"),
                      route_row("example.org", "mx3.example.org", "")};
  value_of(this->store_->replace_routes(key, rows));
  value_of(this->store_->replace_routes(
      {0, "b.test"}, std::vector{route_row("b.test", "mx.b.test", "192.0.2.9")}));
  auto read = value_of(this->store_->routes(key));
  for (RouteRow& row : read) row.seq = 0;
  EXPECT_THAT(read, ElementsAre(rows[1], rows[2], rows[0], rows[3]));

  rows.resize(1);
  value_of(this->store_->replace_routes(key, rows));
  EXPECT_THAT(value_of(this->store_->routes(key)), SizeIs(1));
  value_of(this->store_->replace_routes(key, {}));
  EXPECT_THAT(value_of(this->store_->routes(key)), IsEmpty());
  EXPECT_THAT(value_of(this->store_->routes({0, "b.test"})), SizeIs(1));
}

TYPED_TEST(PolicyStoreRows, TlsaIsReplacedAsASet) {
  const std::string base = "_25._tcp.mx.example.org";
  std::vector rows = {tlsa_row(base, {3, 1, 1, 0xaa}), tlsa_row(base, {2, 0, 1, 0xbb}),
                      tlsa_row(base, {3, 1, 1, 0xaa})};
  for (TlsaRow& row : rows) row.found_at = "host.example.net";
  value_of(this->store_->replace_tlsa({0, base}, rows));
  auto read = value_of(this->store_->tlsa({0, base}));
  for (TlsaRow& row : read) row.seq = 0;
  EXPECT_THAT(read, ElementsAre(rows[1], rows[0]));
  value_of(this->store_->replace_tlsa({0, base}, std::vector{tlsa_row(base, {})}));
  EXPECT_THAT(value_of(this->store_->tlsa({0, base})), SizeIs(1));
}

TYPED_TEST(PolicyStoreRows, SetsOfOtherNamesOrTooLargeAreRefused) {
  const Key key{0, "example.org"};
  value_of(this->store_->replace_routes(
      key, std::vector{route_row("example.org", "mx.example.org", "192.0.2.1")}));
  EXPECT_EQ(fault_in(this->store_->replace_routes(
                key, std::vector{route_row("b.test", "mx.b.test", "192.0.2.1")})),
            "constraint");
  const std::vector many(kRoutesOfDomain + 1, route_row("example.org", "mx.example.org", ""));
  EXPECT_EQ(fault_in(this->store_->replace_routes(key, many)), "limit");
  const std::vector large = {tlsa_row("b", std::vector<std::uint8_t>(kTlsaBytes + 1))};
  EXPECT_EQ(fault_in(this->store_->replace_tlsa({0, "b"}, large)), "limit");
  EXPECT_THAT(value_of(this->store_->routes(key)), SizeIs(1));
}

TYPED_TEST(PolicyStoreRows, TouchOnlyMovesForward) {
  value_of(this->store_->put_domain(domain_row("example.org", at(100))));
  const std::vector<Key> names = {{0, "example.org"}, {0, "absent.test"}};
  value_of(this->store_->touch(names, at(50)));
  EXPECT_EQ(this->domain("example.org").last_asked, at(100));
  value_of(this->store_->touch(names, at(200)));
  EXPECT_EQ(this->domain("example.org").last_asked, at(200));
  value_of(this->store_->put_domain(domain_row("example.org", at(100))));
  EXPECT_EQ(this->domain("example.org").last_asked, at(200));
  EXPECT_FALSE(value_of(this->store_->domain({0, "absent.test"})));
}

TYPED_TEST(PolicyStoreRows, DueIsOrderedAndBounded) {
  for (const auto& [name, seconds] : std::vector<std::pair<std::string, int>>{
           {"c.test", 30}, {"a.test", 10}, {"b.test", 20}, {"d.test", 40}}) {
    DomainRow row = domain_row(name);
    row.refresh_at = at(seconds);
    value_of(this->store_->put_domain(row));
  }
  DomainRow never = domain_row("e.test");
  never.refresh_at.reset();
  value_of(this->store_->put_domain(never));

  DomainRow theirs = domain_row("0.test");
  theirs.tenant = 7;
  theirs.refresh_at = at(5);
  value_of(this->store_->put_domain(theirs));

  const auto names = [&](Time before, std::size_t limit, const DuePlace& after = {}) {
    std::vector<std::string> due;
    for (const DomainRow& row : value_of(this->store_->due(0, before, after, limit)))
      due.push_back(row.name);
    return due;
  };
  EXPECT_THAT(names(at(30), 10), ElementsAre("a.test", "b.test", "c.test"));
  EXPECT_THAT(names(at(99), 2), ElementsAre("a.test", "b.test"));
  EXPECT_THAT(names(at(9), 10), IsEmpty());
  EXPECT_THAT(names(at(30), 2, {at(20), "b.test"}), ElementsAre("c.test"));
  EXPECT_THAT(names(at(30), 2, {at(20), "a.test"}), ElementsAre("b.test", "c.test"));
  EXPECT_THAT(names(at(99), 1, {at(10), "zz.test"}), ElementsAre("b.test"));
  ASSERT_EQ(value_of(this->store_->due(7, at(99), {}, 10)).size(), 1U);
  EXPECT_EQ(value_of(this->store_->due(7, at(99), {}, 10))[0].name, "0.test");
}

TYPED_TEST(PolicyStoreRows, StatisticsCount) {
  this->put(policy_row("a.test", "1", at(0)));
  this->put(policy_row("a.test", "2", at(1)));
  value_of(this->store_->put_domain(domain_row("b.test")));
  DomainRow unknown = domain_row("c.test");
  unknown.state = DomainState::unknown;
  value_of(this->store_->put_domain(unknown));
  value_of(this->store_->append_event(event_row("a.test", "k")));
  value_of(this->store_->replace_routes(
      {0, "a.test"}, std::vector{route_row("a.test", "mx.a.test", "192.0.2.1")}));
  value_of(this->store_->replace_tlsa({0, "b"}, std::vector{tlsa_row("b", {1})}));
  value_of(this->store_->replace_tlsa({0, "b"}, {}));
  const auto s = value_of(this->store_->statistics());
  EXPECT_THAT(std::vector({s.policies, s.none, s.unknown, s.history, s.routes, s.tlsa, s.events,
                           s.deletions}),
              ElementsAre(1, 1, 1, 1, 1, 0, 1, 1));
  EXPECT_EQ(s.body_bytes, policy_row("a.test", "2", at(1)).body.size());
  EXPECT_EQ(s.head, value_of(this->store_->head()));
}

}  // namespace
}  // namespace mxw::store
