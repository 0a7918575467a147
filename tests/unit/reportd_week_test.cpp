// Two hosts that report to each other, over five days of a clock of ours: one report for each day
// with mail of people, none that is about reports alone (semantics 8, RFC 8460 section 3).
#include <gtest/gtest.h>

#include "core/report/gzip.hpp"
#include "core/report/read.hpp"
#include "reportd/datagram.hpp"
#include "reportd/day.hpp"
#include "reportd/day_run.hpp"
#include "reportd/delivery.hpp"
#include "reportd/tally.hpp"
#include "tests/unit/reportd_delivery_support.hpp"
#include "tests/unit/reportd_lookups.hpp"

namespace mxw::reportd {
namespace {

using store::value_of;

constexpr store::Day kFirst = 20'783;

// A host with an MTA that tells of each message it delivers, reports included.
class Host final : public MailTransport {
 public:
  Host(std::string name, std::string other, const Time& now)
      : name_(std::move(name)), other_(std::move(other)), now_(now), post_(posted_) {
    store_ = value_of(store::ReportStore::open(folder_.file("report.db")));
    DayRunSettings settings;
    settings.build.organisation = name_;
    settings.build.contact = "tls@" + name_;
    settings.send = true;
    days_ = std::make_unique<DayRun>(*store_, lookups_, settings,
                                     [this](store::Day day, const std::function<void()>& frozen) {
                                       value_of(store_->freeze(0, day, now_));
                                       frozen();
                                     });
    ledger_ = std::make_unique<StoreLedger>(*store_);
    delivery_ =
        std::make_unique<Delivery>(*ledger_, DeliveryConfig{.enabled = true}, test::return_path(),
                                   source_, *this, post_, [this] { return now_; });
  }

  // One message to the other host: a datagram, counted and committed.
  void deliver() {
    const std::string text = R"({"dpv":"1","d":")" + other_ +
                             R"(","pr":"v=TLSRPTv1; rua=mailto:tls@)" + other_ +
                             R"(","policies":[{"policy-type":9,"t":0,"f":0}]})";
    const auto event = reader_.read(text);
    ASSERT_TRUE(event);
    tally_.add("postfix", "test", **event, now_);
    TallyBatch batch = tally_.take();
    value_of(store_->add({std::move(batch.tallies), {}}));
    for (const TallyBatch::Record& record : batch.records)
      value_of(store_->put_rua({.tenant = 0,
                                .origin = "test",
                                .day = record.day,
                                .domain = record.domain,
                                .record = record.record,
                                .seen = record.seen}));
  }

  void send(Mail mail, Done done) override {
    EXPECT_EQ(mail.recipient, "tls@" + other_);
    reports_.push_back(mail.message);
    deliver();
    waiting_.push_back(std::move(done));
  }

  void turn() {
    days_->tick(now_);
    for (int i = 0; i < 5; ++i) {
      lookups_.answer();
      while (days_->work(now_)) lookups_.answer();
    }
    delivery_->run();
    for (const Done& done : std::exchange(waiting_, {}))
      done({.outcome = Attempt::Outcome::accepted, .detail = "250"});
  }

  // Of each report sent: the day and the sessions in it.
  [[nodiscard]] std::vector<std::pair<std::string, std::uint64_t>> reported() const {
    std::vector<std::pair<std::string, std::uint64_t>> out;
    for (store::Day day = kFirst; day < kFirst + 10; ++day) {
      const auto octets = value_of(store_->report_bytes({0, day, other_}));
      if (!octets) continue;
      const auto json = report::gunzip(as_text(*octets));
      const auto read = report::read_report(*json);
      std::uint64_t sessions = 0;
      for (const report::PolicyReport& policy : read->report.policies)
        sessions += policy.success + policy.failure;
      out.emplace_back(day_text(day), sessions);
    }
    return out;
  }
  [[nodiscard]] std::size_t sent() const { return reports_.size(); }

 private:
  std::string name_, other_;
  const Time& now_;
  store::TemporaryDirectory folder_;
  std::unique_ptr<store::ReportStore> store_;
  DatagramReader reader_;
  Tally tally_{Tally::Options{}};
  test::HeldLookups lookups_;
  test::PlainSource source_;
  std::deque<test::Sent> posted_;
  test::HeldPost post_;
  std::unique_ptr<DayRun> days_;
  std::unique_ptr<StoreLedger> ledger_;
  std::unique_ptr<Delivery> delivery_;
  std::vector<Done> waiting_;
  std::vector<std::string> reports_;
};

// Mail of people on the first, second and fourth day.
TEST(Week, TwoHostsReportOnceADayWithMailAndNeverOnReports) {
  Time now = begin_of(kFirst) + 10 * kHour;
  Host a("a.example", "b.example", now), b("b.example", "a.example", now);
  const Time end = begin_of(kFirst + 7);
  for (; now < end; now = now + 10 * kMinute) {
    const store::Day day = store::day_of(now) - kFirst;
    const bool noon = now == begin_of(store::day_of(now)) + 12 * kHour;
    if (noon && (day == 0 || day == 1 || day == 3)) {
      for (int i = 0; i < 3; ++i) a.deliver();
      for (int i = 0; i < 2; ++i) b.deliver();
    }
    a.turn();
    b.turn();
  }
  using Expected = std::vector<std::pair<std::string, std::uint64_t>>;
  // The second day has the session of the first report, too: the MTA told of it.
  EXPECT_EQ(a.reported(), (Expected{{"2026-11-26", 3}, {"2026-11-27", 4}, {"2026-11-29", 3}}));
  EXPECT_EQ(b.reported(), (Expected{{"2026-11-26", 2}, {"2026-11-27", 3}, {"2026-11-29", 2}}));
  EXPECT_EQ(a.sent(), 3U);
  EXPECT_EQ(b.sent(), 3U);
}

}  // namespace
}  // namespace mxw::reportd
