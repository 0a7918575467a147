#include "core/store/milter_store.hpp"

#include <algorithm>
#include <array>

#include "core/store/rows.hpp"
#include "core/store/transaction.hpp"

namespace mxw::store {
namespace {

constexpr std::int32_t kApplicationId = 0x6d78776d;  // "mxwm"

constexpr const char* kVersion1 = R"sql(
CREATE TABLE decision(
  row INTEGER PRIMARY KEY, tenant INTEGER NOT NULL, origin TEXT NOT NULL, time INTEGER NOT NULL,
  session TEXT NOT NULL, queue_id TEXT NOT NULL, listener TEXT NOT NULL, role TEXT NOT NULL,
  domain TEXT NOT NULL, verdict_id TEXT NOT NULL, action TEXT NOT NULL, code TEXT NOT NULL,
  reason TEXT NOT NULL, dry_run INTEGER NOT NULL) STRICT;
CREATE INDEX decision_time ON decision(time);
CREATE INDEX decision_queue ON decision(queue_id) WHERE queue_id <> '';
CREATE INDEX decision_open ON decision(session) WHERE queue_id = '';
CREATE INDEX decision_domain ON decision(tenant, domain, time);
)sql";

constexpr const char* kVersion2 = R"sql(
CREATE TABLE deferral(
  row INTEGER PRIMARY KEY, tenant INTEGER NOT NULL, origin TEXT NOT NULL, key BLOB NOT NULL,
  first INTEGER NOT NULL, last INTEGER NOT NULL, count INTEGER NOT NULL,
  UNIQUE(tenant, key)) STRICT;
CREATE INDEX deferral_last ON deferral(last);
)sql";

constexpr const char* kVersion3 = R"sql(
ALTER TABLE decision ADD COLUMN began INTEGER NOT NULL DEFAULT 0;
ALTER TABLE decision ADD COLUMN rule TEXT NOT NULL DEFAULT '';
)sql";
constexpr int kWithBegan = 3;

constexpr std::array<const char*, 3> kSteps = {kVersion1, kVersion2, kVersion3};

// A reader takes a file of the version before as it is.
std::string columns(int version) {
  return std::string(
             "SELECT tenant, origin, time, session, queue_id, listener, role, domain, verdict_id, "
             "action, code, reason, dry_run, ") +
         (version < kWithBegan ? "0, ''" : "began, rule") + " FROM decision ";
}

DecisionRow read(Statement& row) {
  return {.tenant = row.integer_as<std::uint32_t>(),
          .origin = row.text(),
          .time = row.time(),
          .session = row.text(),
          .queue_id = row.text(),
          .listener = row.text(),
          .role = row.text(),
          .domain = row.text(),
          .verdict_id = row.text(),
          .action = row.text(),
          .code = row.text(),
          .reason = row.text(),
          .dry_run = row.boolean(),
          .began = row.time(),
          .rule = row.text()};
}

DeferralRow read_deferral(Statement& row) {
  DeferralRow deferral;
  deferral.tenant = row.integer_as<std::uint32_t>();
  deferral.origin = row.text();
  const auto key = row.blob();
  if (key.size() == deferral.key.size()) std::ranges::copy(key, deferral.key.begin());
  deferral.first = row.time();
  deferral.last = row.time();
  deferral.count = row.integer_as<std::uint64_t>();
  return deferral;
}

bool too_large(const DecisionRow& row) {
  const auto words = {&row.origin,     &row.session, &row.queue_id, &row.listener, &row.role,
                      &row.verdict_id, &row.action,  &row.code,     &row.reason,   &row.rule};
  return row.domain.size() > kNameBytes ||
         std::ranges::any_of(words, [](const auto* text) { return text->size() > kWordBytes; });
}

}  // namespace

MilterStore::MilterStore(Database database)
    : database_(std::move(database)), select_(columns(database_.version())) {}

Result<std::unique_ptr<MilterStore>> MilterStore::open(const std::string& path,
                                                       const OpenOptions& options) {
  auto database = Database::open(path, {kApplicationId, kSteps}, options);
  if (!database) return std::unexpected(database.error());
  return std::unique_ptr<MilterStore>(new MilterStore(std::move(*database)));
}

Result<void> MilterStore::append(std::span<const DecisionRow> rows) {
  if (std::ranges::any_of(rows, too_large))
    return std::unexpected(make_error(Fault::limit, database_.path(), "a decision row too large"));
  Transaction transaction(database_);
  for (const DecisionRow& row : rows) {
    transaction.run(
        "INSERT INTO decision(tenant, origin, time, session, queue_id, listener, role, domain, "
        "verdict_id, action, code, reason, dry_run, began, rule) "
        "VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        row.tenant, row.origin, row.time, row.session, row.queue_id, row.listener, row.role,
        row.domain, row.verdict_id, row.action, row.code, row.reason, row.dry_run, row.began,
        row.rule);
  }
  return transaction.commit();
}

Result<std::size_t> MilterStore::set_queue_id(std::string_view session, Time since,
                                              std::string_view queue_id) {
  if (queue_id.size() > kWordBytes)
    return std::unexpected(make_error(Fault::limit, database_.path(), "a queue id too large"));
  auto done = database_.run(
      "UPDATE decision SET queue_id = ? WHERE session = ? AND queue_id = '' AND time >= ?",
      queue_id, session, since);
  if (!done) return std::unexpected(done.error());
  return static_cast<std::size_t>(database_.changed());
}

Result<std::vector<QueuedMail>> MilterStore::mails(std::string_view queue_id, std::size_t limit) {
  const std::string began = database_.version() < kWithBegan ? "0" : "began";
  return database_.all(
      "SELECT session, " + began + " AS known, iif(" + began + " = 0, min(time), " + began +
          ") AS start FROM decision "
          "WHERE queue_id = ? AND queue_id <> '' GROUP BY session, known "
          "ORDER BY start DESC, session DESC LIMIT ?",
      [](Statement& row) {
        return QueuedMail{.session = row.text(), .began = row.time(), .start = row.time()};
      },
      queue_id, limit);
}

Result<std::vector<DecisionRow>> MilterStore::by_mail(std::string_view queue_id,
                                                      const QueuedMail& mail, std::size_t limit) {
  const std::string began = database_.version() < kWithBegan ? "0" : "began";
  return database_.all(select_ + "WHERE queue_id = ? AND queue_id <> '' AND session = ? AND " +
                           began + " = ? ORDER BY time, row LIMIT ?",
                       read, queue_id, mail.session, mail.began, limit);
}

Result<std::vector<DecisionRow>> MilterStore::by_domain(std::uint32_t tenant,
                                                        std::string_view domain, Time from, Time to,
                                                        std::size_t limit) {
  return database_.all(select_ +
                           "WHERE tenant = ? AND domain = ? AND time >= ? AND time < ? "
                           "ORDER BY time, row LIMIT ?",
                       read, tenant, domain, from, to, limit);
}

Result<std::vector<DecisionRow>> MilterStore::latest(std::uint32_t tenant, std::string_view domain,
                                                     Time before, std::size_t limit) {
  auto rows = database_.all(
      select_ + "WHERE tenant = ? AND domain = ? AND time < ? ORDER BY time DESC, row DESC LIMIT ?",
      read, tenant, domain, before, limit);
  if (rows) std::ranges::reverse(*rows);
  return rows;
}

Result<std::vector<DecisionTally>> MilterStore::tally(Time since) {
  return database_.all(
      "SELECT role, action, reason, dry_run, count(*), count(DISTINCT domain) FROM decision "
      "WHERE time >= ? GROUP BY role, action, reason, dry_run "
      "ORDER BY count(*) DESC, role, action, reason, dry_run",
      [](Statement& row) {
        return DecisionTally{.role = row.text(),
                             .action = row.text(),
                             .reason = row.text(),
                             .dry_run = row.boolean(),
                             .count = row.integer_as<std::uint64_t>(),
                             .domains = row.integer_as<std::uint64_t>()};
      },
      since);
}

Result<std::size_t> MilterStore::count() {
  const auto rows = database_.integer("SELECT count(*) FROM decision");
  if (!rows) return std::unexpected(rows.error());
  return static_cast<std::size_t>(*rows);
}

Result<void> MilterStore::put_deferrals(std::span<const DeferralRow> rows) {
  if (std::ranges::any_of(rows, [](const auto& row) { return row.origin.size() > kWordBytes; }))
    return std::unexpected(make_error(Fault::limit, database_.path(), "an origin too large"));
  Transaction transaction(database_);
  for (const DeferralRow& row : rows) {
    transaction.run(
        "INSERT INTO deferral(tenant, origin, key, first, last, count) VALUES(?, ?, ?, ?, ?, ?) "
        "ON CONFLICT(tenant, key) DO UPDATE SET origin = excluded.origin, "
        "first = min(first, excluded.first), last = max(last, excluded.last), "
        "count = max(count, excluded.count)",
        row.tenant, row.origin, Bytes(row.key), row.first, row.last, row.count);
  }
  return transaction.commit();
}

Result<std::vector<DeferralRow>> MilterStore::deferrals(std::size_t limit) {
  return database_.all(
      "SELECT tenant, origin, key, first, last, count FROM deferral "
      "ORDER BY last DESC, row DESC LIMIT ?",
      read_deferral, limit);
}

std::size_t MilterStore::erase_oldest(Transaction& transaction, const std::string& table,
                                      const std::string& column, std::size_t bound, Time since,
                                      std::size_t most) {
  const std::string oldest =
      "DELETE FROM " + table + " WHERE row IN (SELECT row FROM " + table + " ";
  std::size_t gone = 0;
  const auto run = [&](const std::string& which, const auto&... args) {
    transaction.run(oldest + which + " ORDER BY " + column + ", row LIMIT ?)", args...);
    if (transaction.ok()) gone += static_cast<std::size_t>(database_.changed());
  };
  run("WHERE " + column + " < ?", since, most);
  const auto have = static_cast<std::size_t>(
      transaction.take(database_.integer("SELECT count(*) FROM " + table)));
  if (have > bound) run("", std::min(have - bound, most));
  return gone;
}

Result<std::size_t> MilterStore::prune(const MilterBounds& bounds, Time now) {
  Transaction transaction(database_);
  std::size_t gone = erase_oldest(transaction, "decision", "time", bounds.decisions,
                                  now - bounds.decision_age, bounds.per_call);
  gone += erase_oldest(transaction, "deferral", "last", bounds.deferrals, now - bounds.deferral_age,
                       bounds.per_call);
  if (auto done = transaction.commit(); !done) return std::unexpected(done.error());
  return gone;
}

}  // namespace mxw::store
