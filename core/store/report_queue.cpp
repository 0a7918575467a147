// ReportStore: the reports, how their sending stands, who wants none, and what leaves the store.
#include <algorithm>
#include <array>

#include "core/store/eviction.hpp"
#include "core/store/report_store.hpp"
#include "core/store/transaction.hpp"

namespace mxw::store {
namespace {

constexpr std::array<std::string_view, 6> kStates = {"queued", "sending", "accepted",
                                                     "retry",  "expired", "suppressed"};

const std::string kSelectReport =
    "SELECT tenant, day, domain, origin, report_id, state, built_at, next_at, first_at, tries, "
    "uri, "
    "detail, ended_at FROM report ";
const std::string kOfKey = "WHERE tenant = ? AND day = ? AND domain = ?";
const std::string kReportOfKey = "(SELECT id FROM report " + kOfKey + ")";

ReportState state_of(std::string_view word) {
  const auto at = std::ranges::find(kStates, word);
  // A state of a newer version must not send: an expired one does not.
  return at == kStates.end() ? ReportState::expired
                             : static_cast<ReportState>(at - kStates.begin());
}

ReportRow read_report(Statement& row) {
  return {.key = {.tenant = row.integer_as<std::uint32_t>(),
                  .day = row.integer_as<Day>(),
                  .domain = row.text()},
          .origin = row.text(),
          .report_id = row.text(),
          .state = state_of(row.text()),
          .built_at = row.time(),
          .next_at = row.optional_time(),
          .first_at = row.optional_time(),
          .tries = row.integer_as<std::uint32_t>(),
          .uri = row.text(),
          .detail = row.text(),
          .ended_at = row.optional_time()};
}

DeliveryRow read_delivery(Statement& row) {
  return {.uri = row.text(),
          .tries = row.integer_as<std::uint32_t>(),
          .final = row.boolean(),
          .at = row.time(),
          .detail = row.text()};
}

SuppressionRow read_suppression(Statement& row) {
  return {.tenant = row.integer_as<std::uint32_t>(),
          .origin = row.text(),
          .address = row.text(),
          .reason = row.text(),
          .since = row.time(),
          .until = row.time()};
}

std::string_view cut(std::string_view detail) {
  return detail.substr(0, kDetailBytes);
}

bool too_large(const ReportRow& row) {
  return row.key.domain.size() > kNameBytes || row.origin.size() > kWordBytes ||
         row.report_id.size() > kDetailBytes || row.uri.size() > kUriBytes;
}

}  // namespace

std::string_view name(ReportState state) {
  return kStates.at(static_cast<std::size_t>(state));
}

Result<bool> ReportStore::put_report(const ReportRow& row, Bytes bytes) {
  if (too_large(row) || bytes.size() > kReportBytes)
    return std::unexpected(make_error(Fault::limit, database_.path(), "a report too large"));
  Transaction transaction(database_);
  transaction.run(
      "INSERT INTO report(tenant, origin, day, domain, report_id, state, built_at, next_at, "
      "first_at, tries, uri, detail, ended_at, size) "
      "VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT(tenant, day, domain) DO "
      "NOTHING",
      row.key.tenant, row.origin, row.key.day, row.key.domain, row.report_id, name(row.state),
      row.built_at, row.next_at, row.first_at, row.tries, row.uri, cut(row.detail), row.ended_at,
      bytes.size());
  const bool fresh = transaction.ok() && database_.changed() > 0;
  if (fresh) {
    transaction.run("INSERT INTO report_body(report, bytes) VALUES(" + kReportOfKey + ", ?)",
                    row.key.tenant, row.key.day, row.key.domain, bytes);
  }
  if (auto done = transaction.commit(); !done) return std::unexpected(done.error());
  return fresh;
}

Result<std::optional<ReportRow>> ReportStore::report(const ReportKey& key) {
  return database_.first(kSelectReport + kOfKey, read_report, key.tenant, key.day, key.domain);
}

Result<std::optional<std::vector<std::uint8_t>>> ReportStore::report_bytes(const ReportKey& key) {
  return database_.first(
      "SELECT bytes FROM report_body WHERE report = " + kReportOfKey,
      [](Statement& row) { return row.blob(); }, key.tenant, key.day, key.domain);
}

Result<std::vector<ReportRow>> ReportStore::reports(std::uint32_t tenant, Day number,
                                                    std::string_view after, std::size_t limit) {
  return database_.all(
      kSelectReport + "WHERE tenant = ? AND day = ? AND domain > ? ORDER BY domain LIMIT ?",
      read_report, tenant, number, after, limit);
}

Result<bool> ReportStore::move_report(const ReportRow& row, ReportState from,
                                      const DeliveryRow* delivery) {
  if (too_large(row) || (delivery && delivery->uri.size() > kUriBytes))
    return std::unexpected(make_error(Fault::limit, database_.path(), "a URI too large"));
  Transaction transaction(database_);
  transaction.run(
      "UPDATE report SET state = ?, next_at = ?, first_at = ?, tries = ?, uri = ?, "
      "detail = ?, ended_at = ? " +
          kOfKey + " AND state = ?",
      name(row.state), row.next_at, row.first_at, row.tries, row.uri, cut(row.detail), row.ended_at,
      row.key.tenant, row.key.day, row.key.domain, name(from));
  const bool moved = transaction.ok() && database_.changed() > 0;
  if (moved && delivery) {
    transaction.run(
        "INSERT OR REPLACE INTO delivery(report, uri, tries, final, at, detail) VALUES(" +
            kReportOfKey + ", ?, ?, ?, ?, ?)",
        row.key.tenant, row.key.day, row.key.domain, delivery->uri, delivery->tries,
        delivery->final, delivery->at, cut(delivery->detail));
  }
  if (auto done = transaction.commit(); !done) return std::unexpected(done.error());
  return moved;
}

Result<std::vector<DeliveryRow>> ReportStore::deliveries(const ReportKey& key) {
  return database_.all("SELECT uri, tries, final, at, detail FROM delivery WHERE report = " +
                           kReportOfKey + " ORDER BY uri",
                       read_delivery, key.tenant, key.day, key.domain);
}

Result<std::vector<ReportRow>> ReportStore::due(Time now, std::size_t limit) {
  return database_.all(kSelectReport +
                           "WHERE state IN ('queued', 'retry') AND next_at <= ? "
                           "ORDER BY next_at, id LIMIT ?",
                       read_report, now, limit);
}

Result<std::size_t> ReportStore::resume(Time now) {
  auto done = database_.run(
      "UPDATE report SET state = 'retry', next_at = max(coalesce(next_at, ?1), ?1) "
      "WHERE state = 'sending'",
      now);
  if (!done) return std::unexpected(done.error());
  return static_cast<std::size_t>(database_.changed());
}

Result<void> ReportStore::put_suppression(const SuppressionRow& row) {
  if (row.address.size() > kUriBytes || row.origin.size() > kWordBytes)
    return std::unexpected(make_error(Fault::limit, database_.path(), "an address too large"));
  return database_.run(
      "INSERT INTO suppression(tenant, origin, address, reason, since, until) "
      "VALUES(?, ?, ?, ?, ?, ?) ON CONFLICT(tenant, address) DO UPDATE SET "
      "origin = excluded.origin, reason = excluded.reason, since = excluded.since, "
      "until = excluded.until WHERE excluded.until > until",
      row.tenant, row.origin, row.address, cut(row.reason), row.since, row.until);
}

Result<std::optional<SuppressionRow>> ReportStore::suppression(std::uint32_t tenant,
                                                               std::string_view address, Time now) {
  return database_.first(
      "SELECT tenant, origin, address, reason, since, until FROM suppression "
      "WHERE tenant = ? AND address = ? AND until > ?",
      read_suppression, tenant, address, now);
}

Result<std::size_t> ReportStore::lift_suppression(std::uint32_t tenant, std::string_view address) {
  auto done =
      database_.run("DELETE FROM suppression WHERE tenant = ? AND address = ?", tenant, address);
  if (!done) return std::unexpected(done.error());
  return static_cast<std::size_t>(database_.changed());
}

}  // namespace mxw::store
