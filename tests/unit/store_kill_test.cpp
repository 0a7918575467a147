// kill -9 at any moment loses nothing acknowledged and leaves nothing half done; a damaged store
// never answers as if it knew nothing.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <random>
#include <set>

#include "core/store/store_file.hpp"
#include "tests/unit/store_support.hpp"

namespace mxw::store {
namespace {

constexpr int kRounds = 20;
constexpr int kDomains = 200;  // none comes to kClosedOfDomain policies: the oldest would go
// The schema and the first page of each table and index: what opening a store reads.
constexpr std::streamoff kSound = 4'096 * 40;

std::string domain_of(std::uint64_t number) {
  return "d" + std::to_string(number % kDomains) + ".test";
}

// Writes policies numbered from `first` on and tells each number after its commit.
[[noreturn]] void write_until_killed(const std::string& path, std::uint64_t first, int told) {
  auto store = SqlitePolicyStore::open(path, at(0));
  if (!store) _exit(1);
  for (std::uint64_t number = first;; ++number) {
    const std::string domain = domain_of(number), id = std::to_string(number);
    const EventRow event = event_row(domain, id);
    const auto done = (*store)->put_policy(
        domain_row(domain), policy_row(domain, id, at(static_cast<std::int64_t>(number))), &event);
    if (!done || write(told, &number, sizeof number) != sizeof number) _exit(2);
  }
}

// The numbers a writer acknowledged: reads `wanted` of them, waits a moment more, kills, reads the
// rest.
std::vector<std::uint64_t> run_and_kill(const std::string& path, std::uint64_t first,
                                        std::mt19937& random) {
  std::vector<std::uint64_t> acknowledged;
  std::array<int, 2> ends{};
  if (pipe(ends.data()) != 0) return acknowledged;
  const pid_t writer = fork();
  if (writer == 0) write_until_killed(path, first, ends[1]);
  close(ends[1]);
  const std::size_t wanted = random() % 200;
  const auto moment = static_cast<useconds_t>(random() % 3'000);
  std::uint64_t number = 0;
  while (acknowledged.size() < wanted && read(ends[0], &number, sizeof number) == sizeof number)
    acknowledged.push_back(number);
  usleep(moment);
  kill(writer, SIGKILL);
  while (read(ends[0], &number, sizeof number) == sizeof number) acknowledged.push_back(number);
  close(ends[0]);
  int status = 0;
  EXPECT_EQ(waitpid(writer, &status, 0), writer);
  EXPECT_TRUE(WIFSIGNALED(status)) << "the writer failed with " << WEXITSTATUS(status);
  return acknowledged;
}

struct Found {
  std::set<std::uint64_t> policies, events;
};

Found found_in(const std::string& path) {
  Found found;
  const auto store = value_of(SqlitePolicyStore::open(path, at(0)));
  value_of(store->database().quick_check());
  for (int i = 0; i < kDomains; ++i) {
    const std::string domain = domain_of(static_cast<std::uint64_t>(i));
    const auto history = value_of(store->policy_history({0, domain}));
    for (const PolicyRow& row : history) found.policies.insert(std::stoull(row.id));
    for (const EventRow& row : value_of(store->events({0, domain}, 100'000)))
      found.events.insert(std::stoull(row.kind));
    const auto open_rows = std::ranges::count(
        history, false, [](const PolicyRow& row) { return row.valid_to.has_value(); });
    EXPECT_EQ(open_rows, history.empty() ? 0 : 1) << domain;
  }
  return found;
}

TEST(PolicyStoreKilled, LosesNothingAcknowledged) {
  TemporaryDirectory directory;
  const std::string path = directory.file("policy.db");
  std::mt19937 random(8461);
  std::set<std::uint64_t> acknowledged;
  std::uint64_t next = 1;
  for (int round = 0; round < kRounds; ++round) {
    for (const std::uint64_t number : run_and_kill(path, next, random)) acknowledged.insert(number);
    const Found found = found_in(path);
    EXPECT_EQ(found.policies, found.events) << "half a transaction in round " << round;
    for (const std::uint64_t number : acknowledged)
      ASSERT_TRUE(found.policies.contains(number)) << number << " lost in round " << round;
    // What was committed but not yet told when the writer died: one a round at most.
    EXPECT_LE(found.policies.size(), acknowledged.size() + static_cast<std::size_t>(round) + 1);
    next = found.policies.empty() ? 1 : *found.policies.rbegin() + 1;
  }
  EXPECT_GT(acknowledged.size(), 200U);
}

TEST(PolicyStoreDamaged, SaysSoAndIsPutAside) {
  TemporaryDirectory directory;
  const std::string path = directory.file("policy.db");
  Sequence head = 0;
  {
    const auto store = value_of(SqlitePolicyStore::open(path, at(0)));
    for (int i = 0; i < 200; ++i) {
      const std::string domain = "d" + std::to_string(i) + ".test";
      value_of(store->put_policy(domain_row(domain), policy_row(domain, "1", at(0)), nullptr));
    }
    head = value_of(store->head());
  }
  {
    const auto size = static_cast<std::streamoff>(std::filesystem::file_size(path));
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(kSound);
    file << std::string(static_cast<std::size_t>(size - kSound), '\x5a');
  }
  std::size_t answered = 0, refused = 0;
  {
    const auto store = SqlitePolicyStore::open(path, at(0));
    ASSERT_TRUE(store) << store.error().message;
    for (int i = 0; i < 200; ++i) {
      const std::string domain = "d" + std::to_string(i) + ".test";
      const auto row = (*store)->current_policy({0, domain});
      ASSERT_TRUE(!row || *row) << domain << " read as if it were not known";
      if (!row) EXPECT_EQ(fault_in(row), "corrupt");
      ++(row ? answered : refused);
    }
    EXPECT_EQ(fault_in((*store)->database().quick_check()), "corrupt");
  }
  EXPECT_GT(refused, 0U);
  ASSERT_TRUE(quarantine(path, at(500)));
  const auto fresh = value_of(SqlitePolicyStore::open(path, at(500)));
  EXPECT_TRUE(value_of(fresh->changes_since(head, 10)).reset);
  EXPECT_EQ(value_of(fresh->statistics()).policies, 0U);
}

TEST(PolicyStoreFull, KeepsAnsweringAndRecovers) {
  TemporaryDirectory directory;
  const auto store = value_of(
      SqlitePolicyStore::open(directory.file("policy.db"), at(0), {.max_bytes = 512 << 10}));
  int stored = 0;
  std::string fault = "none";
  for (; fault == "none" && stored < 10'000; ++stored) {
    const std::string domain = "d" + std::to_string(stored) + ".test";
    fault = fault_in(
        store->put_policy(domain_row(domain, at(stored)), policy_row(domain, "1", at(0)), nullptr));
  }
  ASSERT_EQ(fault, "disk-full");
  --stored;
  EXPECT_EQ(value_of(store->statistics()).policies, static_cast<std::size_t>(stored));
  EXPECT_TRUE(value_of(store->current_policy({0, "d0.test"})));
  EXPECT_FALSE(value_of(store->domain({0, "d" + std::to_string(stored) + ".test"})));
}

}  // namespace
}  // namespace mxw::store
