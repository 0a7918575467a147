// Every store of ours under the same trouble: kill -9 at any moment, a full disk, a damaged file.
#include <gtest/gtest.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <functional>
#include <random>
#include <set>

#include "core/store/milter_store.hpp"
#include "core/store/report_store.hpp"
#include "core/store/sensor_store.hpp"
#include "core/store/store_file.hpp"
#include "tests/unit/store_support.hpp"

namespace mxw::store {
namespace {

constexpr int kRounds = 8;
constexpr std::uint64_t kNames = 40;

using Numbers = std::set<std::uint64_t>;

std::string domain_of(std::uint64_t number) {
  return "d" + std::to_string(number % kNames) + ".test";
}
Time time_of(std::uint64_t number) {
  return at(static_cast<std::int64_t>(number));
}
std::uint64_t number_in(const std::string& text) {
  std::uint64_t number = 0;
  (void)std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}
Numbers both(const Numbers& a, const Numbers& b) {
  Numbers common;
  std::ranges::set_intersection(a, b, std::inserter(common, common.end()));
  return common;
}

// A store as a writer of numbers: each one in a row of every kind it has.
class Numbered {
 public:
  virtual ~Numbered() = default;
  virtual Database& database() = 0;
  virtual Result<void> write(std::uint64_t number) = 0;
  virtual Numbers held() = 0;  // numbers found in rows of every kind
  virtual Result<void> make_room() = 0;
};

template <typename Store>
class Holder : public Numbered {
 public:
  explicit Holder(std::unique_ptr<Store> store) : store_(std::move(store)) {}
  Database& database() override { return store_->database(); }

 protected:
  std::unique_ptr<Store> store_;
};

template <typename T>
Result<void> done(const Result<T>& result) {
  if (!result) return std::unexpected(result.error());
  return {};
}

class Policies final : public Holder<SqlitePolicyStore> {
 public:
  using Holder::Holder;
  Result<void> write(std::uint64_t number) override {
    const std::string domain = domain_of(number), id = std::to_string(number);
    const Time now = time_of(number);
    const EventRow event = event_row(domain, id);
    auto put = done(store_->put_policy(domain_row(domain), policy_row(domain, id, now), nullptr));
    if (put) put = done(store_->put_tlsrpt(tlsrpt_row(domain, id, now), &event));
    RereadRow reread = reread_row(domain, now);
    reread.id = id;
    if (put) put = store_->put_reread(reread);
    return put;
  }
  Numbers held() override {
    Numbers policies, records, events;
    for (std::uint64_t i = 0; i < kNames; ++i) {
      const std::string domain = domain_of(i);
      const auto newest = value_of(store_->reread({0, domain}));
      for (const auto& row : value_of(store_->policy_history({0, domain})))
        policies.insert(number_in(row.id));
      for (const auto& row : value_of(store_->events({0, domain}, 100'000)))
        events.insert(number_in(row.kind));
      for (const auto& row : value_of(store_->tlsrpt_history({0, domain}))) {
        EXPECT_TRUE(events.contains(number_in(row.record))) << "half a transaction";
        // Of re-reads only the newest is kept: what came before it was stored.
        if (newest && number_in(row.record) <= number_in(newest->id))
          records.insert(number_in(row.record));
      }
    }
    return both(policies, records);
  }
  Result<void> make_room() override { return done(store_->prune({.policies = 5}, at(0), {})); }
};

class Sensors final : public Holder<SensorStore> {
 public:
  using Holder::Holder;
  Result<void> write(std::uint64_t number) override {
    const std::string key = domain_of(number), text = std::to_string(number);
    BaselineRow baseline;
    baseline.key = key;
    BaselineDay day;
    day.key = key;
    day.day = static_cast<std::int32_t>(number);
    LevelRow level;
    level.key = text;
    DnsSeenRow seen;
    seen.kind = "tlsa";
    seen.name = text;
    seen.value.assign(200, 'v');
    seen.last = time_of(number);
    auto put = store_->write(
        {.baselines = {baseline}, .days = {day}, .levels = {level}, .dns_seen = {seen}});
    VerdictRow verdict;
    verdict.id = text;
    verdict.subject = DomainSubject{key};
    if (put) put = store_->put_verdict(verdict);
    return put;
  }
  Numbers held() override {
    Numbers days, levels, names, verdicts;
    for (const auto& row : value_of(store_->days({}, 0, 1'000'000)))
      days.insert(static_cast<std::uint64_t>(row.day));
    for (const auto& row : value_of(store_->levels({}, "", 1'000'000)))
      levels.insert(number_in(row.key));
    for (const auto& row : value_of(store_->dns_seen("tlsa", {}, 1'000'000)))
      names.insert(number_in(row.name));
    for (const auto& row : value_of(store_->verdicts_since(0, 1'000'000)).rows)
      verdicts.insert(number_in(row.id));
    EXPECT_EQ(days, names) << "half a transaction";
    EXPECT_EQ(days, levels) << "half a transaction";
    return both(days, verdicts);
  }
  Result<void> make_room() override {
    return done(store_->prune({.days = 5, .levels = 5, .dns_seen = 5}, at(0)));
  }
};

class Milters final : public Holder<MilterStore> {
 public:
  using Holder::Holder;
  Result<void> write(std::uint64_t number) override {
    DecisionRow decision;
    decision.time = time_of(number);
    decision.domain = domain_of(number);
    decision.session = std::to_string(number);
    auto put = store_->append(std::vector{decision});
    DeferralRow deferral;
    for (std::size_t i = 0; i < 8; ++i)
      deferral.key.at(i) = static_cast<std::uint8_t>(number >> (8 * i));
    deferral.first = deferral.last = time_of(number);
    deferral.count = number;
    if (put) put = store_->put_deferrals(std::vector{deferral});
    return put;
  }
  Numbers held() override {
    Numbers decisions, deferrals;
    for (std::uint64_t i = 0; i < kNames; ++i) {
      for (const auto& row :
           value_of(store_->by_domain(0, domain_of(i), at(0), at(1'000'000), 1'000'000)))
        decisions.insert(number_in(row.session));
    }
    for (const auto& row : value_of(store_->deferrals(1'000'000))) deferrals.insert(row.count);
    return both(decisions, deferrals);
  }
  Result<void> make_room() override {
    return done(store_->prune({.decisions = 5, .deferrals = 5}, at(0)));
  }
};

class Reports final : public Holder<ReportStore> {
 public:
  using Holder::Holder;
  // As a feed: what was taken in before is sent again and passed over.
  Result<void> write(std::uint64_t number) override {
    const auto last = store_->last_seq("tap-1", "i");
    if (!last) return done(last);
    TallyAdd add;
    add.key.domain = domain_of(number);
    add.success = 1;
    add.details.push_back({.key = {.reason = std::to_string(number)}, .count = 1});
    FeedMark mark;
    mark.sensor = "tap-1";
    mark.instance = "i";
    mark.seq = number;
    auto put =
        *last < number ? done(store_->add({.tallies = {add}, .marks = {mark}})) : Result<void>{};
    ReportRow report;
    report.key.domain = std::to_string(number);
    report.ended_at = time_of(number);
    if (put) put = done(store_->put_report(report, as_bytes(std::string(200, 'r'))));
    return put;
  }
  Numbers held() override {
    Numbers counted, reports;
    std::uint64_t sessions = 0;
    for (std::uint64_t i = 0; i < kNames; ++i) {
      for (const TallyRow& tally : value_of(store_->tallies({0, 0, domain_of(i)}))) {
        sessions += tally.success;
        for (const FailureRow& row : value_of(store_->failures(tally.id)))
          counted.insert(number_in(row.key.reason));
      }
    }
    EXPECT_EQ(sessions, counted.size()) << "half a transaction";
    EXPECT_EQ(counted.empty() ? 0 : *counted.rbegin(), value_of(store_->last_seq("tap-1", "i")));
    for (const ReportRow& row : value_of(store_->reports(0, 0, "", 1'000'000)))
      reports.insert(number_in(row.key.domain));
    return both(counted, reports);
  }
  Result<void> make_room() override { return done(store_->prune({.report_bytes = 1'000}, at(0))); }
};

struct Kind {
  std::string name;
  std::function<Result<std::unique_ptr<Numbered>>(const std::string&, const OpenOptions&)> open;
};

template <typename Wrapper, typename Store>
Result<std::unique_ptr<Numbered>> wrap(Result<std::unique_ptr<Store>> store) {
  if (!store) return std::unexpected(store.error());
  return std::make_unique<Wrapper>(std::move(*store));
}

std::vector<Kind> kinds() {
  return {{"Policy",
           [](const std::string& path, const OpenOptions& options) {
             return wrap<Policies>(SqlitePolicyStore::open(path, at(0), options));
           }},
          {"Sensor",
           [](const std::string& path, const OpenOptions& options) {
             return wrap<Sensors>(SensorStore::open(path, at(0), options));
           }},
          {"Milter",
           [](const std::string& path, const OpenOptions& options) {
             return wrap<Milters>(MilterStore::open(path, options));
           }},
          {"Report", [](const std::string& path, const OpenOptions& options) {
             return wrap<Reports>(ReportStore::open(path, options));
           }}};
}

class EachStore : public testing::TestWithParam<Kind> {
 protected:
  std::unique_ptr<Numbered> open(const OpenOptions& options = {}) {
    return value_of(GetParam().open(path_, options));
  }
  // Writes numbers from `next` on until one is refused; gives the fault.
  std::string write_until_refused(Numbered& store, std::uint64_t& next) {
    for (const std::uint64_t end = next + 20'000; next < end; ++next) {
      const auto written = store.write(next);
      if (!written) return fault_in(written);
    }
    return "none";
  }

  TemporaryDirectory directory_;
  std::string path_ = directory_.file("store.db");
};
INSTANTIATE_TEST_SUITE_P(Kinds, EachStore, testing::ValuesIn(kinds()),
                         [](const auto& test) { return test.param.name; });

[[noreturn]] void write_until_killed(const Kind& kind, const std::string& path, std::uint64_t next,
                                     int told) {
  const auto store = kind.open(path, {});
  if (!store) _exit(1);
  for (;; ++next) {
    if (!(*store)->write(next) || write(told, &next, sizeof next) != sizeof next) _exit(2);
  }
}

// The numbers a writer acknowledged until it was killed.
Numbers run_and_kill(const Kind& kind, const std::string& path, std::uint64_t next,
                     std::mt19937& random) {
  Numbers acknowledged;
  std::array<int, 2> ends{};
  if (pipe(ends.data()) != 0) return acknowledged;
  const pid_t writer = fork();
  if (writer == 0) write_until_killed(kind, path, next, ends[1]);
  close(ends[1]);
  const std::size_t wanted = random() % 60;
  const auto moment = static_cast<useconds_t>(random() % 3'000);
  std::uint64_t number = 0;
  while (acknowledged.size() < wanted && read(ends[0], &number, sizeof number) == sizeof number)
    acknowledged.insert(number);
  usleep(moment);
  kill(writer, SIGKILL);
  while (read(ends[0], &number, sizeof number) == sizeof number) acknowledged.insert(number);
  close(ends[0]);
  int status = 0;
  EXPECT_EQ(waitpid(writer, &status, 0), writer);
  EXPECT_TRUE(WIFSIGNALED(status)) << "the writer failed with " << WEXITSTATUS(status);
  return acknowledged;
}

TEST_P(EachStore, LosesNothingAcknowledgedWhenKilled) {
  std::mt19937 random(8460);
  Numbers acknowledged;
  std::uint64_t next = 1;
  for (int round = 0; round < kRounds; ++round) {
    acknowledged.merge(run_and_kill(GetParam(), path_, next, random));
    const auto store = open();
    ASSERT_NE(store, nullptr);
    value_of(store->database().quick_check());
    const Numbers held = store->held();
    for (const std::uint64_t number : acknowledged)
      ASSERT_TRUE(held.contains(number)) << number << " lost in round " << round;
    // What was written but not yet told when the writer died: one a round at most.
    EXPECT_LE(held.size(), acknowledged.size() + static_cast<std::size_t>(round) + 1);
    next = held.empty() ? 1 : *held.rbegin() + 1;
  }
  EXPECT_GT(acknowledged.size(), 60U);
}

// A file that may not grow: what was there stays, and room made inside it is used.
TEST_P(EachStore, FullFileTakesMoreAfterPruning) {
  const auto store = open({.max_bytes = 512 << 10});
  ASSERT_NE(store, nullptr);
  std::uint64_t next = 1;
  ASSERT_EQ(write_until_refused(*store, next), "disk-full");
  EXPECT_GT(next, 50U);
  const Numbers held = store->held();
  EXPECT_EQ(held.size(), next - 1);
  value_of(store->make_room());
  EXPECT_EQ(fault_in(store->write(next)), "none");
  value_of(store->database().quick_check());
}

// A file system of 1 MiB of our own, gone with the object or, at the latest, with the process.
class SmallDisk {
 public:
  explicit SmallDisk(std::string path) : path_(std::move(path)) {
    std::filesystem::create_directory(path_);
    mounted_ = geteuid() == 0 && unshare(CLONE_NEWNS) == 0 &&
               mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
               mount("tmpfs", path_.c_str(), "tmpfs", 0, "size=1m") == 0;
  }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;
  ~SmallDisk() {
    if (mounted_) umount2(path_.c_str(), MNT_DETACH);
  }
  [[nodiscard]] bool mounted() const { return mounted_; }
  [[nodiscard]] std::string file(const std::string& name) const { return path_ + '/' + name; }

 private:
  std::string path_;
  bool mounted_ = false;
};

TEST_P(EachStore, FullDiskTakesMoreWhenThereIsRoom) {
  const SmallDisk disk(directory_.file("disk"));
  if (!disk.mounted()) GTEST_SKIP() << "no right to mount a file system";
  path_ = disk.file("store.db");
  std::ofstream(disk.file("ballast")) << std::string(400 << 10, 'b');
  std::uint64_t next = 1;
  {
    const auto store = open();
    ASSERT_NE(store, nullptr);
    ASSERT_EQ(write_until_refused(*store, next), "disk-full");
    EXPECT_GT(next, 1U);  // the -wal has most of this disk, so few fit
    EXPECT_EQ(fault_in(store->write(next)), "disk-full");
    EXPECT_EQ(store->held().size(), next - 1);
    std::filesystem::remove(disk.file("ballast"));
    EXPECT_EQ(fault_in(store->write(next)), "none");
    EXPECT_EQ(store->held().size(), next);
    value_of(store->database().quick_check());
  }
  const auto again = open();
  ASSERT_NE(again, nullptr);
  EXPECT_EQ(again->held().size(), next);
}

TEST_P(EachStore, DamagedFileIsPutAside) {
  {
    const auto store = open();
    ASSERT_NE(store, nullptr);
    for (std::uint64_t number = 1; number <= 200; ++number) value_of(store->write(number));
  }
  const auto size = std::filesystem::file_size(path_);
  {
    std::fstream file(path_, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(size / 2));
    file << std::string(static_cast<std::size_t>(size - size / 2), '\x5a');
  }
  {
    const auto store = GetParam().open(path_, {});
    EXPECT_EQ(store ? fault_in((*store)->database().quick_check()) : fault_in(store), "corrupt");
  }
  const auto aside = value_of(quarantine(path_, at(0)));
  EXPECT_EQ(std::filesystem::file_size(aside), size);
  const auto fresh = open();
  ASSERT_NE(fresh, nullptr);
  EXPECT_TRUE(fresh->held().empty());
  EXPECT_EQ(fault_in(fresh->write(1)), "none");
  EXPECT_EQ(fresh->held(), Numbers{1});
}

}  // namespace
}  // namespace mxw::store
