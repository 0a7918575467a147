// IntakeStore: the reports of others in reportd's store (semantics 8). A view on the Database of a
// ReportStore, whose thread and life it shares. Pure storage; `now` comes from the caller.
//
// One report is one key (submitter, report-id, begin, end). The same octets again are nothing new.
// Other octets under the same key are kept as `changed` and count nowhere. What is quarantined
// blocks nothing: a report that is counted takes its place.
#pragma once

#include <string_view>
#include <vector>

#include "core/store/intake_rows.hpp"
#include "core/store/sqlite.hpp"

namespace mxw::store {

struct IntakeBounds {
  std::size_t reports = 100'000;  // a thousand a day over a hundred days
  std::int64_t age = 400 * kDay;  // a year can be compared with the one before
  std::size_t per_call = 1'000;   // with their failures
};

inline constexpr std::size_t kIntakePolicies = 1'000;   // of a report; Google's largest have 5
inline constexpr std::size_t kIntakeFailures = 10'000;  // of a report

class IntakeStore {
 public:
  explicit IntakeStore(Database& database) : database_(database) {}

  enum class Added : std::uint8_t { stored, duplicate, changed };
  // One transaction. What is over kIntakePolicies or kIntakeFailures is refused (Fault::limit).
  Result<Added> add(const IntakeRow& row);

  // Of reports that are counted, days in [from, to); `domain` empty: all. By domain, then day.
  Result<std::vector<IntakeDay>> days(std::uint32_t tenant, Day from, Day to,
                                      std::string_view domain, std::size_t limit);
  // Most frequent first.
  Result<std::vector<IntakeCause>> causes(std::uint32_t tenant, Day from, Day to,
                                          std::string_view domain, std::size_t limit);
  Result<std::vector<IntakeReporter>> reporters(std::uint32_t tenant, Day from, Day to,
                                                std::string_view domain, std::size_t limit);
  // Newest first, without policies.
  Result<std::vector<IntakeRow>> newest(std::uint32_t tenant, std::size_t limit);
  Result<std::uint64_t> count(std::uint32_t tenant, IntakeState state);

  // By age, then by count, oldest first; gives the reports deleted.
  Result<std::size_t> prune(const IntakeBounds& bounds, Time now);

 private:
  Database& database_;
};

}  // namespace mxw::store
