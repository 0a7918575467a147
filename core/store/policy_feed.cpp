// SqlitePolicyStore: what readers are told.
#include <algorithm>

#include "core/store/policy_sql.hpp"
#include "core/store/sqlite_policy_store.hpp"

namespace mxw::store {
namespace {

// A deletion in a table that only a newer version knows is nothing to readers of this one.
const std::string kKnownTables =
    "tbl IN ('domain', 'policy', 'mx_route', 'tlsa', 'tlsrpt', 'reread') AND ";
const std::string kAfter = "seq > ? ORDER BY seq LIMIT ?";

// Appends the rows of one table; the first error of several stays.
template <typename Read>
void gather(Database& database, const std::string& sql, Read read, Sequence after,
            std::size_t limit, Result<std::vector<Change>>& into) {
  if (!into) return;
  auto rows = database.all(sql, read, after, limit);
  if (!rows) {
    into = std::unexpected(rows.error());
    return;
  }
  for (auto& row : *rows) into->emplace_back(std::move(row));
}

// The first `limit` of all tables are among the first `limit` of each.
Result<std::vector<Change>> merge(Result<std::vector<Change>> rows, std::size_t limit) {
  if (!rows) return rows;
  std::ranges::sort(*rows, {}, sequence_of);
  if (rows->size() > limit)
    rows->erase(rows->begin() + static_cast<std::ptrdiff_t>(limit), rows->end());
  return rows;
}

Result<std::vector<Change>> live_rows(Database& database, Sequence after, std::size_t limit) {
  Result<std::vector<Change>> rows;
  gather(database, sql::kSelectDomain + "WHERE " + kAfter, sql::read_domain, after, limit, rows);
  gather(database, sql::kSelectPolicy + "WHERE valid_to IS NULL AND " + kAfter, sql::read_policy,
         after, limit, rows);
  gather(database, sql::kSelectRoute + "WHERE " + kAfter, sql::read_route, after, limit, rows);
  gather(database, sql::kSelectTlsa + "WHERE " + kAfter, sql::read_tlsa, after, limit, rows);
  gather(database, sql::kSelectTlsrpt + "WHERE valid_to IS NULL AND " + kAfter, sql::read_tlsrpt,
         after, limit, rows);
  gather(database, sql::kSelectReread + "WHERE " + kAfter, sql::read_reread, after, limit, rows);
  gather(database, sql::kSelectFailure + "WHERE " + kAfter, sql::read_failure, after, limit, rows);
  return rows;
}

}  // namespace

Result<Sequence> SqlitePolicyStore::head() {
  const auto head = database_.integer("SELECT head FROM feed");
  if (!head) return std::unexpected(head.error());
  return static_cast<Sequence>(*head);
}

Result<std::vector<Change>> SqlitePolicyStore::current(Sequence after, std::size_t limit) {
  return merge(live_rows(database_, after, limit), limit);
}

Result<Changes> SqlitePolicyStore::changes_since(Sequence from, std::size_t limit) {
  const auto last = head();
  if (!last) return std::unexpected(last.error());
  const auto oldest = database_.integer("SELECT oldest FROM feed");
  if (!oldest) return std::unexpected(oldest.error());
  Changes changes{.reset = false, .rows = {}, .head = *last};
  changes.reset = from < static_cast<Sequence>(*oldest) || from > *last;
  if (changes.reset) return changes;

  auto rows = live_rows(database_, from, limit);
  gather(database_, sql::kSelectEvent + "WHERE " + kAfter, sql::read_event, from, limit, rows);
  gather(database_, sql::kSelectDeletion + "WHERE " + kKnownTables + kAfter, sql::read_deletion,
         from, limit, rows);
  rows = merge(std::move(rows), limit);
  if (!rows) return std::unexpected(rows.error());
  changes.rows = std::move(*rows);
  if (changes.rows.size() == limit) changes.head = sequence_of(changes.rows.back());
  return changes;
}

Result<PolicyStatistics> SqlitePolicyStore::statistics() {
  const auto read = [](Statement& row) {
    return PolicyStatistics{.policies = row.integer_as<std::size_t>(),
                            .none = row.integer_as<std::size_t>(),
                            .unknown = row.integer_as<std::size_t>(),
                            .body_bytes = row.integer_as<std::size_t>(),
                            .history = row.integer_as<std::size_t>(),
                            .routes = row.integer_as<std::size_t>(),
                            .tlsa = row.integer_as<std::size_t>(),
                            .events = row.integer_as<std::size_t>(),
                            .deletions = row.integer_as<std::size_t>(),
                            .tlsrpt = row.integer_as<std::size_t>(),
                            .tlsrpt_history = row.integer_as<std::size_t>(),
                            .rereads = row.integer_as<std::size_t>(),
                            .failures = row.integer_as<std::size_t>(),
                            .head = row.integer_as<Sequence>()};
  };
  auto row = database_.first(
      "SELECT (SELECT count(*) FROM domain WHERE state = 'policy'), "
      "(SELECT count(*) FROM domain WHERE state <> 'policy' AND state = 'none'), "
      "(SELECT count(*) FROM domain WHERE state <> 'policy' AND state <> 'none'), "
      "(SELECT coalesce(sum(length(body)), 0) FROM policy WHERE valid_to IS NULL), "
      "(SELECT count(*) FROM policy WHERE valid_to IS NOT NULL), "
      "(SELECT count(*) FROM mx_route), (SELECT count(*) FROM tlsa), "
      "(SELECT count(*) FROM policy_event), (SELECT count(*) FROM deletion), "
      "(SELECT count(*) FROM tlsrpt WHERE valid_to IS NULL), "
      "(SELECT count(*) FROM tlsrpt WHERE valid_to IS NOT NULL), "
      "(SELECT count(*) FROM reread), (SELECT count(*) FROM failure), (SELECT head FROM feed)",
      read);
  if (!row) return std::unexpected(row.error());
  return row->value_or(PolicyStatistics{});
}

}  // namespace mxw::store
