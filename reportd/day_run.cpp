#include "reportd/day_run.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "core/policy/tlsrpt_record.hpp"
#include "core/report/gzip.hpp"
#include "reportd/day.hpp"
#include "reportd/delivery.hpp"
#include "reportd/rua.hpp"

namespace mxw::reportd {
namespace {

constexpr std::size_t kDenied = 200'000;  // as store::kTalliesOfDay
constexpr std::array<std::string_view, kBuiltWords> kBuiltNames = {
    "stored", "exists", "nothing", "no-record", "same-rua", "guarded", "unwritable", "store-error"};

// What two records have in common or not: the addresses reports go to.
std::set<std::string> addresses_of(std::string_view record) {
  std::set<std::string> out;
  for (const Rua& rua : rua_of(record).rua) out.insert(rua.key);
  return out;
}

}  // namespace

std::string_view name(Built built) {
  return kBuiltNames.at(static_cast<std::size_t>(built));
}

DayRun::DayRun(store::ReportStore& store, feed::Lookups& lookups, DayRunSettings settings,
               Freeze freeze)
    : store_(store),
      book_(store.database()),
      lookups_(lookups),
      settings_(std::move(settings)),
      freeze_(std::move(freeze)) {}

std::string DayRun::why_not() const {
  if (settings_.build.organisation.empty() || settings_.build.contact.empty())
    return "tlsrpt.organisation and tlsrpt.contact are not set";
  return {};
}

std::optional<store::Day> DayRun::at_work() const {
  return current_ ? std::optional(current_->day) : std::nullopt;
}

void DayRun::tick(Time now) {
  now_ = now;
  ask_today();
  if (current_) return;
  const store::Day last = last_complete(now);
  const auto days = book_.unbuilt(settings_.tenant, last - kCatchUp, last);
  if (!days || days->empty()) return;
  current_.emplace();
  current_->day = days->front();
  // A day is frozen even where nothing may be built: what comes later is late in any case.
  freeze_(current_->day, [this, day = current_->day] {
    if (current_ && current_->day == day) current_->frozen = true;
  });
}

bool DayRun::work(Time now) {
  now_ = now;
  if (!current_ || !current_->frozen) return false;
  if (!why_not().empty()) {
    current_.reset();
    return false;
  }
  if (!of_current_) of_current_ = asking_of(current_->day);
  if (!of_current_->all || of_current_->open > 0) {
    ask_some(of_current_);
    return of_current_->all && of_current_->open == 0;
  }
  if (!current_->prepared && !prepare()) {
    current_.reset();
    of_current_.reset();
    return false;
  }
  build_some(now);
  return current_.has_value();
}

std::shared_ptr<DayRun::Asking> DayRun::asking_of(store::Day day) {
  auto asking = std::make_shared<Asking>();
  asking->day = day;
  return asking;
}

// Asks for the next records once all answers have come.
void DayRun::ask_some(const std::shared_ptr<Asking>& asking) {
  if (asking->all || asking->open > 0) return;
  const auto domains =
      book_.without_record(settings_.tenant, asking->day, asking->after, kQuestions);
  if (!domains) return;
  asking->all = domains->size() < kQuestions;
  for (const std::string& domain : *domains) {
    asking->after = domain;
    ++asking->open;
    ++counters_.asked;
    lookups_.lookup(feed::LookupKind::tlsrpt, domain,
                    [this, asking, domain](const feed::LookupAnswer& answer) {
                      --asking->open;
                      on_record(asking->day, domain, answer);
                    });
  }
}

// `invalid` is an answer, and one that asks for nothing: as a denial. What failed says nothing.
void DayRun::on_record(store::Day day, const std::string& domain,
                       const feed::LookupAnswer& answer) {
  switch (answer.state) {
    case feed::LookupState::found: {
      ++counters_.found;
      denied_.erase(domain);
      if (answer.records.empty()) return;
      (void)store_.put_rua({.tenant = settings_.tenant,
                            .origin = "dns",
                            .day = day,
                            .domain = domain,
                            .record = answer.records.front(),
                            .seen = answer.seen});
      return;
    }
    case feed::LookupState::invalid:
    case feed::LookupState::denied:
      ++counters_.denials;
      if (denied_.size() < kDenied) denied_.insert(domain);
      (void)book_.deny(settings_.tenant, domain, now_);
      return;
    case feed::LookupState::failed:
    case feed::LookupState::unavailable:
      ++counters_.failed;
      return;
  }
}

// Through the day new domains turn up: their records are asked for while they are those of the day.
void DayRun::ask_today() {
  const store::Day today = store::day_of(now_);
  if (!of_today_ || of_today_->day != today) {
    of_today_ = asking_of(today);
    denied_.clear();
  }
  // Once all were asked for the walk begins anew: every hour is enough for those that failed.
  if (of_today_->all && of_today_->open == 0) {
    constexpr std::int64_t kAgain = kHour;
    if (now_.ns / kAgain == (now_ - kMinute).ns / kAgain) return;
    of_today_ = asking_of(today);
  }
  ask_some(of_today_);
}

bool DayRun::prepare() {
  auto mails = mails_handed_over(store_, settings_.tenant, current_->day);
  auto served = book_.served(settings_.tenant, current_->day);
  if (!mails || !served) return false;
  current_->mails = std::move(*mails);
  current_->served = std::move(*served);
  current_->prepared = true;
  return true;
}

void DayRun::build_some(Time now) {
  const auto domains = store_.domains(settings_.tenant, current_->day, current_->after, kSlice);
  if (!domains) {
    current_->trouble = true;
    return finish(now);
  }
  for (const std::string& domain : *domains) {
    current_->after = domain;
    const store::ReportKey key{settings_.tenant, current_->day, domain};
    const Built built = keep(key, evaluate(key), now);
    ++counters_.built[static_cast<std::size_t>(built)];
    if (built == Built::store_error) current_->trouble = true;
  }
  if (domains->size() < kSlice) finish(now);
}

void DayRun::finish(Time now) {
  if (!current_->trouble && book_.set_built(settings_.tenant, current_->day, now)) ++counters_.days;
  current_.reset();
  of_current_.reset();
}

store::Result<void> DayRun::again(store::Day day) {
  return book_.set_built(settings_.tenant, day, std::nullopt);
}

DayRun::One DayRun::look(const store::ReportKey& key) {
  std::optional<Current> kept = std::exchange(current_, Current{});
  current_->day = key.day;
  One one;
  one.built = Built::store_error;
  if (prepare()) one = evaluate(key);
  current_ = std::move(kept);
  return one;
}

store::Result<std::vector<CountedTally>> DayRun::counted(const store::ReportKey& key) {
  auto rows = store_.tallies(key);
  if (!rows) return std::unexpected(rows.error());
  std::vector<CountedTally> tallies;
  for (store::TallyRow& row : *rows) {
    auto failures = store_.failures(row.id);
    if (!failures) return std::unexpected(failures.error());
    tallies.push_back({std::move(row), std::move(*failures)});
  }
  return tallies;
}

// What would stand for `key` now, whether or not it is stored: the reason why there is none, else
// `stored` and its text.
DayRun::One DayRun::evaluate(const store::ReportKey& key) {
  One one;
  const auto tallies = counted(key);
  auto record = book_.record(key);
  if (!tallies || !record) {
    one.built = Built::store_error;
    return one;
  }
  one.report = build_report(settings_.build, key, *tallies);
  if (*record) one.record = (*record)->record;
  if (*record && (*record)->day != key.day) one.kept = std::move(**record);
  const auto mails = current_->mails.find(key.domain);
  const std::uint64_t handed_over = mails == current_->mails.end() ? 0 : mails->second;
  if (!one.report)
    one.built = Built::nothing;
  else if (rua_of(one.record).rua.empty())
    one.built = Built::no_record;
  else if (same_rua(key, one.record, *tallies))
    one.built = Built::same_rua;
  else if (handed_over >= one.report->sessions)
    one.built = Built::guarded;
  else
    one.built = Built::stored;
  if (one.report) one.json = report::write_json(one.report->report).value_or("");
  if (one.built == Built::stored && one.json.empty()) one.built = Built::unwritable;
  return one;
}

// A TLSA base domain of whose sessions all recipients' domains have the same readers.
bool DayRun::same_rua(const store::ReportKey& key, const std::string& record,
                      const std::vector<CountedTally>& tallies) {
  const auto served = current_->served.find(key.domain);
  if (served == current_->served.end() || served->second.empty()) return false;
  const bool only_tlsa = std::ranges::all_of(
      tallies, [](const CountedTally& one) { return one.row.key.type == "tlsa"; });
  const auto mine = addresses_of(record);
  return only_tlsa && std::ranges::all_of(served->second, [&](const std::string& recipient) {
           const auto theirs = book_.record({key.tenant, key.day, recipient});
           return theirs && *theirs && addresses_of((*theirs)->record) == mine;
         });
}

Built DayRun::keep(const store::ReportKey& key, const One& one, Time now) {
  if (one.built != Built::stored) return one.built;
  // What sends it looks for the record of the day; `seen` stays, so that it is not kept for ever.
  if (one.kept) {
    store::RuaRow rua = *one.kept;
    rua.day = key.day;
    rua.origin = "kept";
    if (!store_.put_rua(rua)) return Built::store_error;
  }
  const std::string octets = report::gzip(one.json);
  store::ReportRow row;
  row.key = key;
  row.origin = "built";
  row.report_id = one.report->report.report_id;
  row.built_at = now;
  if (one.report->sensor_only) {
    row.detail = "not sent: counted by the sensor alone (tlsrpt.send.sensor)";
  } else if (!settings_.send) {
    row.detail = "not sent: sending is off (tlsrpt.send.enabled)";
  } else {
    const Time end = begin_of(key.day + 1);
    const std::int64_t spread = first_try(key, row.report_id) - end;
    row.next_at = end + static_cast<std::int64_t>(static_cast<double>(spread) *
                                                  static_cast<double>(settings_.delay) /
                                                  static_cast<double>(4 * kHour));
  }
  const auto put = store_.put_report(row, as_bytes(octets));
  if (!put)
    return put.error().fault == store::Fault::limit ? Built::unwritable : Built::store_error;
  return *put ? Built::stored : Built::exists;
}

}  // namespace mxw::reportd
