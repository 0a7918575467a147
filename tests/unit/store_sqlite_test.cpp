// What Database promises: private files, versions, and trouble told apart.
#include "core/store/sqlite.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <fstream>

#include "core/store/store_file.hpp"
#include "core/store/transaction.hpp"
#include "tests/unit/store_support.hpp"

namespace mxw::store {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr std::array<const char*, 3> kSteps = {
    "CREATE TABLE thing(id INTEGER PRIMARY KEY, text TEXT NOT NULL, address BLOB NOT NULL) STRICT;",
    "ALTER TABLE thing ADD COLUMN time INTEGER;",
    "ALTER TABLE thing ADD COLUMN colour TEXT NOT NULL DEFAULT 'none';"};
constexpr std::int32_t kId = 0x74657374;

Schema schema(std::size_t version) {
  return {kId, std::span(kSteps).first(version)};
}

class DatabaseFile : public testing::Test {
 protected:
  Result<Database> open(std::size_t version = 2, OpenOptions options = {}) {
    return Database::open(path_, schema(version), options);
  }
  // A file with enough rows to have pages beyond the first.
  void fill(int rows) {
    auto database = value_of_open();
    Transaction transaction(database);
    for (int i = 0; i < rows; ++i)
      transaction.run("INSERT INTO thing(text, address) VALUES(?, ?)", std::string(200, 'a'),
                      IpAddress{});
    value_of(transaction.commit());
  }
  Database value_of_open() {
    auto database = open();
    if (!database) throw std::runtime_error(database.error().message);
    return std::move(*database);
  }
  void overwrite(std::int64_t offset, std::size_t bytes) {
    std::fstream file(path_, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(offset);
    file << std::string(bytes, '\x5a');
  }
  static std::vector<std::string> texts(Database& database) {
    return value_of(database.all("SELECT text FROM thing ORDER BY id",
                                 [](Statement& row) { return row.text(); }));
  }

  TemporaryDirectory directory_;
  std::string path_ = directory_.file("store.db");
};

mode_t mode_of_file(const std::string& path) {
  struct stat status{};
  return stat(path.c_str(), &status) == 0 ? status.st_mode & 0777U : 0;
}

TEST_F(DatabaseFile, IsPrivateWhateverTheUmask) {
  for (const mode_t mask : {0U, 0777U}) {
    const mode_t before = umask(mask);
    const auto database = open();
    umask(before);
    ASSERT_TRUE(database) << database.error().message;
    EXPECT_EQ(mode_of_file(path_), 0600U);
    EXPECT_EQ(mode_of_file(path_ + "-wal"), 0600U);
    EXPECT_EQ(mode_of_file(path_ + "-shm"), 0600U);
    std::filesystem::remove(path_);
    std::filesystem::remove(path_ + "-wal");
    std::filesystem::remove(path_ + "-shm");
  }
}

TEST_F(DatabaseFile, TakesRightsFromOthers) {
  fill(1);
  ASSERT_EQ(chmod(path_.c_str(), 0666), 0);
  ASSERT_TRUE(open());
  EXPECT_EQ(mode_of_file(path_), 0600U);
}

TEST_F(DatabaseFile, RefusesLinksAndFolders) {
  fill(1);
  const std::string link = directory_.file("link.db");
  std::filesystem::create_symlink(path_, link);
  EXPECT_EQ(fault_in(Database::open(link, schema(2))), "cannot-open");
  std::filesystem::create_directory(directory_.file("folder.db"));
  EXPECT_EQ(fault_in(Database::open(directory_.file("folder.db"), schema(2))), "cannot-open");
  EXPECT_EQ(fault_in(Database::open(directory_.file("none/a.db"), schema(2))), "cannot-open");
}

TEST_F(DatabaseFile, RunsAsDocumented) {
  auto database = value_of_open();
  EXPECT_EQ(value_of(database.integer("PRAGMA synchronous")), 1);  // NORMAL
  EXPECT_EQ(value_of(database.integer("PRAGMA foreign_keys")), 1);
  const auto mode =
      database.first("PRAGMA journal_mode", [](Statement& row) { return row.text(); });
  EXPECT_EQ(value_of(mode), "wal");
}

TEST_F(DatabaseFile, KeepsTypes) {
  auto database = value_of_open();
  const std::string odd("a\0b\xff", 4);
  const auto v4 = IpAddress::parse("192.0.2.1"), v6 = IpAddress::parse("2001:db8::1");
  const auto put = "INSERT INTO thing(text, address, time) VALUES(?, ?, ?)";
  value_of(database.run(put, odd, *v4, std::optional<Time>(at(7))));
  value_of(database.run(put, "", *v6, std::optional<Time>()));
  value_of(database.run(put, std::string_view(), IpAddress{}, Time{-1}));

  EXPECT_THAT(texts(database), ElementsAre(odd, "", ""));
  EXPECT_THAT(value_of(database.all("SELECT address FROM thing ORDER BY id",
                                    [](Statement& row) { return row.address(); })),
              ElementsAre(*v4, *v6, IpAddress{}));
  EXPECT_THAT(value_of(database.all("SELECT time FROM thing ORDER BY id",
                                    [](Statement& row) { return row.optional_time(); })),
              ElementsAre(at(7), std::nullopt, Time{-1}));
  EXPECT_EQ(value_of(database.integer("SELECT length(address) FROM thing WHERE id = 1")), 16);
}

TEST_F(DatabaseFile, StrictTablesRefuseOtherTypes) {
  auto database = value_of_open();
  EXPECT_EQ(fault_in(database.run("INSERT INTO thing(text, address) VALUES(?, ?)", "a", "no blob")),
            "constraint");
}

TEST_F(DatabaseFile, RollsBackUnlessCommitted) {
  auto database = value_of_open();
  const auto put = "INSERT INTO thing(text, address) VALUES(?, zeroblob(0))";
  {
    Transaction(database).run(put, "lost");
  }
  Transaction kept(database);
  kept.run(put, "kept");
  value_of(kept.commit());
  {
    Transaction failed(database);
    failed.run(put, "before").run("INSERT INTO thing(id, text, address) VALUES(1, '', '')");
    failed.run(put, "after");
    EXPECT_FALSE(failed.ok());
    EXPECT_EQ(fault_in(failed.commit()), "constraint");
  }
  EXPECT_THAT(texts(database), ElementsAre("kept"));
  Transaction again(database);
  again.run(put, "again");
  value_of(again.commit());
  EXPECT_THAT(texts(database), ElementsAre("kept", "again"));
}

// A statement that is still being read when the same SQL is asked for again.
TEST_F(DatabaseFile, SameStatementTwiceAtOnce) {
  fill(3);
  auto database = value_of_open();
  const std::string sql = "SELECT id FROM thing ORDER BY id";
  auto outer = value_of(database.all(sql, [&](Statement& row) {
    const auto id = row.integer();
    return id * 10 + value_of(database.integer(sql));
  }));
  EXPECT_THAT(outer, ElementsAre(11, 21, 31));
}

TEST_F(DatabaseFile, MigratesOlderFiles) {
  {
    auto first = open(1);
    ASSERT_TRUE(first);
    value_of(first->run("INSERT INTO thing(text, address) VALUES('old', zeroblob(0))"));
  }
  auto third = open(3);
  ASSERT_TRUE(third);
  EXPECT_EQ(third->version(), 3);
  EXPECT_EQ(value_of(third->integer("PRAGMA user_version")), 3);
  EXPECT_THAT(value_of(third->all("SELECT text || colour FROM thing",
                                  [](Statement& row) { return row.text(); })),
              ElementsAre("oldnone"));
}

TEST_F(DatabaseFile, MigrationIsAllOrNothing) {
  {
    ASSERT_TRUE(open(1));
  }
  const std::array<const char*, 3> broken = {kSteps[0], kSteps[1], "CREATE TABLE thing(x);"};
  EXPECT_FALSE(Database::open(path_, {kId, broken}));
  auto first = open(1);
  ASSERT_TRUE(first);
  EXPECT_EQ(value_of(first->integer("PRAGMA user_version")), 1);
  EXPECT_EQ(value_of(first->integer(
                "SELECT count(*) FROM pragma_table_info('thing') WHERE name = 'time'")),
            0);
}

// Semantics 6: readers accept schema N-1..N+1.
TEST_F(DatabaseFile, ReadsOneVersionEitherWay) {
  {
    ASSERT_TRUE(open(2));
  }
  const OpenOptions reader{.access = Access::reader};
  EXPECT_EQ(fault_in(open(1, reader)), "none");
  EXPECT_EQ(fault_in(open(2, reader)), "none");
  EXPECT_EQ(fault_in(open(3, reader)), "none");
  {
    auto older_program = open(1);
    ASSERT_TRUE(older_program);
    EXPECT_EQ(older_program->version(), 2);
    value_of(older_program->run("INSERT INTO thing(text, address) VALUES('n', zeroblob(0))"));
  }
  {
    ASSERT_TRUE(open(3));
  }
  EXPECT_EQ(fault_in(open(1, reader)), "version");
  EXPECT_EQ(fault_in(open(1)), "version");
  EXPECT_EQ(open(1).error().kind, ErrorKind::usage);
  EXPECT_THAT(open(1).error().message, HasSubstr("schema version 3, this program knows 1"));
}

TEST_F(DatabaseFile, TooOldForAReader) {
  {
    ASSERT_TRUE(open(1));
  }
  EXPECT_EQ(fault_in(open(3, {.access = Access::reader})), "version");
}

TEST_F(DatabaseFile, RefusesAnotherProgramsStore) {
  fill(1);
  EXPECT_EQ(fault_in(Database::open(path_, {kId + 1, kSteps})), "foreign");
}

TEST_F(DatabaseFile, ReaderCannotWrite) {
  fill(1);
  auto reader = open(2, {.access = Access::reader});
  ASSERT_TRUE(reader);
  EXPECT_EQ(fault_in(reader->run("DELETE FROM thing")), "read-only");
  EXPECT_EQ(
      fault_in(Database::open(directory_.file("absent.db"), schema(2), {.access = Access::reader})),
      "cannot-open");
  EXPECT_FALSE(std::filesystem::exists(directory_.file("absent.db")));
}

TEST_F(DatabaseFile, LockedIsTold) {
  auto first = value_of_open();
  auto second = open(2, {.busy_timeout_ms = 20});
  ASSERT_TRUE(second);
  Transaction holder(first);
  {
    Transaction waiting(*second);
    EXPECT_FALSE(waiting.ok());
    EXPECT_EQ(fault_in(waiting.commit()), "locked");
  }
  value_of(holder.commit());
  Transaction later(*second);
  later.run("INSERT INTO thing(text, address) VALUES('x', zeroblob(0))");
  EXPECT_EQ(fault_in(later.commit()), "none");
}

// Making the file private must not drop the locks the process already holds on it.
TEST_F(DatabaseFile, OpeningAgainKeepsLocks) {
  auto first = value_of_open();
  Transaction holder(first);
  holder.run("INSERT INTO thing(text, address) VALUES('x', zeroblob(0))");
  (void)open(2, {.busy_timeout_ms = 1});
  const pid_t child = fork();
  if (child == 0) {
    auto other = Database::open(path_, schema(2), {.busy_timeout_ms = 1});
    if (!other) _exit(other.error().fault == Fault::locked ? 0 : 2);
    _exit(fault_in(Transaction(*other).commit()) == "locked" ? 0 : 3);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  value_of(holder.commit());
}

TEST_F(DatabaseFile, DiskFullKeepsWhatWasCommitted) {
  auto database = open(2, {.max_bytes = 64 << 10});
  ASSERT_TRUE(database);
  const auto put = "INSERT INTO thing(text, address) VALUES(?, zeroblob(0))";
  std::int64_t committed = 0;
  std::string fault = "none";
  while (fault == "none" && committed < 10'000) {
    Transaction transaction(*database);
    transaction.run(put, std::string(1'000, 'x'));
    fault = fault_in(transaction.commit());
    if (fault == "none") ++committed;
  }
  EXPECT_EQ(fault, "disk-full");
  EXPECT_GT(committed, 20);
  EXPECT_EQ(value_of(database->integer("SELECT count(*) FROM thing")), committed);
  value_of(database->quick_check());
  value_of(database->run("DELETE FROM thing WHERE id <= 10"));
  EXPECT_EQ(fault_in(database->run(put, std::string(1'000, 'x'))), "none");
}

TEST_F(DatabaseFile, DamagedHeaderIsCorrupt) {
  fill(10);
  overwrite(0, 100);
  const auto opened = open();
  ASSERT_EQ(fault_in(opened), "corrupt");
  EXPECT_EQ(opened.error().kind, ErrorKind::input);
  EXPECT_THAT(opened.error().message, HasSubstr(path_ + ": corrupt: "));
}

TEST_F(DatabaseFile, DamagedPagesAreCorrupt) {
  fill(1'000);
  overwrite(4'096 * 2, 4'096 * 8);
  auto database = open();
  ASSERT_TRUE(database);
  EXPECT_EQ(fault_in(database->quick_check()), "corrupt");
  EXPECT_EQ(
      fault_in(database->all("SELECT text FROM thing", [](Statement& row) { return row.text(); })),
      "corrupt");
}

TEST_F(DatabaseFile, CutFileIsCorrupt) {
  fill(1'000);
  std::filesystem::resize_file(path_, 4'096 * 5 + 17);
  auto database = open();
  EXPECT_EQ(database ? fault_in(database->quick_check()) : fault_in(database), "corrupt");
}

TEST_F(DatabaseFile, QuarantineMakesRoom) {
  fill(10);
  overwrite(0, 100);
  std::ofstream(path_ + "-wal") << "left over";
  const auto aside = quarantine(path_, at(0));
  ASSERT_TRUE(aside) << aside.error().message;
  EXPECT_EQ(*aside, path_ + ".corrupt-" + format_rfc3339(at(0)));
  EXPECT_TRUE(std::filesystem::exists(*aside));
  EXPECT_TRUE(std::filesystem::exists(*aside + "-wal"));
  auto database = open();
  ASSERT_TRUE(database) << database.error().message;
  EXPECT_EQ(value_of(database->integer("SELECT count(*) FROM thing")), 0);
}

TEST_F(DatabaseFile, QuarantineOverwritesNothing) {
  fill(1);
  std::ofstream(path_ + ".corrupt-" + format_rfc3339(at(0))) << "evidence";
  EXPECT_EQ(fault_in(quarantine(path_, at(0))), "cannot-open");
  EXPECT_TRUE(std::filesystem::exists(path_));
  EXPECT_EQ(fault_in(quarantine(directory_.file("absent.db"), at(0))), "cannot-open");
}

}  // namespace
}  // namespace mxw::store
