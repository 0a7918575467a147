// What every PolicyStore promises of its bounds: who goes, in which order, and that the rest stays.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>

#include "tests/unit/store_support.hpp"

namespace mxw::store {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

template <typename Kind>
class PolicyBoundsOf : public EachPolicyStore<Kind> {
 protected:
  using EachPolicyStore<Kind>::store_;

  void put(const std::string& domain, Time asked, policy::Mode mode = policy::Mode::enforce,
           std::uint64_t max_age = 604'800) {
    PolicyRow row = policy_row(domain, "1", at(0), mode);
    row.max_age = max_age;
    value_of(store_->put_policy(domain_row(domain, asked), row));
  }
  void put_large(const std::string& domain, Time asked, std::size_t octets) {
    PolicyRow row = policy_row(domain, "1", at(0));
    row.body = std::string(octets, 'b');
    value_of(store_->put_policy(domain_row(domain, asked), row));
  }
  Pruned prune(const PolicyBounds& bounds, Time now, const Pinned& pinned = {}) {
    return value_of(store_->prune(bounds, now, pinned));
  }
  std::vector<std::string> domains() {
    std::vector<std::string> names;
    for (const Change& change : value_of(store_->current(0, 10'000))) {
      if (const auto* row = std::get_if<DomainRow>(&change)) names.push_back(row->name);
    }
    std::ranges::sort(names);
    return names;
  }
};
TYPED_TEST_SUITE(PolicyBoundsOf, PolicyStoreKinds);

TYPED_TEST(PolicyBoundsOf, NothingGoesWithinThem) {
  this->put("a.test", at(0));
  value_of(this->store_->put_domain(domain_row("b.test")));
  value_of(this->store_->append_event(event_row("a.test", "k")));
  const Pruned pruned = this->prune({}, at(60));
  EXPECT_EQ(pruned.total(), 0U);
  EXPECT_FALSE(pruned.more);
  EXPECT_THAT(this->domains(), ElementsAre("a.test", "b.test"));
}

TYPED_TEST(PolicyBoundsOf, LeastRecentlyAskedGoes) {
  for (int i = 0; i < 6; ++i)
    value_of(this->store_->put_domain(domain_row("d" + std::to_string(i) + ".test", at(i))));
  value_of(this->store_->touch(std::vector<Key>{{0, "d0.test"}}, at(100)));
  EXPECT_EQ(this->prune({.others = 4}, at(101)).others, 2U);
  EXPECT_THAT(this->domains(), ElementsAre("d0.test", "d3.test", "d4.test", "d5.test"));
}

// Unexpired enforce policies go after testing, none and expired ones; pinned domains last.
TYPED_TEST(PolicyBoundsOf, ProtectingPoliciesGoLast) {
  this->put("enforce-old.test", at(1));
  this->put("pinned-testing.test", at(2), policy::Mode::testing);
  this->put("enforce.test", at(3));
  this->put("testing.test", at(4), policy::Mode::testing);
  this->put("expired.test", at(5), policy::Mode::enforce, 10);
  this->put("none.test", at(6), policy::Mode::none);
  const Pinned pinned = {{0U, "pinned-testing.test"}};
  const auto keep = [&](std::size_t policies) {
    this->prune({.policies = policies}, at(100), pinned);
    return this->domains();
  };
  EXPECT_THAT(keep(4),
              ElementsAre("enforce-old.test", "enforce.test", "none.test", "pinned-testing.test"));
  EXPECT_THAT(keep(2), ElementsAre("enforce.test", "pinned-testing.test"));
  EXPECT_THAT(keep(1), ElementsAre("pinned-testing.test"));
  EXPECT_THAT(keep(0), IsEmpty());
}

// Exactly at its end a policy still protects (core/policy: up to and including valid_until).
TYPED_TEST(PolicyBoundsOf, EndOfValidityIsIncluded) {
  this->put("enforce.test", at(0), policy::Mode::enforce, 100);
  this->put("testing.test", at(50), policy::Mode::testing);
  this->prune({.policies = 1}, at(100));
  EXPECT_THAT(this->domains(), ElementsAre("enforce.test"));
  this->put("testing.test", at(50), policy::Mode::testing);
  this->prune({.policies = 1}, at(100) + 1);
  EXPECT_THAT(this->domains(), ElementsAre("testing.test"));
}

TYPED_TEST(PolicyBoundsOf, BodiesAreBoundedTogether) {
  for (int i = 0; i < 4; ++i) this->put_large("d" + std::to_string(i) + ".test", at(i), 10'000);
  EXPECT_EQ(this->prune({.body_bytes = 25'000}, at(10)).policies, 2U);
  EXPECT_THAT(this->domains(), ElementsAre("d2.test", "d3.test"));
  EXPECT_EQ(value_of(this->store_->statistics()).body_bytes, 20'000U);
}

// Strangers with large policies push out each other, not the small ones of everybody, however long
// nobody asked for those and whatever mode the large ones have.
TYPED_TEST(PolicyBoundsOf, LargePoliciesPushOutNoSmallOnes) {
  this->put("enforce.test", at(1));
  this->put("testing.test", at(2), policy::Mode::testing);
  this->put_large("edge.test", at(3), kLargeBody);
  this->put_large("pinned.test", at(4), 65'000);
  this->put_large("large.test", at(5), 10'000);
  for (int i = 0; i < 3; ++i) this->put_large("d" + std::to_string(i) + ".test", at(6 + i), 60'000);
  const Pinned pinned = {{0U, "pinned.test"}};
  EXPECT_EQ(this->prune({.body_bytes = 150'000}, at(20), pinned).policies, 2U);
  EXPECT_THAT(this->domains(), ElementsAre("d2.test", "edge.test", "enforce.test", "large.test",
                                           "pinned.test", "testing.test"));
  const Pruned pruned = this->prune({.body_bytes = 1}, at(20), pinned);
  EXPECT_EQ(pruned.policies, 3U);
  EXPECT_FALSE(pruned.more) << "nothing more can go";
  EXPECT_THAT(this->domains(), ElementsAre("edge.test", "enforce.test", "testing.test"));
}

// A stranger chooses how large the texts are that the store keeps closed.
TYPED_TEST(PolicyBoundsOf, HistoryIsBoundedByOctets) {
  const auto change = [&](const std::string& domain, int i, std::size_t octets) {
    PolicyRow row = policy_row(domain, std::to_string(i), at(i));
    row.body = std::string(octets, 'b');
    value_of(this->store_->put_policy(domain_row(domain), row));
  };
  for (int i = 0; i < 6; ++i) change("a.test", i, 1'000);  // closed at 1, 2, 3, 4, 5
  EXPECT_EQ(this->prune({.history_bytes = 5'000}, at(9)).history, 0U);
  EXPECT_EQ(this->prune({.history_bytes = 2'999}, at(9)).history, 3U);
  const auto left = value_of(this->store_->policy_history({0, "a.test"}));
  ASSERT_THAT(left, SizeIs(3));
  EXPECT_EQ(left[0].id, "3") << "the oldest have gone, and the current one is no history";

  for (int i = 6; i < 9; ++i) change("large.test", i, 10'000);  // closed at 7, 8
  EXPECT_EQ(this->prune({.history_bytes = 13'000}, at(9)).history, 1U);
  EXPECT_THAT(value_of(this->store_->policy_history({0, "a.test"})), SizeIs(3))
      << "large texts go before older small ones";
  EXPECT_THAT(value_of(this->store_->policy_history({0, "large.test"})), SizeIs(2));
  const Pruned pruned = this->prune({.history_bytes = 0, .per_call = 1}, at(9));
  EXPECT_EQ(pruned.history, 1U);
  EXPECT_TRUE(pruned.more);
  EXPECT_EQ(this->prune({.history_bytes = 0}, at(9)).history, 2U);
  EXPECT_EQ(value_of(this->store_->statistics()).history, 0U);
}

TYPED_TEST(PolicyBoundsOf, ADomainKeepsItsNewestClosedPolicies) {
  constexpr int kChanges = static_cast<int>(kClosedOfDomain) + 5;
  value_of(this->store_->put_policy(domain_row("b.test"), policy_row("b.test", "b", at(0))));
  for (int i = 0; i < kChanges; ++i)
    value_of(this->store_->put_policy(domain_row("a.test"),
                                      policy_row("a.test", std::to_string(i), at(i))));
  auto history = value_of(this->store_->policy_history({0, "a.test"}));
  ASSERT_THAT(history, SizeIs(kClosedOfDomain + 1)) << "and the current one";
  EXPECT_EQ(history.front().id, "4");
  EXPECT_EQ(history.back().id, std::to_string(kChanges - 1));
  value_of(this->store_->end_policy({0, "a.test"}, at(kChanges)));
  history = value_of(this->store_->policy_history({0, "a.test"}));
  ASSERT_THAT(history, SizeIs(kClosedOfDomain));
  EXPECT_EQ(history.front().id, "5");
  EXPECT_THAT(value_of(this->store_->policy_history({0, "b.test"})), SizeIs(1));
}

TYPED_TEST(PolicyBoundsOf, IdleDomainsGoUnlessProtectedOrPinned) {
  this->put("enforce.test", at(0), policy::Mode::enforce, 31'557'600);
  this->put("expired.test", at(0));
  this->put("pinned.test", at(0), policy::Mode::enforce, 10);
  value_of(this->store_->put_domain(domain_row("none.test", at(0))));
  value_of(this->store_->put_domain(domain_row("asked.test", at(86'400))));
  const Time now = at(0) + PolicyBounds().idle_age;
  EXPECT_EQ(this->prune({}, now, {{0U, "pinned.test"}}).total(), 0U);
  const Pruned pruned = this->prune({}, now + 1, {{0U, "pinned.test"}});
  EXPECT_EQ(pruned.policies, 1U);
  EXPECT_EQ(pruned.others, 1U);
  EXPECT_THAT(this->domains(), ElementsAre("asked.test", "enforce.test", "pinned.test"));
}

TYPED_TEST(PolicyBoundsOf, EvictedDomainTakesItsRows) {
  this->put("a.test", at(0));
  value_of(this->store_->put_policy(domain_row("a.test"), policy_row("a.test", "2", at(1))));
  value_of(this->store_->replace_routes(
      {0, "a.test"}, std::vector{route_row("a.test", "mx.a.test", "192.0.2.1")}));
  this->put("b.test", at(5));
  this->prune({.policies = 1}, at(10));
  EXPECT_THAT(value_of(this->store_->policy_history({0, "a.test"})), IsEmpty());
  EXPECT_THAT(value_of(this->store_->routes({0, "a.test"})), IsEmpty());
  EXPECT_THAT(value_of(this->store_->policy_history({0, "b.test"})), SizeIs(1));
}

TYPED_TEST(PolicyBoundsOf, HistoryAndEventsByAgeAndCount) {
  for (int i = 0; i < 6; ++i) {
    value_of(this->store_->put_policy(domain_row("a.test"),
                                      policy_row("a.test", std::to_string(i), at(i * 100))));
    value_of(this->store_->append_event(event_row("a.test", std::to_string(i), at(i * 100))));
  }
  // Closed at 100, 200, 300, 400, 500.
  Pruned pruned = this->prune({.history_age = 300 * kSecond, .event_age = 400 * kSecond}, at(550));
  EXPECT_EQ(pruned.history, 2U);
  EXPECT_EQ(pruned.events, 2U);
  pruned = this->prune({.history = 1, .events = 3}, at(550));
  EXPECT_EQ(pruned.history, 2U);
  EXPECT_EQ(pruned.events, 1U);
  const auto history = value_of(this->store_->policy_history({0, "a.test"}));
  ASSERT_THAT(history, SizeIs(2));
  EXPECT_EQ(history[0].id, "4");
  EXPECT_EQ(history[1].id, "5");
  const auto events = value_of(this->store_->events({0, "a.test"}, 9));
  ASSERT_THAT(events, SizeIs(3));
  EXPECT_EQ(events.back().kind, "3");
}

TYPED_TEST(PolicyBoundsOf, AnswersGoAfterTheirGraceAndAsWholeSets) {
  const auto routes = [&](const std::string& domain, Time until) {
    value_of(this->store_->replace_routes(
        {0, domain}, std::vector{route_row(domain, "mx1." + domain, "192.0.2.1", until),
                                 route_row(domain, "mx2." + domain, "192.0.2.2", until)}));
  };
  routes("a.test", at(0));
  routes("b.test", at(100));
  routes("c.test", at(200));
  value_of(this->store_->replace_tlsa({0, "x"}, std::vector{tlsa_row("x", {1}, at(0))}));
  const Time now = at(0) + PolicyBounds().route_grace;
  EXPECT_EQ(this->prune({}, now).total(), 0U);
  Pruned pruned = this->prune({}, now + 1);
  EXPECT_EQ(pruned.routes, 2U);
  EXPECT_EQ(pruned.tlsa, 1U);
  pruned = this->prune({.routes = 3}, now + 1);
  EXPECT_EQ(pruned.routes, 2U);
  EXPECT_THAT(value_of(this->store_->routes({0, "b.test"})), IsEmpty());
  EXPECT_THAT(value_of(this->store_->routes({0, "c.test"})), SizeIs(2));
}

TYPED_TEST(PolicyBoundsOf, OneCallIsBounded) {
  for (int i = 0; i < 10; ++i)
    value_of(this->store_->put_domain(domain_row("d" + std::to_string(i) + ".test", at(i))));
  const PolicyBounds bounds{.others = 1, .per_call = 4};
  Pruned pruned = this->prune(bounds, at(20));
  EXPECT_EQ(pruned.others, 4U);
  EXPECT_TRUE(pruned.more);
  EXPECT_EQ(this->prune(bounds, at(20)).others, 4U);
  pruned = this->prune(bounds, at(20));
  EXPECT_EQ(pruned.others, 1U);
  EXPECT_FALSE(pruned.more);
}

// The million of semantics 11 with small bounds: names seen once leave neither rows nor bytes
// behind.
TEST(PolicyStoreSize, StaysFlatUnderNamesSeenOnce) {
  TemporaryDirectory directory;
  const std::string path = directory.file("policy.db");
  const auto store = value_of(SqlitePolicyStore::open(path, at(0)));
  const PolicyBounds bounds{
      .policies = 100, .others = 200, .history = 50, .events = 100, .deletions = 100};
  constexpr int kNames = 12'000, kBatch = 200;
  std::uintmax_t early = 0;
  for (int i = 1; i <= kNames; ++i) {
    const std::string name = "d" + std::to_string(i) + ".test";
    const EventRow event = event_row(name, "k", at(i));
    if (i % 4 == 0)
      value_of(store->put_policy(domain_row(name, at(i)), policy_row(name, "1", at(i)), &event));
    else
      value_of(store->put_domain(domain_row(name, at(i)), &event));
    if (i % kBatch != 0) continue;
    value_of(store->prune(bounds, at(i), {}));
    const auto statistics = value_of(store->statistics());
    ASSERT_LE(statistics.policies, bounds.policies);
    ASSERT_LE(statistics.none + statistics.unknown, bounds.others);
    ASSERT_LE(statistics.history, bounds.history);
    ASSERT_LE(statistics.events, bounds.events);
    ASSERT_LE(statistics.deletions, bounds.deletions);
    if (i == kNames / 4) early = std::filesystem::file_size(path);
  }
  EXPECT_GT(early, 0U);
  EXPECT_LE(std::filesystem::file_size(path), early + early / 10);
  EXPECT_LE(std::filesystem::file_size(path + "-wal"), 16U << 20);
  EXPECT_TRUE(value_of(store->domain({0, "d12000.test"})));
  EXPECT_FALSE(value_of(store->domain({0, "d1.test"})));
}

// Strangers who serve another text of 64 KiB at every fetch.
TEST(PolicyStoreSize, StaysFlatUnderPoliciesThatChange) {
  TemporaryDirectory directory;
  const std::string path = directory.file("policy.db");
  const auto store = value_of(SqlitePolicyStore::open(path, at(0)));
  const PolicyBounds bounds{.history_bytes = 4 << 20};
  constexpr int kDomains = 20, kChanges = 80, kPruned = 5;
  for (int i = 1; i <= kChanges; ++i) {
    for (int d = 0; d < kDomains; ++d) {
      const std::string name = "d" + std::to_string(d) + ".test";
      PolicyRow row = policy_row(name, std::to_string(i), at(i));
      row.body = std::string(65'536, static_cast<char>('a' + i % 26));
      value_of(store->put_policy(domain_row(name, at(i)), row, nullptr));
    }
    if (i % kPruned == 0) value_of(store->prune(bounds, at(i), {}));
  }
  // What stays, and what comes between two calls: 4 MiB of history, 20 current, 100 new ones.
  EXPECT_LE(std::filesystem::file_size(path), 15U << 20);
}

std::size_t resident_bytes() {
  std::ifstream status("/proc/self/statm");
  std::size_t total = 0, resident = 0;
  status >> total >> resident;
  return resident * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

// 100,000 names within every bound: what is stored costs no memory but the page cache (4 MiB) and
// the index of the -wal. In memory-backed files, so that the disk does not count.
TEST(PolicyStoreSize, MemoryIsFlat) {
#ifdef __SANITIZE_ADDRESS__
  GTEST_SKIP() << "the sanitizer holds on to what was freed";
#endif
  constexpr int kNames = 100'000;
  constexpr std::size_t kGrowth =
      8 << 20;  // 90,000 names at 93 octets each: a row held in memory has 500
  const std::string folder = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "";
  TemporaryDirectory directory(folder);
  const auto store = value_of(SqlitePolicyStore::open(directory.file("policy.db"), at(0)));
  std::size_t early = 0;
  for (int i = 1; i <= kNames; ++i) {
    const std::string name = "domain-number-" + std::to_string(i) + ".example.test";
    if (i % 3 == 0)
      value_of(store->put_policy(domain_row(name, at(i)), policy_row(name, "1", at(i)), nullptr));
    else
      value_of(store->put_domain(domain_row(name, at(i)), nullptr));
    if (i % 10'000 == 0) value_of(store->prune({}, at(i), {}));
    if (i == kNames / 10) early = resident_bytes();
  }
  const std::size_t late = resident_bytes();
  RecordProperty("early", std::to_string(early));
  RecordProperty("late", std::to_string(late));
  EXPECT_GT(early, 0U);
  EXPECT_LE(late, early + kGrowth) << early << " octets at " << kNames / 10 << " names";
  const auto statistics = value_of(store->statistics());
  EXPECT_EQ(statistics.policies + statistics.none, static_cast<std::size_t>(kNames));
}

// The same at full size, by hand: MXWARDEN_STORE_MILLION=1 (about ten minutes). Memory and file at
// 1,000,000 names against those at 400,000, when every bound has been reached.
TEST(PolicyStoreSize, AMillionNames) {
  if (!std::getenv("MXWARDEN_STORE_MILLION")) GTEST_SKIP() << "MXWARDEN_STORE_MILLION is not set";
  TemporaryDirectory directory;
  const std::string path = directory.file("policy.db");
  const auto store = value_of(SqlitePolicyStore::open(path, at(0)));
  std::size_t memory = 0, file = 0;
  for (int i = 1; i <= 1'000'000; ++i) {
    const std::string name = "domain-number-" + std::to_string(i) + ".example.test";
    if (i % 3 == 0)
      value_of(store->put_policy(domain_row(name, at(i)), policy_row(name, "1", at(i)), nullptr));
    else
      value_of(store->put_domain(domain_row(name, at(i)), nullptr));
    if (i % 5'000 == 0) value_of(store->prune({}, at(i), {}));
    if (i % 200'000 != 0) continue;
    const auto statistics = value_of(store->statistics());
    std::printf("%8d names: %zu policies, %zu without, %zu deletions; RSS %zu KiB, file %zu KiB\n",
                i, statistics.policies, statistics.none + statistics.unknown, statistics.deletions,
                resident_bytes() >> 10, std::filesystem::file_size(path) >> 10);
    if (i == 400'000) {
      memory = resident_bytes();
      file = std::filesystem::file_size(path);
    }
  }
  EXPECT_LE(resident_bytes(), memory + memory / 10);
  EXPECT_LE(std::filesystem::file_size(path), file + file / 10);
}

}  // namespace
}  // namespace mxw::store
