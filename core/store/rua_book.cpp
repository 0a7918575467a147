#include "core/store/rua_book.hpp"

namespace mxw::store {

Result<void> RuaBook::deny(std::uint32_t tenant, std::string_view domain, Time now) {
  return database_.run(
      "INSERT INTO denial(tenant, origin, domain, first, last) VALUES(?, '', ?, ?3, ?3) "
      "ON CONFLICT(tenant, domain) DO UPDATE SET last = max(last, excluded.last)",
      tenant, domain, now);
}

Result<void> RuaBook::found(std::uint32_t tenant, std::string_view domain) {
  return database_.run("DELETE FROM denial WHERE tenant = ? AND domain = ?", tenant, domain);
}

Result<std::optional<DenialRow>> RuaBook::denial(std::uint32_t tenant, std::string_view domain) {
  return database_.first(
      "SELECT first, last FROM denial WHERE tenant = ? AND domain = ?",
      [](Statement& row) { return DenialRow{.first = row.time(), .last = row.time()}; }, tenant,
      domain);
}

Result<std::optional<RuaRow>> RuaBook::record(const ReportKey& key) {
  const auto read = [](Statement& row) {
    return RuaRow{.tenant = row.integer_as<std::uint32_t>(),
                  .origin = row.text(),
                  .day = row.integer_as<Day>(),
                  .domain = row.text(),
                  .record = row.text(),
                  .seen = row.time()};
  };
  auto row = database_.first(
      "SELECT tenant, origin, day, domain, record, seen FROM rua WHERE tenant = ? AND domain = ? "
      "AND day <= ?3 AND day >= ?3 - ?4 ORDER BY day DESC LIMIT 1",
      read, key.tenant, key.domain, key.day, kKeeps);
  if (!row || !*row || (*row)->day == key.day) return row;
  const auto denied = denial(key.tenant, key.domain);
  if (!denied) return std::unexpected(denied.error());
  if (*denied && (*denied)->last - (*denied)->first >= kApart) return std::nullopt;
  return row;
}

Result<std::size_t> RuaBook::prune(Time now, std::size_t per_call) {
  auto done = database_.run(
      "DELETE FROM denial WHERE rowid IN (SELECT rowid FROM denial WHERE last < ? LIMIT ?)",
      now - kKeeps * mxw::kDay, per_call);
  if (!done) return std::unexpected(done.error());
  return static_cast<std::size_t>(database_.changed());
}

}  // namespace mxw::store
