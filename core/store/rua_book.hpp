// RuaBook: what is remembered of TLSRPT records beside the record of each day (semantics 8): the
// last one within 30 days, and denials. A view on the Database of a ReportStore, whose thread and
// life it shares. Pure storage but for the rule of two denials; `now` comes from the caller.
#pragma once

#include <optional>
#include <string_view>

#include "core/store/report_rows.hpp"
#include "core/store/sqlite.hpp"

namespace mxw::store {

struct DenialRow {
  Time first, last;
};

class RuaBook {
 public:
  static constexpr Day kKeeps = 30;               // days a record is used whose lookups fail
  static constexpr std::int64_t kApart = 1 * kDay;  // a forged denial does not last so long

  explicit RuaBook(Database& database) : database_(database) {}

  // The name has no record, as DNS says. The second of two at least kApart apart ends reporting.
  Result<void> deny(std::uint32_t tenant, std::string_view domain, Time now);
  Result<void> found(std::uint32_t tenant, std::string_view domain);  // denials are forgotten
  Result<std::optional<DenialRow>> denial(std::uint32_t tenant, std::string_view domain);

  // The record a report of that day goes by: the day's own, else the last one of the kKeeps days
  // before unless reporting has ended.
  Result<std::optional<RuaRow>> record(const ReportKey& key);

  // Denials not repeated for kKeeps days say nothing any more.
  Result<std::size_t> prune(Time now, std::size_t per_call = 10'000);

 private:
  Database& database_;
};

}  // namespace mxw::store
