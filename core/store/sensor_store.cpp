#include "core/store/sensor_store.hpp"

#include <algorithm>
#include <array>

#include "core/store/sensor_memory.hpp"
#include "core/store/transaction.hpp"

namespace mxw::store {
namespace {

constexpr std::int32_t kApplicationId = 0x6d787773;  // "mxws"

// verdict: the columns of its subject kind are filled, those of the other kinds are empty or 0.
constexpr const char* kVersion1 = R"sql(
CREATE TABLE feed(
  head INTEGER NOT NULL, oldest INTEGER NOT NULL) STRICT;

CREATE TABLE baseline(
  tenant INTEGER NOT NULL, origin TEXT NOT NULL, key TEXT NOT NULL, first INTEGER NOT NULL,
  last INTEGER NOT NULL, sessions INTEGER NOT NULL, complete_replies INTEGER NOT NULL,
  starttls_offered INTEGER NOT NULL, first_greetings INTEGER NOT NULL, esmtp INTEGER NOT NULL,
  tls_eligible INTEGER NOT NULL, tls INTEGER NOT NULL, chains INTEGER NOT NULL,
  trusted INTEGER NOT NULL, PRIMARY KEY(tenant, key)) STRICT;
CREATE INDEX baseline_last ON baseline(last);

CREATE TABLE baseline_value(
  tenant INTEGER NOT NULL, origin TEXT NOT NULL, key TEXT NOT NULL, kind TEXT NOT NULL,
  value TEXT NOT NULL, count INTEGER NOT NULL, last INTEGER NOT NULL,
  PRIMARY KEY(tenant, key, kind, value),
  FOREIGN KEY(tenant, key) REFERENCES baseline(tenant, key) ON DELETE CASCADE) STRICT;

CREATE TABLE retry(
  tenant INTEGER NOT NULL, origin TEXT NOT NULL, key TEXT NOT NULL, how TEXT NOT NULL,
  session INTEGER NOT NULL, at INTEGER NOT NULL, frame INTEGER NOT NULL,
  PRIMARY KEY(tenant, key)) STRICT;
CREATE INDEX retry_at ON retry(at);

CREATE TABLE verdict(
  id TEXT NOT NULL, origin TEXT NOT NULL, tenant INTEGER NOT NULL, rule TEXT NOT NULL,
  severity TEXT NOT NULL, subject TEXT NOT NULL, egress_ip BLOB NOT NULL, mx_ip BLOB NOT NULL,
  mx_host TEXT NOT NULL, client_ip BLOB NOT NULL, client_port INTEGER NOT NULL,
  server_ip BLOB NOT NULL, server_port INTEGER NOT NULL, start INTEGER NOT NULL,
  domain TEXT NOT NULL, policy_domain TEXT NOT NULL, domain_basis TEXT NOT NULL,
  policy_id TEXT NOT NULL, first_seen INTEGER NOT NULL, last_seen INTEGER NOT NULL,
  expires INTEGER NOT NULL, count INTEGER NOT NULL, state TEXT NOT NULL,
  evidence_ref TEXT NOT NULL, seq INTEGER NOT NULL, PRIMARY KEY(origin, id)) STRICT;
CREATE INDEX verdict_active ON verdict(expires) WHERE state = 'active';
CREATE INDEX verdict_last ON verdict(last_seen);
CREATE UNIQUE INDEX verdict_seq ON verdict(seq);
)sql";

constexpr const char* kVersion2 = R"sql(
CREATE TABLE baseline_day(
  tenant INTEGER NOT NULL, origin TEXT NOT NULL, key TEXT NOT NULL, day INTEGER NOT NULL,
  sessions INTEGER NOT NULL, complete_replies INTEGER NOT NULL, starttls_offered INTEGER NOT NULL,
  first_greetings INTEGER NOT NULL, esmtp INTEGER NOT NULL, tls_eligible INTEGER NOT NULL,
  tls INTEGER NOT NULL, chains INTEGER NOT NULL, trusted INTEGER NOT NULL,
  PRIMARY KEY(tenant, key, day),
  FOREIGN KEY(tenant, key) REFERENCES baseline(tenant, key) ON DELETE CASCADE)
  STRICT, WITHOUT ROWID;
CREATE INDEX baseline_day_day ON baseline_day(day);

CREATE TABLE level(
  tenant INTEGER NOT NULL, origin TEXT NOT NULL, key TEXT NOT NULL, capability TEXT NOT NULL,
  risen_at INTEGER NOT NULL, shown_at INTEGER NOT NULL, absent_since INTEGER,
  absent_sessions INTEGER NOT NULL, fallen_at INTEGER, fallen_by TEXT NOT NULL,
  PRIMARY KEY(tenant, key, capability)) STRICT;
CREATE INDEX level_fallen ON level(fallen_at) WHERE fallen_at IS NOT NULL;
CREATE INDEX level_shown ON level(shown_at);

CREATE TABLE dns_seen(
  tenant INTEGER NOT NULL, origin TEXT NOT NULL, kind TEXT NOT NULL, name TEXT NOT NULL,
  value TEXT NOT NULL, ad INTEGER NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL,
  count INTEGER NOT NULL, gone_since INTEGER, PRIMARY KEY(kind, tenant, name)) STRICT;
CREATE INDEX dns_seen_last ON dns_seen(last);
)sql";

constexpr std::array<const char*, 2> kSteps = {kVersion1, kVersion2};

const std::string kSelectBaseline =
    "SELECT tenant, origin, key, first, last, sessions, complete_replies, starttls_offered, "
    "first_greetings, esmtp, tls_eligible, tls, chains, trusted FROM baseline ";
const std::string kSelectValue =
    "SELECT tenant, origin, key, kind, value, count, last FROM baseline_value ";
const std::string kSelectRetry = "SELECT tenant, origin, key, how, session, at, frame FROM retry ";
const std::string kSelectVerdict =
    "SELECT id, origin, tenant, rule, severity, subject, egress_ip, mx_ip, mx_host, client_ip, "
    "client_port, server_ip, server_port, start, domain, policy_domain, domain_basis, policy_id, "
    "first_seen, last_seen, expires, count, state, evidence_ref, seq FROM verdict ";

BaselineRow read_baseline(Statement& row) {
  BaselineRow baseline{.tenant = row.integer_as<std::uint32_t>(),
                       .origin = row.text(),
                       .key = row.text(),
                       .first = row.time(),
                       .last = row.time()};
  for (std::uint64_t* count :
       {&baseline.sessions, &baseline.complete_replies, &baseline.starttls_offered,
        &baseline.first_greetings, &baseline.esmtp, &baseline.tls_eligible, &baseline.tls,
        &baseline.chains, &baseline.trusted})
    *count = row.integer_as<std::uint64_t>();
  return baseline;
}

BaselineValue read_value(Statement& row) {
  return {.tenant = row.integer_as<std::uint32_t>(),
          .origin = row.text(),
          .key = row.text(),
          .kind = row.text(),
          .value = row.text(),
          .count = row.integer_as<std::uint64_t>(),
          .last = row.time()};
}

RetryRow read_retry(Statement& row) {
  return {.tenant = row.integer_as<std::uint32_t>(),
          .origin = row.text(),
          .key = row.text(),
          .how = row.text(),
          .session = row.integer_as<std::uint64_t>(),
          .at = row.time(),
          .frame = row.integer_as<std::uint64_t>()};
}

Subject read_subject(Statement& row) {
  const std::string kind = row.text();
  PathSubject path{.egress_ip = row.address(), .mx_ip = row.address(), .mx_host = row.text()};
  SessionSubject session;
  session.client = {row.address(), row.integer_as<std::uint16_t>()};
  session.server = {row.address(), row.integer_as<std::uint16_t>()};
  session.start = row.time();
  DomainSubject domain{.domain = row.text()};
  if (kind == "path") return path;
  if (kind == "session") return session;
  return domain;
}

VerdictRow read_verdict(Statement& row) {
  return {.id = row.text(),
          .origin = row.text(),
          .tenant = row.integer_as<std::uint32_t>(),
          .rule = row.text(),
          .severity = row.text(),
          .subject = read_subject(row),
          .policy_domain = row.text(),
          .domain_basis = row.text(),
          .policy_id = row.text(),
          .first_seen = row.time(),
          .last_seen = row.time(),
          .expires = row.time(),
          .count = row.integer_as<std::uint64_t>(),
          .state = verdict_state(row.text()),
          .evidence_ref = row.text(),
          .seq = row.integer_as<Sequence>()};
}

void write_baseline(Transaction& transaction, const BaselineRow& row) {
  transaction.run(
      "INSERT INTO baseline(tenant, origin, key, first, last, sessions, complete_replies, "
      "starttls_offered, first_greetings, esmtp, tls_eligible, tls, chains, trusted) "
      "VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT(tenant, key) DO UPDATE SET "
      "origin = excluded.origin, first = excluded.first, last = excluded.last, "
      "sessions = excluded.sessions, complete_replies = excluded.complete_replies, "
      "starttls_offered = excluded.starttls_offered, first_greetings = excluded.first_greetings, "
      "esmtp = excluded.esmtp, tls_eligible = excluded.tls_eligible, tls = excluded.tls, "
      "chains = excluded.chains, trusted = excluded.trusted",
      row.tenant, row.origin, row.key, row.first, row.last, row.sessions, row.complete_replies,
      row.starttls_offered, row.first_greetings, row.esmtp, row.tls_eligible, row.tls, row.chains,
      row.trusted);
}

void write_value(Transaction& transaction, const BaselineValue& row) {
  transaction
      .run(
          "INSERT OR REPLACE INTO baseline_value(tenant, origin, key, kind, value, count, last) "
          "VALUES(?, ?, ?, ?, ?, ?, ?)",
          row.tenant, row.origin, row.key, row.kind, row.value, row.count, row.last)
      .run(
          "DELETE FROM baseline_value WHERE rowid IN (SELECT rowid FROM baseline_value "
          "WHERE tenant = ? AND key = ? AND kind = ? ORDER BY last DESC, value LIMIT -1 OFFSET ?)",
          row.tenant, row.key, row.kind, kValuesOfKind);
}

bool too_large(const SensorStore::Batch& batch) {
  const auto over = [](const std::string& text) { return text.size() > kDetailBytes; };
  const auto in_row = [&](const auto& row) { return over(row.key) || over(row.origin); };
  return std::ranges::any_of(batch.baselines, in_row) ||
         std::ranges::any_of(batch.retries,
                             [&](const RetryRow& row) { return in_row(row) || over(row.how); }) ||
         std::ranges::any_of(batch.values, [&](const BaselineValue& row) {
           return in_row(row) || over(row.kind) || over(row.value);
         });
}

// The three kinds of subject as one row of columns.
struct SubjectColumns {
  std::string_view kind = "domain";
  PathSubject path;
  SessionSubject session;
  DomainSubject domain;
};

SubjectColumns columns_of(const Subject& subject) {
  SubjectColumns columns;
  if (const auto* path = std::get_if<PathSubject>(&subject)) {
    columns.kind = "path";
    columns.path = *path;
  } else if (const auto* session = std::get_if<SessionSubject>(&subject)) {
    columns.kind = "session";
    columns.session = *session;
  } else {
    columns.domain = std::get<DomainSubject>(subject);
  }
  return columns;
}

}  // namespace

Result<std::unique_ptr<SensorStore>> SensorStore::open(const std::string& path, Time now,
                                                       const OpenOptions& options) {
  auto database = Database::open(path, {kApplicationId, kSteps}, options);
  if (!database) return std::unexpected(database.error());
  if (options.access == Access::owner) {
    const std::int64_t first = std::max<std::int64_t>(now.ns / kMicrosecond, 1);
    auto begun = database->run(
        "INSERT INTO feed(head, oldest) SELECT ?1, ?1 WHERE NOT EXISTS (SELECT 1 FROM feed)",
        first);
    if (!begun) return std::unexpected(begun.error());
  }
  return std::unique_ptr<SensorStore>(new SensorStore(std::move(*database)));
}

Result<void> SensorStore::write(const Batch& batch) {
  if (too_large(batch) || memory_too_large(batch))
    return std::unexpected(make_error(Fault::limit, database_.path(), "a baseline text too large"));
  Transaction transaction(database_);
  for (const BaselineRow& row : batch.baselines) write_baseline(transaction, row);
  for (const BaselineValue& row : batch.values) write_value(transaction, row);
  for (const RetryRow& row : batch.retries) {
    transaction.run(
        "INSERT OR REPLACE INTO retry(tenant, origin, key, how, session, at, frame) "
        "VALUES(?, ?, ?, ?, ?, ?, ?)",
        row.tenant, row.origin, row.key, row.how, row.session, row.at, row.frame);
  }
  for (const auto& [tenant, key] : batch.forgotten_retries)
    transaction.run("DELETE FROM retry WHERE tenant = ? AND key = ?", tenant, key);
  write_memory(transaction, batch);
  return transaction.commit();
}

Result<std::optional<BaselineRow>> SensorStore::baseline(Key key) {
  return database_.first(kSelectBaseline + "WHERE tenant = ? AND key = ?", read_baseline,
                         key.tenant, key.name);
}

Result<std::vector<BaselineValue>> SensorStore::values(Key key) {
  return database_.all(kSelectValue + "WHERE tenant = ? AND key = ? ORDER BY kind, value",
                       read_value, key.tenant, key.name);
}

Result<std::vector<BaselineRow>> SensorStore::baselines(Key after, std::size_t limit) {
  return database_.all(
      kSelectBaseline + "WHERE (tenant, key) > (?, ?) ORDER BY tenant, key LIMIT ?", read_baseline,
      after.tenant, after.name, limit);
}

Result<std::optional<RetryRow>> SensorStore::retry(Key key) {
  return database_.first(kSelectRetry + "WHERE tenant = ? AND key = ?", read_retry, key.tenant,
                         key.name);
}

Result<std::vector<RetryRow>> SensorStore::retries(Key after, std::size_t limit) {
  return database_.all(kSelectRetry + "WHERE (tenant, key) > (?, ?) ORDER BY tenant, key LIMIT ?",
                       read_retry, after.tenant, after.name, limit);
}

Result<void> SensorStore::put_verdict(const VerdictRow& row) {
  if (const auto over = over_limit(row))
    return std::unexpected(make_error(Fault::limit, database_.path(), *over));
  const SubjectColumns subject = columns_of(row.subject);
  Transaction transaction(database_);
  transaction.run("UPDATE feed SET head = head + 1");
  transaction.run(
      "INSERT OR REPLACE INTO verdict(id, origin, tenant, rule, severity, subject, egress_ip, "
      "mx_ip, "
      "mx_host, client_ip, client_port, server_ip, server_port, start, domain, policy_domain, "
      "domain_basis, policy_id, first_seen, last_seen, expires, count, state, evidence_ref, seq) "
      "VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, "
      "(SELECT head FROM feed))",
      row.id, row.origin, row.tenant, row.rule, row.severity, subject.kind, subject.path.egress_ip,
      subject.path.mx_ip, subject.path.mx_host, subject.session.client.address,
      subject.session.client.port, subject.session.server.address, subject.session.server.port,
      subject.session.start, subject.domain.domain, row.policy_domain, row.domain_basis,
      row.policy_id, row.first_seen, row.last_seen, row.expires, row.count, name(row.state),
      row.evidence_ref);
  return transaction.commit();
}

Result<std::optional<VerdictRow>> SensorStore::verdict(std::string_view origin,
                                                       std::string_view id) {
  return database_.first(kSelectVerdict + "WHERE origin = ? AND id = ?", read_verdict, origin, id);
}

Result<std::vector<VerdictRow>> SensorStore::active_verdicts(Time now, std::size_t limit) {
  return database_.all(
      kSelectVerdict + "WHERE state = 'active' AND expires >= ? ORDER BY expires, seq LIMIT ?",
      read_verdict, now, limit);
}

Result<VerdictChanges> SensorStore::verdicts_since(Sequence from, std::size_t limit) {
  const auto read = [](Statement& row) {
    return std::pair<Sequence, Sequence>{row.integer_as<Sequence>(), row.integer_as<Sequence>()};
  };
  const auto feed = database_.first("SELECT head, oldest FROM feed", read);
  if (!feed) return std::unexpected(feed.error());
  const auto [head, oldest] = feed->value_or(std::pair<Sequence, Sequence>{});
  VerdictChanges changes{.reset = from < oldest || from > head, .rows = {}, .head = head};
  auto rows = database_.all(kSelectVerdict + "WHERE seq > ? ORDER BY seq LIMIT ?", read_verdict,
                            changes.reset ? Sequence{0} : from, limit);
  if (!rows) return std::unexpected(rows.error());
  changes.rows = std::move(*rows);
  if (changes.rows.size() == limit && limit > 0) changes.head = changes.rows.back().seq;
  return changes;
}

Result<std::size_t> SensorStore::expire(Time now, std::size_t limit) {
  Transaction transaction(database_);
  auto rows = transaction.take(database_.all(
      kSelectVerdict + "WHERE state = 'active' AND expires < ? ORDER BY expires, seq LIMIT ?",
      read_verdict, now, limit));
  for (const VerdictRow& row : rows) {
    transaction.run("UPDATE feed SET head = head + 1")
        .run(
            "UPDATE verdict SET state = 'expired', seq = (SELECT head FROM feed) "
            "WHERE origin = ? AND id = ?",
            row.origin, row.id);
  }
  if (auto done = transaction.commit(); !done) return std::unexpected(done.error());
  return rows.size();
}

Result<std::size_t> SensorStore::prune(const SensorBounds& bounds, Time now) {
  struct Kind {
    std::string table, by;
    std::size_t most;
    std::int64_t age;
  };
  Transaction transaction(database_);
  std::size_t gone = 0;
  for (const Kind& kind : {Kind{"baseline", "last", bounds.baselines, bounds.baseline_age},
                           Kind{"retry", "at", bounds.retries, bounds.retry_age},
                           Kind{"verdict", "last_seen", bounds.verdicts, bounds.verdict_age}}) {
    const std::string oldest =
        "DELETE FROM " + kind.table + " WHERE rowid IN (SELECT rowid FROM " + kind.table;
    transaction.run(oldest + " WHERE " + kind.by + " < ? ORDER BY " + kind.by + " LIMIT ?)",
                    now - kind.age, bounds.per_call);
    if (!transaction.ok()) break;
    gone += static_cast<std::size_t>(database_.changed());
    const auto have = transaction.take(database_.integer("SELECT count(*) FROM " + kind.table));
    const std::size_t rows = static_cast<std::size_t>(have);
    if (rows <= kind.most) continue;
    transaction.run(oldest + " ORDER BY " + kind.by + ", rowid LIMIT ?)",
                    std::min(rows - kind.most, bounds.per_call));
    if (transaction.ok()) gone += static_cast<std::size_t>(database_.changed());
  }
  prune_memory(transaction, bounds, now, gone);
  if (auto done = transaction.commit(); !done) return std::unexpected(done.error());
  return gone;
}

}  // namespace mxw::store
