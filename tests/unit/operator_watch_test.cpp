// OperatorWatch: what changed is seen at the next look, what did not is not read, and a reader
// never sees half a file.
#include "core/operator/watch.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "core/operator/write.hpp"
#include "operator_support.hpp"

namespace mxw::operators {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr const char* kBypass = R"({"action":"bypass","until":"2026-11-21T12:00:00Z"})";
constexpr const char* kReport = R"({"action":"report_only","until":"2026-11-21T12:00:00Z"})";

class OperatorWatchTest : public testing::Test {
 protected:
  OperatorWatchTest() : loop(std::move(EventLoop::create().value())) {}

  void start() {
    watch = std::make_unique<OperatorWatch>(
        *loop, folder.path(),
        [this](std::shared_ptr<const OperatorState> state) {
          EXPECT_EQ(state, watch->current());
          ++calls;
        },
        [this] { return now; });
  }
  [[nodiscard]] Word word(std::string_view domain) const {
    return watch->current()->said(domain, now).word;
  }

  Folder folder;
  std::unique_ptr<EventLoop> loop;
  std::unique_ptr<OperatorWatch> watch;
  Time now = kNow;
  int calls = 0;
};

TEST_F(OperatorWatchTest, WhatStandsThereIsKnownAtOnceAndUnchangedFilesCallNobody) {
  folder.write(Folder::domain_file("a.test"), kBypass);
  start();
  EXPECT_EQ(word("a.test"), Word::bypass);
  const auto before = watch->current();
  for (int i = 0; i < 3; ++i) watch->look();
  EXPECT_EQ(calls, 0);
  EXPECT_EQ(watch->current(), before);
}

TEST_F(OperatorWatchTest, EveryChangeIsSeenAtTheNextLook) {
  start();
  folder.replace(Folder::domain_file("a.test"), kBypass);
  watch->look();
  EXPECT_EQ(word("a.test"), Word::bypass);
  folder.replace(Folder::domain_file("a.test"), kReport);
  watch->look();
  EXPECT_EQ(word("a.test"), Word::report_only);
  folder.write(Folder::domain_file("a.test"), kBypass);  // in place, within the clock's tick
  watch->look();
  EXPECT_EQ(word("a.test"), Word::bypass);
  folder.remove(Folder::domain_file("a.test"));
  watch->look();
  EXPECT_EQ(word("a.test"), Word::none);
  folder.replace("enforcement.json", R"({"state":"off","until":"2026-11-21T09:00:00Z"})");
  watch->look();
  EXPECT_EQ(word("a.test"), Word::off);
  folder.remove("enforcement.json");
  watch->look();
  EXPECT_EQ(word("a.test"), Word::none);
  EXPECT_EQ(calls, 6);
}

TEST_F(OperatorWatchTest, TheEndOfABrakeCalls) {
  folder.write(Folder::domain_file("a.test"), kBypass);
  folder.write("enforcement.json", R"({"state":"off","until":"2026-11-21T09:00:00Z"})");
  start();
  now = kNow + kHour;
  watch->look();
  EXPECT_EQ(calls, 1);
  EXPECT_EQ(word("a.test"), Word::bypass);
  now = kNow + 4 * kHour;
  watch->look();
  EXPECT_EQ(calls, 2);
  EXPECT_EQ(word("a.test"), Word::none);
  now = now + kDay;
  watch->look();
  EXPECT_EQ(calls, 2);
  now = kNow;  // the clock was set back: it holds again
  watch->look();
  EXPECT_EQ(calls, 3);
  EXPECT_EQ(word("a.test"), Word::off);
}

TEST_F(OperatorWatchTest, TheDirectoryMayComeAndGo) {
  std::filesystem::remove_all(folder.path());
  start();
  EXPECT_EQ(word("a.test"), Word::none);
  std::filesystem::create_directories(folder.at("domain"));
  folder.replace(Folder::domain_file("a.test"), kBypass);
  watch->look();
  EXPECT_EQ(word("a.test"), Word::bypass);
  std::filesystem::remove_all(folder.path());
  watch->look();
  EXPECT_EQ(word("a.test"), Word::none);
}

// A directory that cannot be read says nothing new: what held goes on to hold, and it is told.
TEST_F(OperatorWatchTest, TroubleLeavesWhatHeld) {
  folder.write(Folder::domain_file("a.test"), kBypass);
  start();
  std::filesystem::rename(folder.at("domain"), folder.at("aside"));
  folder.write("domain", "no folder");
  watch->look();
  EXPECT_EQ(word("a.test"), Word::bypass);
  EXPECT_EQ(watch->current()->notes().texts.size(), 1U);
  folder.remove("domain");
  std::filesystem::rename(folder.at("aside"), folder.at("domain"));
  watch->look();
  EXPECT_EQ(word("a.test"), Word::bypass);
  EXPECT_TRUE(watch->current()->notes().texts.empty());
}

TEST_F(OperatorWatchTest, TheLoopLooksEverySecond) {
  start();
  folder.replace(Folder::domain_file("a.test"), kBypass);
  Timer end(*loop, [this] { loop->stop(); });
  end.start(3 * kSecond);
  Timer poll(*loop, [] {});
  const auto before = std::chrono::steady_clock::now();
  Timer* again = nullptr;
  Timer check(*loop, [this, &again] {
    if (calls > 0) return loop->stop();
    again->start(20 * kMillisecond);
  });
  again = &check;
  check.start(0);
  loop->run();
  const auto took = std::chrono::steady_clock::now() - before;
  EXPECT_EQ(calls, 1);
  EXPECT_LT(took, std::chrono::milliseconds(2'900));
  EXPECT_EQ(word("a.test"), Word::bypass);
}

// A writer that renames without pause: every look sees one of the two files whole, and what stands
// at the end is what the last look says.
TEST_F(OperatorWatchTest, AStormOfRenamesNeverShowsHalfAFile) {
  DomainBrake bypass{Action::bypass, kNow + kHour, std::string(kReasonBytes, 'b'), "a", {}};
  DomainBrake pin{Action::pin, std::nullopt, std::string(kReasonBytes, 'p'), "a", {}};
  for (int i = 0; i < 200; ++i) pin.mx.push_back("mx" + std::to_string(i) + ".example.org");
  bypass.until = now + kHour;
  ASSERT_TRUE(write_brake(folder.path(), "a.test", pin));
  start();
  std::atomic<bool> done = false;
  std::thread writer([&] {
    for (int i = 0; i < 300; ++i)
      EXPECT_TRUE(write_brake(folder.path(), "a.test", i % 2 == 0 ? bypass : pin));
    done = true;
  });
  now = *parse_rfc3339("2026-11-21T08:10:00Z");
  int looks = 0;
  while (!done) {
    watch->look();
    const auto state = watch->current();
    ASSERT_EQ(state->notes().ignored, 0U) << state->notes().texts.at(0);
    const DomainBrake* const brake = state->find("a.test", now);
    ASSERT_NE(brake, nullptr);
    ASSERT_TRUE(*brake == bypass || *brake == pin);
    ++looks;
  }
  writer.join();
  watch->look();
  EXPECT_EQ(*watch->current()->find("a.test", now), pin);
  EXPECT_GT(looks, 10);
}

// More files than one turn asks: an edit in place is found within the turns a rotation takes.
TEST_F(OperatorWatchTest, EditsInPlaceAreFoundInRotation) {
  constexpr int kFiles = 2 * OperatorWatch::kChecksPerTurn;
  for (int i = 0; i < kFiles; ++i)
    folder.write(Folder::domain_file("d" + std::to_string(i) + ".test"), kBypass);
  start();
  EXPECT_EQ(watch->current()->brakes().size(), static_cast<std::size_t>(kFiles));
  folder.write(Folder::domain_file("d7.test"), kReport);
  int turns = 0;
  while (word("d7.test") == Word::bypass && turns < 4) {
    watch->look();
    ++turns;
  }
  EXPECT_EQ(word("d7.test"), Word::report_only);
}

TEST(NoteTeller, TellsWhatIsNewAndNoMoreOftenThanOnceAMinute) {
  NoteTeller teller;
  OperatorState::Notes notes;
  std::int64_t now = 1'000 * kSecond;
  EXPECT_THAT(teller.due(notes, now), IsEmpty());
  notes.texts = {"a", "b"};
  EXPECT_THAT(teller.due(notes, now), ElementsAre("a", "b"));
  EXPECT_THAT(teller.due(notes, now + kHour), IsEmpty()) << "it is no other";
  now += kHour;
  notes.texts = {"b", "c"};
  EXPECT_THAT(teller.due(notes, now), ElementsAre("c"));
  notes.texts = {"b", "c", "d"};
  EXPECT_THAT(teller.due(notes, now + kMinute - 1), IsEmpty());
  EXPECT_THAT(teller.due(notes, now + kMinute), ElementsAre("d")) << "late, not never";
  notes.texts.clear();
  EXPECT_THAT(teller.due(notes, now + 2 * kMinute),
              ElementsAre("all is read and understood again"));
  EXPECT_THAT(teller.due(notes, now + kHour), IsEmpty());
}

TEST_F(OperatorWatchTest, WhatHasNoEffectIsTold) {
  folder.write(Folder::domain_file("a.test"), "no JSON");
  start();
  std::vector<std::string> told;
  watch->on_notes([&](const std::string& line) { told.push_back(line); });
  ASSERT_EQ(told.size(), 1U) << "from within the call";
  EXPECT_THAT(told[0], testing::StartsWith("the operator's files in " + folder.path() +
                                           ": domain/a.test.json: "));
  for (int i = 0; i < 3; ++i) watch->look();
  EXPECT_EQ(told.size(), 1U);
}

TEST_F(OperatorWatchTest, AFolderThatCannotBeReadIsTold) {
  start();
  std::vector<std::string> told;
  watch->on_notes([&](const std::string& line) { told.push_back(line); });
  EXPECT_THAT(told, IsEmpty());
  std::filesystem::remove_all(folder.path());
  std::ofstream(folder.path()) << "a file where the folder was";
  watch->look();
  EXPECT_TRUE(watch->current()->notes().unread());
  EXPECT_THAT(told, ElementsAre("the operator's files in " + folder.path() +
                                ": cannot be read: Not a directory"));
}

}  // namespace
}  // namespace mxw::operators
