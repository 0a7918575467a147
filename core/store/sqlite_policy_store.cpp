#include "core/store/sqlite_policy_store.hpp"

#include <algorithm>

#include "core/store/policy_sql.hpp"

namespace mxw::store {
namespace {

template <typename Row>
Result<void> within_limits(const Database& database, const Row& row) {
  if (const auto over = over_limit(row))
    return std::unexpected(make_error(Fault::limit, database.path(), *over));
  return {};
}

// Each row within its limits and of that name.
template <typename Row>
Result<void> check_set(const Database& database, Key key, std::span<const Row> rows,
                       std::size_t most, std::string Row::* name) {
  if (rows.size() > most)
    return std::unexpected(make_error(
        Fault::limit, database.path(),
        std::to_string(rows.size()) + " rows of one name, at most " + std::to_string(most)));
  for (const Row& row : rows) {
    if (row.tenant != key.tenant || row.*name != key.name)
      return std::unexpected(
          make_error(Fault::constraint, database.path(), "a row of another name in the set"));
    if (auto fits = within_limits(database, row); !fits) return fits;
  }
  return {};
}

// No span of this domain's policies may begin before: the begin of the current one, the end of
// others.
Result<Time> end_of_spans(Database& database, Key domain) {
  const auto end = database.integer(
      "SELECT max(coalesce(valid_to, valid_from)) FROM policy WHERE tenant = ? AND domain = ?",
      domain.tenant, domain.name);
  if (!end) return std::unexpected(end.error());
  return Time{*end};
}

}  // namespace

Result<std::unique_ptr<SqlitePolicyStore>> SqlitePolicyStore::open(const std::string& path,
                                                                   Time now,
                                                                   const OpenOptions& options) {
  auto database = Database::open(path, sql::policy_schema(), options);
  if (!database) return std::unexpected(database.error());
  if (options.access == Access::owner) {
    const std::int64_t first = std::max<std::int64_t>(now.ns / kMicrosecond, 1);
    auto begun = database->run(
        "INSERT INTO feed(head, oldest) SELECT ?1, ?1 WHERE NOT EXISTS (SELECT 1 FROM feed)",
        first);
    if (!begun) return std::unexpected(begun.error());
  }
  return std::unique_ptr<SqlitePolicyStore>(new SqlitePolicyStore(std::move(*database)));
}

Result<void> SqlitePolicyStore::put_domain(const DomainRow& given, const EventRow* event) {
  if (auto fits = within_limits(database_, given); !fits) return fits;
  if (event) {
    if (auto fits = within_limits(database_, *event); !fits) return fits;
  }
  Transaction transaction(database_);
  DomainRow row = given;
  const auto held = transaction.take(sql::find_policy(database_, {row.tenant, row.name}));
  if (held)
    row.state = DomainState::policy;
  else if (row.state == DomainState::policy)
    row.state = DomainState::unknown;
  sql::write_domain(database_, transaction, row);
  if (event) sql::write_event(database_, transaction, *event);
  return transaction.commit();
}

Result<void> SqlitePolicyStore::touch(std::span<const Key> domains, Time now) {
  Transaction transaction(database_);
  for (const Key& key : domains) {
    transaction.run(
        "UPDATE domain SET last_asked = max(last_asked, ?) WHERE tenant = ? AND name = ?", now,
        key.tenant, key.name);
  }
  return transaction.commit();
}

Result<PolicyChange> SqlitePolicyStore::put_policy(const DomainRow& domain, const PolicyRow& policy,
                                                   const EventRow* event) {
  if (auto fits = within_limits(database_, domain); !fits) return std::unexpected(fits.error());
  if (auto fits = within_limits(database_, policy); !fits) return std::unexpected(fits.error());
  if (event) {
    if (auto fits = within_limits(database_, *event); !fits) return std::unexpected(fits.error());
  }
  if (domain.tenant != policy.tenant || domain.name != policy.domain)
    return std::unexpected(
        make_error(Fault::constraint, database_.path(), "domain and policy of different names"));

  Transaction transaction(database_);
  const Key key{policy.tenant, policy.domain};
  const auto before = transaction.take(sql::find_policy(database_, key));
  const PolicyChange change = compare(before ? &*before : nullptr, policy);
  DomainRow row = domain;
  row.state = DomainState::policy;
  sql::write_domain(database_, transaction, row);

  const Sequence seq = sql::next_sequence(database_, transaction);
  if (change == PolicyChange::renewed) {
    transaction.run(
        "UPDATE policy SET fetched_at = ?, origin = ?, source = ?, seq = ? "
        "WHERE tenant = ? AND domain = ? AND valid_to IS NULL",
        policy.fetched_at, policy.origin, policy.source, seq, key.tenant, key.name);
  } else {
    const Time from = std::max(policy.fetched_at, transaction.take(end_of_spans(database_, key)));
    transaction.run(
        "UPDATE policy SET valid_to = ? WHERE tenant = ? AND domain = ? AND valid_to IS NULL", from,
        key.tenant, key.name);
    transaction.run(
        "INSERT INTO policy(tenant, origin, domain, id, mode, body, valid_from, valid_to, "
        "fetched_at, max_age, source, seq) VALUES(?, ?, ?, ?, ?, ?, ?, NULL, ?, ?, ?, ?)",
        key.tenant, policy.origin, key.name, policy.id, policy::mode_name(policy.mode),
        as_bytes(policy.body), from, policy.fetched_at, policy.max_age, policy.source, seq);
    sql::trim_history(transaction, key);
  }
  if (event) sql::write_event(database_, transaction, *event);
  if (auto done = transaction.commit(); !done) return std::unexpected(done.error());
  return change;
}

Result<bool> SqlitePolicyStore::retime_policy(Key domain, Time fetched_at) {
  Transaction transaction(database_);
  const Sequence seq = sql::next_sequence(database_, transaction);
  transaction.run(
      "UPDATE policy SET fetched_at = ?, seq = ? "
      "WHERE tenant = ? AND domain = ? AND valid_to IS NULL",
      fetched_at, seq, domain.tenant, domain.name);
  const bool found = transaction.ok() && database_.changed() > 0;
  if (auto done = transaction.commit(); !done) return std::unexpected(done.error());
  return found;
}

Result<bool> SqlitePolicyStore::end_policy(Key domain, Time at, const EventRow* event) {
  if (event) {
    if (auto fits = within_limits(database_, *event); !fits) return std::unexpected(fits.error());
  }
  Transaction transaction(database_);
  const auto held = transaction.take(sql::find_policy(database_, domain));
  if (held) {
    transaction.run(
        "UPDATE policy SET valid_to = max(valid_from, ?) "
        "WHERE tenant = ? AND domain = ? AND valid_to IS NULL",
        at, domain.tenant, domain.name);
    sql::trim_history(transaction, domain);
    sql::write_deletion(database_, transaction, Table::policy, domain);
    auto row = transaction.take(sql::find_domain(database_, domain));
    if (row) {
      row->state = DomainState::unknown;
      sql::write_domain(database_, transaction, *row);
    }
  }
  if (held && event) sql::write_event(database_, transaction, *event);
  if (auto done = transaction.commit(); !done) return std::unexpected(done.error());
  return held.has_value();
}

// Rows that stay are written again too: their times are new. A deletion is told only when a row
// went.
Result<void> SqlitePolicyStore::replace_routes(Key domain, std::span<const RouteRow> rows) {
  auto fits = check_set(database_, domain, rows, kRoutesOfDomain, &RouteRow::policy_domain);
  if (!fits) return fits;
  Transaction transaction(database_);
  const auto before = transaction.take(routes(domain));
  const bool shrinks = std::ranges::any_of(before, [&](const RouteRow& old) {
    return std::ranges::none_of(rows, [&](const RouteRow& row) {
      return row.mx_host == old.mx_host && row.address == old.address;
    });
  });
  if (shrinks) sql::write_deletion(database_, transaction, Table::mx_route, domain);
  transaction.run("DELETE FROM mx_route WHERE tenant = ? AND policy_domain = ?", domain.tenant,
                  domain.name);
  for (const RouteRow& row : rows) {
    const Sequence seq = sql::next_sequence(database_, transaction);
    transaction.run(
        "INSERT OR REPLACE INTO mx_route(tenant, origin, policy_domain, mx_host, address, source, "
        "seen, until, ad, seq) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        row.tenant, row.origin, row.policy_domain, row.mx_host, row.address, row.source, row.seen,
        row.until, row.ad, seq);
  }
  return transaction.commit();
}

Result<void> SqlitePolicyStore::replace_tlsa(Key base, std::span<const TlsaRow> rows) {
  auto fits = check_set(database_, base, rows, kTlsaOfBase, &TlsaRow::base);
  if (!fits) return fits;
  Transaction transaction(database_);
  const auto before = transaction.take(tlsa(base));
  const bool shrinks = std::ranges::any_of(before, [&](const TlsaRow& old) {
    return std::ranges::none_of(rows, [&](const TlsaRow& row) { return row.rdata == old.rdata; });
  });
  if (shrinks) sql::write_deletion(database_, transaction, Table::tlsa, base);
  transaction.run("DELETE FROM tlsa WHERE tenant = ? AND base = ?", base.tenant, base.name);
  for (const TlsaRow& row : rows) {
    const Sequence seq = sql::next_sequence(database_, transaction);
    transaction.run(
        "INSERT OR REPLACE INTO tlsa(tenant, origin, base, rdata, ad, until, found_at, seq) "
        "VALUES(?, ?, ?, ?, ?, ?, ?, ?)",
        row.tenant, row.origin, row.base, Bytes(row.rdata), row.ad, row.until, row.found_at, seq);
  }
  return transaction.commit();
}

Result<void> SqlitePolicyStore::append_event(const EventRow& event) {
  if (auto fits = within_limits(database_, event); !fits) return fits;
  Transaction transaction(database_);
  sql::write_event(database_, transaction, event);
  return transaction.commit();
}

Result<std::optional<DomainRow>> SqlitePolicyStore::domain(Key name) {
  return sql::find_domain(database_, name);
}

Result<std::optional<PolicyRow>> SqlitePolicyStore::current_policy(Key domain) {
  return sql::find_policy(database_, domain);
}

Result<std::optional<PolicyRow>> SqlitePolicyStore::policy_at(Key domain, Time at) {
  return database_.first(sql::kSelectPolicy +
                             "WHERE tenant = ? AND domain = ?2 AND valid_from <= ?3 AND (valid_to "
                             "IS NULL OR valid_to > ?3)",
                         sql::read_policy, domain.tenant, domain.name, at);
}

Result<std::vector<PolicyRow>> SqlitePolicyStore::policy_history(Key domain) {
  return database_.all(
      sql::kSelectPolicy + "WHERE tenant = ? AND domain = ? ORDER BY valid_from, row",
      sql::read_policy, domain.tenant, domain.name);
}

Result<std::vector<RouteRow>> SqlitePolicyStore::routes(Key domain) {
  return database_.all(
      sql::kSelectRoute + "WHERE tenant = ? AND policy_domain = ? ORDER BY mx_host, address",
      sql::read_route, domain.tenant, domain.name);
}

Result<std::vector<TlsaRow>> SqlitePolicyStore::tlsa(Key base) {
  return database_.all(sql::kSelectTlsa + "WHERE tenant = ? AND base = ? ORDER BY rdata",
                       sql::read_tlsa, base.tenant, base.name);
}

Result<std::vector<EventRow>> SqlitePolicyStore::events(Key domain, std::size_t limit) {
  return database_.all(
      sql::kSelectEvent + "WHERE tenant = ? AND domain = ? ORDER BY seq DESC LIMIT ?",
      sql::read_event, domain.tenant, domain.name, limit);
}

Result<std::vector<DomainRow>> SqlitePolicyStore::due(std::uint32_t tenant, Time before,
                                                      const DuePlace& after, std::size_t limit) {
  return database_.all(sql::kSelectDomain +
                           "WHERE tenant = ? AND refresh_at <= ? AND (refresh_at, name) > (?, ?) "
                           "ORDER BY refresh_at, name LIMIT ?",
                       sql::read_domain, tenant, before, after.refresh_at, after.name, limit);
}

}  // namespace mxw::store
