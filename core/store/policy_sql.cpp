#include "core/store/policy_sql.hpp"

#include <algorithm>
#include <array>

namespace mxw::store::sql {
namespace {

constexpr std::int32_t kApplicationId = 0x6d787770;  // "mxwp"

// Words are stored as text without a list of allowed ones: a newer version may write more of them.
// `feed`: one row; `oldest` is the sequence number below which deletions are forgotten.
constexpr const char* kVersion1 = R"sql(
CREATE TABLE feed(
  head INTEGER NOT NULL, oldest INTEGER NOT NULL) STRICT;

CREATE TABLE domain(
  tenant INTEGER NOT NULL, origin TEXT NOT NULL, name TEXT NOT NULL, state TEXT NOT NULL,
  txt_id TEXT NOT NULL, txt_until INTEGER, checked_at INTEGER, check_result TEXT NOT NULL,
  neg_until INTEGER, refresh_at INTEGER, fail_count INTEGER NOT NULL, fail_type TEXT NOT NULL,
  last_asked INTEGER NOT NULL, seq INTEGER NOT NULL, PRIMARY KEY(tenant, name)) STRICT;
CREATE INDEX domain_due ON domain(refresh_at, tenant, name) WHERE refresh_at IS NOT NULL;
CREATE INDEX domain_policy ON domain(last_asked, tenant, name) WHERE state = 'policy';
CREATE INDEX domain_other ON domain(last_asked, tenant, name) WHERE state <> 'policy';
CREATE INDEX domain_seq ON domain(seq);

CREATE TABLE policy(
  row INTEGER PRIMARY KEY, tenant INTEGER NOT NULL, origin TEXT NOT NULL, domain TEXT NOT NULL,
  id TEXT NOT NULL, mode TEXT NOT NULL, body BLOB NOT NULL, valid_from INTEGER NOT NULL,
  valid_to INTEGER, fetched_at INTEGER NOT NULL, max_age INTEGER NOT NULL, source TEXT NOT NULL,
  seq INTEGER NOT NULL) STRICT;
CREATE INDEX policy_span ON policy(tenant, domain, valid_from);
CREATE UNIQUE INDEX policy_current ON policy(tenant, domain) WHERE valid_to IS NULL;
CREATE INDEX policy_closed ON policy(valid_to) WHERE valid_to IS NOT NULL;
CREATE INDEX policy_seq ON policy(seq) WHERE valid_to IS NULL;

CREATE TABLE mx_route(
  tenant INTEGER NOT NULL, origin TEXT NOT NULL, policy_domain TEXT NOT NULL, mx_host TEXT NOT NULL,
  address BLOB NOT NULL, source TEXT NOT NULL, seen INTEGER NOT NULL, until INTEGER NOT NULL,
  ad INTEGER NOT NULL, seq INTEGER NOT NULL,
  PRIMARY KEY(tenant, policy_domain, mx_host, address)) STRICT;
CREATE INDEX mx_route_until ON mx_route(until);
CREATE INDEX mx_route_seq ON mx_route(seq);

CREATE TABLE tlsa(
  tenant INTEGER NOT NULL, origin TEXT NOT NULL, base TEXT NOT NULL, rdata BLOB NOT NULL,
  ad INTEGER NOT NULL, until INTEGER NOT NULL, seq INTEGER NOT NULL,
  PRIMARY KEY(tenant, base, rdata)) STRICT;
CREATE INDEX tlsa_until ON tlsa(until);
CREATE INDEX tlsa_seq ON tlsa(seq);

CREATE TABLE policy_event(
  seq INTEGER PRIMARY KEY, tenant INTEGER NOT NULL, origin TEXT NOT NULL, time INTEGER NOT NULL,
  domain TEXT NOT NULL, kind TEXT NOT NULL, result_type TEXT NOT NULL, detail TEXT NOT NULL) STRICT;
CREATE INDEX policy_event_domain ON policy_event(tenant, domain, seq);
CREATE INDEX policy_event_time ON policy_event(time);

CREATE TABLE deletion(
  seq INTEGER PRIMARY KEY, tbl TEXT NOT NULL, tenant INTEGER NOT NULL, origin TEXT NOT NULL,
  name TEXT NOT NULL, UNIQUE(tbl, tenant, name)) STRICT;
)sql";

// A program of version 1 passes these tables over: it tells nothing of them and leaves them behind
// when it evicts a domain, so rows without a domain row are met and aged out here.
constexpr const char* kVersion2 = R"sql(
CREATE TABLE tlsrpt(
  row INTEGER PRIMARY KEY, tenant INTEGER NOT NULL, origin TEXT NOT NULL, domain TEXT NOT NULL,
  record BLOB NOT NULL, valid_from INTEGER NOT NULL, valid_to INTEGER,
  confirmed_at INTEGER NOT NULL, seq INTEGER NOT NULL) STRICT;
CREATE INDEX tlsrpt_span ON tlsrpt(tenant, domain, valid_from);
CREATE UNIQUE INDEX tlsrpt_current ON tlsrpt(tenant, domain) WHERE valid_to IS NULL;
CREATE INDEX tlsrpt_closed ON tlsrpt(valid_to) WHERE valid_to IS NOT NULL;
CREATE INDEX tlsrpt_confirmed ON tlsrpt(confirmed_at) WHERE valid_to IS NULL;
CREATE INDEX tlsrpt_seq ON tlsrpt(seq) WHERE valid_to IS NULL;

CREATE TABLE reread(
  tenant INTEGER NOT NULL, origin TEXT NOT NULL, domain TEXT NOT NULL, at INTEGER NOT NULL,
  ok INTEGER NOT NULL, id TEXT NOT NULL, mode TEXT NOT NULL, seq INTEGER NOT NULL,
  PRIMARY KEY(tenant, domain)) STRICT;
CREATE INDEX reread_at ON reread(at);
CREATE INDEX reread_seq ON reread(seq);
)sql";

// A program of version 2 writes rows without the name, which is as not known.
constexpr const char* kVersion3 = R"sql(
ALTER TABLE tlsa ADD COLUMN found_at TEXT NOT NULL DEFAULT '';
)sql";

// `since` and `until` are PolicyFailureRow's from and to, which SQL has as words of its own. A
// program of version 3 leaves these behind when it evicts a domain; here they age out.
constexpr const char* kVersion4 = R"sql(
CREATE TABLE failure(
  tenant INTEGER NOT NULL, origin TEXT NOT NULL, domain TEXT NOT NULL, mx_host TEXT NOT NULL,
  result TEXT NOT NULL, reason TEXT NOT NULL, since INTEGER NOT NULL, until INTEGER,
  seen INTEGER NOT NULL, seq INTEGER NOT NULL,
  PRIMARY KEY(tenant, domain, mx_host, result, since)) STRICT;
CREATE INDEX failure_end ON failure(coalesce(until, seen));
CREATE INDEX failure_seq ON failure(seq);
)sql";

constexpr std::array<const char*, 4> kSteps = {kVersion1, kVersion2, kVersion3, kVersion4};

Table table_of(std::string_view word) {
  for (const Table table :
       {Table::policy, Table::mx_route, Table::tlsa, Table::tlsrpt, Table::reread}) {
    if (word == name(table)) return table;
  }
  return Table::domain;
}

// Nothing that readers are told has changed.
bool same_to_readers(const DomainRow& before, DomainRow after) {
  after.last_asked = before.last_asked;
  after.seq = before.seq;
  return before == after;
}

}  // namespace

const Schema& policy_schema() {
  static const Schema schema{kApplicationId, kSteps};
  return schema;
}

const std::string kSelectDomain =
    "SELECT tenant, origin, name, state, txt_id, txt_until, checked_at, check_result, neg_until, "
    "refresh_at, fail_count, fail_type, last_asked, seq FROM domain ";
const std::string kSelectPolicy =
    "SELECT tenant, origin, domain, id, mode, body, valid_from, valid_to, fetched_at, max_age, "
    "source, seq FROM policy ";
const std::string kSelectRoute =
    "SELECT tenant, origin, policy_domain, mx_host, address, source, seen, until, ad, seq "
    "FROM mx_route ";
const std::string kSelectTlsa =
    "SELECT tenant, origin, base, rdata, ad, until, found_at, seq FROM tlsa ";
const std::string kSelectEvent =
    "SELECT tenant, origin, time, domain, kind, result_type, detail, seq FROM policy_event ";
const std::string kSelectDeletion = "SELECT tbl, tenant, name, seq FROM deletion ";
const std::string kSelectTlsrpt =
    "SELECT tenant, origin, domain, record, valid_from, valid_to, confirmed_at, seq FROM tlsrpt ";
const std::string kSelectReread =
    "SELECT tenant, origin, domain, at, ok, id, mode, seq FROM reread ";
const std::string kSelectFailure =
    "SELECT tenant, origin, domain, mx_host, result, reason, since, until, seen, seq "
    "FROM failure ";

// The members of a braced list are read in their order, which is that of the SELECT.
DomainRow read_domain(Statement& row) {
  return {.tenant = row.integer_as<std::uint32_t>(),
          .origin = row.text(),
          .name = row.text(),
          .state = domain_state(row.text()),
          .txt_id = row.text(),
          .txt_until = row.optional_time(),
          .checked_at = row.optional_time(),
          .check_result = row.text(),
          .neg_until = row.optional_time(),
          .refresh_at = row.optional_time(),
          .fail_count = row.integer_as<std::uint32_t>(),
          .fail_type = row.text(),
          .last_asked = row.time(),
          .seq = row.integer_as<Sequence>()};
}

PolicyRow read_policy(Statement& row) {
  return {.tenant = row.integer_as<std::uint32_t>(),
          .origin = row.text(),
          .domain = row.text(),
          .id = row.text(),
          .mode = mode_of(row.text()),
          .body = row.text(),
          .valid_from = row.time(),
          .valid_to = row.optional_time(),
          .fetched_at = row.time(),
          .max_age = row.integer_as<std::uint64_t>(),
          .source = row.text(),
          .seq = row.integer_as<Sequence>()};
}

RouteRow read_route(Statement& row) {
  return {.tenant = row.integer_as<std::uint32_t>(),
          .origin = row.text(),
          .policy_domain = row.text(),
          .mx_host = row.text(),
          .address = row.address(),
          .source = row.text(),
          .seen = row.time(),
          .until = row.time(),
          .ad = row.boolean(),
          .seq = row.integer_as<Sequence>()};
}

TlsaRow read_tlsa(Statement& row) {
  return {.tenant = row.integer_as<std::uint32_t>(),
          .origin = row.text(),
          .base = row.text(),
          .rdata = row.blob(),
          .ad = row.boolean(),
          .until = row.time(),
          .found_at = row.text(),
          .seq = row.integer_as<Sequence>()};
}

EventRow read_event(Statement& row) {
  return {.tenant = row.integer_as<std::uint32_t>(),
          .origin = row.text(),
          .time = row.time(),
          .domain = row.text(),
          .kind = row.text(),
          .result_type = row.text(),
          .detail = row.text(),
          .seq = row.integer_as<Sequence>()};
}

Deletion read_deletion(Statement& row) {
  return {.table = table_of(row.text()),
          .tenant = row.integer_as<std::uint32_t>(),
          .name = row.text(),
          .seq = row.integer_as<Sequence>()};
}

TlsrptRow read_tlsrpt(Statement& row) {
  return {.tenant = row.integer_as<std::uint32_t>(),
          .origin = row.text(),
          .domain = row.text(),
          .record = row.text(),
          .valid_from = row.time(),
          .valid_to = row.optional_time(),
          .confirmed_at = row.time(),
          .seq = row.integer_as<Sequence>()};
}

RereadRow read_reread(Statement& row) {
  return {.tenant = row.integer_as<std::uint32_t>(),
          .origin = row.text(),
          .domain = row.text(),
          .at = row.time(),
          .ok = row.boolean(),
          .id = row.text(),
          .mode = mode_of(row.text()),
          .seq = row.integer_as<Sequence>()};
}

PolicyFailureRow read_failure(Statement& row) {
  return {.tenant = row.integer_as<std::uint32_t>(),
          .origin = row.text(),
          .domain = row.text(),
          .mx_host = row.text(),
          .result = row.text(),
          .reason = row.text(),
          .from = row.time(),
          .to = row.optional_time(),
          .seen = row.time(),
          .seq = row.integer_as<Sequence>()};
}

Result<std::optional<DomainRow>> find_domain(Database& database, Key name) {
  return database.first(kSelectDomain + "WHERE tenant = ? AND name = ?", read_domain, name.tenant,
                        name.name);
}

Result<std::optional<PolicyRow>> find_policy(Database& database, Key domain) {
  return database.first(kSelectPolicy + "WHERE tenant = ? AND domain = ? AND valid_to IS NULL",
                        read_policy, domain.tenant, domain.name);
}

Sequence next_sequence(Database& database, Transaction& transaction) {
  if (!transaction.ok()) return 0;
  return static_cast<Sequence>(
      transaction.take(database.integer("UPDATE feed SET head = head + 1 RETURNING head")));
}

void write_domain(Database& database, Transaction& transaction, const DomainRow& given) {
  if (!transaction.ok()) return;
  DomainRow row = given;
  const auto before = transaction.take(find_domain(database, {row.tenant, row.name}));
  if (before) row.last_asked = std::max(row.last_asked, before->last_asked);
  if (before && same_to_readers(*before, row)) {
    transaction.run("UPDATE domain SET last_asked = ? WHERE tenant = ? AND name = ?",
                    row.last_asked, row.tenant, row.name);
    return;
  }
  const Sequence seq = next_sequence(database, transaction);
  transaction.run(
      "INSERT INTO domain(tenant, origin, name, state, txt_id, txt_until, checked_at, "
      "check_result, "
      "neg_until, refresh_at, fail_count, fail_type, last_asked, seq) "
      "VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT(tenant, name) DO UPDATE SET "
      "origin = excluded.origin, state = excluded.state, txt_id = excluded.txt_id, "
      "txt_until = excluded.txt_until, checked_at = excluded.checked_at, "
      "check_result = excluded.check_result, neg_until = excluded.neg_until, "
      "refresh_at = excluded.refresh_at, fail_count = excluded.fail_count, "
      "fail_type = excluded.fail_type, last_asked = excluded.last_asked, seq = excluded.seq",
      row.tenant, row.origin, row.name, name(row.state), row.txt_id, row.txt_until, row.checked_at,
      row.check_result, row.neg_until, row.refresh_at, row.fail_count, row.fail_type,
      row.last_asked, seq);
}

void trim_history(Transaction& transaction, Key domain) {
  transaction.run(
      "DELETE FROM policy WHERE row IN (SELECT row FROM policy WHERE tenant = ? AND domain = ? "
      "AND valid_to IS NOT NULL ORDER BY valid_from DESC, row DESC LIMIT -1 OFFSET ?)",
      domain.tenant, domain.name, kClosedOfDomain);
}

void write_event(Database& database, Transaction& transaction, const EventRow& event) {
  const Sequence seq = next_sequence(database, transaction);
  transaction.run(
      "INSERT INTO policy_event(seq, tenant, origin, time, domain, kind, result_type, detail) "
      "VALUES(?, ?, ?, ?, ?, ?, ?, ?)",
      seq, event.tenant, event.origin, event.time, event.domain, event.kind, event.result_type,
      std::string_view(event.detail).substr(0, kDetailBytes));
}

void write_deletion(Database& database, Transaction& transaction, Table table, Key gone) {
  const Sequence seq = next_sequence(database, transaction);
  transaction.run(
      "INSERT INTO deletion(seq, tbl, tenant, origin, name) VALUES(?, ?, ?, '', ?) "
      "ON CONFLICT(tbl, tenant, name) DO UPDATE SET seq = excluded.seq",
      seq, name(table), gone.tenant, gone.name);
}

}  // namespace mxw::store::sql
