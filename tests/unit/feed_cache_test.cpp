// The cache file: brought back as it was, or not at all.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <csignal>
#include <fstream>
#include <random>

#include "core/base/digest.hpp"
#include "core/feed/cache_writer.hpp"
#include "core/feed/codec.hpp"
#include "core/feed/replica.hpp"
#include "core/feed/saving.hpp"
#include "tests/unit/feed_support.hpp"
#include "tests/unit/ipc_support.hpp"

namespace mxw::feed {
namespace {

using testing::HasSubstr;

// All rows as lines, in an order of their own.
std::string contents(const Replica& replica) {
  std::vector<std::string> lines;
  const auto add = [&](const auto* row) {
    if (row != nullptr) append_line(lines.emplace_back(), *row);
  };
  replica.for_each_domain([&](std::uint32_t, std::string_view, const DomainEntry& entry) {
    add(entry.domain());
    add(entry.policy());
    for (const rows::RouteRow& row : entry.routes()) add(&row);
    for (const rows::RouteRow& row : entry.routes()) {
      const std::string base = "_25._tcp." + row.mx_host;
      for (const rows::TlsaRow& tlsa : replica.tlsa(base)) add(&tlsa);
    }
  });
  std::ranges::sort(lines);
  std::string all;
  for (const std::string& line : lines) all += line;
  return all;
}

void fill(Replica& replica, int domains) {
  rows::Sequence seq = 1'000;
  const auto put = [&](auto row) {
    row.seq = ++seq;
    replica.on_change(row);
  };
  replica.on_reset();
  for (int i = 0; i < domains; ++i) {
    const std::string name = "d" + std::to_string(i) + ".example";
    put(domain_row(name));
    put(policy_row(name, "1", std::string("awkward \x01\"\\\n") + "ü"));
    put(route_row(name, "mx." + name, i % 2 == 0 ? "2001:db8::1" : ""));
    put(tlsa_row("_25._tcp.mx." + name, {3, 1, 1, 0}));
  }
  replica.on_end(seq + 7);
}

std::string read_all(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}
void write_all(const std::string& path, std::string_view text) {
  std::ofstream(path, std::ios::binary) << text;
}

class CacheTest : public LoopTest {
 protected:
  std::string path = directory.file("policies.ndjson");
};

TEST_F(CacheTest, BringsBackWhatWasSaved) {
  Replica replica;
  fill(replica, 500);
  EXPECT_TRUE(replica.changed());
  ASSERT_TRUE(replica.save(path));
  EXPECT_FALSE(replica.changed());
  EXPECT_FALSE(std::filesystem::exists(path + ".new"));
  struct stat there{};
  ASSERT_EQ(::stat(path.c_str(), &there), 0);
  EXPECT_EQ(there.st_mode & 07777, 0600U);

  Replica other;
  std::size_t told = 0;
  other.on_changed({.domain = [&](std::uint32_t, std::string_view) { ++told; }, .tlsa = {}});
  ASSERT_TRUE(other.load(path));
  EXPECT_EQ(contents(other), contents(replica));
  EXPECT_EQ(other.sequence(), replica.sequence());
  EXPECT_EQ(other.sizes().body_bytes, replica.sizes().body_bytes);
  EXPECT_TRUE(other.complete());
  EXPECT_FALSE(other.changed());
  EXPECT_EQ(told, 500U);
  EXPECT_EQ(other.counters().bad_files, 0U);
}

TEST_F(CacheTest, BringsBackRecordsAndRereads) {
  Replica replica;
  rows::TlsrptRow record = tlsrpt_row("a.example");
  record.valid_to = std::nullopt;
  record.seq = 5;
  rows::RereadRow reread = reread_row("b.example");
  reread.seq = 6;
  replica.on_change(record);
  replica.on_change(reread);
  ASSERT_TRUE(replica.save(path));
  Replica other;
  ASSERT_TRUE(other.load(path));
  ASSERT_EQ(other.sizes().domains, 2U);
  EXPECT_EQ(*other.find("a.example")->tlsrpt(), record);
  EXPECT_EQ(*other.find("b.example")->reread(), reread);
  EXPECT_EQ(other.sequence(), 6U);
}

TEST_F(CacheTest, IsNotThereAtTheFirstStart) {
  Replica replica;
  EXPECT_FALSE(replica.load(path));
  EXPECT_EQ(replica.counters().bad_files, 0U);
  EXPECT_FALSE(replica.complete());
}

TEST_F(CacheTest, IsTakenWholeOrNotAtAll) {
  Replica replica;
  fill(replica, 2);
  ASSERT_TRUE(replica.save(path));
  const std::string whole = read_all(path);
  ASSERT_GT(whole.size(), 1'000U);
  for (const std::string& more : {std::string("\n"), std::string("x"), whole}) {
    write_all(path, whole + more);
    Replica other;
    EXPECT_FALSE(other.load(path));
  }
  write_all(path, whole);
  for (std::size_t length = whole.size(); length-- > 0;) {
    std::filesystem::resize_file(path, length);
    Replica other;
    ASSERT_FALSE(other.load(path)) << length;
    EXPECT_EQ(other.counters().bad_files, 1U);
    EXPECT_EQ(other.sizes().domains, 0U);
    EXPECT_EQ(other.sizes().tlsa, 0U);
    EXPECT_EQ(other.sequence(), 0U);
    // What was begun leaves nothing behind: the owner fills it as a new one.
    fill(other, 1);
    EXPECT_EQ(other.sizes().domains, 1U);
  }
}

TEST_F(CacheTest, IsNotTakenWithAnOctetChanged) {
  Replica replica;
  fill(replica, 2);
  ASSERT_TRUE(replica.save(path));
  const std::string whole = read_all(path);
  const Fd file(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  for (std::size_t place = 0; place < whole.size(); ++place) {
    const char changed = static_cast<char>(whole[place] ^ 1);
    ASSERT_EQ(::pwrite(file.get(), &changed, 1, static_cast<off_t>(place)), 1);
    Replica other;
    ASSERT_FALSE(other.load(path)) << place;
    EXPECT_EQ(other.sizes().domains, 0U);
    ASSERT_EQ(::pwrite(file.get(), &whole[place], 1, static_cast<off_t>(place)), 1);
  }
  EXPECT_TRUE(Replica().load(path));
}

TEST_F(CacheTest, OfAnotherSchemaHoldsUntilTheOwnerHasToldAll) {
  Replica replica;
  fill(replica, 1);
  ASSERT_TRUE(replica.save(path));
  std::string text = read_all(path);
  const std::string ours = "\"schema\":" + std::to_string(std::variant_size_v<rows::Change>);
  ASSERT_THAT(text, HasSubstr(ours));
  text.replace(text.find(ours), ours.size(), "\"schema\":99");
  const std::size_t end = text.find("{\"v\":1,\"seq\":1011,\"op\":\"end\"");
  ASSERT_NE(end, std::string::npos);
  const Sha256 digest = sha256(as_bytes(std::string_view(text).substr(0, end)));
  text.replace(text.find("\"sha256\":\"") + 10, 64, hex(digest));
  write_all(path, text);
  Replica other;
  ASSERT_TRUE(other.load(path));
  EXPECT_EQ(other.sequence(), 0U);
  EXPECT_NE(other.find("d0.example")->policy(), nullptr);
}

TEST_F(CacheTest, IsARegularFileOfItsOwn) {
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  Replica replica;
  EXPECT_FALSE(replica.load(path));
  EXPECT_FALSE(replica.load(directory.file("")));
  std::filesystem::create_symlink("/dev/zero", directory.file("link"));
  EXPECT_FALSE(replica.load(directory.file("link")));
  EXPECT_EQ(replica.counters().bad_files, 3U);

  // What lies beside it is not written through, whoever put it there.
  write_all(directory.file("victim"), "kept");
  std::filesystem::create_symlink(directory.file("victim"), path + ".new");
  ASSERT_TRUE(replica.save(path));
  EXPECT_EQ(read_all(directory.file("victim")), "kept");
  EXPECT_TRUE(std::filesystem::is_regular_file(path));
}

TEST_F(CacheTest, TheOldFileStandsWhenTheNewOneCannotBeWritten) {
  Replica replica;
  fill(replica, 200);
  ASSERT_TRUE(replica.save(path));
  const std::string before = read_all(path);
  fill(replica, 300);
  rlimit limit{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &limit), 0);
  rlimit small = limit;
  small.rlim_cur = 10'000;
  const auto ignored = std::signal(SIGXFSZ, SIG_IGN);
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  const auto saved = replica.save(path);
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &limit), 0);
  std::signal(SIGXFSZ, ignored);
  ASSERT_FALSE(saved);
  EXPECT_THAT(saved.error().message, HasSubstr("File too large"));
  EXPECT_EQ(read_all(path), before);
  EXPECT_FALSE(std::filesystem::exists(path + ".new"));
  EXPECT_TRUE(replica.changed());
  EXPECT_FALSE(replica.save(directory.file("none/x")));
}

// A writer that is killed, wherever it was, leaves the old file or the new one.
TEST_F(CacheTest, IsWholeWheneverItsWriterIsKilled) {
  Replica replica;
  fill(replica, 300);
  ASSERT_TRUE(replica.save(path));
  std::mt19937 random(26);
  bool between = false;
  for (int round = 0; round < 40; ++round) {
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      for (;;) (void)replica.save(path);
    }
    ::usleep(2'000 + random() % 5'000);
    ::kill(child, SIGKILL);
    ASSERT_EQ(::waitpid(child, nullptr, 0), child);
    between = between || std::filesystem::exists(path + ".new");
    Replica other;
    ASSERT_TRUE(other.load(path)) << round;
    EXPECT_EQ(other.sizes().policies, 300U);
  }
  EXPECT_TRUE(between);  // else nothing was tested
  EXPECT_TRUE(replica.save(path));
}

TEST_F(CacheTest, IsWrittenNowAndThenWhenSomethingChanged) {
  Replica replica;
  fill(replica, 1);
  CacheWriter writer(*loop, replica, path, 5 * kMillisecond);
  run_until([&] { return writer.written() == 1; });
  run_for(30 * kMillisecond);
  EXPECT_EQ(writer.written(), 1U);
  fill(replica, 2);
  run_until([&] { return writer.written() == 2; });
  std::filesystem::remove_all(directory.file(""));
  fill(replica, 3);
  run_until([&] { return writer.failed() >= 2; });
  EXPECT_THAT(writer.last_error(), HasSubstr("No such file"));
}

// Whatever the size: between two slices the loop does its other work.
TEST_F(CacheTest, IsWrittenInSlices) {
  Replica replica;
  fill(replica, 5'000);
  CacheWriter writer(*loop, replica, path, kMillisecond);
  std::uint64_t turns = 0;
  Timer* self = nullptr;
  Timer other(*loop, [&] {
    if (std::filesystem::exists(path + ".new")) ++turns;
    self->start(0);
  });
  self = &other;
  other.start(0);
  run_until([&] { return writer.written() == 1; });
  const std::size_t slices = read_all(path).size() / Replica::Saving::kSlice;
  ASSERT_GT(slices, 20U);
  EXPECT_GE(turns + 1, slices);  // between each two
  Replica back;
  ASSERT_TRUE(back.load(path));
  EXPECT_EQ(contents(back), contents(replica));
}

// Whoever starts from a file that was written while rows changed, and is told the changes since its
// sequence, has what the writer has.
TEST_F(CacheTest, WhatChangesBetweenSlicesIsNotLost) {
  Replica replica;
  fill(replica, 4'000);
  const rows::Sequence begun = replica.sequence();
  auto saving = Replica::Saving::begin(replica, path).value();
  ASSERT_EQ(saving->step().value(), Replica::Saving::Step::more);
  std::vector<rows::Change> changes;
  rows::Sequence seq = begun;
  const auto change = [&](auto row) {
    row.seq = ++seq;
    changes.emplace_back(row);
    replica.on_change(row);
  };
  for (int i = 0; i < 4'000; i += 3) {
    const std::string name = "d" + std::to_string(i) + ".example";
    if (i % 2 == 0) {
      change(policy_row(name, "2"));
    } else {
      change(rows::Deletion{.table = rows::Table::domain, .tenant = 0, .name = name});
    }
  }
  change(domain_row("new.example"));
  Replica::Saving::Step last = Replica::Saving::Step::more;
  while (last == Replica::Saving::Step::more) last = saving->step().value();
  ASSERT_EQ(last, Replica::Saving::Step::done);
  saving.reset();
  EXPECT_TRUE(replica.changed()) << "the next file is due";
  Replica other;
  ASSERT_TRUE(other.load(path));
  EXPECT_EQ(other.sequence(), begun);
  for (const rows::Change& row : changes) other.on_change(row);
  EXPECT_EQ(contents(other), contents(replica));
  EXPECT_EQ(other.sequence(), replica.sequence());
}

TEST_F(CacheTest, IsGivenUpWhenItsBeginningCountsNoMore) {
  Replica replica;
  fill(replica, 3'000);
  ASSERT_TRUE(replica.save(path));
  const std::string before = read_all(path);
  const auto overtaken = [&](const std::function<void()>& meanwhile) {
    auto saving = Replica::Saving::begin(replica, path).value();
    EXPECT_EQ(saving->step().value(), Replica::Saving::Step::more);
    meanwhile();
    EXPECT_EQ(saving->step().value(), Replica::Saving::Step::overtaken);
    saving.reset();
    EXPECT_TRUE(replica.changed());
    EXPECT_FALSE(std::filesystem::exists(path + ".new"));
    EXPECT_EQ(read_all(path), before);
  };
  overtaken([&] { replica.on_reset(); });
  replica.on_end(7'000);
  // A table that grows is built anew.
  overtaken([&] {
    for (int i = 0; i < 30'000; ++i)
      replica.on_change(domain_row("e" + std::to_string(i) + ".test"));
  });
}

TEST_F(CacheTest, HalfWrittenAtTheEndIsWrittenWhole) {
  Replica replica;
  fill(replica, 3'000);
  CacheWriter writer(*loop, replica, path, 0);
  run_until([&] { return std::filesystem::exists(path + ".new"); });
  writer.write_now();
  EXPECT_EQ(writer.written(), 1U);
  Replica other;
  ASSERT_TRUE(other.load(path));
  EXPECT_EQ(other.sizes().policies, 3'000U);
}

TEST_F(CacheTest, OfAReaderThatLacksRowsAsksForAll) {
  Replica replica({.domains = 2});
  fill(replica, 3);
  ASSERT_TRUE(replica.lacks());
  ASSERT_TRUE(replica.save(path));
  Replica other;
  ASSERT_TRUE(other.load(path));
  EXPECT_EQ(other.sizes().domains, 2U);
  EXPECT_EQ(other.sequence(), 0U);
}

}  // namespace
}  // namespace mxw::feed
