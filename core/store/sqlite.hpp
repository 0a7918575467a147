// Database: one SQLite file, opened by the program that owns it (semantics 6: each program
// alone opens its own store). sqlite3.h is seen by core/store alone.
//
// The file is created with mode 0600 whatever the umask; its -wal and -shm follow. WAL with
// synchronous=NORMAL: a commit is in the file system before the call returns, so a kill of the
// process loses nothing acknowledged; a power cut may lose the last commits but never tears one.
// What is kept here is learned again from DNS, HTTPS and the wire, which is not worth an fsync a
// commit.
//
// Schemas are lists of additive steps; user_version counts those applied. A file of one step more
// than this program knows is read and written all the same (new columns have defaults, statements
// name their columns), so a downgrade by one version needs nothing. All older steps are applied in
// one transaction at open.
//
// Failures are values (core/store/error.hpp), never an abort. One thread per Database object;
// objects on the same file may live in different threads. Memory: a page cache of 4 MiB; the -wal
// is cut back to 16 MiB.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "core/base/time.hpp"
#include "core/store/error.hpp"
#include "core/store/statement.hpp"

namespace mxw::store {

struct Schema {
  std::int32_t application_id =
      0;  // PRAGMA application_id: tells one program's file from another's
  std::span<const char* const> steps;  // SQL, static; step i leads from version i to i + 1
};

enum class Access : std::uint8_t {
  owner,   // creates, migrates, writes
  reader,  // no write; accepts versions N-1 to N+1 as they are
};

struct OpenOptions {
  Access access = Access::owner;
  int busy_timeout_ms = 2'000;  // the owner is alone: only a backup or a replay can hold the file
  std::uint64_t max_bytes = 0;  // of the main file; beyond it disk_full; 0: as the disk has room
};

class Database {
 public:
  [[nodiscard]] static Result<Database> open(const std::string& path, const Schema& schema,
                                             const OpenOptions& options = {});
  Database(Database&&) noexcept;
  Database& operator=(Database&&) noexcept;
  ~Database();

  [[nodiscard]] const std::string& path() const;
  [[nodiscard]] int version() const;  // of the file, after open

  // One statement with all its parameters. Prepared once: `sql` must come from a bounded set of
  // texts.
  template <typename... Args>
  Result<Statement> prepare(const std::string& sql, const Args&... args) {
    auto statement = cached(sql);
    if (statement) (statement->bind(args), ...);
    return statement;
  }
  template <typename... Args>
  Result<void> run(const std::string& sql, const Args&... args) {
    auto statement = lent(sql, args...);
    if (!statement) return std::unexpected(std::move(statement.error()));
    return statement->run();
  }
  // Every row, as read(Statement&) gives it.
  template <typename Read, typename... Args>
  auto all(const std::string& sql, Read read, const Args&... args)
      -> Result<std::vector<std::invoke_result_t<Read&, Statement&>>> {
    std::vector<std::invoke_result_t<Read&, Statement&>> rows;
    auto statement = lent(sql, args...);
    if (!statement) return std::unexpected(std::move(statement.error()));
    for (;;) {
      const auto more = statement->step();
      if (!more) return std::unexpected(more.error());
      if (!*more) return rows;
      rows.push_back(read(*statement));
    }
  }
  // The first row, if there is one.
  template <typename Read, typename... Args>
  auto first(const std::string& sql, Read read, const Args&... args)
      -> Result<std::optional<std::invoke_result_t<Read&, Statement&>>> {
    auto statement = lent(sql, args...);
    if (!statement) return std::unexpected(std::move(statement.error()));
    const auto found = statement->step();
    if (!found) return std::unexpected(found.error());
    if (!*found) return std::nullopt;
    return read(*statement);
  }
  // The one integer a statement gives, 0 without a row.
  template <typename... Args>
  Result<std::int64_t> integer(const std::string& sql, const Args&... args) {
    const auto row = first(sql, [](Statement& s) { return s.integer(); }, args...);
    if (!row) return std::unexpected(row.error());
    return row->value_or(0);
  }

  [[nodiscard]] std::int64_t changed() const;  // rows the last run() wrote or deleted

  // Reads every page: seconds for a large file. Fault corrupt with the first finding.
  [[nodiscard]] Result<void> quick_check();

 private:
  friend class Transaction;
  explicit Database(std::unique_ptr<Connection> connection);
  Result<Statement> cached(const std::string& sql);
  // For a use that ends before the parameters do.
  template <typename... Args>
  Result<Statement> lent(const std::string& sql, const Args&... args) {
    auto statement = cached(sql);
    if (statement) (statement->lend().bind(args), ...);
    return statement;
  }
  Result<void> configure(const OpenOptions& options);
  Result<void> check_identity(const Schema& schema, Access access);
  Result<void> migrate(const Schema& schema);

  std::unique_ptr<Connection> connection_;
  int version_ = 0;
};

}  // namespace mxw::store
