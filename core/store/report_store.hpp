// reportd's store: tallies of TLS sessions, the reports made of them and how their sending stands
// (semantics 8, RFC 8460). A file of its own, opened by reportd alone. Pure storage: it builds,
// sends and decides nothing; `now` comes from the caller.
//
// Tallies are collected in the caller's memory and written by add(), with the last sequence number
// of every feed they came by in the same transaction: what is acknowledged to a feed is counted
// once, whatever is killed when. Database gives durability, faults and threads.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/store/report_rows.hpp"
#include "core/store/rows.hpp"
#include "core/store/sqlite.hpp"

namespace mxw::store {

class TallyIds;
class Transaction;

struct ReportLimits {  // of one day; smaller ones are for tests
  std::size_t tallies = kTalliesOfDay, failures = kFailuresOfDay;
  std::size_t failures_of_tally = kFailuresOfTally;
};

struct ReportBounds {
  std::size_t reports = 400'000;         // 10,000 a day (semantics 8) over report_age, and a third
  std::size_t report_bytes = 1UL << 30;  // of all reports; those that ended first go first
  std::size_t suppressions = 100'000;
  std::size_t marks = 10'000;           // a sensor's instance is one start of it
  std::int32_t tally_days = 30;         // as the reports made of them
  std::int64_t report_age = 30 * kDay;  // since built, ended or not
  std::int64_t mark_age = 30 * kDay;    // no sensor resends after so long
  std::size_t per_call = 10'000;
};

struct ReportPruned {
  std::size_t tallies = 0, failures = 0, days = 0, ruas = 0, reports = 0, suppressions = 0;
  std::size_t marks = 0;
  bool more = false;

  [[nodiscard]] std::size_t total() const {
    return tallies + failures + days + ruas + reports + suppressions + marks;
  }
};

class ReportStore {
 public:
  [[nodiscard]] static Result<std::unique_ptr<ReportStore>> open(const std::string& path,
                                                                 const OpenOptions& options = {},
                                                                 const ReportLimits& limits = {});
  ~ReportStore();
  [[nodiscard]] Database& database() { return database_; }

  // One transaction. Adds to the rows of each key, or to overflow rows where limits are reached:
  // beyond the tallies of a day to one of type kOverflow without details; beyond the failures of a
  // tally or a day to one failure per result type with nothing else filled. What belongs to a
  // frozen day only counts as late. Marks never go back.
  struct Batch {
    std::vector<TallyAdd> tallies;
    std::vector<FeedMark> marks;
  };
  struct Added {
    std::uint64_t late = 0, overflow = 0;  // sessions
    std::uint64_t failures_folded = 0;     // failures counted without their details
  };
  Result<Added> add(const Batch& batch);
  // 0: nothing of that instance was taken in.
  Result<std::uint64_t> last_seq(std::string_view sensor, std::string_view instance);

  // From now on the day counts no more; false: it was frozen before.
  Result<bool> freeze(std::uint32_t tenant, Day day, Time now);
  Result<std::optional<DayRow>> day(std::uint32_t tenant, Day day);
  // Names of that day, ascending, after the one given.
  Result<std::vector<std::string>> domains(std::uint32_t tenant, Day day, std::string_view after,
                                           std::size_t limit);
  Result<std::vector<TallyRow>> tallies(const ReportKey& key);   // in the order they began
  Result<std::vector<FailureRow>> failures(std::int64_t tally);  // most frequent first

  Result<void> put_rua(
      const RuaRow& row);  // one per day and domain; an earlier `seen` is passed over
  Result<std::optional<RuaRow>> rua(const ReportKey& key);

  // Stores a report for good: false, and nothing is written, if that day and domain have one.
  Result<bool> put_report(const ReportRow& row, Bytes bytes);
  Result<std::optional<ReportRow>> report(const ReportKey& key);
  Result<std::optional<std::vector<std::uint8_t>>> report_bytes(const ReportKey& key);
  // Of one day by domain, after the one given.
  Result<std::vector<ReportRow>> reports(std::uint32_t tenant, Day day, std::string_view after,
                                         std::size_t limit);
  // Everything of `row` but key, report_id, built_at and origin; only if its state still is
  // `from`: false otherwise. With the delivery of the URI it was about, where there is one.
  Result<bool> move_report(const ReportRow& row, ReportState from,
                           const DeliveryRow* delivery = nullptr);
  Result<std::vector<DeliveryRow>> deliveries(const ReportKey& key);  // by URI
  // Queued or in retry with next_at <= now, most overdue first.
  Result<std::vector<ReportRow>> due(Time now, std::size_t limit);
  // At start: what was being sent when the process ended is tried again. Gives how many.
  Result<std::size_t> resume(Time now);

  Result<void> put_suppression(const SuppressionRow& row);  // a longer one that is there stays
  Result<std::optional<SuppressionRow>> suppression(std::uint32_t tenant, std::string_view address,
                                                    Time now);  // not over
  Result<std::size_t> lift_suppression(std::uint32_t tenant, std::string_view address);

  // By age, then by count: oldest first, of reports those that ended first.
  Result<ReportPruned> prune(const ReportBounds& bounds, Time now);

 private:
  ReportStore(Database database, const ReportLimits& limits);

  Database database_;
  ReportLimits limits_;
  std::unique_ptr<TallyIds> ids_;   // of tallies written lately
  std::int64_t data_version_ = -1;  // of the file, by add()
};

}  // namespace mxw::store
