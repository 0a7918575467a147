// What is kept of decisions: rows and events, and that trouble with either loses only them.
#include <gmock/gmock.h>
#include <sys/stat.h>

#include <atomic>
#include <condition_variable>
#include <fstream>
#include <sstream>
#include <thread>

#include "milter/milter_event.hpp"
#include "milter/queue_recorder.hpp"
#include "milter/record_writer.hpp"
#include "tests/unit/store_support.hpp"

namespace mxw::milter {
namespace {

using store::at;
using store::value_of;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

DecisionNote note(std::uint64_t session, Time time) {
  DecisionNote note;
  note.session = session;
  note.time = note.since = time;
  note.role = Role::relay;
  note.listener = "MTA";
  note.domain = "example.org";
  note.decision.reason = Reason::path_clear;
  return note;
}

DecisionNote deferred(std::uint64_t session, Time time) {
  DecisionNote defer = note(session, time);
  defer.decision = {.action = Action::defer,
                    .wish = Action::defer,
                    .reason = Reason::path_blocked,
                    .reply_code = "451",
                    .enhanced = "4.7.4"};
  defer.path.domain = defer.domain;
  defer.path.state = PathState::blocked;
  defer.path.protection = policy::Protection::sts_enforce;
  defer.path.policy_id = "20261101";
  defer.path.rule = "R02";
  defer.path.verdict_ids = {"v1", "v2"};
  defer.path.verdict_until = at(900);
  return defer;
}

std::string text_of(const std::string& path) {
  std::ostringstream out;
  out << std::ifstream(path).rdbuf();
  return out.str();
}

class RecordTest : public testing::Test {
 protected:
  RecordTest() { std::filesystem::create_directory(folder()); }
  [[nodiscard]] std::string folder() const { return directory_.file("milter"); }
  [[nodiscard]] std::string database() const { return folder() + "/milter.db"; }
  [[nodiscard]] std::vector<store::DecisionRow> rows() const {
    auto kept = value_of(store::MilterStore::open(database(), {.access = store::Access::reader}));
    return value_of(kept->by_domain(0, "example.org", at(0), at(1'000'000), 1'000));
  }
  template <typename... Records>
  void write(RecordWriter& writer, Time now, Records... records) {
    std::vector<Record> batch;
    (batch.push_back(std::move(records)), ...);
    writer.write(batch, now, complete_since_);
  }

  store::TemporaryDirectory directory_;
  Time complete_since_ = at(1);
};

TEST_F(RecordTest, ADeferralAsRowAndAsEvent) {
  RecordWriter writer(folder());
  EXPECT_THAT(writer.start(at(0)).value(), IsEmpty());
  DecisionNote defer = deferred(0xabc, at(2));
  defer.client = IpAddress::parse("192.0.2.0");
  defer.tls = {.version = "TLSv1.3", .cipher = "TLS_AES_256_GCM_SHA384", .bits = "256"};
  write(writer, at(3), defer);
  EXPECT_THAT(rows(), ElementsAre(store::DecisionRow{.time = at(2),
                                                     .session = "0000000000000abc",
                                                     .listener = "MTA",
                                                     .role = "relay",
                                                     .domain = "example.org",
                                                     .verdict_id = "v1",
                                                     .action = "defer",
                                                     .code = "451 4.7.4",
                                                     .reason = "path-blocked",
                                                     .began = at(2),
                                                     .rule = "R02"}));
  EXPECT_EQ(
      text_of(folder() + "/milter.json"),
      R"({"timestamp":"2026-11-18T11:06:42.000000+0000","event_type":"milter",)"
      R"("src_ip":"192.0.2.0","milter":{"kind":"decision","session":"0000000000000abc",)"
      R"("listener":"MTA","role":"relay","domain":"example.org","recipients":1,"action":"defer",)"
      R"("code":"451 4.7.4","reason":"path-blocked","dry_run":false,"path":"blocked",)"
      R"("protection":"sts_enforce","policy_id":"20261101","rule":"R02","verdicts":["v1","v2"],)"
      R"("verdict_until":"2026-11-18T11:21:40.000000+0000",)"
      R"("tls":{"version":"TLSv1.3","cipher":"TLS_AES_256_GCM_SHA384","bits":"256"}}})"
      "\n");
}

TEST_F(RecordTest, ASessionVerdictAsRow) {
  RecordWriter writer(folder());
  DecisionNote inbound = note(1, at(2));
  inbound.since = at(1);
  inbound.role = Role::inbound;
  inbound.decision = {
      .action = Action::tag, .wish = Action::tag, .reason = Reason::session_verdict};
  inbound.session_verdict = "v7";
  inbound.session_rule = "R13";
  write(writer, at(3), inbound);
  ASSERT_THAT(rows(), SizeIs(1));
  const store::DecisionRow row = rows().front();
  EXPECT_EQ(row.verdict_id, "v7");
  EXPECT_EQ(row.rule, "R13");
  EXPECT_EQ(row.reason, "session-verdict");
  EXPECT_EQ(row.began, at(1));
}

TEST_F(RecordTest, DryRunKeepsWhatWouldHaveBeenDone) {
  RecordWriter writer(folder());
  DecisionNote wish = deferred(1, at(2));
  wish.decision.action = Action::accept;
  wish.dry_run = true;
  write(writer, at(3), wish);
  ASSERT_THAT(rows(), SizeIs(1));
  EXPECT_EQ(rows().front().action, "defer");
  EXPECT_TRUE(rows().front().dry_run);
  EXPECT_THAT(text_of(folder() + "/milter.json"),
              HasSubstr(R"("action":"accept","wish":"defer","code":"451 4.7.4")"));
}

// In one batch or after it: the id belongs to the decisions since the transaction began.
TEST_F(RecordTest, QueueIdsFindTheirRows) {
  RecordWriter writer(folder());
  write(writer, at(3), note(1, at(1)), note(1, at(2)), note(2, at(2)),
        QueueIdNote{.session = 1, .since = at(2), .id = "4bXy"});
  write(writer, at(4), QueueIdNote{.session = 2, .since = at(2), .id = "never"});
  complete_since_ = at(4);
  write(writer, at(5), QueueIdNote{.session = 2, .since = at(2), .id = "5cZz"});
  std::vector<std::string> ids;
  for (const auto& row : rows()) ids.push_back(row.session.substr(15) + row.queue_id);
  EXPECT_THAT(ids, testing::UnorderedElementsAre("1", "14bXy", "25cZz"));
}

TEST_F(RecordTest, AMessageIsToldWhenThereIsMoreToSay) {
  RecordWriter writer(folder());
  MessageNote plain{.session = 1, .time = at(2), .since = at(1)};
  MessageNote no_tls = plain;
  no_tls.tls_required_no = true;
  MessageNote late = plain;  // the events of its decisions have no queue id
  late.queue_id = "4bXy";
  late.named_late = true;
  write(writer, at(3), plain, no_tls, late);
  const std::string text = text_of(folder() + "/milter.json");
  EXPECT_EQ(std::ranges::count(text, '\n'), 2);
  EXPECT_THAT(text, HasSubstr(R"("kind":"message","session":"0000000000000001",)"
                              R"("queue_id":"4bXy","role":"inbound","recipients":0)"));
  EXPECT_THAT(text, HasSubstr(R"("kind":"message","session":"0000000000000001","role":"inbound",)"
                              R"("recipients":0,"tls_required_no":true)"));
}

TEST_F(RecordTest, DeferralsComeBackAtTheNextStart) {
  store::DeferralRow row;
  row.key.fill(7);
  row.first = row.last = at(2);
  row.count = 1;
  {
    RecordWriter writer(folder());
    write(writer, at(3), row);
  }
  RecordWriter writer(folder());
  EXPECT_THAT(writer.start(at(4)).value(), ElementsAre(row));
}

store::DeferralRow deferral(std::uint8_t key, Time first, Time last, std::uint64_t count) {
  store::DeferralRow row;
  row.key.fill(key);
  row.first = first, row.last = last, row.count = count;
  return row;
}

TEST_F(RecordTest, DeferralsThatCouldNotBeWrittenAreWrittenLater) {
  RecordWriter writer(folder());
  ASSERT_TRUE(writer.start(at(0)));
  auto other = value_of(store::MilterStore::open(database()));
  value_of(other->database().run("BEGIN EXCLUSIVE"));
  write(writer, at(2), deferral(7, at(2), at(2), 1));
  EXPECT_TRUE(writer.failing());
  EXPECT_EQ(writer.counters().rows_lost, 0U);
  write(writer, at(3), deferral(7, at(2), at(3), 2));
  value_of(other->database().run("COMMIT"));
  EXPECT_THAT(value_of(other->deferrals(9)), IsEmpty());
  write(writer, at(2) + RecordWriter::kRetry);  // nothing new
  EXPECT_FALSE(writer.failing());
  EXPECT_THAT(value_of(other->deferrals(9)), ElementsAre(deferral(7, at(2), at(3), 2)));
  EXPECT_EQ(writer.counters().rows, 1U);
}

TEST_F(RecordTest, OnlySoManyDeferralsWaitForTheStore) {
  RecordWriter writer(folder() + "/absent");
  std::vector<Record> batch;
  for (std::size_t i = 0; i <= RecordWriter::kUnsaved; ++i) {
    store::DeferralRow row = deferral(0, at(2), at(2), 1);
    row.key[0] = static_cast<std::uint8_t>(i), row.key[1] = static_cast<std::uint8_t>(i >> 8);
    batch.emplace_back(row);
  }
  writer.write(batch, at(3), at(1));
  EXPECT_TRUE(writer.failing());
  EXPECT_EQ(writer.counters().rows_lost, 1U);
}

TEST_F(RecordTest, AStoreThatWorksAgainIsFoundOutWithoutMail) {
  RecordWriter writer(folder() + "/absent");
  EXPECT_FALSE(writer.start(at(0)));
  EXPECT_TRUE(writer.failing());
  std::filesystem::create_directory(folder() + "/absent");
  write(writer, at(0) + RecordWriter::kRetry);
  EXPECT_FALSE(writer.failing());
}

// The key of the deferrals is there, so rows were: since when mails wait is not known.
TEST_F(RecordTest, AStoreThatIsNewlyMadeThoughThereWasOneKnowsNothing) {
  {
    RecordWriter writer(folder());
    EXPECT_FALSE(writer.start(at(0), true));
    write(writer, at(3), note(1, at(2)));
    EXPECT_EQ(writer.counters().rows, 1U) << "it is of use all the same";
  }
  RecordWriter writer(folder());
  EXPECT_TRUE(writer.start(at(4), true));
}

TEST_F(RecordTest, ADamagedStoreIsPutAsideAndItsDeferralsAreNotKnown) {
  std::ofstream(database()) << std::string(8'192, 'x');
  RecordWriter writer(folder());
  EXPECT_FALSE(writer.start(at(0)));
  EXPECT_EQ(writer.counters().stores_put_aside, 1U);
  write(writer, at(3), note(1, at(2)));
  EXPECT_THAT(rows(), SizeIs(1));
  EXPECT_EQ(writer.counters().rows, 1U);
}

TEST_F(RecordTest, WithoutAFolderRowsAreCountedAsLost) {
  RecordWriter writer(folder() + "/absent");
  EXPECT_FALSE(writer.start(at(0)));
  write(writer, at(3), note(1, at(2)), QueueIdNote{.session = 1, .since = at(0), .id = "x"});
  EXPECT_EQ(writer.counters().rows_lost, 2U);
  EXPECT_EQ(writer.counters().events_lost, 1U);
  std::filesystem::create_directory(folder() + "/absent");
  write(writer, at(4), note(1, at(3)));
  EXPECT_EQ(writer.counters().rows_lost, 3U);  // it is tried again after a while
  write(writer, at(0) + RecordWriter::kRetry, note(1, at(3)));
  EXPECT_EQ(writer.counters().rows, 1U);
}

TEST_F(RecordTest, AStoreThatIsTakenAwayIsBegunAnew) {
  RecordWriter writer(folder());
  write(writer, at(2), note(1, at(2)));
  std::filesystem::remove(database());
  std::filesystem::remove(database() + "-wal");
  std::filesystem::remove(database() + "-shm");
  write(writer, at(100), note(1, at(3)));
  EXPECT_THAT(rows(), SizeIs(1));
  EXPECT_EQ(writer.counters().rows_lost, 0U);
}

TEST_F(RecordTest, ALockedStoreLosesRowsAndNothingElse) {
  RecordWriter writer(folder());
  ASSERT_TRUE(writer.start(at(0)));
  auto other = value_of(store::MilterStore::open(database()));
  value_of(other->database().run("BEGIN EXCLUSIVE"));
  write(writer, at(2), note(1, at(2)));
  EXPECT_EQ(writer.counters().rows_lost, 1U);
  EXPECT_EQ(writer.counters().events, 1U);
  value_of(other->database().run("COMMIT"));
  write(writer, at(2) + RecordWriter::kRetry, note(1, at(3)));
  EXPECT_EQ(writer.counters().rows, 1U);
}

TEST_F(RecordTest, WhatIsToldIsWrittenBeforeTheEnd) {
  RecordWriter writer(folder());
  QueueRecorder recorder(writer, [] { return at(5); });
  recorder.start();
  for (std::uint64_t i = 0; i < 100; ++i) recorder.decision(note(i, at(2)));
  recorder.queue_id(7, at(2), "id7");
  recorder.stop();
  EXPECT_THAT(rows(), SizeIs(100));
  EXPECT_EQ(rows().at(7).queue_id, "id7");
  EXPECT_EQ(recorder.counters().actions[2][0], 100U);
  EXPECT_EQ(recorder.counters().reasons[static_cast<std::size_t>(Reason::path_clear)], 100U);
}

// What began before the clock was set back may be stored already.
TEST_F(RecordTest, AQueueIdFindsItsRowsAfterTheClockWasSetBack) {
  RecordWriter writer(folder());
  std::atomic<std::int64_t> second = 1'000;
  QueueRecorder recorder(writer, [&] { return at(second); });
  recorder.start();
  recorder.decision(note(7, at(999)));
  while (writer.counters().rows == 0) std::this_thread::yield();
  for (int round = 0; round < 2; ++round) {  // the first batch by the new time, and another
    second = 400;
    const std::uint64_t before = writer.counters().rows;
    recorder.decision(note(8, at(400)));
    while (writer.counters().rows == before) std::this_thread::yield();
  }
  recorder.queue_id(7, at(999), "id7");
  recorder.stop();
  EXPECT_EQ(rows().back().queue_id, "id7");
  EXPECT_EQ(rows().back().time, at(999));
}

TEST_F(RecordTest, AStoreIsTriedAgainAfterTheClockWasSetBack) {
  RecordWriter writer(folder() + "/absent");
  write(writer, at(100'000), note(1, at(2)));
  std::filesystem::create_directory(folder() + "/absent");
  write(writer, at(10), note(1, at(3)));
  EXPECT_EQ(writer.counters().rows, 1U);
}

TEST_F(RecordTest, AFullQueueDropsAndCounts) {
  RecordWriter writer(folder());
  QueueRecorder recorder(writer, [] { return at(5); }, 3);  // its thread has not begun
  for (std::uint64_t i = 0; i < 5; ++i) recorder.decision(note(i, at(2)));
  EXPECT_EQ(recorder.queued(), 3U);
  EXPECT_EQ(recorder.counters().dropped, 2U);
  EXPECT_EQ(recorder.counters().actions[2][0], 5U);
  recorder.start();
  recorder.stop();
  EXPECT_THAT(rows(), SizeIs(3));
}

// A disk that hangs fails nothing for a long time: what is told meanwhile would be lost by a kill.
TEST_F(RecordTest, WhatWaitsForTheDiskIsKnown) {
  RecordWriter writer(folder());
  std::atomic<std::int64_t> elapsed = 0;
  std::atomic<int> asked = 0;
  std::atomic<bool> hangs = true;
  const auto clock = [&] {
    const bool writes = ++asked > 1;  // the first look at it is before all writing
    while (writes && hangs) std::this_thread::yield();
    return at(5);
  };
  QueueRecorder recorder(writer, clock, 8, [&] { return elapsed.load(); });
  EXPECT_TRUE(recorder.keeps_up());
  recorder.decision(note(1, at(2)));
  elapsed = QueueRecorder::kSlow;
  EXPECT_TRUE(recorder.keeps_up());
  elapsed = QueueRecorder::kSlow + 1;
  EXPECT_FALSE(recorder.keeps_up()) << "it waits in the queue";
  recorder.start();
  while (asked < 2) std::this_thread::yield();
  EXPECT_EQ(recorder.queued(), 0U);
  EXPECT_FALSE(recorder.keeps_up()) << "it is not written yet";
  hangs = false;
  recorder.stop();
  EXPECT_TRUE(recorder.keeps_up());
}

TEST_F(RecordTest, AQueueThatGrowsDoesNotKeepUp) {
  RecordWriter writer(folder());
  QueueRecorder recorder(writer, [] { return at(5); }, 8, [] { return 0; });
  for (std::uint64_t i = 0; i < 2; ++i) recorder.decision(note(i, at(2)));
  EXPECT_TRUE(recorder.keeps_up());
  recorder.decision(note(3, at(2)));
  EXPECT_FALSE(recorder.keeps_up());
}

// More than one call takes, which at that pace would take an hour.
TEST_F(RecordTest, WhatIsTooOldGoesWithinTheSameMinute) {
  const Time late = at(30) + store::MilterBounds{}.decision_age + kSecond;
  RecordWriter writer(folder(), {.per_call = 10});
  std::vector<Record> old;
  for (std::uint64_t i = 0; i < 65; ++i) old.emplace_back(note(i, at(2)));
  writer.write(old, at(3), at(1));
  EXPECT_TRUE(writer.prune(late));
  ASSERT_THAT(rows(), SizeIs(55));
  std::atomic<int> asked = 0;
  QueueRecorder recorder(writer, [&] { return asked++ == 0 ? late - 2 * kMinute : late; });
  recorder.start();
  recorder.decision(note(70, late));  // it has to do
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (!rows().empty() && std::chrono::steady_clock::now() < until)
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  EXPECT_THAT(rows(), IsEmpty());
  recorder.stop();
  EXPECT_FALSE(writer.prune(late));
}

// The words of every reason, action and role fit what stores and metrics make of them.
TEST_F(RecordTest, EveryReasonHasAPlace) {
  EXPECT_EQ(static_cast<std::size_t>(Reason::internal_error) + 1, QueueRecorder::kReasons);
  EXPECT_EQ(static_cast<std::size_t>(Role::local) + 1, QueueRecorder::kRoles);
  EXPECT_EQ(static_cast<std::size_t>(Action::quarantine) + 1, QueueRecorder::kActions);
  EXPECT_EQ(static_cast<std::size_t>(Stage::abort) + 1, QueueRecorder::kStages);
}

}  // namespace
}  // namespace mxw::milter
