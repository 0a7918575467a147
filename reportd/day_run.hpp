// DayRun: makes the reports of the days that are complete (semantics 8): freezes a day at 00:30,
// asks for TLSRPT records that are not known, then builds one report for each policy domain, a
// slice at a time, and stores its octets for good. A process that ends in between goes on at the
// next start: what is stored stays, a day is marked when all of it was looked at.
//
// One thread, the loop's. Store and lookups must outlive it, and lookups must end before it does.
// It asks no clock: `now` comes from the caller. What goes wrong with the store is counted, and the
// day is tried again at the next tick().
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/feed/lookup_client.hpp"
#include "core/store/report_book.hpp"
#include "core/store/report_store.hpp"
#include "reportd/builder.hpp"

namespace mxw::reportd {

// What became of one domain of a day.
enum class Built : std::uint8_t {
  stored,
  exists,       // was stored before
  nothing,      // no session that a report could count
  no_record,    // no TLSRPT record asks for it, or none with an address that can be used
  same_rua,     // a TLSA base domain whose reports would go to the readers of the recipients'
  guarded,      // no more sessions than report mails handed over: it would report on reports
  unwritable,   // it has no valid form, or is larger than a store takes
  store_error,  // tried again
};
inline constexpr std::size_t kBuiltWords = 8;
[[nodiscard]] std::string_view name(Built built);

struct DayRunSettings {
  std::uint32_t tenant = 0;
  BuildSettings build;
  bool send = false;               // reports are queued; otherwise they are kept only
  std::int64_t delay = 4 * kHour;  // the longest
};

class DayRun {
 public:
  static constexpr store::Day kCatchUp = 3;         // days before the last one that are still built
  static constexpr std::size_t kSlice = 20;         // domains of one work()
  static constexpr std::size_t kQuestions = 2'000;  // records asked for at a time

  // Freezes a day behind what was counted, then calls back in the loop (TallyWriter::freeze).
  using Freeze = std::function<void(store::Day day, std::function<void()> frozen)>;

  DayRun(store::ReportStore& store, feed::Lookups& lookups, DayRunSettings settings, Freeze freeze);
  DayRun(const DayRun&) = delete;
  DayRun& operator=(const DayRun&) = delete;

  // About every minute.
  void tick(Time now);
  // One slice of work; true: there is more, call again soon.
  bool work(Time now);
  // All of the day is looked at again: what is stored stays.
  [[nodiscard]] store::Result<void> again(store::Day day);

  struct One {
    Built built = Built::nothing;
    std::optional<BuiltReport> report;
    std::string json;
    std::string record;                 // it goes by
    std::optional<store::RuaRow> kept;  // that record, where it is one of a day before
  };
  // A report as it would be, or is built (nothing is stored); also of a day that goes on.
  [[nodiscard]] One look(const store::ReportKey& key);

  // Whether the last lookup of the domain said that there is no record. For events without one.
  [[nodiscard]] bool denied(std::string_view domain) const {
    return denied_.contains(std::string(domain));
  }

  struct Counters {
    std::uint64_t days = 0;  // built
    std::uint64_t asked = 0, found = 0, denials = 0, failed = 0;
    std::uint64_t built[kBuiltWords] = {};
  };
  [[nodiscard]] const Counters& counters() const { return counters_; }
  [[nodiscard]] std::string why_not() const;  // nothing is built at all; empty otherwise
  [[nodiscard]] std::optional<store::Day> at_work() const;

 private:
  // The domains of a day are walked, and those whose record the day has not are asked for.
  struct Asking {
    store::Day day = 0;
    std::string after;  // the last domain asked for
    bool all = false;
    std::size_t open = 0;  // questions
  };
  struct Current {
    store::Day day = 0;
    bool frozen = false;
    bool trouble = false;  // not all of it: tried again
    bool prepared = false;
    std::string after;  // the last domain built
    std::map<std::string, std::uint64_t> mails;
    store::ReportBook::Served served;
  };

  [[nodiscard]] static std::shared_ptr<Asking> asking_of(store::Day day);
  void ask_some(const std::shared_ptr<Asking>& asking);
  void on_record(store::Day day, const std::string& domain, const feed::LookupAnswer& answer);
  void ask_today();
  [[nodiscard]] bool prepare();
  void build_some(Time now);
  void finish(Time now);
  [[nodiscard]] One evaluate(const store::ReportKey& key);
  [[nodiscard]] store::Result<std::vector<CountedTally>> counted(const store::ReportKey& key);
  [[nodiscard]] bool same_rua(const store::ReportKey& key, const std::string& record,
                              const std::vector<CountedTally>& tallies);
  [[nodiscard]] Built keep(const store::ReportKey& key, const One& one, Time now);

  store::ReportStore& store_;
  store::ReportBook book_;
  feed::Lookups& lookups_;
  DayRunSettings settings_;
  Freeze freeze_;
  std::optional<Current> current_;
  std::shared_ptr<Asking> of_current_, of_today_;
  std::set<std::string> denied_;  // at most kDenied
  Time now_;                      // of the last tick or work
  Counters counters_;
};

}  // namespace mxw::reportd
