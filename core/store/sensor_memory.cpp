// SensorStore: daily counters, latched levels and DNS names.
#include "core/store/sensor_memory.hpp"

#include <algorithm>
#include <array>

namespace mxw::store {
namespace {

const std::string kCounts =
    "sessions, complete_replies, starttls_offered, first_greetings, esmtp, tls_eligible, tls, "
    "chains, trusted";
const std::string kSelectDay =
    "SELECT tenant, origin, key, day, " + kCounts + " FROM baseline_day ";
const std::string kSelectLevel =
    "SELECT tenant, origin, key, capability, risen_at, shown_at, absent_since, absent_sessions, "
    "fallen_at, fallen_by FROM level ";
const std::string kSelectSeen =
    "SELECT tenant, origin, kind, name, value, ad, first, last, count, gone_since FROM dns_seen ";

BaselineCounts read_counts(Statement& row) {
  BaselineCounts counts;
  for (std::uint64_t* count : {&counts.sessions, &counts.complete_replies, &counts.starttls_offered,
                               &counts.first_greetings, &counts.esmtp, &counts.tls_eligible,
                               &counts.tls, &counts.chains, &counts.trusted})
    *count = row.integer_as<std::uint64_t>();
  return counts;
}

BaselineDay read_day(Statement& row) {
  return {.tenant = row.integer_as<std::uint32_t>(),
          .origin = row.text(),
          .key = row.text(),
          .day = row.integer_as<std::int32_t>(),
          .counts = read_counts(row)};
}

LevelRow read_level(Statement& row) {
  return {.tenant = row.integer_as<std::uint32_t>(),
          .origin = row.text(),
          .key = row.text(),
          .capability = row.text(),
          .risen_at = row.time(),
          .shown_at = row.time(),
          .absent_since = row.optional_time(),
          .absent_sessions = row.integer_as<std::uint64_t>(),
          .fallen_at = row.optional_time(),
          .fallen_by = row.text()};
}

DnsSeenRow read_seen(Statement& row) {
  return {.tenant = row.integer_as<std::uint32_t>(),
          .origin = row.text(),
          .kind = row.text(),
          .name = row.text(),
          .value = row.text(),
          .ad = row.boolean(),
          .first = row.time(),
          .last = row.time(),
          .count = row.integer_as<std::uint64_t>(),
          .gone_since = row.optional_time()};
}

// An upsert, not a replace: a replaced row would be deleted and written anew in every index.
void write_day(Transaction& transaction, const BaselineDay& row) {
  const BaselineCounts& c = row.counts;
  transaction.run(
      "INSERT INTO baseline_day(tenant, origin, key, day, " + kCounts +
          ") VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT(tenant, key, day) DO UPDATE "
          "SET origin = excluded.origin, sessions = excluded.sessions, "
          "complete_replies = excluded.complete_replies, "
          "starttls_offered = excluded.starttls_offered, "
          "first_greetings = excluded.first_greetings, esmtp = excluded.esmtp, "
          "tls_eligible = excluded.tls_eligible, tls = excluded.tls, chains = excluded.chains, "
          "trusted = excluded.trusted",
      row.tenant, row.origin, row.key, row.day, c.sessions, c.complete_replies, c.starttls_offered,
      c.first_greetings, c.esmtp, c.tls_eligible, c.tls, c.chains, c.trusted);
}

// Deletes the rows a statement chooses; its last parameter is a limit.
template <typename... Args>
void erase(Database& database, Transaction& transaction, std::size_t& gone, const std::string& sql,
           const Args&... args) {
  transaction.run(sql, args...);
  if (transaction.ok()) gone += static_cast<std::size_t>(database.changed());
}

}  // namespace

bool memory_too_large(const SensorStore::Batch& batch) {
  const auto over = [](const auto&... texts) { return ((texts.size() > kDetailBytes) || ...); };
  return std::ranges::any_of(batch.days, [&](const auto& r) { return over(r.key, r.origin); }) ||
         std::ranges::any_of(
             batch.levels,
             [&](const LevelRow& r) { return over(r.key, r.origin, r.capability, r.fallen_by); }) ||
         std::ranges::any_of(batch.dns_seen, [&](const DnsSeenRow& r) {
           return over(r.kind, r.origin, r.name) || r.value.size() > kSeenBytes;
         });
}

void write_memory(Transaction& transaction, const SensorStore::Batch& batch) {
  for (const BaselineDay& row : batch.days) write_day(transaction, row);
  for (const LevelRow& row : batch.levels) {
    transaction.run(
        "INSERT OR REPLACE INTO level(tenant, origin, key, capability, risen_at, shown_at, "
        "absent_since, absent_sessions, fallen_at, fallen_by) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        row.tenant, row.origin, row.key, row.capability, row.risen_at, row.shown_at,
        row.absent_since, row.absent_sessions, row.fallen_at, row.fallen_by);
  }
  for (const DnsSeenRow& row : batch.dns_seen) {
    transaction.run(
        "INSERT OR REPLACE INTO dns_seen(tenant, origin, kind, name, value, ad, first, last, "
        "count, "
        "gone_since) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        row.tenant, row.origin, row.kind, row.name, row.value, row.ad, row.first, row.last,
        row.count, row.gone_since);
  }
}

Result<std::vector<BaselineDay>> SensorStore::days(Key key) {
  return database_.all(kSelectDay + "WHERE tenant = ? AND key = ? ORDER BY day", read_day,
                       key.tenant, key.name);
}

Result<std::vector<BaselineDay>> SensorStore::days(Key after, std::int32_t after_day,
                                                   std::size_t limit) {
  return database_.all(
      kSelectDay + "WHERE (tenant, key, day) > (?, ?, ?) ORDER BY tenant, key, day LIMIT ?",
      read_day, after.tenant, after.name, after_day, limit);
}

Result<BaselineCounts> SensorStore::counts(Key key, std::int32_t since) {
  const auto sum = database_.first(
      "SELECT sum(sessions), sum(complete_replies), sum(starttls_offered), sum(first_greetings), "
      "sum(esmtp), sum(tls_eligible), sum(tls), sum(chains), sum(trusted) FROM baseline_day "
      "WHERE tenant = ? AND key = ? AND day >= ?",
      read_counts, key.tenant, key.name, since);
  if (!sum) return std::unexpected(sum.error());
  return sum->value_or(BaselineCounts{});
}

Result<std::vector<LevelRow>> SensorStore::levels(Key key) {
  return database_.all(kSelectLevel + "WHERE tenant = ? AND key = ? ORDER BY capability",
                       read_level, key.tenant, key.name);
}

Result<std::vector<LevelRow>> SensorStore::levels(Key after, std::string_view after_capability,
                                                  std::size_t limit) {
  return database_.all(kSelectLevel +
                           "WHERE (tenant, key, capability) > (?, ?, ?) "
                           "ORDER BY tenant, key, capability LIMIT ?",
                       read_level, after.tenant, after.name, after_capability, limit);
}

Result<std::optional<DnsSeenRow>> SensorStore::dns_seen(std::string_view kind, Key name) {
  return database_.first(kSelectSeen + "WHERE kind = ? AND tenant = ? AND name = ?", read_seen,
                         kind, name.tenant, name.name);
}

Result<std::vector<DnsSeenRow>> SensorStore::dns_seen(std::string_view kind, Key after,
                                                      std::size_t limit) {
  return database_.all(
      kSelectSeen + "WHERE kind = ? AND (tenant, name) > (?, ?) ORDER BY tenant, name LIMIT ?",
      read_seen, kind, after.tenant, after.name, limit);
}

void SensorStore::prune_memory(Transaction& transaction, const SensorBounds& bounds, Time now,
                               std::size_t& gone) {
  const auto run = [&](const std::string& sql, const auto&... args) {
    erase(database_, transaction, gone, sql, args...);
  };
  const auto over = [&](const std::string& table, std::size_t bound) {
    const auto have = transaction.take(database_.integer("SELECT count(*) FROM " + table));
    return std::min(std::max(static_cast<std::size_t>(have), bound) - bound, bounds.per_call);
  };
  const std::string days =
      "DELETE FROM baseline_day WHERE (tenant, key, day) IN (SELECT tenant, key, day "
      "FROM baseline_day ";
  run(days + "WHERE day < ? ORDER BY day LIMIT ?)", now.ns / kDay - kBaselineDays + 1,
      bounds.per_call);
  run(days + "ORDER BY day LIMIT ?)", over("baseline_day", bounds.days));

  const std::string levels = "DELETE FROM level WHERE rowid IN (SELECT rowid FROM level ";
  run(levels + "WHERE fallen_at < ? ORDER BY fallen_at LIMIT ?)", now - bounds.fallen_age,
      bounds.per_call);
  run(levels + "WHERE shown_at < ? ORDER BY shown_at LIMIT ?)", now - bounds.level_age,
      bounds.per_call);
  run(levels + "ORDER BY fallen_at IS NULL, shown_at, rowid LIMIT ?)",
      over("level", bounds.levels));

  const std::string seen = "DELETE FROM dns_seen WHERE rowid IN (SELECT rowid FROM dns_seen ";
  run(seen + "WHERE last < ? ORDER BY last LIMIT ?)", now - bounds.dns_seen_age, bounds.per_call);
  run(seen + "ORDER BY last, rowid LIMIT ?)", over("dns_seen", bounds.dns_seen));
}

}  // namespace mxw::store
