// What Delivery promises: the states of a report, who is tried when, and the bounds on both.
#include "reportd/delivery.hpp"

#include <gmock/gmock.h>

#include <set>

#include "reportd_delivery_support.hpp"

namespace mxw::reportd {
namespace {

using namespace test;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;
using Outcome = Attempt::Outcome;

const std::string kOneMail = "v=TLSRPTv1; rua=mailto:tls@example.org";
const std::string kMailThenPost = "v=TLSRPTv1; rua=mailto:tls@example.org,https://r.example.org/v1";

// A ledger that can be told to fail.
class WeakLedger final : public Ledger {
 public:
  explicit WeakLedger(store::ReportStore& store) : good_(store) {}
  template <typename T>
  Result<T> unless_broken(bool broken, Result<T> result) {
    if (broken) return fail(ErrorKind::environment, "disk full");
    return result;
  }
  Result<std::vector<store::ReportRow>> due(Time now, std::size_t limit) override {
    return unless_broken(unreadable, good_.due(now, limit));
  }
  Result<std::string> rua_record(const store::ReportKey& key) override {
    return good_.rua_record(key);
  }
  Result<std::optional<std::vector<std::uint8_t>>> report_bytes(
      const store::ReportKey& key) override {
    return good_.report_bytes(key);
  }
  Result<std::vector<store::DeliveryRow>> deliveries(const store::ReportKey& key) override {
    return good_.deliveries(key);
  }
  Result<std::vector<store::ReportRow>> reports(std::uint32_t tenant, store::Day day,
                                                std::string_view after,
                                                std::size_t limit) override {
    return good_.reports(tenant, day, after, limit);
  }
  Result<bool> move_report(const store::ReportRow& row, ReportState from,
                           const store::DeliveryRow* delivery) override {
    if (unwritable) return fail(ErrorKind::environment, "disk full");
    return good_.move_report(row, from, delivery);
  }
  Result<bool> suppressed(std::uint32_t tenant, std::string_view address, Time now) override {
    return unless_broken(no_suppressions, good_.suppressed(tenant, address, now));
  }
  Result<std::size_t> resume(Time now) override { return good_.resume(now); }

  bool unreadable = false, unwritable = false, no_suppressions = false;

 private:
  StoreLedger good_;
};

class DeliveryTest : public testing::Test {
 protected:
  DeliveryTest() : mail_(sent_), post_(sent_) {}
  void SetUp() override {
    store_ = value_of(store::ReportStore::open(directory_.file("report.db")));
    config_.enabled = true;
    start();
  }
  void start() {
    delivery_.reset();
    ledger_ = std::make_unique<WeakLedger>(*store_);
    delivery_ = std::make_unique<Delivery>(*ledger_, config_, return_path(), source_, mail_, post_,
                                           [this] { return now_; });
    ASSERT_TRUE(delivery_->resume().has_value());
  }
  void put(const std::string& domain, const std::string& record, Time due = kDayEnd) {
    put_report(*store_, queued(domain, due), record);
  }
  store::ReportRow row(const std::string& domain = "example.org") {
    return value_of(store_->report(key_of(domain))).value();
  }
  // Answers what was sent first.
  Sent answer(Outcome outcome, const std::string& detail = "said") {
    EXPECT_FALSE(sent_.empty());
    Sent first = std::move(sent_.front());
    sent_.pop_front();
    first.done({.outcome = outcome, .detail = detail});
    return first;
  }
  std::vector<std::string> waiting() const {
    std::vector<std::string> all;
    for (const Sent& one : sent_) all.push_back(one.to);
    return all;
  }
  // Runs with the clock from now on in steps, each attempt answered at once; gives the times.
  std::vector<std::int64_t> walk(Outcome outcome, std::int64_t span, std::int64_t step) {
    std::vector<std::int64_t> times;
    for (const Time begin = now_; now_ - begin <= span; now_ = now_ + step) {
      delivery_->run();
      for (; !sent_.empty(); answer(outcome)) times.push_back(now_ - begin);
    }
    return times;
  }

  store::TemporaryDirectory directory_{fast_folder()};
  std::unique_ptr<store::ReportStore> store_;
  std::unique_ptr<WeakLedger> ledger_;
  Time now_ = kDayEnd;
  DeliveryConfig config_;
  PlainSource source_;
  std::deque<Sent> sent_;
  HeldMail mail_;
  HeldPost post_;
  std::unique_ptr<Delivery> delivery_;
};

TEST_F(DeliveryTest, SendingIsCommittedBeforeTheAttempt) {
  put("example.org", kOneMail);
  delivery_->run();
  ASSERT_THAT(waiting(), ElementsAre("tls@example.org"));
  EXPECT_EQ(row().state, ReportState::sending);
  EXPECT_EQ(row().uri, "mailto:tls@example.org");
  EXPECT_EQ(row().tries, 1U);
  EXPECT_EQ(row().first_at, now_);
  delivery_->run();
  EXPECT_EQ(sent_.size(), 1U) << "nothing is tried twice at once";
  now_ = now_ + kSecond;
  const Sent sent = answer(Outcome::accepted, "250 2.0.0 Ok");
  EXPECT_THAT(sent.content, HasSubstr("Message-ID: <20261118.example.org.0a1b2c3d@"));
  EXPECT_THAT(sent.content, HasSubstr("gzip of example.org"));
  EXPECT_EQ(sent.sender, return_path().sender("tls@example.org"));
  EXPECT_EQ(row().state, ReportState::accepted);
  EXPECT_EQ(row().ended_at, now_);
  EXPECT_EQ(row().detail, "250 2.0.0 Ok");
  EXPECT_EQ(row().next_at, std::nullopt);
  const auto deliveries = value_of(store_->deliveries(key_of("example.org")));
  ASSERT_EQ(deliveries.size(), 1U);
  EXPECT_EQ(deliveries[0].tries, 1U);
  EXPECT_FALSE(deliveries[0].final);
  EXPECT_EQ(delivery_->in_flight(), 0U);
  EXPECT_EQ(delivery_->counters().accepted, 1U);
}

TEST_F(DeliveryTest, TriesAtTheTimesOfTheSchedule) {
  put("example.org", kOneMail);
  EXPECT_THAT(walk(Outcome::retry, 30 * kHour, kMinute),
              ElementsAre(0, 5 * kMinute, 15 * kMinute, 45 * kMinute, 2 * kHour, 5 * kHour,
                          10 * kHour, 16 * kHour, 24 * kHour));
  EXPECT_EQ(row().state, ReportState::expired);
  EXPECT_EQ(row().tries, 9U);
  EXPECT_EQ(row().detail, "said");
  EXPECT_EQ(delivery_->counters().retries, 8U);
  EXPECT_EQ(delivery_->counters().expired, 1U);
}

TEST_F(DeliveryTest, RetriesThatWereMissedAreNotMadeUpFor) {
  put("example.org", kOneMail);
  delivery_->run();
  answer(Outcome::retry);
  now_ = now_ + 3 * kHour;
  delivery_->run();
  answer(Outcome::retry);
  EXPECT_EQ(row().next_at, kDayEnd + 5 * kHour);
  now_ = now_ + 10 * kDay;  // one more, then it is over
  delivery_->run();
  answer(Outcome::retry);
  EXPECT_EQ(row().state, ReportState::expired);
}

TEST_F(DeliveryTest, NothingBeforeItsTime) {
  put("example.org", kOneMail, kDayEnd + kHour);
  now_ = kDayEnd + kHour - 1;
  delivery_->run();
  EXPECT_THAT(waiting(), IsEmpty());
  now_ = kDayEnd + kHour;
  delivery_->run();
  EXPECT_EQ(sent_.size(), 1U);
}

TEST_F(DeliveryTest, SeveralAddressesInTheirOrderUntilOneAccepts) {
  put("example.org", kMailThenPost);
  delivery_->run();
  ASSERT_THAT(waiting(), ElementsAre("tls@example.org"));
  answer(Outcome::retry, "451 later");
  ASSERT_THAT(waiting(), ElementsAre("https://r.example.org/v1"));
  EXPECT_EQ(row().state, ReportState::sending);
  EXPECT_EQ(row().uri, "https://r.example.org/v1");
  EXPECT_EQ(row().tries, 1U) << "one try of the report";
  EXPECT_EQ(answer(Outcome::accepted).content, "gzip of example.org");
  EXPECT_EQ(row().state, ReportState::accepted);
  EXPECT_EQ(row().uri, "https://r.example.org/v1");
}

TEST_F(DeliveryTest, ARefusalEndsAnAddressForThatReportAlone) {
  put("example.org", kMailThenPost);
  put("example.com", kOneMail);
  delivery_->run();
  ASSERT_THAT(waiting(), ElementsAre("tls@example.org", "tls@example.org"));
  answer(Outcome::refused, "550 no such user");
  answer(Outcome::retry);
  ASSERT_THAT(waiting(), ElementsAre("https://r.example.org/v1"));
  answer(Outcome::retry);
  now_ = now_ + 5 * kMinute;
  delivery_->run();
  EXPECT_THAT(waiting(),
              testing::UnorderedElementsAre("https://r.example.org/v1", "tls@example.org"));
  const auto known = value_of(store_->deliveries(key_of("example.org")));
  ASSERT_EQ(known.size(), 2U);
  EXPECT_TRUE(known[1].final);
  EXPECT_EQ(known[1].detail, "550 no such user");
}

TEST_F(DeliveryTest, RefusedEverywhereItExpiresAtOnce) {
  put("example.org", kMailThenPost);
  delivery_->run();
  answer(Outcome::refused, "550 no such user");
  answer(Outcome::refused, "HTTP status 404");
  EXPECT_EQ(row().state, ReportState::expired);
  EXPECT_EQ(row().detail, "HTTP status 404");
  EXPECT_EQ(row().ended_at, now_);
  EXPECT_EQ(delivery_->counters().refused, 2U);
}

TEST_F(DeliveryTest, WithoutAUsableAddressItExpires) {
  put("example.org", "v=TLSRPTv1; rua=mailto:tls");
  put("example.com", "");
  put("example.net", "v=TLSRPTv1; rua=https://192.0.2.1/x");
  delivery_->run();
  EXPECT_THAT(waiting(), IsEmpty());
  for (const char* domain : {"example.org", "example.com", "example.net"}) {
    EXPECT_EQ(row(domain).state, ReportState::expired) << domain;
    EXPECT_EQ(row(domain).tries, 0U);
  }
}

TEST_F(DeliveryTest, SuppressedAddressesArePassedOver) {
  put("example.org", kMailThenPost);
  put("example.com", "v=TLSRPTv1; rua=mailto:TLS@Example.ORG");
  value_of(store_->put_suppression({.tenant = 0,
                                    .origin = "host-a",
                                    .address = "tls@example.org",
                                    .reason = "5.1.1",
                                    .since = now_,
                                    .until = now_ + kDay}));
  delivery_->run();
  EXPECT_THAT(waiting(), ElementsAre("https://r.example.org/v1"));
  EXPECT_EQ(row("example.com").state, ReportState::suppressed);
  EXPECT_EQ(delivery_->counters().suppressed, 1U);
  answer(Outcome::retry);
  EXPECT_EQ(row().state, ReportState::retry);
  now_ = now_ + 2 * kDay;  // over
  delivery_->run();
  EXPECT_THAT(waiting(), ElementsAre("tls@example.org"));
}

TEST_F(DeliveryTest, SendingWaitsAndSaysWhy) {
  put("example.org", kOneMail);
  delivery_->hold("self-test", "the key record is missing");
  delivery_->hold("dns", "policyd does not answer");
  EXPECT_EQ(delivery_->waits_because(),
            "dns: policyd does not answer; self-test: the key record is missing");
  delivery_->run();
  EXPECT_THAT(waiting(), IsEmpty());
  EXPECT_EQ(row().state, ReportState::queued);
  delivery_->hold("self-test", "");
  delivery_->run();
  EXPECT_THAT(waiting(), IsEmpty());
  delivery_->hold("dns", "");
  EXPECT_EQ(delivery_->waits_because(), "");
  delivery_->run();
  EXPECT_EQ(sent_.size(), 1U);
}

TEST_F(DeliveryTest, ItIsOffUntilItIsSetUp) {
  config_.enabled = false;
  start();
  put("example.org", kOneMail);
  delivery_->run();
  EXPECT_THAT(waiting(), IsEmpty());
  EXPECT_NE(delivery_->waits_because(), "");
  delivery_->set_enabled(true);
  delivery_->run();
  EXPECT_EQ(sent_.size(), 1U);
}

TEST_F(DeliveryTest, NoMoreAtOnceThanAllowed) {
  config_.parallel = 3;
  start();
  for (int i = 0; i < 5; ++i) {
    const std::string domain = "d" + std::to_string(i) + ".test";
    put(domain, "v=TLSRPTv1; rua=mailto:tls@" + domain, kDayEnd - i);
  }
  delivery_->run();
  EXPECT_THAT(waiting(), ElementsAre("tls@d4.test", "tls@d3.test", "tls@d2.test"));
  answer(Outcome::accepted);
  delivery_->run();
  EXPECT_THAT(waiting(), ElementsAre("tls@d3.test", "tls@d2.test", "tls@d1.test"));
}

TEST_F(DeliveryTest, ReportsToOneAddressAreCappedAlsoAfterARestart) {
  config_.per_address = 2;
  start();
  for (int i = 0; i < 4; ++i) put("d" + std::to_string(i) + ".test", kOneMail, kDayEnd + i);
  now_ = kDayEnd + kMinute;
  delivery_->run();
  ASSERT_EQ(sent_.size(), 2U);
  EXPECT_EQ(delivery_->counters().capped, 2U);
  EXPECT_EQ(row("d2.test").state, ReportState::suppressed);
  EXPECT_THAT(row("d3.test").detail, StartsWith("capped"));
  answer(Outcome::accepted);
  answer(Outcome::retry);
  put("d4.test", kOneMail);
  put("d5.test", kMailThenPost);
  start();
  now_ = now_ + 5 * kMinute;
  delivery_->run();
  // The one in retry was counted; the last has another address.
  EXPECT_THAT(waiting(),
              testing::UnorderedElementsAre("tls@example.org", "https://r.example.org/v1"));
  EXPECT_EQ(row("d4.test").state, ReportState::suppressed);
}

TEST_F(DeliveryTest, ReportsOfADayAreCappedAlsoAfterARestart) {
  config_.per_day = 2;
  start();
  for (int i = 0; i < 3; ++i) {
    const std::string domain = "d" + std::to_string(i) + ".test";
    put(domain, "v=TLSRPTv1; rua=mailto:tls@" + domain, kDayEnd - 10 + i);
  }
  delivery_->run();
  EXPECT_EQ(sent_.size(), 2U);
  EXPECT_EQ(row("d2.test").state, ReportState::suppressed);
  EXPECT_EQ(delivery_->counters().capped, 1U);
  answer(Outcome::accepted);
  answer(Outcome::accepted);
  put("d3.test", kOneMail);
  start();
  delivery_->run();
  EXPECT_THAT(waiting(), IsEmpty());
  EXPECT_THAT(row("d3.test").detail, StartsWith("capped"));
}

TEST_F(DeliveryTest, AfterARestartItGoesOnAtTheRetryThatWasDue) {
  put("example.org", kOneMail);
  delivery_->run();
  const Sent lost = std::move(sent_.front());
  sent_.clear();
  start();
  lost.done({.outcome = Outcome::accepted, .detail = "too late"});
  EXPECT_EQ(row().state, ReportState::retry);
  EXPECT_EQ(row().next_at, kDayEnd + 5 * kMinute);
  delivery_->run();
  EXPECT_THAT(waiting(), IsEmpty()) << "a process that ends each time must not hammer";
  now_ = now_ + 5 * kMinute;
  delivery_->run();
  ASSERT_EQ(sent_.size(), 1U);
  EXPECT_EQ(sent_.front().content, lost.content);
  EXPECT_EQ(row().tries, 2U);
}

TEST_F(DeliveryTest, EndsOfTheProcessCountAsTries) {
  put("example.org", kOneMail);
  int tries = 0;
  for (; tries < 20; ++tries) {
    delivery_->run();
    if (sent_.empty()) break;
    sent_.clear();
    start();
    now_ = std::max(now_, row().next_at.value_or(now_)) + kSecond;
  }
  EXPECT_EQ(tries, 9);
  EXPECT_EQ(row().state, ReportState::expired);
}

TEST_F(DeliveryTest, WhatCannotBeWrittenAfterwardsIsNotSentAgain) {
  put("example.org", kOneMail);
  delivery_->run();
  ledger_->unwritable = true;
  answer(Outcome::accepted, "250 Ok");
  now_ = now_ + kHour;
  delivery_->run();
  EXPECT_EQ(row().state, ReportState::sending);
  EXPECT_THAT(waiting(), IsEmpty());
  EXPECT_EQ(delivery_->counters().store_errors, 2U);
  ledger_->unwritable = false;
  delivery_->run();
  EXPECT_EQ(row().state, ReportState::accepted);
  EXPECT_THAT(waiting(), IsEmpty());
  EXPECT_EQ(delivery_->in_flight(), 0U);
}

TEST_F(DeliveryTest, WithoutTheStoreNothingIsTried) {
  put("example.org", kOneMail);
  ledger_->unwritable = true;
  delivery_->run();
  ledger_->unwritable = false;
  ledger_->unreadable = true;
  delivery_->run();
  ledger_->unreadable = false;
  ledger_->no_suppressions = true;
  delivery_->run();
  EXPECT_THAT(waiting(), IsEmpty());
  EXPECT_EQ(row().state, ReportState::queued);
  EXPECT_EQ(delivery_->counters().store_errors, 3U);
  ledger_->no_suppressions = false;
  delivery_->run();
  EXPECT_EQ(sent_.size(), 1U);
  EXPECT_EQ(row().tries, 1U);
}

TEST_F(DeliveryTest, AReportWithoutAMessageIsTriedAgain) {
  put("example.org", kOneMail);
  source_.broken = true;
  delivery_->run();
  EXPECT_EQ(row().state, ReportState::retry);
  EXPECT_EQ(row().detail, "no key to sign with");
  EXPECT_EQ(delivery_->counters().compose_errors, 1U);
  source_.broken = false;
  now_ = now_ + 5 * kMinute;
  delivery_->run();
  EXPECT_EQ(sent_.size(), 1U);
}

TEST_F(DeliveryTest, WhatSomebodyElseEndedStaysEnded) {
  put("example.org", kOneMail);
  delivery_->run();
  store::ReportRow ended = row();
  ended.state = ReportState::suppressed;
  EXPECT_TRUE(value_of(store_->move_report(ended, ReportState::sending)));
  answer(Outcome::retry);
  EXPECT_EQ(row().state, ReportState::suppressed);
  EXPECT_EQ(delivery_->in_flight(), 0U);
}

TEST_F(DeliveryTest, HandedOverMailsAreCountedByDomainAndDay) {
  put("example.org", kOneMail);
  put("example.com", kMailThenPost);
  put("example.net", "v=TLSRPTv1; rua=mailto:x%2Btls@Example.NET");
  put("d1.test", "v=TLSRPTv1; rua=https://r.example.org/v1");
  put("d2.test", kOneMail);
  delivery_->run();
  while (!sent_.empty()) {
    const bool later = sent_.front().content.find("d2.test") != std::string::npos;
    answer(later ? Outcome::retry : Outcome::accepted);
  }
  now_ = now_ + kDay;
  delivery_->run();
  answer(Outcome::accepted);
  using Counts = std::map<std::string, std::uint64_t>;
  EXPECT_EQ(mails_handed_over(*store_, 0, kReportDay + 1).value(),
            (Counts{{"example.org", 2}, {"example.net", 1}}));
  EXPECT_EQ(mails_handed_over(*store_, 0, kReportDay + 2).value(), (Counts{{"example.org", 1}}));
  EXPECT_EQ(mails_handed_over(*store_, 0, kReportDay).value(), Counts{});
}

TEST(FirstTry, IsSpreadOverFourHoursAndAlwaysTheSame) {
  std::vector<int> quarters(4);
  for (int i = 0; i < 2'000; ++i) {
    const std::string id = "20261118.d" + std::to_string(i) + ".test.0a1b2c3d@reports.example.net";
    const Time time = first_try(key_of("x"), id);
    EXPECT_EQ(time, first_try(key_of("y"), id));
    const std::int64_t after = time - kDayEnd;
    ASSERT_GE(after, 0);
    ASSERT_LT(after, 4 * kHour);
    ++quarters[static_cast<std::size_t>(after / kHour)];
  }
  // 500 each; a standard deviation is 19.
  for (const int count : quarters) EXPECT_NEAR(count, 500, 100);
}

// Addresses.

TEST(RuaOf, InOrderTwoOfEachScheme) {
  const RuaList list = rua_of(
      "v=TLSRPTv1; rua=https://c.test/1,mailto:a@A.test?subject=x,mailto:b@a.test,"
      "https://C.test/1,mailto:c@a.test,https://d.test,https://e.test,mailto:A@a.test,"
      "https://127.0.0.1/,mailto:%22x%22@a.test");
  ASSERT_EQ(list.rua.size(), 4U);
  EXPECT_EQ(list.rua[0].address, "https://c.test/1");
  EXPECT_EQ(list.rua[1].address, "a@a.test");
  EXPECT_EQ(list.rua[1].uri, "mailto:a@A.test?subject=x");
  EXPECT_EQ(list.rua[2].address, "b@a.test");
  EXPECT_EQ(list.rua[3].address, "https://d.test");
  EXPECT_EQ(list.capped, 2U);
  EXPECT_EQ(list.unusable, 2U);
  EXPECT_THAT(rua_of("v=spf1").rua, IsEmpty());
}

TEST(RuaOf, Mailboxes) {
  for (const auto& [uri, mailbox] : {std::pair{"mailto:tls@example.org", "tls@example.org"},
                                     {"MAILTO:Tls.Rpt@EXAMPLE.org", "Tls.Rpt@example.org"},
                                     {"mailto:a%2bb@example.org", "a+b@example.org"},
                                     {"mailto:a%21b@example.org?cc=x@y.test", "a!b@example.org"}})
    EXPECT_EQ(mailbox_of(uri), mailbox) << uri;
  for (const char* uri :
       {"mailto:", "mailto:a", "mailto:@example.org", "mailto:a@", "mailto:a@b c.test",
        "mailto:a%0D%0Ab@example.org", "mailto:a%00@example.org", "mailto:a%2Cb@c.test@example.org",
        "mailto:a%20b@example.org", "mailto:%3Ca%3E@example.org", "mailto:.a@example.org",
        "mailto:a..b@example.org", "mailto:a%4", "mailto:a%zz@example.org", "mailto:a@192.0.2.1",
        "mailto:a@[192.0.2.1]", "https://example.org", "mailto:a@ex_ample.org"})
    EXPECT_EQ(mailbox_of(uri), std::nullopt) << uri;
  EXPECT_EQ(mailbox_of("mailto:" + std::string(65, 'a') + "@example.org"), std::nullopt);
}

TEST(ReturnPaths, SpeakForOneAddressAlone) {
  const ReturnPath path = return_path();
  const std::string sender = path.sender("TLS@Example.org");
  EXPECT_THAT(sender, testing::MatchesRegex("tlsrpt-bounce\\+[0-9a-f]+@reports.example.net"));
  EXPECT_EQ(sender, path.sender("tls@example.org"));
  EXPECT_LE(sender.find('@'), 64U);
  const auto token = path.token("TLSRPT-Bounce" + sender.substr(13));
  ASSERT_TRUE(token.has_value());
  EXPECT_TRUE(path.valid(*token, "tls@EXAMPLE.org"));
  EXPECT_FALSE(path.valid(*token, "other@example.org"));
  const ReturnPath other({.prefix = "tlsrpt-bounce", .domain = "reports.example.net", .key = {9}});
  EXPECT_FALSE(other.valid(*token, "tls@example.org"));
  for (const std::string& mailbox :
       {std::string("tlsrpt-bounce@reports.example.net"), sender + ".test", "x" + sender,
        "tlsrpt-bounce+" + std::string(20, 'g') + "@reports.example.net",
        "tlsrpt-bounce+" + std::string(19, 'a') + "@reports.example.net", std::string()})
    EXPECT_EQ(path.token(mailbox), std::nullopt) << mailbox;
}

}  // namespace
}  // namespace mxw::reportd
