#include "core/store/report_book.hpp"

#include <utility>

namespace mxw::store {
namespace {

DaySummary read_summary(Statement& row) {
  DaySummary out;
  out.day = row.integer_as<Day>();
  out.frozen_at = row.optional_time();
  out.built_at = row.optional_time();
  out.tallies = row.integer_as<std::uint64_t>();
  out.late = row.integer_as<std::uint64_t>();
  out.overflow = row.integer_as<std::uint64_t>();
  return out;
}

RuaRow read_rua(Statement& row) {
  return {.tenant = row.integer_as<std::uint32_t>(),
          .origin = row.text(),
          .day = row.integer_as<Day>(),
          .domain = row.text(),
          .record = row.text(),
          .seen = row.time()};
}

}  // namespace

Result<std::vector<Day>> ReportBook::unbuilt(std::uint32_t tenant, Day from, Day to) {
  return database_.all(
      "SELECT day FROM day WHERE tenant = ? AND day >= ? AND day <= ? AND built_at IS NULL "
      "AND tallies > 0 ORDER BY day",
      [](Statement& row) { return row.integer_as<Day>(); }, tenant, from, to);
}

Result<void> ReportBook::set_built(std::uint32_t tenant, Day day, std::optional<Time> at) {
  return database_.run("UPDATE day SET built_at = ? WHERE tenant = ? AND day = ?", at, tenant, day);
}

Result<std::vector<DaySummary>> ReportBook::days(std::uint32_t tenant, std::size_t limit) {
  auto days = database_.all(
      "SELECT day, frozen_at, built_at, tallies, late, overflow FROM day WHERE tenant = ? "
      "ORDER BY day DESC LIMIT ?",
      read_summary, tenant, limit);
  if (!days) return days;
  for (DaySummary& day : *days) {
    const auto states = database_.all(
        "SELECT state, count(*) FROM report WHERE tenant = ? AND day = ? GROUP BY state",
        [](Statement& row) {
          std::string state = row.text();
          return std::pair(std::move(state), row.integer_as<std::uint64_t>());
        },
        tenant, day.day);
    if (!states) return std::unexpected(states.error());
    day.reports = {states->begin(), states->end()};
  }
  return days;
}

Result<void> ReportBook::deny(std::uint32_t tenant, std::string_view domain, Time now) {
  return database_.run(
      "INSERT INTO denial(tenant, origin, domain, first, last) VALUES(?1, '', ?2, ?3, ?3) "
      "ON CONFLICT(tenant, domain) DO UPDATE SET last = max(last, excluded.last), "
      "first = CASE WHEN EXISTS (SELECT 1 FROM rua WHERE tenant = ?1 AND domain = ?2 "
      "AND seen > denial.first) THEN excluded.first ELSE denial.first END",
      tenant, domain, now);
}

Result<std::optional<DenialRow>> ReportBook::denial(std::uint32_t tenant, std::string_view domain) {
  return database_.first(
      "SELECT first, last FROM denial WHERE tenant = ? AND domain = ?",
      [](Statement& row) {
        DenialRow out;
        out.first = row.time();
        out.last = row.time();
        return out;
      },
      tenant, domain);
}

Result<std::optional<RuaRow>> ReportBook::record(const ReportKey& key) {
  // By the key's own index it would walk all domains of the days.
  auto row = database_.first(
      "SELECT tenant, origin, day, domain, record, seen FROM rua INDEXED BY rua_domain "
      "WHERE tenant = ? AND domain = ? AND day <= ?3 AND day >= ?3 - ?4 ORDER BY day DESC LIMIT 1",
      read_rua, key.tenant, key.domain, key.day, kKeeps);
  if (!row || !*row || (*row)->day == key.day) return row;
  // A row that was itself kept has the time its record was seen.
  if (day_of((*row)->seen) < key.day - kKeeps) return std::nullopt;
  const auto denied = denial(key.tenant, key.domain);
  if (!denied) return std::unexpected(denied.error());
  const bool ended =
      *denied && (*denied)->first >= (*row)->seen && (*denied)->last - (*denied)->first >= kApart;
  if (ended) return std::nullopt;
  return row;
}

Result<std::vector<std::string>> ReportBook::without_record(std::uint32_t tenant, Day day,
                                                            std::string_view after,
                                                            std::size_t limit) {
  return database_.all(
      "SELECT DISTINCT domain FROM tally t WHERE tenant = ? AND day = ? AND domain > ? AND NOT "
      "EXISTS (SELECT 1 FROM rua r WHERE r.tenant = t.tenant AND r.day = t.day AND r.domain = "
      "t.domain) ORDER BY domain LIMIT ?",
      [](Statement& row) { return row.text(); }, tenant, day, after, limit);
}

Result<ReportBook::Served> ReportBook::served(std::uint32_t tenant, Day day) {
  const auto pairs = database_.all(
      "SELECT DISTINCT mx_hosts, domain FROM tally WHERE tenant = ? AND day = ? AND type = 'tlsa' "
      "AND mx_hosts != '' AND mx_hosts != domain ORDER BY mx_hosts, domain",
      [](Statement& row) {
        std::string base = row.text();
        return std::pair(std::move(base), row.text());
      },
      tenant, day);
  if (!pairs) return std::unexpected(pairs.error());
  Served served;
  for (const auto& [base, domain] : *pairs) served[base].push_back(domain);
  return served;
}

Result<std::size_t> ReportBook::prune(Time now, std::size_t per_call) {
  auto done = database_.run(
      "DELETE FROM denial WHERE rowid IN (SELECT rowid FROM denial WHERE last < ? LIMIT ?)",
      now - kKeeps * kDay, per_call);
  if (!done) return std::unexpected(done.error());
  return static_cast<std::size_t>(database_.changed());
}

}  // namespace mxw::store
