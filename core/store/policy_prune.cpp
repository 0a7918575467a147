// SqlitePolicyStore: what leaves the store, by age and by count.
#include <algorithm>

#include "core/base/limits.hpp"
#include "core/store/eviction.hpp"
#include "core/store/policy_sql.hpp"
#include "core/store/sqlite_policy_store.hpp"

namespace mxw::store {
namespace {

Eviction::Victim read_victim(Statement& row) {
  return {.tenant = row.integer_as<std::uint32_t>(),
          .name = row.text(),
          .bytes = row.integer_as<std::size_t>()};
}

// One call of prune(): its transaction and what it has done so far.
struct Run {
  Database& database;
  Transaction& transaction;
  const PolicyBounds& bounds;
  const Pinned& pinned;
  Pruned pruned;

  std::size_t count(const std::string& sql) {
    if (!transaction.ok()) return 0;
    return static_cast<std::size_t>(transaction.take(database.integer(sql)));
  }
  // Deletes what the statement names (its last parameter is a limit) and gives how many went.
  template <typename... Args>
  std::size_t erase(const std::string& sql, const Args&... args) {
    transaction.run(sql, args..., bounds.per_call);
    return transaction.ok() ? static_cast<std::size_t>(database.changed()) : 0;
  }
  // As erase(), but at most down to a bound.
  std::size_t erase_excess(const std::string& sql, std::size_t have, std::size_t bound) {
    const std::size_t over = excess(have, bound);
    if (over == 0) return 0;
    if (over > bounds.per_call) pruned.more = true;
    transaction.run(sql, std::min(over, bounds.per_call));
    return transaction.ok() ? static_cast<std::size_t>(database.changed()) : 0;
  }
  template <typename... Args>
  std::vector<Eviction::Victim> choose(Eviction eviction, const std::string& sql,
                                       const Args&... args);
  void evict(const std::vector<Eviction::Victim>& victims);
};

template <typename... Args>
std::vector<Eviction::Victim> Run::choose(Eviction eviction, const std::string& sql,
                                          const Args&... args) {
  auto statement = database.prepare(sql, args...);
  if (!statement) {
    transaction.note(std::unexpected(statement.error()));
    return {};
  }
  while (!eviction.full() && transaction.take(statement->step())) {
    eviction.offer(read_victim(*statement));
  }
  auto victims = eviction.finish();
  if (eviction.more()) pruned.more = true;
  return victims;
}

void Run::evict(const std::vector<Eviction::Victim>& victims) {
  for (const auto& victim : victims) {
    transaction
        .run("DELETE FROM policy WHERE tenant = ? AND domain = ?", victim.tenant, victim.name)
        .run("DELETE FROM mx_route WHERE tenant = ? AND policy_domain = ?", victim.tenant,
             victim.name)
        .run("DELETE FROM tlsrpt WHERE tenant = ? AND domain = ?", victim.tenant, victim.name)
        .run("DELETE FROM reread WHERE tenant = ? AND domain = ?", victim.tenant, victim.name)
        .run("DELETE FROM failure WHERE tenant = ? AND domain = ?", victim.tenant, victim.name)
        .run("DELETE FROM domain WHERE tenant = ? AND name = ?", victim.tenant, victim.name);
    sql::write_deletion(database, transaction, Table::domain, {victim.tenant, victim.name});
  }
}

const std::string kPolicyOfDomain =
    "FROM domain d JOIN policy p ON p.tenant = d.tenant AND p.domain = d.name AND p.valid_to IS "
    "NULL ";

// PolicyRow::valid_until() in SQL.
const std::string kValidUntil =
    "p.fetched_at + min(p.max_age, " + std::to_string(limits::kPolicyMaxAge) + ") * 1000000000";

// The order in which policies go; ?1: now.
const std::string kInTurn =
    "(p.mode = 'enforce' AND " + kValidUntil + " >= ?1), d.last_asked, d.tenant, d.name";

// Not asked for in a long time, and nothing valid to lose. Pinned ones stay.
void prune_idle(Run& run, Time now) {
  const std::size_t most = run.bounds.per_call;
  const Time since = now - run.bounds.idle_age;
  const auto idle = [&](const std::string& sql, const auto&... args) {
    const auto rows = run.database.all(sql, read_victim, args..., most + run.pinned.size());
    auto victims = run.transaction.take(rows);
    std::erase_if(victims, [&](const auto& v) { return run.pinned.contains({v.tenant, v.name}); });
    if (victims.size() > most) victims.resize(most);
    if (victims.size() == most) run.pruned.more = true;
    run.evict(victims);
    return victims.size();
  };
  run.pruned.others += idle(
      "SELECT tenant, name, 0 FROM domain WHERE state <> 'policy' AND last_asked < ? "
      "ORDER BY last_asked, tenant, name LIMIT ?",
      since);
  run.pruned.policies += idle("SELECT d.tenant, d.name, 0 " + kPolicyOfDomain +
                                  "WHERE d.state = 'policy' AND d.last_asked < ?1 "
                                  "AND " +
                                  kValidUntil +
                                  " < ?2 "
                                  "ORDER BY d.last_asked, d.tenant, d.name LIMIT ?3",
                              since, now);
}

void prune_domains(Run& run, Time now) {
  const PolicyBounds& bounds = run.bounds;
  const std::size_t others = run.count("SELECT count(*) FROM domain WHERE state <> 'policy'");
  if (const std::size_t rows = excess(others, bounds.others); rows > 0) {
    const auto victims = run.choose(Eviction(rows, 0, bounds.per_call, run.pinned),
                                    "SELECT tenant, name, 0 FROM domain WHERE state <> 'policy' "
                                    "ORDER BY last_asked, tenant, name");
    run.evict(victims);
    run.pruned.others += victims.size();
  }
  const std::size_t rows =
      excess(run.count("SELECT count(*) FROM domain WHERE state = 'policy'"), bounds.policies);
  if (rows == 0) return;
  const auto victims = run.choose(Eviction(rows, 0, bounds.per_call, run.pinned),
                                  "SELECT d.tenant, d.name, length(p.body) " + kPolicyOfDomain +
                                      "WHERE d.state = 'policy' ORDER BY " + kInTurn,
                                  now);
  run.evict(victims);
  run.pruned.policies += victims.size();
}

// Whoever made the octets too many pays for them: the largest go, and small ones never.
void prune_bodies(Run& run, Time now) {
  const std::size_t bytes =
      excess(run.count("SELECT coalesce(sum(length(body)), 0) FROM policy WHERE valid_to IS NULL"),
             run.bounds.body_bytes);
  if (bytes == 0) return;
  const auto victims = run.choose(
      Eviction(0, bytes, run.bounds.per_call, run.pinned),
      "SELECT d.tenant, d.name, length(p.body) " + kPolicyOfDomain +
          "WHERE d.state = 'policy' AND length(p.body) > ?2 ORDER BY length(p.body) DESC, " +
          kInTurn,
      now, kLargeBody);
  run.evict(victims);
  run.pruned.policies += victims.size();
}

void prune_history_bytes(Run& run) {
  std::size_t over = excess(
      run.count("SELECT coalesce(sum(length(body)), 0) FROM policy WHERE valid_to IS NOT NULL"),
      run.bounds.history_bytes);
  if (over == 0) return;
  const auto rows = run.transaction.take(run.database.all(
      "SELECT row, length(body) FROM policy WHERE valid_to IS NOT NULL "
      "ORDER BY length(body) > ? DESC, valid_to, row LIMIT ?",
      [](Statement& row) {
        return std::pair<std::int64_t, std::size_t>{row.integer_as<std::int64_t>(),
                                                    row.integer_as<std::size_t>()};
      },
      kLargeBody, run.bounds.per_call));
  for (const auto& [row, bytes] : rows) {
    if (over == 0) return;
    run.transaction.run("DELETE FROM policy WHERE row = ?", row);
    over -= std::min(over, bytes);
    ++run.pruned.history;
  }
  if (over > 0) run.pruned.more = true;
}

void prune_history(Run& run, Time now) {
  run.pruned.history += run.erase(
      "DELETE FROM policy WHERE row IN (SELECT row FROM policy WHERE valid_to IS NOT NULL "
      "AND valid_to < ? ORDER BY valid_to, row LIMIT ?)",
      now - run.bounds.history_age);
  run.pruned.history += run.erase_excess(
      "DELETE FROM policy WHERE row IN (SELECT row FROM policy WHERE valid_to IS NOT NULL "
      "ORDER BY valid_to, row LIMIT ?)",
      run.count("SELECT count(*) FROM policy WHERE valid_to IS NOT NULL"), run.bounds.history);
  prune_history_bytes(run);
  run.pruned.events += run.erase(
      "DELETE FROM policy_event WHERE seq IN (SELECT seq FROM policy_event WHERE time < ? "
      "ORDER BY time, seq LIMIT ?)",
      now - run.bounds.event_age);
  run.pruned.events += run.erase_excess(
      "DELETE FROM policy_event WHERE seq IN (SELECT seq FROM policy_event ORDER BY seq LIMIT ?)",
      run.count("SELECT count(*) FROM policy_event"), run.bounds.events);
}

// Whole sets only: half a set of routes or TLSA records would say something that is not so.
std::size_t prune_sets(Run& run, Table table, const std::string& column, std::size_t bound) {
  const std::string from = " FROM " + std::string(name(table)) + " ";
  std::size_t over = excess(run.count("SELECT count(*)" + from), bound), gone = 0;
  while (over > 0 && run.transaction.ok()) {
    if (gone >= run.bounds.per_call) {
      run.pruned.more = true;
      break;
    }
    const auto set = run.transaction.take(run.database.first(
        "SELECT tenant, " + column + from + "ORDER BY until, tenant, " + column + " LIMIT 1",
        [](Statement& row) {
          return Deletion{.tenant = row.integer_as<std::uint32_t>(), .name = row.text()};
        }));
    if (!set) break;
    run.transaction.run("DELETE" + from + "WHERE tenant = ? AND " + column + " = ?", set->tenant,
                        set->name);
    const auto rows = static_cast<std::size_t>(run.database.changed());
    sql::write_deletion(run.database, run.transaction, table, {set->tenant, set->name});
    over -= std::min(over, rows);
    gone += rows;
  }
  return gone;
}

void prune_answers(Run& run, Time now) {
  const Time until = now - run.bounds.route_grace;
  run.pruned.routes += run.erase(
      "DELETE FROM mx_route WHERE rowid IN (SELECT rowid FROM mx_route WHERE until < ? "
      "ORDER BY until LIMIT ?)",
      until);
  run.pruned.tlsa += run.erase(
      "DELETE FROM tlsa WHERE rowid IN (SELECT rowid FROM tlsa WHERE until < ? "
      "ORDER BY until LIMIT ?)",
      until);
  run.pruned.routes += prune_sets(run, Table::mx_route, "policy_domain", run.bounds.routes);
  run.pruned.tlsa += prune_sets(run, Table::tlsa, "base", run.bounds.tlsa);
}

// Rows of a name without a domain row: nothing else takes them. Only of these is a deletion of
// their own written: a program of version 1 reads it as one of the domain, which then is no loss.
const std::string kAlone =
    "NOT EXISTS (SELECT 1 FROM domain d WHERE d.tenant = t.tenant AND d.name = t.domain) ";

void evict_alone(Run& run, Table table, const std::vector<Eviction::Victim>& victims,
                 std::size_t& gone) {
  for (const auto& victim : victims) {
    run.transaction.run(
        "DELETE FROM " + std::string(name(table)) + " WHERE tenant = ? AND domain = ?",
        victim.tenant, victim.name);
    gone += static_cast<std::size_t>(run.database.changed());
    sql::write_deletion(run.database, run.transaction, table, {victim.tenant, victim.name});
  }
}

void prune_tlsrpt(Run& run, Time now) {
  run.pruned.tlsrpt += run.erase(
      "DELETE FROM tlsrpt WHERE row IN (SELECT row FROM tlsrpt WHERE valid_to IS NOT NULL "
      "AND valid_to < ? ORDER BY valid_to, row LIMIT ?)",
      now - run.bounds.history_age);
  run.pruned.tlsrpt += run.erase_excess(
      "DELETE FROM tlsrpt WHERE row IN (SELECT row FROM tlsrpt WHERE valid_to IS NOT NULL "
      "ORDER BY valid_to, row LIMIT ?)",
      run.count("SELECT count(*) FROM tlsrpt WHERE valid_to IS NOT NULL"),
      run.bounds.tlsrpt_history);

  const std::string alone =
      "SELECT tenant, domain, 0 FROM tlsrpt t WHERE valid_to IS NULL AND " + kAlone;
  const auto idle = run.transaction.take(
      run.database.all(alone + "AND confirmed_at < ? ORDER BY confirmed_at, tenant, domain LIMIT ?",
                       read_victim, now - run.bounds.idle_age, run.bounds.per_call));
  if (idle.size() == run.bounds.per_call) run.pruned.more = true;
  evict_alone(run, Table::tlsrpt, idle, run.pruned.tlsrpt);
  const std::size_t over =
      excess(run.count("SELECT count(*) FROM tlsrpt WHERE valid_to IS NULL"), run.bounds.tlsrpt);
  if (over == 0) return;
  if (over > run.bounds.per_call) run.pruned.more = true;
  const auto oldest =
      run.transaction.take(run.database.all(alone + "ORDER BY confirmed_at, tenant, domain LIMIT ?",
                                            read_victim, std::min(over, run.bounds.per_call)));
  evict_alone(run, Table::tlsrpt, oldest, run.pruned.tlsrpt);
}

void prune_rereads(Run& run, Time now) {
  run.pruned.rereads += run.erase(
      "DELETE FROM reread WHERE rowid IN (SELECT rowid FROM reread WHERE at < ? "
      "ORDER BY at LIMIT ?)",
      now - run.bounds.reread_age);
  const std::size_t over = excess(run.count("SELECT count(*) FROM reread"), run.bounds.rereads);
  if (over == 0) return;
  if (over > run.bounds.per_call) run.pruned.more = true;
  const auto oldest =
      run.transaction.take(run.database.all("SELECT tenant, domain, 0 FROM reread t WHERE " +
                                                kAlone + "ORDER BY at, tenant, domain LIMIT ?",
                                            read_victim, std::min(over, run.bounds.per_call)));
  evict_alone(run, Table::reread, oldest, run.pruned.rereads);
}

// Nothing is told of these: readers age them the same way.
void prune_failures(Run& run, Time now) {
  run.pruned.failures += run.erase(
      "DELETE FROM failure WHERE rowid IN (SELECT rowid FROM failure "
      "WHERE coalesce(until, seen) < ? ORDER BY coalesce(until, seen) LIMIT ?)",
      now - run.bounds.failure_age);
  run.pruned.failures += run.erase_excess(
      "DELETE FROM failure WHERE rowid IN (SELECT rowid FROM failure "
      "ORDER BY coalesce(until, seen) LIMIT ?)",
      run.count("SELECT count(*) FROM failure"), run.bounds.failures);
}

// Last, since evictions write deletions.
void prune_deletions(Run& run) {
  const std::size_t over = excess(run.count("SELECT count(*) FROM deletion"), run.bounds.deletions);
  if (over == 0) return;
  run.transaction.run(
      "UPDATE feed SET oldest = (SELECT seq FROM deletion ORDER BY seq LIMIT 1 OFFSET ?)",
      over - 1);
  run.transaction.run("DELETE FROM deletion WHERE seq <= (SELECT oldest FROM feed)");
  if (run.transaction.ok()) run.pruned.deletions = static_cast<std::size_t>(run.database.changed());
}

}  // namespace

Result<Pruned> SqlitePolicyStore::prune(const PolicyBounds& bounds, Time now,
                                        const Pinned& pinned) {
  Transaction transaction(database_);
  Run run{.database = database_,
          .transaction = transaction,
          .bounds = bounds,
          .pinned = pinned,
          .pruned = {}};
  prune_idle(run, now);
  prune_domains(run, now);
  prune_bodies(run, now);
  prune_history(run, now);
  prune_answers(run, now);
  prune_tlsrpt(run, now);
  prune_rereads(run, now);
  prune_failures(run, now);
  prune_deletions(run);
  if (auto done = transaction.commit(); !done) return std::unexpected(done.error());
  return run.pruned;
}

}  // namespace mxw::store
