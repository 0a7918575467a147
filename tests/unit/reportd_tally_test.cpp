// What the tally counts, how it is committed, and that neither grouping nor a kill changes it.
#include <signal.h>
#include <sys/wait.h>

#include <array>
#include <random>

#include "reportd/policy_failures.hpp"
#include "reportd/tally_writer.hpp"
#include "tests/unit/reportd_support.hpp"

namespace mxw::reportd {
namespace {

using store::TemporaryDirectory;

class TallyTest : public testing::Test {
 protected:
  // As the collector does.
  void count(Tally& tally, const std::string& text, Time at, const std::string& source = "out") {
    if (again && tally.again(source, text, at)) return;
    const auto event = reader.read(text);
    ASSERT_TRUE(event) << text;
    tally.add(source, "mta", **event, at, again ? text : "");
  }
  std::unique_ptr<TallyWriter> start(PolicyFailures* failures = nullptr) {
    return std::move(TallyWriter::start({.path = path}, failures).value());
  }
  // What the store holds after the batches are committed one after the other.
  std::string committed(std::vector<TallyBatch> batches, store::Day day = kToday) {
    const auto writer = start();
    for (TallyBatch& batch : batches) writer->submit(std::move(batch));
    writer->wait();
    return held(day);
  }
  std::string held(store::Day day = kToday) {
    return dump(*store::ReportStore::open(path).value(), day);
  }

  TemporaryDirectory directory;
  std::string path = directory.file("reportd.db");
  DatagramReader reader;
  bool again = true;  // what comes twice is read once
};

TEST_F(TallyTest, SessionsOfAPolicyAreOneRow) {
  Tally tally({});
  count(tally, good(), kNoon);
  count(tally, good(), kNoon);
  count(tally,
        datagram("example.net",
                 sts(R"("failure-details":[{"c":201,"r":"192.0.2.7"},{"c":204}],"t":2,"f":1)")),
        kNoon);
  count(tally,
        datagram("example.net", sts(R"("failure-details":[{"c":201,"r":"192.0.2.7"}],"f":0)")),
        kNoon);
  count(tally, good(), kNoon, "other");
  const std::string key =
      "example.net sts [version: STSv1|mode: enforce|mx: mx.example.net|max_age: 86400] "
      "[mx.example.net] ";
  EXPECT_EQ(committed([&] {
              std::vector<TallyBatch> one;
              one.push_back(tally.take());
              return one;
            }()),
            "other " + key + "1/0/0\nout " + key +
                "3/1/0\n"
                "  2 starttls-not-supported    192.0.2.7 \n"
                "  1 certificate-expired     \n");
  EXPECT_TRUE(tally.empty());
}

TEST_F(TallyTest, DayIsThatOfReceipt) {
  Tally tally({});
  count(tally, good(), kMidnight);
  count(tally, good(), kMidnight - 1);
  count(tally, good(), kMidnight + kDay - 1);
  std::vector<TallyBatch> batches;
  batches.push_back(tally.take());
  EXPECT_NE(committed(std::move(batches)).find(" 2/0/0\n"), std::string::npos);
  EXPECT_NE(held(kToday - 1).find(" 1/0/0\n"), std::string::npos);
  EXPECT_EQ(held(kToday + 1), "");
}

TEST_F(TallyTest, TlsaCountsForTheBaseDomainAndForTheRecipientDomain) {
  Tally tally({});
  count(
      tally,
      datagram("example.net",
               R"({"policy-type":1,"policy-domain":"mx.example.org","policy-string":["3 1 1 AB"],)"
               R"("f":0})"),
      kNoon);
  std::vector<TallyBatch> batches;
  batches.push_back(tally.take());
  EXPECT_EQ(committed(std::move(batches)),
            "out example.net tlsa [3 1 1 ab] [mx.example.org] 1/0/0\n"
            "out mx.example.org tlsa [3 1 1 ab] [] 1/0/0\n");
}

std::string with_record(const std::string& domain, const std::string& record) {
  return R"({"d":")" + domain + R"(","pr":")" + record +
         R"(","policies":[{"policy-type":9,"f":0}]})";
}

TEST_F(TallyTest, LastValidRecordOfTheDayIsKept) {
  const auto writer = start();
  Tally tally({});
  const std::string one = "v=TLSRPTv1; rua=mailto:one@example.net",
                    two = "v=TLSRPTv1;rua=mailto:two@example.net";
  const auto commit = [&](const std::string& record, Time at) {
    count(tally, with_record("example.net", record), at);
    writer->submit(tally.take());
    writer->wait();
  };
  const auto kept = [&] {
    const auto row =
        store::ReportStore::open(path).value()->rua({0, kToday, "example.net"}).value();
    return row ? row->record : std::string("none");
  };
  commit("v=TLSRPTv1; rua=nobody", kNoon);
  EXPECT_EQ(kept(), "none");
  EXPECT_EQ(held(), "  no-record [] [] 1/0/0\n");
  commit(one, kNoon + kSecond);
  EXPECT_EQ(kept(), one);
  commit(two, kNoon + 2 * kSecond);
  commit("gone", kNoon + 3 * kSecond);
  EXPECT_EQ(kept(), two);
  commit(one, kNoon + 4 * kSecond);
  EXPECT_EQ(kept(), one);
  EXPECT_EQ(held(), "  no-record [] [] 1/0/0\nout example.net no-policy-found [] [] 4/0/0\n");
  EXPECT_EQ(writer->counters().no_record, 1U);
}

TEST_F(TallyTest, ValidRecordInTheSameBatchIsEnough) {
  Tally tally({});
  count(tally, with_record("example.net", "nonsense"), kNoon);
  count(tally, with_record("example.net", "v=TLSRPTv1;rua=mailto:a@example.net"), kNoon);
  count(tally, with_record("example.org", "nonsense"), kNoon);
  std::vector<TallyBatch> batches;
  batches.push_back(tally.take());
  EXPECT_EQ(committed(std::move(batches)),
            "  no-record [] [] 1/0/0\nout example.net no-policy-found [] [] 2/0/0\n");
}

TEST_F(TallyTest, WhatComesAgainIsKnownByItsOctetsSourceDayAndRecord) {
  Tally tally({});
  const std::string one = with_record("example.net", "v=TLSRPTv1;rua=mailto:one@example.net");
  const std::string two = with_record("example.net", "v=TLSRPTv1;rua=mailto:two@example.net");
  EXPECT_FALSE(tally.again("out", one, kNoon)) << "not seen before";
  count(tally, one, kNoon);
  EXPECT_TRUE(tally.again("out", one, kNoon));
  EXPECT_TRUE(tally.again("out", one, kNoon + kMinute));
  EXPECT_FALSE(tally.again("other", one, kNoon));
  EXPECT_FALSE(tally.again("out", one + ' ', kNoon));
  EXPECT_FALSE(tally.again("out", one, kNoon + kDay));
  count(tally, two, kNoon);
  EXPECT_FALSE(tally.again("out", one, kNoon)) << "the record has changed back";
  count(tally, one, kNoon);
  EXPECT_EQ(tally.counters().events, 5U);
  const std::string failed =
      datagram("example.net", R"({"policy-type":9,"failure-details":[{"c":201}],"f":1})");
  count(tally, failed, kNoon);
  EXPECT_FALSE(tally.again("out", failed, kNoon)) << "failures are always read";
  const TallyBatch batch = tally.take();
  ASSERT_EQ(batch.tallies.size(), 1U);
  EXPECT_EQ(batch.tallies[0].success, 5U);
  EXPECT_EQ(batch.tallies[0].failure, 1U);
  ASSERT_EQ(batch.records.size(), 1U);
  EXPECT_EQ(batch.records[0].record, "v=TLSRPTv1; rua=mailto:reports@example.net");
  std::map<int, std::uint32_t> minutes;
  for (const TallyBatch::Minute& minute : batch.minutes) minutes[minute.minute] += minute.sessions;
  EXPECT_EQ(minutes, (std::map<int, std::uint32_t>{{720, 5}, {721, 1}}));
  EXPECT_FALSE(tally.again("out", one, kNoon)) << "forgotten with what was taken";
}

TEST_F(TallyTest, RecordsThatAlternateAreReadAFewTimesOnly) {
  again = false;
  Tally tally({});
  for (int i = 0; i < 100; ++i)
    count(tally, with_record("example.net", "record " + std::to_string(i % 2)), kNoon);
  // Eight are read; of the other 92 every second one is the one read last.
  EXPECT_EQ(tally.counters().records_passed_over, 46U);
}

TEST_F(TallyTest, EventsWithoutRecordOfDomainsThatHaveNoneAreOneBucket) {
  Tally tally({.denied = [](std::string_view domain) { return domain == "example.org"; }});
  for (const std::string_view domain : {"example.net", "example.org"}) {
    const EventPolicy policy{.type = kNoPolicyFound, .domain = domain, .final = Final::success};
    TallyEvent event;
    event.domain = domain;
    event.policies = std::span(&policy, 1);
    tally.add("out", "sensor", event, kNoon);
  }
  std::vector<TallyBatch> batches;
  batches.push_back(tally.take());
  EXPECT_EQ(committed(std::move(batches)),
            "  no-record [] [] 1/0/0\nout example.net no-policy-found [] [] 1/0/0\n");
}

TEST_F(TallyTest, MemoryIsBoundedAndTheRestIsCounted) {
  Tally tally({.bytes = 200'000});
  for (int i = 0; i < 5'000; ++i)
    count(tally,
          datagram("d" + std::to_string(i) + ".test",
                   sts(R"("failure-details":[{"c":201,"r":"192.0.2.7"}],"f":1)")),
          kNoon);
  count(tally, datagram("d0.test", sts(R"("failure-details":[{"c":201,"r":"192.0.2.9"}],"f":1)")),
        kNoon);
  EXPECT_LT(tally.bytes(), 210'000U);
  EXPECT_TRUE(tally.full());
  EXPECT_GT(tally.counters().overflow, 4'000U);
  EXPECT_EQ(tally.counters().failures_folded, 2U) << "of the last key with room, and d0's new one";
  const TallyBatch batch = tally.take();
  std::uint64_t sessions = 0, beyond = 0;
  for (const store::TallyAdd& add : batch.tallies) {
    sessions += add.failure;
    if (add.key.type == store::kOverflow) beyond += add.failure;
  }
  EXPECT_EQ(sessions, 5'001U);
  EXPECT_EQ(beyond, tally.counters().overflow);
  EXPECT_EQ(tally.bytes(), 0U);
}

TEST_F(TallyTest, WhatComesAfterTheFreezeIsLate) {
  const auto writer = start();
  Tally tally({});
  bool frozen = false;
  count(tally, good(), kNoon);
  writer->submit(tally.take());
  writer->freeze(kToday, kNoon + kDay, [&frozen](bool now) { frozen = now; });
  count(tally, good(), kNoon);
  count(tally, good(), kNoon);
  writer->submit(tally.take());
  writer->wait();
  EXPECT_TRUE(frozen);
  EXPECT_EQ(writer->counters().late, 2U);
  EXPECT_NE(held().find(" 1/0/0\n"), std::string::npos);
  const auto day = store::ReportStore::open(path).value()->day(0, kToday).value();
  ASSERT_TRUE(day);
  EXPECT_EQ(day->late, 2U);
}

std::string random_datagram(std::mt19937& random) {
  const std::string domain = "d" + std::to_string(random() % 20) + ".test";
  std::string policies;
  for (unsigned i = 1 + random() % 2; i > 0; --i) {
    const std::string failures =
        random() % 3 == 0 ? R"("failure-details":[{"c":)" + std::to_string(201 + random() % 5) +
                                R"(,"r":"192.0.2.)" + std::to_string(random() % 4) + "\"}],"
                          : "";
    const std::string f = "\"f\":" + std::to_string(random() % 2) + '}';
    const std::string kPolicies[] = {
        R"({"policy-type":9,)", R"({"policy-type":2,"policy-string":["mode: testing"],)",
        R"({"policy-type":1,"policy-domain":"mx.test","policy-string":["3 1 1 00"],)"};
    policies += (policies.empty() ? "" : ",") + kPolicies[random() % 3] + failures + f;
  }
  return datagram(domain, policies);
}

TEST_F(TallyTest, GroupingChangesNothing) {
  std::mt19937 random(2018);
  std::vector<std::string> datagrams;
  for (int i = 0; i < 1'000; ++i) datagrams.push_back(random_datagram(random));
  std::vector<std::string> dumps;
  for (const unsigned every : {0U, 500U, 37U}) {
    path = directory.file("grouped-" + std::to_string(every));
    again = every != 0;
    const auto writer = start();
    Tally tally({});
    for (const std::string& text : datagrams) {
      count(tally, text, kNoon);
      if (every != 0 && random() % every == 0) writer->submit(tally.take());
    }
    writer->submit(tally.take());
    writer->wait();
    dumps.push_back(held());
    std::ranges::shuffle(datagrams, random);
  }
  EXPECT_EQ(dumps[1], dumps[0]);
  EXPECT_EQ(dumps[2], dumps[0]);
  EXPECT_GT(dumps[0].size(), 1'000U);
}

// Counts session after session, each batch with its mark, and tells each mark once it is committed.
[[noreturn]] void count_until_killed(const std::string& path, std::uint64_t from, int told) {
  auto writer = TallyWriter::start({.path = path});
  if (!writer) _exit(1);
  DatagramReader reader;
  Tally tally({});
  const std::string text = good();
  for (std::uint64_t seq = from + 1;; ++seq) {
    tally.add("out", "sensor", **reader.read(text), kNoon);
    tally.mark({.sensor = "s", .instance = "i", .seq = seq, .at = kNoon});
    if (seq % 3 != 0) continue;
    (*writer)->submit(tally.take(), [told, seq](bool done) {
      if (!done || write(told, &seq, sizeof seq) != sizeof seq) _exit(2);
    });
    while (!(*writer)->ready()) usleep(100);
  }
}

TEST_F(TallyTest, KillLosesNothingMarkedAndCountsNothingTwice) {
  std::mt19937 random(7);
  std::uint64_t last = 0;
  for (int round = 0; round < 5; ++round) {
    std::array<int, 2> ends{};
    ASSERT_EQ(pipe(ends.data()), 0);
    const pid_t child = fork();
    if (child == 0) count_until_killed(path, last, ends[1]);
    close(ends[1]);
    std::uint64_t told = 0;
    for (unsigned i = 0; i < 1 + random() % 20; ++i)
      ASSERT_EQ(read(ends[0], &told, sizeof told), static_cast<ssize_t>(sizeof told));
    usleep(static_cast<useconds_t>(random() % 3'000));
    kill(child, SIGKILL);
    while (read(ends[0], &told, sizeof told) == sizeof told) {
    }
    close(ends[0]);
    waitpid(child, nullptr, 0);
    const auto store = store::ReportStore::open(path).value();
    last = store->last_seq("s", "i").value();
    EXPECT_GE(last, told);
    const auto rows = store->tallies({0, kToday, "example.net"}).value();
    ASSERT_EQ(rows.size(), 1U);
    EXPECT_EQ(rows[0].success, last);
  }
}

class PolicyFailuresTest : public TallyTest {
 protected:
  void commit() {
    writer->submit(tally.take());
    writer->wait();
  }
  void fail(Time from, Time to, const std::string& domain = "example.net") {
    failures.add({domain, policy::ResultType::sts_policy_fetch_error, "http-404", from, to});
  }
  // The counts of the details due at `now`, by the policy they go to.
  std::string due(Time now) {
    std::string out;
    for (const store::TallyAdd& add : failures.due(now)) {
      EXPECT_EQ(add.success + add.failure + add.undetermined, 0U);
      EXPECT_EQ(add.details.size(), 1U);
      out += add.key.domain + ' ' + add.key.type + ' ' + std::to_string(add.details[0].count) +
             ' ' + add.details[0].key.result_type + ' ' + add.details[0].key.reason + '\n';
    }
    return out;
  }

  PolicyFailures failures;
  std::unique_ptr<TallyWriter> writer = start(&failures);
  Tally tally{{}};
};

constexpr std::int64_t kLater = PolicyFailures::kSettle;

TEST_F(PolicyFailuresTest, AreAddedToTheSessionsOfTheirSpan) {
  const std::string plain = datagram("example.net", R"({"policy-type":9,"f":0})");
  for (int minute = 0; minute < 10; ++minute) count(tally, plain, kNoon + minute * kMinute);
  count(tally, datagram("example.org", R"({"policy-type":9,"f":0})"), kNoon + 3 * kMinute);
  commit();
  fail(kNoon + 2 * kMinute, kNoon + 5 * kMinute);
  EXPECT_EQ(due(kNoon + 5 * kMinute), "") << "not settled yet";
  EXPECT_EQ(due(kNoon + 5 * kMinute + kLater),
            "example.net no-policy-found 3 sts-policy-fetch-error http-404\n");
  EXPECT_EQ(due(kNoon + kHour), "") << "only once";
  fail(kNoon + 4 * kMinute, kNoon + 7 * kMinute);
  EXPECT_EQ(due(kNoon + kHour), "example.net no-policy-found 2 sts-policy-fetch-error http-404\n");
  fail(kNoon + kHour, kNoon + 2 * kHour);
  fail(kNoon, kNoon + kHour, "example.com");
  EXPECT_EQ(due(kNoon + 3 * kHour), "") << "without a session nothing";
}

TEST_F(PolicyFailuresTest, SessionsThatTellSuchAFailureThemselvesAreLeftAlone) {
  count(tally, datagram("example.net", R"({"policy-type":9,"f":0,"failure-details":[{"c":302}]})"),
        kNoon);
  count(tally, datagram("example.net", R"({"policy-type":9,"f":1,"failure-details":[{"c":305}]})"),
        kNoon);
  count(tally, datagram("example.net", R"({"policy-type":9,"f":1,"failure-details":[{"c":201}]})"),
        kNoon);
  commit();
  fail(kNoon, kNoon + kMinute);
  EXPECT_EQ(due(kNoon + kHour), "example.net no-policy-found 1 sts-policy-fetch-error http-404\n");
}

TEST_F(PolicyFailuresTest, SpanMayCrossMidnightAndOldDaysAreForgotten) {
  for (const std::int64_t at : {-2 * kDay, -kMinute, std::int64_t{0}, kMinute}) {
    count(tally, good(), kMidnight + at);
    commit();
  }
  fail(kMidnight - 3 * kDay, kMidnight + kMinute);
  EXPECT_EQ(due(kMidnight + kHour),
            "example.net sts 1 sts-policy-fetch-error http-404\n"
            "example.net sts 1 sts-policy-fetch-error http-404\n");
  count(tally, good(), kMidnight - 5 * kDay);
  commit();
  EXPECT_EQ(failures.counters().not_remembered, 1U);
}

TEST_F(PolicyFailuresTest, MinutesMayComeInAnyOrder) {
  std::mt19937 random(3);
  std::map<int, std::uint64_t> expected;
  for (int i = 0; i < 3'000; ++i) {
    const int minute = static_cast<int>(random() % 1'440);
    ++expected[minute];
    count(tally, good(), kMidnight + minute * kMinute);
    if (random() % 50 == 0) commit();
  }
  commit();
  std::uint64_t sum = 0;
  for (int minute = 100; minute < 900; ++minute) sum += expected[minute];
  fail(kMidnight + 100 * kMinute, kMidnight + 900 * kMinute);
  EXPECT_EQ(due(kMidnight + kDay),
            "example.net sts " + std::to_string(sum) + " sts-policy-fetch-error http-404\n");
  EXPECT_LT(failures.bytes(), 16'384U);
}

TEST_F(PolicyFailuresTest, DetailsReachTheStore) {
  count(tally, good(), kNoon);
  commit();
  fail(kNoon, kNoon + kMinute);
  for (store::TallyAdd& add : failures.due(kNoon + kHour)) tally.add(std::move(add));
  commit();
  EXPECT_NE(held().find("1/0/0\n  1 sts-policy-fetch-error     http-404\n"), std::string::npos)
      << held();
}

}  // namespace
}  // namespace mxw::reportd
