// The process ends before and after every call of the store and every event of a transport: each
// report arrives all the same, and twice only when the end came between its acceptance there and
// the commit here.
#include <gmock/gmock.h>

#include <functional>
#include <map>
#include <random>

#include "reportd_delivery_support.hpp"

namespace mxw::reportd {
namespace {

using namespace test;
using Outcome = Attempt::Outcome;

struct Crash {};

// What outlives the process: the other sides, and when the process ends.
struct World {
  Time now = kDayEnd;
  std::function<bool()> ends;                             // asked at every event
  std::map<std::string, std::vector<std::string>> taken;  // by report: what was accepted
  std::map<std::string, int> asked;                       // by address: attempts
  std::map<std::string, int> in_window;  // ends between acceptance and commit, by report
  std::string accepted_uncommitted;      // report
  int events = 0;

  void event() {
    ++events;
    if (!ends()) return;
    if (!accepted_uncommitted.empty()) ++in_window[accepted_uncommitted];
    throw Crash{};
  }
};

// The n-th attempt at an address; the reports of the scenario have addresses of their own.
Outcome outcome_of(const std::string& to, int attempt) {
  if (to == "refuses@b.test") return Outcome::refused;
  if (to == "https://slow.c.test/" && attempt < 2) return Outcome::retry;
  if (to == "late@c.test" && attempt < 3) return Outcome::retry;
  return Outcome::accepted;
}
const std::map<std::string, std::string> kScenario = {
    {"a.test", "v=TLSRPTv1; rua=mailto:takes@a.test"},
    {"b.test", "v=TLSRPTv1; rua=mailto:refuses@b.test,https://takes.b.test/"},
    {"c.test", "v=TLSRPTv1; rua=https://slow.c.test/,mailto:late@c.test"}};

class CrashingLedger final : public Ledger {
 public:
  CrashingLedger(store::ReportStore& store, World& world) : good_(store), world_(world) {}

  template <typename Call>
  auto around(Call call) {
    world_.event();
    auto result = call();
    world_.event();
    return result;
  }
  Result<std::vector<store::ReportRow>> due(Time now, std::size_t limit) override {
    return around([&] { return good_.due(now, limit); });
  }
  Result<std::string> rua_record(const store::ReportKey& key) override {
    return around([&] { return good_.rua_record(key); });
  }
  Result<std::optional<std::vector<std::uint8_t>>> report_bytes(
      const store::ReportKey& key) override {
    return around([&] { return good_.report_bytes(key); });
  }
  Result<std::vector<store::DeliveryRow>> deliveries(const store::ReportKey& key) override {
    return around([&] { return good_.deliveries(key); });
  }
  Result<std::vector<store::ReportRow>> reports(std::uint32_t tenant, store::Day day,
                                                std::string_view after,
                                                std::size_t limit) override {
    return around([&] { return good_.reports(tenant, day, after, limit); });
  }
  Result<bool> move_report(const store::ReportRow& row, ReportState from,
                           const store::DeliveryRow* delivery) override {
    return around([&] {
      auto moved = good_.move_report(row, from, delivery);
      if (row.state == ReportState::accepted) world_.accepted_uncommitted.clear();
      return moved;
    });
  }
  Result<bool> suppressed(std::uint32_t tenant, std::string_view address, Time now) override {
    return around([&] { return good_.suppressed(tenant, address, now); });
  }
  Result<std::size_t> resume(Time now) override {
    return around([&] { return good_.resume(now); });
  }

 private:
  StoreLedger good_;
  World& world_;
};

// The other side decides at once, the answer comes with the next turn; both are events.
class Wire final : public MailTransport, public PostTransport {
 public:
  explicit Wire(World& world) : world_(world) {}

  void send(Mail mail, Done done) override { take(mail.recipient, mail.message, std::move(done)); }
  void post(const std::string& url, std::vector<std::uint8_t> gzip, Done done) override {
    take(url, std::string(as_text(gzip)), std::move(done));
  }
  bool turn() {
    if (answers_.empty()) return false;
    auto [report, outcome, done] = std::move(answers_.front());
    answers_.pop_front();
    if (outcome == Outcome::accepted) world_.accepted_uncommitted = report;
    world_.event();
    done({.outcome = outcome, .detail = "said"});
    return true;
  }

 private:
  struct Answer {
    std::string report;
    Outcome outcome = Outcome::retry;
    Done done;
  };

  void take(const std::string& to, const std::string& content, Done done) {
    world_.event();
    const std::string report = content.substr(content.find("gzip of ") + 8, 6);
    const Outcome outcome = outcome_of(to, ++world_.asked[to]);
    if (outcome == Outcome::accepted) world_.taken[report].push_back(to + '\n' + content);
    world_.accepted_uncommitted = outcome == Outcome::accepted ? report : "";
    world_.event();
    world_.accepted_uncommitted.clear();  // others may go on meanwhile
    answers_.push_back({.report = report, .outcome = outcome, .done = std::move(done)});
  }

  World& world_;
  std::deque<Answer> answers_;
};

class Fault : public testing::Test {
 protected:
  // One process from start to its end or the end of all reports; whether those have ended.
  static bool process(const std::string& path, World& world) {
    auto store = value_of(store::ReportStore::open(path));
    CrashingLedger ledger(*store, world);
    Wire wire(world);
    PlainSource source;
    // One after the other: what an end costs is known then.
    Delivery delivery(ledger, {.enabled = true, .parallel = 1}, return_path(), source, wire, wire,
                      [&world] { return world.now; });
    if (!delivery.resume()) return false;
    for (const Time end = kDayEnd + 40 * kHour; world.now < end;) {
      delivery.run();
      if (wire.turn()) continue;
      if (delivery.in_flight() > 0) continue;
      if (ended(*store)) return true;
      world.now = world.now + kMinute;
    }
    return false;
  }
  static bool ended(store::ReportStore& store) {
    for (const auto& [domain, record] : kScenario) {
      if (value_of(store.report(key_of(domain)))->state != ReportState::accepted) return false;
    }
    return true;
  }
  static void prepare(const std::string& path) {
    auto store = value_of(store::ReportStore::open(path));
    for (const auto& [domain, record] : kScenario) put_report(*store, queued(domain), record);
  }
  // Processes until all have ended.
  static void live(const std::string& path, World& world) {
    for (int processes = 0; processes < 40; ++processes) {
      try {
        ASSERT_TRUE(process(path, world));
        return;
      } catch (const Crash&) {
        world.accepted_uncommitted.clear();
        world.now = world.now + kSecond;  // what a supervisor waits
      }
    }
    FAIL() << "no end of ends";
  }
  static void check(const World& world, const std::string& what) {
    for (const auto& [domain, record] : kScenario) {
      const auto found = world.taken.find(domain);
      ASSERT_NE(found, world.taken.end()) << domain << " never arrived, " << what;
      const std::vector<std::string>& copies = found->second;
      const auto window = world.in_window.find(domain);
      const int repeats = window == world.in_window.end() ? 0 : window->second;
      EXPECT_EQ(copies.size(), 1U + static_cast<std::size_t>(repeats)) << domain << ", " << what;
      for (const std::string& copy : copies) {
        EXPECT_EQ(copy, copies.front()) << what;
        if (copy.find("Message-ID") != std::string::npos)
          EXPECT_NE(copy.find("<20261118." + domain + ".0a1b2c3d@"), std::string::npos);
      }
    }
  }

  store::TemporaryDirectory directory_{fast_folder()};
};

TEST_F(Fault, AtEveryEvent) {
  int at = 1, windows = 0;
  for (bool reached = true; reached; ++at) {
    World world;
    reached = false;
    world.ends = [&] {
      const bool now = !reached && world.events == at;
      reached = reached || now;
      return now;
    };
    const std::string path = directory_.file("at-" + std::to_string(at) + ".db");
    prepare(path);
    live(path, world);
    check(world, "end at event " + std::to_string(at));
    for (const auto& [domain, count] : world.in_window) windows += count;
    if (HasFatalFailure()) return;
  }
  EXPECT_GT(at, 60) << "events of a whole run";
  // Of each report: accepted there; answer on its way; before the commit.
  EXPECT_EQ(windows, 9);
}

TEST_F(Fault, AgainAndAgain) {
  for (unsigned seed = 1; seed <= 12; ++seed) {
    std::mt19937 random(seed);
    World world;
    int left = 6;  // fewer than the tries of a report
    world.ends = [&] { return left > 0 && random() % 24 == 0 && left-- > 0; };
    const std::string path = directory_.file("seed-" + std::to_string(seed) + ".db");
    prepare(path);
    live(path, world);
    check(world, "seed " + std::to_string(seed));
    if (HasFatalFailure()) return;
  }
}

}  // namespace
}  // namespace mxw::reportd
