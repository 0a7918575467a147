// Deferrals, their key file, and the breaker.
#include "milter/deferrals.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>
#include <thread>

#include "core/base/digest.hpp"
#include "core/service/key_file.hpp"
#include "milter/breaker.hpp"
#include "tests/unit/store_support.hpp"

namespace mxw::milter {
namespace {

constexpr Time kNow{1'800'000'000 * kSecond};

IpAddress ip(std::string_view text) {
  return *IpAddress::parse(text);
}

std::vector<std::uint8_t> secret() {
  return std::vector<std::uint8_t>(32, 7);
}

Deferrals::Key key_number(unsigned number) {
  Deferrals::Key key{};
  key[0] = static_cast<std::uint8_t>(number), key[1] = static_cast<std::uint8_t>(number >> 8);
  return key;
}

TEST(MilterDeferrals, NothingBeforeTheStart) {
  Deferrals deferrals;
  EXPECT_FALSE(deferrals.usable());
  deferrals.start(secret(), {});
  EXPECT_TRUE(deferrals.usable());
}

TEST(MilterDeferrals, TheKeyIsOfPrefixSenderAndRecipient) {
  Deferrals deferrals;
  deferrals.start(secret(), {});
  const auto key = deferrals.key(ip("192.0.2.1"), "a@example.org", "b@example.net");
  EXPECT_EQ(key, deferrals.key(ip("192.0.2.200"), "a@example.org", "b@example.net"));
  EXPECT_NE(key, deferrals.key(ip("192.0.3.1"), "a@example.org", "b@example.net"));
  EXPECT_NE(key, deferrals.key(ip("192.0.2.1"), "A@example.org", "b@example.net"));
  EXPECT_NE(key, deferrals.key(ip("192.0.2.1"), "a@example.org", "c@example.net"));
  EXPECT_NE(key, deferrals.key({}, "a@example.org", "b@example.net"));
  // Octets do not wander from one part to the next.
  EXPECT_NE(deferrals.key({}, "ab", "c"), deferrals.key({}, "a", "bc"));
  EXPECT_NE(deferrals.key({}, "", "abc"), deferrals.key({}, "abc", ""));
  EXPECT_EQ(deferrals.key(ip("2001:db8:1::1"), "a", "b"),
            deferrals.key(ip("2001:db8:1:ffff::9"), "a", "b"));
  EXPECT_NE(deferrals.key(ip("2001:db8:1::1"), "a", "b"),
            deferrals.key(ip("2001:db8:2::1"), "a", "b"));
  Deferrals other;
  other.start(std::vector<std::uint8_t>(32, 8), {});
  EXPECT_NE(key, other.key(ip("192.0.2.1"), "a@example.org", "b@example.net"));
}

// By openssl dgst -sha256 -mac HMAC -macopt hexkey:0707...: the rows of a store stay good.
TEST(MilterDeferrals, TheKeyIsTheSameInEveryVersion) {
  Deferrals deferrals;
  deferrals.start(secret(), {});
  EXPECT_EQ(hex(deferrals.key(ip("192.0.2.1"), "a@example.org", "b@example.net")),
            "574c4440ce5ca32cc9e8f1430256a14f432bf0424e217854b8c5bc0b9a51b64e");
}

TEST(MilterDeferrals, CountFromTheFirst) {
  Deferrals deferrals;
  deferrals.start(secret(), {});
  const auto key = key_number(1);
  EXPECT_FALSE(deferrals.known(key, kNow).first);
  EXPECT_TRUE(deferrals.known(key, kNow).room);
  auto row = deferrals.note(key, kNow);
  ASSERT_TRUE(row);
  EXPECT_EQ(row->count, 1U);
  row = deferrals.note(key, kNow + kHour);
  ASSERT_TRUE(row);
  EXPECT_EQ(row->key, key);
  EXPECT_EQ(row->first, kNow);
  EXPECT_EQ(row->last, kNow + kHour);
  EXPECT_EQ(row->count, 2U);
  EXPECT_EQ(deferrals.known(key, kNow + kHour).first, kNow);
  // As long as a queue keeps a mail, then it is another one.
  EXPECT_EQ(deferrals.known(key, kNow + kHour + Deferrals::kKept).first, kNow);
  EXPECT_FALSE(deferrals.known(key, kNow + kHour + Deferrals::kKept + 1).first);
  row = deferrals.note(key, kNow + kHour + Deferrals::kKept + 1);
  ASSERT_TRUE(row);
  EXPECT_EQ(row->count, 1U);
  EXPECT_EQ(row->first, kNow + kHour + Deferrals::kKept + 1);
  EXPECT_EQ(deferrals.size(), 1U);
}

TEST(MilterDeferrals, AFullTableLetsOthersThrough) {
  Deferrals deferrals(3);
  deferrals.start(secret(), {});
  for (unsigned i = 0; i < 3; ++i) EXPECT_TRUE(deferrals.note(key_number(i), kNow + i));
  EXPECT_FALSE(deferrals.known(key_number(9), kNow + 3).room);
  EXPECT_FALSE(deferrals.note(key_number(9), kNow + 3));
  EXPECT_TRUE(deferrals.known(key_number(0), kNow + 3).room);
  EXPECT_TRUE(deferrals.note(key_number(0), kNow + 3));  // known ones are
  // Number 1 is the oldest now; room when it is too old to count.
  const Time later = kNow + 1 + Deferrals::kKept + 1;
  EXPECT_FALSE(deferrals.known(key_number(9), later - 1).room);
  EXPECT_TRUE(deferrals.note(key_number(9), later));
  EXPECT_EQ(deferrals.size(), 3U);
  EXPECT_FALSE(deferrals.known(key_number(1), kNow + 3).first);
  EXPECT_TRUE(deferrals.known(key_number(2), kNow + 3).first);
  EXPECT_TRUE(deferrals.known(key_number(0), kNow + 3).first);
}

TEST(MilterDeferrals, WhileNothingIsStoredNoneIsTheFirst) {
  Deferrals deferrals;
  deferrals.start(secret(), {});
  bool stored = true;
  deferrals.ask_stored([&] { return stored; });
  ASSERT_TRUE(deferrals.note(key_number(1), kNow));
  stored = false;
  EXPECT_FALSE(deferrals.known(key_number(2), kNow).room);
  EXPECT_FALSE(deferrals.note(key_number(2), kNow));
  EXPECT_EQ(deferrals.known(key_number(1), kNow).first, kNow);
  EXPECT_TRUE(deferrals.known(key_number(1), kNow).room);
  EXPECT_EQ(deferrals.note(key_number(1), kNow + kHour)->count, 2U);
  EXPECT_FALSE(deferrals.note(key_number(1), kNow + kHour + Deferrals::kKept + 1))
      << "too old to be known";
  stored = true;
  EXPECT_TRUE(deferrals.note(key_number(2), kNow));
}

TEST(MilterDeferrals, TheStoreBringsThemBack) {
  std::vector<store::DeferralRow> rows(4);
  for (unsigned i = 0; i < rows.size(); ++i) {
    rows[i].key = key_number(i);
    rows[i].first = kNow - kHour;
    rows[i].last = kNow - i;  // most recent first
    rows[i].count = 5;
  }
  rows.push_back(rows[0]);
  Deferrals deferrals(3);
  deferrals.start(secret(), rows);
  EXPECT_EQ(deferrals.size(), 3U);
  EXPECT_EQ(deferrals.known(key_number(0), kNow).first, kNow - kHour);
  EXPECT_FALSE(deferrals.known(key_number(3), kNow).first);  // over the bound: the oldest
  EXPECT_EQ(deferrals.note(key_number(2), kNow)->count, 6U);
  // Number 1 is the oldest now, and the first to give way.
  EXPECT_TRUE(deferrals.note(key_number(9), kNow + Deferrals::kKept));
  EXPECT_FALSE(deferrals.known(key_number(1), kNow).first);
}

TEST(MilterDeferrals, AClockSetBackMovesNothing) {
  Deferrals deferrals;
  deferrals.start(secret(), {});
  ASSERT_TRUE(deferrals.note(key_number(1), kNow));
  const auto row = deferrals.note(key_number(1), kNow - kDay);
  ASSERT_TRUE(row);
  EXPECT_EQ(row->first, kNow);
  EXPECT_EQ(row->last, kNow);
}

// Sessions use both from any thread.
TEST(MilterDeferrals, ThreadsShareThemAndTheBreaker) {
  constexpr unsigned kThreads = 4, kRounds = 2'000, kKeys = 50;
  Deferrals deferrals;
  deferrals.start(secret(), {});
  Breaker breaker({.max_share = 100.0, .min_count = 1});
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < kThreads; ++i) {
    threads.emplace_back([&] {
      for (unsigned round = 0; round < kRounds; ++round) {
        const auto key = key_number(round % kKeys);
        breaker.rcpt(kNow);
        if (deferrals.note(key, kNow)->count == 1) (void)breaker.deferral(kNow);
        (void)deferrals.known(key, kNow);
        (void)breaker.open(kNow);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(deferrals.size(), kKeys);
  EXPECT_EQ(breaker.counts(kNow).rcpts, kThreads * kRounds);
  EXPECT_EQ(breaker.counts(kNow).deferrals, kKeys);
  EXPECT_EQ(deferrals.note(key_number(0), kNow)->count, kThreads * kRounds / kKeys + 1);
}

TEST(MilterDeferralKey, IsMadeOnceAndKept) {
  const store::TemporaryDirectory folder;
  const std::string path = folder.file("deferral.key");
  const auto made = service::key_file(path);
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_EQ(made->size(), 32U);
  EXPECT_EQ(service::key_file(path).value(), *made);
  struct stat status{};
  ASSERT_EQ(::stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600U);
  const auto other = service::key_file(folder.file("other.key"));
  ASSERT_TRUE(other);
  EXPECT_NE(*other, *made);
  std::size_t files = 0;  // nothing beside them is left
  for ([[maybe_unused]] const auto& entry :
       std::filesystem::directory_iterator(std::filesystem::path(path).parent_path()))
    ++files;
  EXPECT_EQ(files, 2U);
}

TEST(MilterDeferralKey, WhatIsNoKeyIsRefused) {
  const store::TemporaryDirectory folder;
  const auto write = [&](const char* name, std::size_t size, mode_t mode) {
    const std::string path = folder.file(name);
    std::ofstream(path) << std::string(size, 'k');
    ::chmod(path.c_str(), mode);
    return path;
  };
  EXPECT_TRUE(service::key_file(write("good", 32, 0600)));
  EXPECT_TRUE(service::key_file(write("read-only", 32, 0400)));
  for (const auto& [file, size, mode] : {std::tuple("short", 31UL, 0600U),
                                         {"long", 33UL, 0600U},
                                         {"empty", 0UL, 0600U},
                                         {"group", 32UL, 0640U},
                                         {"world", 32UL, 0604U}}) {
    const auto key = service::key_file(write(file, size, mode));
    ASSERT_FALSE(key) << file;
    EXPECT_EQ(key.error().kind, ErrorKind::environment);
  }
  const std::string link = folder.file("link");
  ASSERT_EQ(::symlink(folder.file("good").c_str(), link.c_str()), 0);
  EXPECT_FALSE(service::key_file(link));
  const std::string pipe = folder.file("pipe");
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  EXPECT_FALSE(service::key_file(pipe));  // and does not wait for a writer
  EXPECT_FALSE(service::key_file(folder.file("no/such/folder.key")));
}

TEST(MilterBreaker, TripsAboveTheShareAndAtTheCount) {
  Breaker breaker({.max_share = 1.0, .min_count = 20});
  for (int i = 0; i < 2'000; ++i) breaker.rcpt(kNow);
  for (int i = 0; i < 20; ++i) EXPECT_FALSE(breaker.deferral(kNow)) << i;  // 20 of 2,000: 1 %
  EXPECT_FALSE(breaker.open(kNow));
  EXPECT_TRUE(breaker.deferral(kNow));  // above
  EXPECT_TRUE(breaker.open(kNow));
  EXPECT_FALSE(breaker.deferral(kNow));  // told once
  EXPECT_TRUE(breaker.open(kNow + Breaker::kOpen - 1));
  EXPECT_FALSE(breaker.open(kNow + Breaker::kOpen));
}

TEST(MilterBreaker, FewDeferralsDoNotTripIt) {
  Breaker breaker({.max_share = 1.0, .min_count = 20});
  for (int i = 0; i < 19; ++i) {
    breaker.rcpt(kNow);
    EXPECT_FALSE(breaker.deferral(kNow)) << i;
  }
  breaker.rcpt(kNow);
  EXPECT_TRUE(breaker.deferral(kNow));
}

TEST(MilterBreaker, TheWindowSlides) {
  Breaker breaker({.max_share = 1.0, .min_count = 20});
  for (int i = 0; i < 19; ++i) EXPECT_FALSE(breaker.deferral(kNow));
  for (int i = 0; i < 100; ++i) breaker.rcpt(kNow + kMinute);
  EXPECT_EQ(breaker.counts(kNow + 59 * kMinute).deferrals, 19U);
  EXPECT_EQ(breaker.counts(kNow + 59 * kMinute).rcpts, 100U);
  EXPECT_EQ(breaker.counts(kNow + 60 * kMinute).deferrals, 0U);
  EXPECT_EQ(breaker.counts(kNow + 60 * kMinute).rcpts, 100U);
  EXPECT_FALSE(breaker.deferral(kNow + 60 * kMinute));
  EXPECT_EQ(breaker.counts(kNow + 61 * kMinute).rcpts, 0U);
  EXPECT_EQ(breaker.counts(kNow + 61 * kMinute).deferrals, 1U);
  // Not only where the minute's place is taken by a later one.
  EXPECT_EQ(breaker.counts(kNow + 10 * kDay + 30 * kMinute).deferrals, 0U);
}

TEST(MilterBreaker, ANewTripIsToldAgain) {
  Breaker breaker({.max_share = 0.0, .min_count = 1});
  EXPECT_TRUE(breaker.deferral(kNow));
  EXPECT_TRUE(breaker.deferral(kNow + Breaker::kOpen));
}

TEST(MilterBreaker, AClockSetBackNeitherHoldsItOpenNorShut) {
  Breaker breaker({.max_share = 1.0, .min_count = 2});
  EXPECT_FALSE(breaker.deferral(kNow + kDay));
  EXPECT_TRUE(breaker.deferral(kNow + kDay));
  EXPECT_TRUE(breaker.open(kNow));
  EXPECT_FALSE(breaker.open(kNow + Breaker::kOpen));
  EXPECT_EQ(breaker.counts(kNow + Breaker::kOpen).deferrals, 0U);
  // Threads read the clock before they wait for the lock.
  Breaker other({.max_share = 100.0, .min_count = 100});
  other.rcpt(kNow + kMinute);
  other.rcpt(kNow);
  EXPECT_EQ(other.counts(kNow + kMinute).rcpts, 2U);
}

TEST(MilterBreaker, WhoeverLooksMovesNothing) {
  Breaker breaker({.max_share = 1.0, .min_count = 2});
  EXPECT_FALSE(breaker.deferral(kNow));
  EXPECT_EQ(breaker.shown(kNow).counts.deferrals, 1U);
  EXPECT_FALSE(breaker.shown(kNow).open);
  EXPECT_EQ(breaker.shown(kNow + kDay).counts.deferrals, 0U) << "a clock that is ahead";
  EXPECT_EQ(breaker.shown(kNow - kDay).counts.deferrals, 1U) << "or behind";
  EXPECT_TRUE(breaker.deferral(kNow)) << "the first is still counted";
  EXPECT_TRUE(breaker.shown(kNow).open);
  EXPECT_FALSE(breaker.shown(kNow + Breaker::kOpen).open);
  EXPECT_TRUE(breaker.open(kNow));
}

TEST(MilterBreaker, AReloadKeepsWhatIsCounted) {
  Breaker breaker({.max_share = 1.0, .min_count = 100});
  for (int i = 0; i < 20; ++i) EXPECT_FALSE(breaker.deferral(kNow));
  breaker.set_limits({.max_share = 1.0, .min_count = 20});
  EXPECT_TRUE(breaker.deferral(kNow));
}

}  // namespace
}  // namespace mxw::milter
