#include "core/store/sqlite.hpp"

#include "core/store/connection.hpp"
#include "core/store/store_file.hpp"
#include "core/store/transaction.hpp"

namespace mxw::store {
namespace {

constexpr std::uint64_t kPageBytes = 4'096;
constexpr const char* kJournalLimit = "PRAGMA journal_size_limit = 16777216";
constexpr const char* kCacheSize = "PRAGMA cache_size = -4096";  // KiB

}  // namespace

std::string_view name(Fault fault) {
  switch (fault) {
    case Fault::corrupt:
      return "corrupt";
    case Fault::disk_full:
      return "disk-full";
    case Fault::locked:
      return "locked";
    case Fault::read_only:
      return "read-only";
    case Fault::cannot_open:
      return "cannot-open";
    case Fault::foreign:
      return "foreign";
    case Fault::version:
      return "version";
    case Fault::limit:
      return "limit";
    case Fault::constraint:
      return "constraint";
    case Fault::io:
      return "io";
  }
  return "io";
}

StoreError make_error(Fault fault, std::string_view path, std::string_view what) {
  StoreError error;
  error.fault = fault;
  error.kind = ErrorKind::environment;
  if (fault == Fault::corrupt) error.kind = ErrorKind::input;
  if (fault == Fault::foreign || fault == Fault::version) error.kind = ErrorKind::usage;
  error.message = std::string(path) + ": " + std::string(name(fault)) + ": " + std::string(what);
  return error;
}

Fault fault_of(int code) {
  // The shared memory file could not be made longer; SQLite has no disk-full code for that.
  if (code == SQLITE_IOERR_SHMSIZE) return Fault::disk_full;
  if (code == SQLITE_IOERR_CORRUPTFS) return Fault::corrupt;
  switch (code & 0xff) {
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return Fault::corrupt;
    case SQLITE_FULL:
      return Fault::disk_full;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_PROTOCOL:
      return Fault::locked;
    case SQLITE_READONLY:
      return Fault::read_only;
    case SQLITE_PERM:
    case SQLITE_CANTOPEN:
      return Fault::cannot_open;
    case SQLITE_TOOBIG:
      return Fault::limit;
    case SQLITE_CONSTRAINT:
      return Fault::constraint;
    default:
      return Fault::io;
  }
}

Connection::~Connection() {
  for (const auto& [sql, statements] : idle) {
    for (sqlite3_stmt* const statement : statements) sqlite3_finalize(statement);
  }
  sqlite3_close_v2(handle);
}

StoreError Connection::error(int code) const {
  const char* said = handle && (sqlite3_errcode(handle) & 0xff) == (code & 0xff)
                         ? sqlite3_errmsg(handle)
                         : sqlite3_errstr(code);
  return make_error(fault_of(code), path, said);
}

Result<void> Connection::script(const std::string& sql) {
  const int code = sqlite3_exec(handle, sql.c_str(), nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) return std::unexpected(error(code));
  return {};
}

Database::Database(std::unique_ptr<Connection> connection) : connection_(std::move(connection)) {}
Database::Database(Database&&) noexcept = default;
Database& Database::operator=(Database&&) noexcept = default;
Database::~Database() = default;

const std::string& Database::path() const {
  return connection_->path;
}
int Database::version() const {
  return version_;
}
std::int64_t Database::changed() const {
  return sqlite3_changes64(connection_->handle);
}

Result<Database> Database::open(const std::string& path, const Schema& schema,
                                const OpenOptions& options) {
  const bool owner = options.access == Access::owner;
  if (owner) {
    if (auto made = make_private_file(path); !made) return std::unexpected(made.error());
  }
  auto connection = std::make_unique<Connection>();
  connection->path = path;
  const int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE |
                    (owner ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READONLY);
  const int code = sqlite3_open_v2(path.c_str(), &connection->handle, flags, nullptr);
  if (code != SQLITE_OK) return std::unexpected(connection->error(code));

  Database database(std::move(connection));
  if (auto done = database.configure(options); !done) return std::unexpected(done.error());
  if (auto done = database.check_identity(schema, options.access); !done)
    return std::unexpected(done.error());
  if (owner) {
    if (auto done = database.migrate(schema); !done) return std::unexpected(done.error());
  }
  return database;
}

Result<void> Database::configure(const OpenOptions& options) {
  sqlite3* handle = connection_->handle;
  sqlite3_busy_timeout(handle, options.busy_timeout_ms);
  // A damaged or planted file must not run SQL of its own: no writes to the schema by SQL, no
  // functions called from views and triggers.
  sqlite3_db_config(handle, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_db_config(handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  if (auto done = connection_->script("PRAGMA foreign_keys = ON; PRAGMA cell_size_check = ON");
      !done)
    return done;
  if (auto done = connection_->script(kCacheSize); !done) return done;
  if (options.access == Access::reader) return {};

  const auto mode = first("PRAGMA journal_mode = WAL", [](Statement& row) { return row.text(); });
  if (!mode) return std::unexpected(mode.error());
  if (mode->value_or("") != "wal")
    return std::unexpected(make_error(Fault::cannot_open, path(), "the file system allows no WAL"));
  if (auto done = connection_->script("PRAGMA synchronous = NORMAL"); !done) return done;
  if (auto done = connection_->script(kJournalLimit); !done) return done;
  if (options.max_bytes == 0) return {};
  return connection_->script("PRAGMA max_page_count = " +
                             std::to_string(options.max_bytes / kPageBytes));
}

// An empty file has version 0 and id 0. Everything else must be ours and near enough.
Result<void> Database::check_identity(const Schema& schema, Access access) {
  const auto id = integer("PRAGMA application_id");
  if (!id) return std::unexpected(id.error());
  const auto version = integer("PRAGMA user_version");
  if (!version) return std::unexpected(version.error());
  const auto tables = integer("SELECT count(*) FROM sqlite_schema");
  if (!tables) return std::unexpected(tables.error());

  version_ = static_cast<int>(*version);
  const bool empty = *id == 0 && *version == 0 && *tables == 0;
  if (empty && access == Access::owner) return {};
  if (*id != schema.application_id)
    return std::unexpected(
        make_error(Fault::foreign, path(), "this is not a store of this program"));
  const auto known = static_cast<std::int64_t>(schema.steps.size());
  const std::int64_t oldest = access == Access::owner ? 0 : known - 1;
  if (*version >= oldest && *version <= known + 1) return {};
  return std::unexpected(make_error(Fault::version, path(),
                                    "schema version " + std::to_string(*version) +
                                        ", this program knows " + std::to_string(known)));
}

Result<void> Database::migrate(const Schema& schema) {
  const auto known = static_cast<int>(schema.steps.size());
  if (version_ >= known) return {};
  Transaction transaction(*this);
  for (const char* step : schema.steps.subspan(static_cast<std::size_t>(version_))) {
    if (transaction.ok()) transaction.note(connection_->script(step));
  }
  const std::string identity = "PRAGMA application_id = " + std::to_string(schema.application_id) +
                               "; PRAGMA user_version = " + std::to_string(known);
  if (transaction.ok()) transaction.note(connection_->script(identity));
  auto done = transaction.commit();
  if (done) version_ = known;
  return done;
}

Result<Statement> Database::cached(const std::string& sql) {
  Statement::Idle& idle = connection_->idle[sql];
  if (!idle.empty()) {
    sqlite3_stmt* const handle = idle.back();
    idle.pop_back();
    return Statement(*connection_, idle, handle);
  }
  sqlite3_stmt* handle = nullptr;
  const int code = sqlite3_prepare_v3(connection_->handle, sql.c_str(), -1,
                                      SQLITE_PREPARE_PERSISTENT, &handle, nullptr);
  if (code != SQLITE_OK) return std::unexpected(connection_->error(code));
  return Statement(*connection_, idle, handle);
}

Result<void> Database::quick_check() {
  const auto finding = first("PRAGMA quick_check(1)", [](Statement& row) { return row.text(); });
  if (!finding) return std::unexpected(finding.error());
  if (finding->value_or("") == "ok") return {};
  return std::unexpected(make_error(Fault::corrupt, path(), finding->value_or("no answer")));
}

}  // namespace mxw::store
