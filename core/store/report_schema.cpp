#include "core/store/report_schema.hpp"

#include <array>

namespace mxw::store {
namespace {

constexpr std::int32_t kApplicationId = 0x6d787772;  // "mxwr"

// tally.digest stands for its three policy texts in the key: they can have 64 KiB each.
constexpr const char* kVersion1 = R"sql(
CREATE TABLE day(
  tenant INTEGER NOT NULL, origin TEXT NOT NULL, day INTEGER NOT NULL, frozen_at INTEGER,
  late INTEGER NOT NULL, tallies INTEGER NOT NULL, failures INTEGER NOT NULL,
  overflow INTEGER NOT NULL, PRIMARY KEY(tenant, day)) STRICT;

CREATE TABLE tally(
  id INTEGER PRIMARY KEY, tenant INTEGER NOT NULL, origin TEXT NOT NULL, day INTEGER NOT NULL,
  source TEXT NOT NULL, domain TEXT NOT NULL, type TEXT NOT NULL, strings TEXT NOT NULL,
  mx_hosts TEXT NOT NULL, digest BLOB NOT NULL, success INTEGER NOT NULL,
  failure INTEGER NOT NULL, undetermined INTEGER NOT NULL, failures INTEGER NOT NULL) STRICT;
CREATE UNIQUE INDEX tally_key ON tally(tenant, day, domain, source, digest);
CREATE INDEX tally_day ON tally(day);

CREATE TABLE failure(
  tally INTEGER NOT NULL REFERENCES tally(id), result_type TEXT NOT NULL, sending_ip BLOB NOT NULL,
  mx_host TEXT NOT NULL, mx_helo TEXT NOT NULL, receiving_ip BLOB NOT NULL, reason TEXT NOT NULL,
  count INTEGER NOT NULL,
  PRIMARY KEY(tally, result_type, sending_ip, mx_host, mx_helo, receiving_ip, reason))
  STRICT, WITHOUT ROWID;

CREATE TABLE mark(
  tenant INTEGER NOT NULL, origin TEXT NOT NULL, sensor TEXT NOT NULL, instance TEXT NOT NULL,
  seq INTEGER NOT NULL, at INTEGER NOT NULL, PRIMARY KEY(sensor, instance)) STRICT;
CREATE INDEX mark_at ON mark(at);

CREATE TABLE rua(
  tenant INTEGER NOT NULL, origin TEXT NOT NULL, day INTEGER NOT NULL, domain TEXT NOT NULL,
  record TEXT NOT NULL, seen INTEGER NOT NULL, PRIMARY KEY(tenant, day, domain)) STRICT;
CREATE INDEX rua_day ON rua(day);

CREATE TABLE report(
  id INTEGER PRIMARY KEY, tenant INTEGER NOT NULL, origin TEXT NOT NULL, day INTEGER NOT NULL,
  domain TEXT NOT NULL, report_id TEXT NOT NULL, state TEXT NOT NULL, built_at INTEGER NOT NULL,
  next_at INTEGER, first_at INTEGER, tries INTEGER NOT NULL, uri TEXT NOT NULL,
  detail TEXT NOT NULL, ended_at INTEGER, size INTEGER NOT NULL) STRICT;
CREATE UNIQUE INDEX report_key ON report(tenant, day, domain);
CREATE INDEX report_due ON report(next_at) WHERE state IN ('queued', 'retry');
CREATE INDEX report_sending ON report(state) WHERE state = 'sending';
CREATE INDEX report_built ON report(built_at);
CREATE INDEX report_ended ON report(ended_at, built_at);
CREATE INDEX report_size ON report(size);

CREATE TABLE report_body(
  report INTEGER PRIMARY KEY REFERENCES report(id) ON DELETE CASCADE, bytes BLOB NOT NULL) STRICT;

CREATE TABLE delivery(
  report INTEGER NOT NULL REFERENCES report(id) ON DELETE CASCADE, uri TEXT NOT NULL,
  tries INTEGER NOT NULL, final INTEGER NOT NULL, at INTEGER NOT NULL, detail TEXT NOT NULL,
  PRIMARY KEY(report, uri)) STRICT, WITHOUT ROWID;

CREATE TABLE suppression(
  tenant INTEGER NOT NULL, origin TEXT NOT NULL, address TEXT NOT NULL, reason TEXT NOT NULL,
  since INTEGER NOT NULL, until INTEGER NOT NULL, PRIMARY KEY(tenant, address)) STRICT;
CREATE INDEX suppression_until ON suppression(until);
)sql";

// Reports of others about our domains, when a TLSRPT record was denied, and which days are done.
constexpr const char* kVersion2 = R"sql(
ALTER TABLE day ADD COLUMN built_at INTEGER;
CREATE INDEX rua_domain ON rua(tenant, domain, day);

CREATE TABLE denial(
  tenant INTEGER NOT NULL, origin TEXT NOT NULL, domain TEXT NOT NULL, first INTEGER NOT NULL,
  last INTEGER NOT NULL, PRIMARY KEY(tenant, domain)) STRICT;
CREATE INDEX denial_last ON denial(last);

CREATE TABLE intake(
  id INTEGER PRIMARY KEY, tenant INTEGER NOT NULL, origin TEXT NOT NULL, submitter TEXT NOT NULL,
  report_id TEXT NOT NULL, begin INTEGER NOT NULL, finish INTEGER NOT NULL,
  organisation TEXT NOT NULL, contact TEXT NOT NULL, dkim TEXT NOT NULL, state TEXT NOT NULL,
  digest BLOB NOT NULL, received INTEGER NOT NULL, deviations TEXT NOT NULL) STRICT;
CREATE INDEX intake_key ON intake(tenant, submitter, report_id, begin, finish);
CREATE INDEX intake_received ON intake(received);

CREATE TABLE intake_policy(
  id INTEGER PRIMARY KEY, report INTEGER NOT NULL REFERENCES intake(id) ON DELETE CASCADE,
  day INTEGER NOT NULL, type TEXT NOT NULL, domain TEXT NOT NULL, mx_hosts TEXT NOT NULL,
  success INTEGER NOT NULL, failure INTEGER NOT NULL) STRICT;
CREATE INDEX intake_policy_day ON intake_policy(day, domain);
CREATE INDEX intake_policy_report ON intake_policy(report);

CREATE TABLE intake_failure(
  policy INTEGER NOT NULL REFERENCES intake_policy(id) ON DELETE CASCADE, result_type TEXT NOT NULL,
  sending_ip TEXT NOT NULL, mx_host TEXT NOT NULL, receiving_ip TEXT NOT NULL,
  reason TEXT NOT NULL, count INTEGER NOT NULL) STRICT;
CREATE INDEX intake_failure_policy ON intake_failure(policy);
)sql";

constexpr std::array<const char*, 2> kSteps = {kVersion1, kVersion2};

}  // namespace

const Schema& report_schema() {
  static const Schema schema{kApplicationId, kSteps};
  return schema;
}

}  // namespace mxw::store
