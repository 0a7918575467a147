#include "core/store/intake_store.hpp"

#include <algorithm>
#include <array>

#include "core/store/eviction.hpp"
#include "core/store/transaction.hpp"

namespace mxw::store {
namespace {

constexpr std::array<std::string_view, 3> kStates = {"counted", "quarantined", "changed"};

// Of what is counted, by day and domain; `domain` empty: every one.
constexpr const char* kOfSpan =
    "FROM intake_policy p JOIN intake r ON r.id = p.report "
    "WHERE r.tenant = ?1 AND r.state = 'counted' AND p.day >= ?2 AND p.day < ?3 "
    "AND (?4 = '' OR p.domain = ?4) ";

// Each report's sums by policy-type; of these the largest stands for the report, since a session
// may be told under several types (tlsa and sts).
const std::string kPerReport =
    "SELECT report, domain, day, max(sessions) AS sessions, max(failure) AS failure FROM ("
    "SELECT p.report AS report, p.domain AS domain, p.day AS day, sum(p.success + p.failure) AS "
    "sessions, sum(p.failure) AS failure " +
    std::string(kOfSpan) +
    "GROUP BY p.report, p.domain, p.day, p.type) GROUP BY report, domain, day";

struct Found {
  std::int64_t id = 0;
  bool same = false;
  IntakeState state = IntakeState::counted;
};

IntakeState state_of(std::string_view word) {
  const auto at = std::ranges::find(kStates, word);
  // One of a newer version does not count.
  return at == kStates.end() ? IntakeState::quarantined
                             : static_cast<IntakeState>(at - kStates.begin());
}

bool too_large(const IntakeRow& row) {
  std::size_t failures = 0;
  for (const IntakePolicy& policy : row.policies) failures += policy.failures.size();
  return row.policies.size() > kIntakePolicies || failures > kIntakeFailures;
}

void write_policies(Database& database, Transaction& transaction, const IntakeRow& row,
                    std::int64_t report) {
  for (const IntakePolicy& policy : row.policies) {
    if (!transaction.ok()) return;
    const auto id = transaction.take(database.integer(
        "INSERT INTO intake_policy(report, day, type, domain, mx_hosts, success, failure) "
        "VALUES(?, ?, ?, ?, ?, ?, ?) RETURNING id",
        report, day_of(row.begin), policy.type, policy.domain, policy.mx_hosts, policy.success,
        policy.failure));
    for (const IntakeFailure& one : policy.failures)
      transaction.run(
          "INSERT INTO intake_failure(policy, result_type, sending_ip, mx_host, receiving_ip, "
          "reason, count) VALUES(?, ?, ?, ?, ?, ?, ?)",
          id, one.result_type, one.sending_ip, one.mx_host, one.receiving_ip, one.reason,
          one.count);
  }
}

std::int64_t write_report(Database& database, Transaction& transaction, const IntakeRow& row,
                          IntakeState state) {
  if (!transaction.ok()) return 0;
  return transaction.take(database.integer(
      "INSERT INTO intake(tenant, origin, submitter, report_id, begin, finish, organisation, "
      "contact, dkim, state, digest, received, deviations) "
      "VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id",
      row.tenant, row.origin, row.submitter, row.report_id, row.begin, row.end, row.organisation,
      row.contact, row.dkim, name(state), Bytes(row.digest), row.received, row.deviations));
}

// The reports of the row's key: those with the same octets first, counted ones first.
std::vector<Found> find(Database& database, Transaction& transaction, const IntakeRow& row) {
  return transaction.take(database.all(
      "SELECT id, digest = ?, state FROM intake WHERE tenant = ? AND submitter = ? "
      "AND report_id = ? AND begin = ? AND finish = ? ORDER BY 2 DESC, state != 'counted', id",
      [](Statement& line) {
        return Found{.id = line.integer(), .same = line.boolean(), .state = state_of(line.text())};
      },
      Bytes(row.digest), row.tenant, row.submitter, row.report_id, row.begin, row.end));
}

}  // namespace

std::string_view name(IntakeState state) {
  return kStates.at(static_cast<std::size_t>(state));
}

Result<IntakeStore::Added> IntakeStore::add(const IntakeRow& row) {
  if (too_large(row))
    return std::unexpected(
        make_error(Fault::limit, database_.path(), "a report with too many policies or failures"));
  Transaction transaction(database_);
  const auto known = find(database_, transaction, row);
  const bool counts = row.state == IntakeState::counted;
  const auto counted = [](const Found& one) { return one.state == IntakeState::counted; };
  for (const Found& one : known) {
    if (!one.same || (counts && one.state == IntakeState::quarantined)) continue;
    // What is known of its signature by now.
    if (!counts && one.state == IntakeState::quarantined)
      transaction.run("UPDATE intake SET dkim = ?, deviations = ? WHERE id = ?", row.dkim,
                      row.deviations, one.id);
    if (auto done = transaction.commit(); !done) return std::unexpected(done.error());
    return Added::duplicate;
  }
  if (counts)
    for (const Found& one : known)
      if (one.same) transaction.run("DELETE FROM intake WHERE id = ?", one.id);
  const bool changed = counts && std::ranges::any_of(known, counted);
  const IntakeState state = changed ? IntakeState::changed : row.state;
  const std::int64_t report = write_report(database_, transaction, row, state);
  write_policies(database_, transaction, row, report);
  if (auto done = transaction.commit(); !done) return std::unexpected(done.error());
  return changed ? Added::changed : Added::stored;
}

Result<std::vector<IntakeDay>> IntakeStore::days(std::uint32_t tenant, Day from, Day to,
                                                 std::string_view domain, std::size_t limit) {
  return database_.all(
      "SELECT domain, day, count(*), sum(sessions), sum(failure) FROM (" + kPerReport +
          ") GROUP BY domain, day ORDER BY domain, day LIMIT ?5",
      [](Statement& line) {
        IntakeDay row;
        row.domain = line.text();
        row.day = line.integer_as<Day>();
        row.reports = line.integer_as<std::uint64_t>();
        row.sessions = line.integer_as<std::uint64_t>();
        row.failure = line.integer_as<std::uint64_t>();
        return row;
      },
      tenant, from, to, domain, limit);
}

Result<std::vector<IntakeCause>> IntakeStore::causes(std::uint32_t tenant, Day from, Day to,
                                                     std::string_view domain, std::size_t limit) {
  return database_.all(
      "SELECT domain, result_type, mx_host, max(reason), sum(count), count(DISTINCT submitter), "
      "min(day), max(day) FROM (SELECT p.domain AS domain, f.result_type AS result_type, f.mx_host "
      "AS mx_host, f.reason AS reason, f.count AS count, r.submitter AS submitter, p.day AS day "
      "FROM intake_failure f JOIN intake_policy p ON p.id = f.policy JOIN intake r ON r.id = "
      "p.report WHERE r.tenant = ?1 AND r.state = 'counted' AND p.day >= ?2 AND p.day < ?3 "
      "AND (?4 = '' OR p.domain = ?4)) GROUP BY domain, result_type, mx_host "
      "ORDER BY 5 DESC, 1, 2, 3 LIMIT ?5",
      [](Statement& line) {
        IntakeCause row;
        row.domain = line.text();
        row.result_type = line.text();
        row.mx_host = line.text();
        row.reason = line.text();
        row.count = line.integer_as<std::uint64_t>();
        row.reporters = line.integer_as<std::uint64_t>();
        row.first = line.integer_as<Day>();
        row.last = line.integer_as<Day>();
        return row;
      },
      tenant, from, to, domain, limit);
}

Result<std::vector<IntakeReporter>> IntakeStore::reporters(std::uint32_t tenant, Day from, Day to,
                                                           std::string_view domain,
                                                           std::size_t limit) {
  return database_.all(
      "SELECT r.submitter, max(r.organisation), min(CASE r.dkim WHEN 'fail' THEN 0 WHEN 'none' "
      "THEN 1 WHEN 'no-key' THEN 2 ELSE 3 END), count(DISTINCT s.report), sum(s.sessions), "
      "sum(s.failure), max(s.day) FROM (" +
          kPerReport +
          ") s JOIN intake r ON r.id = s.report GROUP BY r.submitter "
          "ORDER BY 5 DESC, 1 LIMIT ?5",
      [](Statement& line) {
        constexpr std::array<const char*, 4> kDkim = {"fail", "none", "no-key", "pass"};
        IntakeReporter row;
        row.submitter = line.text();
        row.organisation = line.text();
        row.dkim = kDkim.at(static_cast<std::size_t>(line.integer() & 3));
        row.reports = line.integer_as<std::uint64_t>();
        row.sessions = line.integer_as<std::uint64_t>();
        row.failure = line.integer_as<std::uint64_t>();
        row.last = line.integer_as<Day>();
        return row;
      },
      tenant, from, to, domain, limit);
}

Result<std::vector<IntakeRow>> IntakeStore::newest(std::uint32_t tenant, std::size_t limit) {
  return database_.all(
      "SELECT tenant, origin, submitter, report_id, begin, finish, organisation, contact, dkim, "
      "state, received, deviations FROM intake WHERE tenant = ? ORDER BY received DESC, id DESC "
      "LIMIT ?",
      [](Statement& line) {
        IntakeRow row;
        row.tenant = line.integer_as<std::uint32_t>();
        row.origin = line.text();
        row.submitter = line.text();
        row.report_id = line.text();
        row.begin = line.time();
        row.end = line.time();
        row.organisation = line.text();
        row.contact = line.text();
        row.dkim = line.text();
        row.state = state_of(line.text());
        row.received = line.time();
        row.deviations = line.text();
        return row;
      },
      tenant, limit);
}

Result<std::uint64_t> IntakeStore::count(std::uint32_t tenant, IntakeState state) {
  const auto found = database_.integer("SELECT count(*) FROM intake WHERE tenant = ? AND state = ?",
                                       tenant, name(state));
  if (!found) return std::unexpected(found.error());
  return static_cast<std::uint64_t>(*found);
}

Result<std::size_t> IntakeStore::prune(const IntakeBounds& bounds, Time now) {
  Transaction transaction(database_);
  std::size_t gone = 0;
  const auto erase = [&](const std::string& where, const auto&... args) {
    transaction.run("DELETE FROM intake WHERE id IN (SELECT id FROM intake " + where + " LIMIT ?)",
                    args...);
    if (transaction.ok()) gone += static_cast<std::size_t>(database_.changed());
  };
  erase("WHERE received < ? ORDER BY received", now - bounds.age, bounds.per_call);
  const auto have = transaction.take(database_.integer("SELECT count(*) FROM intake"));
  if (const std::size_t over = excess(static_cast<std::size_t>(have), bounds.reports); over > 0)
    erase("ORDER BY received, id", std::min(over, bounds.per_call));
  if (auto done = transaction.commit(); !done) return std::unexpected(done.error());
  return gone;
}

}  // namespace mxw::store
