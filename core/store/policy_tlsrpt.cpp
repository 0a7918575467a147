// SqlitePolicyStore: TLSRPT records with their history, re-reads and failures.
#include <algorithm>

#include "core/store/policy_sql.hpp"
#include "core/store/sqlite_policy_store.hpp"

namespace mxw::store {
namespace {

const std::string kCurrent = "WHERE tenant = ? AND domain = ? AND valid_to IS NULL";

template <typename Row>
Result<void> within_limits(const Database& database, const Row& row) {
  if (const auto over = over_limit(row))
    return std::unexpected(make_error(Fault::limit, database.path(), *over));
  return {};
}

// Closes the current row, if there is one, and begins another.
void begin_span(Database& database, Transaction& transaction, const TlsrptRow& row, Sequence seq) {
  const auto end = transaction.take(database.integer(
      "SELECT max(coalesce(valid_to, valid_from)) FROM tlsrpt WHERE tenant = ? AND domain = ?",
      row.tenant, row.domain));
  const Time from = std::max(row.confirmed_at, Time{end});
  transaction.run("UPDATE tlsrpt SET valid_to = ? " + kCurrent, from, row.tenant, row.domain)
      .run(
          "INSERT INTO tlsrpt(tenant, origin, domain, record, valid_from, valid_to, confirmed_at, "
          "seq) VALUES(?, ?, ?, ?, ?, NULL, ?, ?)",
          row.tenant, row.origin, row.domain, as_bytes(row.record), from, row.confirmed_at, seq);
}

}  // namespace

Result<PolicyChange> SqlitePolicyStore::put_tlsrpt(const TlsrptRow& row, const EventRow* event) {
  if (auto fits = within_limits(database_, row); !fits) return std::unexpected(fits.error());
  if (event) {
    if (auto fits = within_limits(database_, *event); !fits) return std::unexpected(fits.error());
  }
  Transaction transaction(database_);
  const auto before = transaction.take(tlsrpt({row.tenant, row.domain}));
  const PolicyChange change = compare(before ? &*before : nullptr, row);
  const Sequence seq = sql::next_sequence(database_, transaction);
  if (change == PolicyChange::renewed) {
    transaction.run(
        "UPDATE tlsrpt SET confirmed_at = max(confirmed_at, ?), origin = ?, seq = ? " + kCurrent,
        row.confirmed_at, row.origin, seq, row.tenant, row.domain);
  } else {
    begin_span(database_, transaction, row, seq);
  }
  if (event) sql::write_event(database_, transaction, *event);
  if (auto done = transaction.commit(); !done) return std::unexpected(done.error());
  return change;
}

Result<void> SqlitePolicyStore::put_reread(const RereadRow& row) {
  if (auto fits = within_limits(database_, row); !fits) return fits;
  Transaction transaction(database_);
  const Sequence seq = sql::next_sequence(database_, transaction);
  transaction.run(
      "INSERT OR REPLACE INTO reread(tenant, origin, domain, at, ok, id, mode, seq) "
      "VALUES(?, ?, ?, ?, ?, ?, ?, ?)",
      row.tenant, row.origin, row.domain, row.at, row.ok, row.id, policy::mode_name(row.mode), seq);
  return transaction.commit();
}

Result<void> SqlitePolicyStore::put_failures(std::span<const PolicyFailureRow> rows) {
  for (const PolicyFailureRow& row : rows) {
    if (auto fits = within_limits(database_, row); !fits) return fits;
  }
  Transaction transaction(database_);
  for (const PolicyFailureRow& row : rows) {
    const Sequence seq = sql::next_sequence(database_, transaction);
    transaction
        .run(
            "INSERT OR REPLACE INTO failure(tenant, origin, domain, mx_host, result, reason, "
            "since, "
            "until, seen, seq) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            row.tenant, row.origin, row.domain, row.mx_host, row.result, row.reason, row.from,
            row.to, row.seen, seq)
        .run(
            "DELETE FROM failure WHERE rowid IN (SELECT rowid FROM failure WHERE tenant = ? AND "
            "domain = ? ORDER BY since DESC, seq DESC LIMIT -1 OFFSET ?)",
            row.tenant, row.domain, kFailuresOfDomain);
  }
  return transaction.commit();
}

Result<std::vector<PolicyFailureRow>> SqlitePolicyStore::failures(Key domain) {
  return database_.all(sql::kSelectFailure + "WHERE tenant = ? AND domain = ? ORDER BY since, seq",
                       sql::read_failure, domain.tenant, domain.name);
}

Result<std::vector<PolicyFailureRow>> SqlitePolicyStore::open_failures(Key domain) {
  return database_.all(
      sql::kSelectFailure + "WHERE tenant = ? AND domain = ? AND until IS NULL ORDER BY since, seq",
      sql::read_failure, domain.tenant, domain.name);
}

Result<std::optional<TlsrptRow>> SqlitePolicyStore::tlsrpt(Key domain) {
  return database_.first(sql::kSelectTlsrpt + kCurrent, sql::read_tlsrpt, domain.tenant,
                         domain.name);
}

Result<std::optional<TlsrptRow>> SqlitePolicyStore::tlsrpt_at(Key domain, Time at) {
  return database_.first(sql::kSelectTlsrpt +
                             "WHERE tenant = ? AND domain = ?2 AND valid_from <= ?3 AND (valid_to "
                             "IS NULL OR valid_to > ?3)",
                         sql::read_tlsrpt, domain.tenant, domain.name, at);
}

Result<std::vector<TlsrptRow>> SqlitePolicyStore::tlsrpt_history(Key domain) {
  return database_.all(
      sql::kSelectTlsrpt + "WHERE tenant = ? AND domain = ? ORDER BY valid_from, row",
      sql::read_tlsrpt, domain.tenant, domain.name);
}

Result<std::optional<RereadRow>> SqlitePolicyStore::reread(Key domain) {
  return database_.first(sql::kSelectReread + "WHERE tenant = ? AND domain = ?", sql::read_reread,
                         domain.tenant, domain.name);
}

}  // namespace mxw::store
