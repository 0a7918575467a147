// ReportBook: what the builder of reports looks up and remembers beside the tallies (semantics 8):
// which days are done, the TLSRPT record a report goes by, denials of records, who a TLSA base
// domain serves. A view on the Database of a ReportStore, whose thread and life it shares. `now`
// comes from the caller.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/store/report_rows.hpp"
#include "core/store/sqlite.hpp"

namespace mxw::store {

struct DenialRow {
  Time first, last;
};

struct DaySummary {  // of the reports of one day
  Day day = 0;
  std::optional<Time> frozen_at, built_at;
  std::uint64_t tallies = 0, late = 0, overflow = 0;
  std::map<std::string, std::uint64_t> reports;  // by state
};

class ReportBook {
 public:
  static constexpr Day kKeeps = 30;                 // days a record is used whose lookups fail
  static constexpr std::int64_t kApart = 1 * kDay;  // a forged denial does not last so long

  explicit ReportBook(Database& database) : database_(database) {}

  // Days in [from, to] with something counted whose reports are not all built, ascending.
  Result<std::vector<Day>> unbuilt(std::uint32_t tenant, Day from, Day to);
  Result<void> set_built(std::uint32_t tenant, Day day, std::optional<Time> at);
  Result<std::vector<DaySummary>> days(std::uint32_t tenant, std::size_t limit);  // newest first

  // The name has no record, as DNS says. The second of two at least kApart apart ends reporting;
  // a record seen in between begins anew.
  Result<void> deny(std::uint32_t tenant, std::string_view domain, Time now);
  Result<std::optional<DenialRow>> denial(std::uint32_t tenant, std::string_view domain);

  // The record a report of that day goes by: the day's own, else the last one of the kKeeps days
  // before unless reporting has ended.
  Result<std::optional<RuaRow>> record(const ReportKey& key);
  // Domains of that day without a record of the day, ascending after the one given.
  Result<std::vector<std::string>> without_record(std::uint32_t tenant, Day day,
                                                  std::string_view after, std::size_t limit);

  // Of each TLSA base domain of that day the recipient domains it was counted for.
  using Served = std::map<std::string, std::vector<std::string>>;
  Result<Served> served(std::uint32_t tenant, Day day);

  // Denials not repeated for kKeeps days say nothing any more.
  Result<std::size_t> prune(Time now, std::size_t per_call = 10'000);

 private:
  Database& database_;
};

}  // namespace mxw::store
