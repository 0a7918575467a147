// ReportStore: what leaves the store, by age and by count.
#include <algorithm>

#include "core/store/eviction.hpp"
#include "core/store/report_store.hpp"
#include "core/store/tally_ids.hpp"
#include "core/store/transaction.hpp"

namespace mxw::store {
namespace {

// One call of prune().
struct Run {
  Database& database;
  Transaction& transaction;
  const ReportBounds& bounds;
  ReportPruned pruned;

  // The last parameter of the statement is a limit.
  template <typename... Args>
  std::size_t erase(const std::string& sql, const Args&... args) {
    transaction.run(sql, args..., bounds.per_call);
    const std::size_t gone =
        transaction.ok() ? static_cast<std::size_t>(database.changed()) : std::size_t{0};
    if (gone == bounds.per_call) pruned.more = true;
    return gone;
  }
  std::size_t erase_excess(const std::string& sql, const std::string& table, std::size_t bound) {
    const auto have = transaction.take(database.integer("SELECT count(*) FROM " + table));
    const std::size_t over = excess(static_cast<std::size_t>(have), bound);
    if (over > bounds.per_call) pruned.more = true;
    if (over == 0) return 0;
    transaction.run(sql, std::min(over, bounds.per_call));
    return transaction.ok() ? static_cast<std::size_t>(database.changed()) : 0;
  }
};

// A tally goes when its failures have gone, so one call never deletes more than it may.
void prune_tallies(Run& run, Time now) {
  const Day oldest = day_of(now) - run.bounds.tally_days;
  run.pruned.failures = run.erase(
      "DELETE FROM failure WHERE (tally, result_type, sending_ip, mx_host, mx_helo, receiving_ip, "
      "reason) IN (SELECT f.tally, f.result_type, f.sending_ip, f.mx_host, f.mx_helo, "
      "f.receiving_ip, f.reason FROM tally t JOIN failure f ON f.tally = t.id WHERE t.day < ? "
      "LIMIT ?)",
      oldest);
  run.pruned.tallies = run.erase(
      "DELETE FROM tally WHERE id IN (SELECT id FROM tally t WHERE day < ? AND NOT EXISTS "
      "(SELECT 1 FROM failure f WHERE f.tally = t.id) LIMIT ?)",
      oldest);
  run.pruned.ruas = run.erase(
      "DELETE FROM rua WHERE rowid IN (SELECT rowid FROM rua WHERE day < ? LIMIT ?)", oldest);
  run.pruned.days = run.erase(
      "DELETE FROM day WHERE rowid IN (SELECT rowid FROM day WHERE day < ? LIMIT ?)", oldest);
}

void prune_reports(Run& run, Time now) {
  const std::string gone = "DELETE FROM report WHERE id IN (SELECT id FROM report ";
  const std::string order = "ORDER BY ended_at IS NULL, ended_at, built_at, id LIMIT ?)";
  run.pruned.reports += run.erase(gone + "WHERE built_at < ? ORDER BY built_at LIMIT ?)",
                                  now - run.bounds.report_age);
  run.pruned.reports += run.erase_excess(gone + order, "report", run.bounds.reports);

  const auto size =
      run.transaction.take(run.database.integer("SELECT coalesce(sum(size), 0) FROM report"));
  const std::size_t over = excess(static_cast<std::size_t>(size), run.bounds.report_bytes);
  if (over == 0 || !run.transaction.ok()) return;
  // As many as it takes, the last one included.
  const auto wanted = run.transaction.take(run.database.integer(
      "SELECT count(*) FROM (SELECT sum(size) OVER "
      "(ORDER BY ended_at IS NULL, ended_at, built_at, id) - size AS before FROM report) "
      "WHERE before < ?",
      over));
  if (static_cast<std::size_t>(wanted) > run.bounds.per_call) run.pruned.more = true;
  run.transaction.run(gone + order,
                      std::min(static_cast<std::size_t>(wanted), run.bounds.per_call));
  if (run.transaction.ok()) run.pruned.reports += static_cast<std::size_t>(run.database.changed());
}

void prune_others(Run& run, Time now) {
  const std::string suppressions =
      "DELETE FROM suppression WHERE rowid IN (SELECT rowid FROM suppression ";
  run.pruned.suppressions =
      run.erase(suppressions + "WHERE until <= ? ORDER BY until LIMIT ?)", now);
  run.pruned.suppressions += run.erase_excess(suppressions + "ORDER BY until LIMIT ?)",
                                              "suppression", run.bounds.suppressions);
  const std::string marks = "DELETE FROM mark WHERE rowid IN (SELECT rowid FROM mark ";
  run.pruned.marks =
      run.erase(marks + "WHERE at < ? ORDER BY at LIMIT ?)", now - run.bounds.mark_age);
  run.pruned.marks += run.erase_excess(marks + "ORDER BY at LIMIT ?)", "mark", run.bounds.marks);
}

}  // namespace

Result<ReportPruned> ReportStore::prune(const ReportBounds& bounds, Time now) {
  ids_->clear();  // an id that is free again may come to mean another tally
  Transaction transaction(database_);
  Run run{.database = database_, .transaction = transaction, .bounds = bounds, .pruned = {}};
  prune_tallies(run, now);
  prune_reports(run, now);
  prune_others(run, now);
  if (auto done = transaction.commit(); !done) return std::unexpected(done.error());
  return run.pruned;
}

}  // namespace mxw::store
