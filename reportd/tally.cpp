#include "reportd/tally.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "core/base/siphash.hpp"
#include "core/policy/tlsrpt_record.hpp"
#include "reportd/flat_index.hpp"
#include "reportd/policy_failures.hpp"

namespace mxw::reportd {
namespace {

constexpr std::uint32_t kNone = FlatIndex::kNone;
constexpr std::size_t kInString = 15;  // octets a std::string holds without allocating
constexpr std::size_t kIndexed = 48;   // octets of an index for one place, at its emptiest

std::size_t heap(const std::string& text) {
  return text.capacity() > kInString ? text.capacity() + 1 : 0;
}

std::uint16_t minute_of(Time at) {
  const std::int64_t in_day = at.ns - std::int64_t{store::day_of(at)} * kDay;
  return static_cast<std::uint16_t>(in_day / kMinute);
}

bool same(const store::FailureKey& key, const EventFailure& failure) {
  return key.result_type == policy::name(failure.type) && key.sending_ip == failure.sending_ip &&
         key.receiving_ip == failure.receiving_ip && key.mx_host == failure.mx_host &&
         key.mx_helo == failure.mx_helo && key.reason == failure.reason;
}

store::FailureKey key_of(const EventFailure& failure) {
  return {.result_type = std::string(policy::name(failure.type)),
          .sending_ip = failure.sending_ip,
          .mx_host = std::string(failure.mx_host),
          .mx_helo = std::string(failure.mx_helo),
          .receiving_ip = failure.receiving_ip,
          .reason = std::string(failure.reason)};
}

// The key of a tally before it is one; all texts borrowed.
struct KeyView {
  store::Day day = 0;
  std::string_view source, domain, type, strings, mx_hosts;

  [[nodiscard]] bool is(const store::TallyKey& key) const {
    return key.day == day && key.domain == domain && key.type == type && key.source == source &&
           key.strings == strings && key.mx_hosts == mx_hosts;
  }
};

// Distinct records of a domain on a day since the last take().
struct RecordSlot {
  store::Day day = 0;
  std::string domain, last, valid;
  bool last_valid = false;
  std::size_t seen = 0;
  Time at;  // of `valid`
};

// What is known of tallies[i] beside its counts.
struct Slot {
  std::uint32_t record = kNone;  // whose validity decides where it is counted
  std::uint32_t minute = kNone;  // its last entry in minutes
};

struct DetailPlace {
  std::uint32_t tally = 0, detail = 0;
};

}  // namespace

struct Tally::Work {
  explicit Work(Options the_options) : options(std::move(the_options)) {}

  Options options;
  Counters counters;
  HashKey key = random_hash_key();
  TallyBatch batch;
  std::vector<Slot> slots;
  std::vector<RecordSlot> records;
  std::vector<DetailPlace> details;
  FlatIndex tally_index, record_index, detail_index;
  std::string scratch;
  std::size_t held = 0;

  void add(std::string_view source, std::string_view origin, const TallyEvent& event, Time at);
  void count(const KeyView& view, std::string_view origin, std::uint32_t record,
             const EventPolicy& policy, std::uint16_t minute);
  std::uint32_t find_record(store::Day day, const TallyEvent& event, Time at);
  void see_record(RecordSlot& slot, std::string_view record, Time at);
  std::uint32_t find_tally(const KeyView& view, std::string_view origin);
  std::uint32_t insert_tally(const KeyView& view, std::string_view origin, std::uint64_t hash);
  std::uint32_t bucket(store::Day day, std::string_view type, std::string_view origin);
  void count_minute(std::uint32_t tally, std::uint16_t minute);
  void count_failure(std::uint32_t tally, const EventFailure& failure);
  bool count_detail(std::uint32_t tally, const EventFailure& failure, bool always);
  void add(store::TallyAdd&& counts);
  std::uint64_t hash_scratch() const { return siphash(key, as_bytes(scratch)); }
  [[nodiscard]] bool over() const { return held >= options.bytes; }
  TallyBatch take();

  template <typename T>
  void put(const T& value) {
    scratch.append(reinterpret_cast<const char*>(&value), sizeof value);
  }
  void put_text(std::string_view text) {  // no text has a NUL
    scratch += text;
    scratch += '\0';
  }
};

void Tally::Work::see_record(RecordSlot& slot, std::string_view record, Time at) {
  if (slot.seen == 0 || slot.last != record) {
    if (slot.seen >= kRecords) {
      ++counters.records_passed_over;
      return;
    }
    ++slot.seen;
    held -= heap(slot.last) + heap(slot.valid);
    slot.last = record;
    slot.last_valid = policy::parse_tlsrpt_record(record).has_value();
    if (slot.last_valid) slot.valid = record;
    held += heap(slot.last) + heap(slot.valid);
  }
  if (slot.last_valid) slot.at = at;
}

// kNone: there is no room to remember what records the domain has.
std::uint32_t Tally::Work::find_record(store::Day day, const TallyEvent& event, Time at) {
  scratch.clear();
  put(day);
  put_text(event.domain);
  const std::uint64_t hash = hash_scratch();
  std::uint32_t place = record_index.find(hash, [&](std::uint32_t i) {
    return records[i].day == day && records[i].domain == event.domain;
  });
  if (place == kNone) {
    if (over()) return kNone;
    place = static_cast<std::uint32_t>(records.size());
    RecordSlot& slot = records.emplace_back();
    slot.day = day;
    slot.domain = event.domain;
    held += kIndexed + sizeof(RecordSlot) + heap(slot.domain);
    record_index.insert(hash, place);
  }
  see_record(records[place], event.record, at);
  return place;
}

std::uint32_t Tally::Work::insert_tally(const KeyView& view, std::string_view origin,
                                        std::uint64_t hash) {
  const auto place = static_cast<std::uint32_t>(batch.tallies.size());
  store::TallyAdd& add = batch.tallies.emplace_back();
  add.key = {.tenant = options.tenant,
             .day = view.day,
             .source = std::string(view.source),
             .domain = std::string(view.domain),
             .type = std::string(view.type),
             .strings = std::string(view.strings),
             .mx_hosts = std::string(view.mx_hosts)};
  add.origin = origin;
  slots.emplace_back();
  tally_index.insert(hash, place);
  held += kIndexed + sizeof(store::TallyAdd) + sizeof(Slot) + sizeof(TallyBatch::Minute) +
          heap(add.key.source) + heap(add.key.domain) + heap(add.key.strings) +
          heap(add.key.mx_hosts);
  return place;
}

std::uint32_t Tally::Work::find_tally(const KeyView& view, std::string_view origin) {
  scratch.clear();
  put(view.day);
  for (const std::string_view text :
       {view.source, view.domain, view.type, view.strings, view.mx_hosts})
    put_text(text);
  const std::uint64_t hash = hash_scratch();
  const std::uint32_t place =
      tally_index.find(hash, [&](std::uint32_t i) { return view.is(batch.tallies[i].key); });
  if (place != kNone) return place;
  const bool bucket_key = view.domain.empty();
  if (over() && !bucket_key) return kNone;
  return insert_tally(view, origin, hash);
}

std::uint32_t Tally::Work::bucket(store::Day day, std::string_view type, std::string_view origin) {
  KeyView view;
  view.day = day;
  view.type = type;
  return find_tally(view, origin);
}

void Tally::Work::count_minute(std::uint32_t tally, std::uint16_t minute) {
  Slot& slot = slots[tally];
  if (slot.minute != kNone && batch.minutes[slot.minute].minute == minute) {
    ++batch.minutes[slot.minute].sessions;
    return;
  }
  if (over()) return;
  slot.minute = static_cast<std::uint32_t>(batch.minutes.size());
  batch.minutes.push_back({tally, minute, 1});
  held += sizeof(TallyBatch::Minute);
}

// False: not there, and no room for it.
bool Tally::Work::count_detail(std::uint32_t tally, const EventFailure& failure, bool always) {
  scratch.clear();
  put(tally);
  put(failure.type);
  for (const IpAddress* address : {&failure.sending_ip, &failure.receiving_ip}) {
    put(address->octets);
    put(address->family);
  }
  for (const std::string_view text : {failure.mx_host, failure.mx_helo, failure.reason})
    put_text(text);
  const std::uint64_t hash = hash_scratch();
  std::vector<store::FailureRow>& rows = batch.tallies[tally].details;
  const std::uint32_t found = detail_index.find(hash, [&](std::uint32_t i) {
    return details[i].tally == tally && same(rows[details[i].detail].key, failure);
  });
  if (found != kNone) {
    ++rows[details[found].detail].count;
    return true;
  }
  if (!always && (over() || rows.size() >= store::kFailuresOfTally)) return false;
  detail_index.insert(hash, static_cast<std::uint32_t>(details.size()));
  details.push_back({tally, static_cast<std::uint32_t>(rows.size())});
  const std::size_t room = rows.capacity();
  rows.push_back({key_of(failure), 1});
  const store::FailureKey& row = rows.back().key;
  held += kIndexed + sizeof(DetailPlace) + (rows.capacity() - room) * sizeof(store::FailureRow) +
          heap(row.result_type) + heap(row.mx_host) + heap(row.mx_helo) + heap(row.reason);
  return true;
}

void Tally::Work::count_failure(std::uint32_t tally, const EventFailure& failure) {
  if (count_detail(tally, failure, false)) return;
  ++counters.failures_folded;
  EventFailure folded;
  folded.type = failure.type;
  count_detail(tally, folded, true);
}

void Tally::Work::count(const KeyView& view, std::string_view origin, std::uint32_t record,
                        const EventPolicy& policy, std::uint16_t minute) {
  ++counters.sessions;
  std::uint32_t place = find_tally(view, origin);
  const bool own = place != kNone && !view.domain.empty();
  if (place == kNone) {
    ++counters.overflow;
    place = bucket(view.day, store::kOverflow, origin);
  }
  store::TallyAdd& add = batch.tallies[place];
  switch (policy.final) {
    case Final::success:
      ++add.success;
      break;
    case Final::failure:
      ++add.failure;
      break;
    case Final::undetermined:
      ++add.undetermined;
      return;  // no failure of it may reach a report
  }
  if (!own) return;
  if (record != kNone) slots[place].record = record;
  for (const EventFailure& failure : policy.failures) count_failure(place, failure);
  const bool told = std::ranges::any_of(policy.failures, [](const EventFailure& failure) {
    return PolicyFailures::is_policy_type(failure.type);
  });
  if (!told) count_minute(place, minute);
}

void Tally::Work::add(std::string_view source, std::string_view origin, const TallyEvent& event,
                      Time at) {
  ++counters.events;
  const store::Day day = store::day_of(at);
  const std::uint16_t minute = minute_of(at);
  const std::uint32_t record = event.record_told ? find_record(day, event, at) : kNone;
  const auto denied = [this](std::string_view domain) {
    return options.denied && options.denied(domain);
  };
  for (const EventPolicy& policy : event.policies) {
    const bool same_domain = policy.domain == event.domain;
    KeyView view{day, source, policy.domain, policy.type, policy.strings, policy.mx_hosts};
    const bool told = same_domain && event.record_told;
    if (!told && denied(policy.domain)) {
      view = {day, {}, {}, store::kNoRecord, {}, {}};
    }
    count(view, origin, same_domain ? record : kNone, policy, minute);
    if (same_domain || policy.type != kTlsa) continue;
    if (!event.record_told && denied(event.domain)) continue;
    view = {day, source, event.domain, policy.type, policy.strings, policy.domain};
    count(view, origin, record, policy, minute);
  }
}

void Tally::Work::add(store::TallyAdd&& counts) {
  const store::TallyKey& key_in = counts.key;
  const KeyView view{key_in.day,  key_in.source,  key_in.domain,
                     key_in.type, key_in.strings, key_in.mx_hosts};
  std::uint32_t place = find_tally(view, counts.origin);
  const bool own = place != kNone;
  if (!own) place = bucket(key_in.day, store::kOverflow, counts.origin);
  store::TallyAdd& add = batch.tallies[place];
  add.success += counts.success;
  add.failure += counts.failure;
  add.undetermined += counts.undetermined;
  if (!own) return;
  for (store::FailureRow& row : counts.details) {
    const auto there = std::ranges::find(add.details, row.key, &store::FailureRow::key);
    if (there != add.details.end()) {
      there->count += row.count;
      continue;
    }
    held += sizeof(store::FailureRow) + heap(row.key.result_type) + heap(row.key.reason);
    add.details.push_back(std::move(row));
  }
}

TallyBatch Tally::Work::take() {
  for (std::uint32_t i = 0; i < slots.size(); ++i) {
    const std::uint32_t record = slots[i].record;
    if (record != kNone && records[record].valid.empty()) batch.unproven.push_back(i);
  }
  for (RecordSlot& slot : records) {
    if (slot.valid.empty()) continue;
    batch.records.push_back({slot.day, std::move(slot.domain), std::move(slot.valid), slot.at});
  }
  records.clear();
  slots.clear();
  details.clear();
  tally_index.clear();
  record_index.clear();
  detail_index.clear();
  held = 0;
  return std::exchange(batch, {});
}

Tally::Tally(Options options) : work_(std::make_unique<Work>(std::move(options))) {}
Tally::~Tally() = default;

void Tally::add(std::string_view source, std::string_view origin, const TallyEvent& event,
                Time at) {
  work_->add(source, origin, event, at);
}

void Tally::add(store::TallyAdd&& counts) {
  work_->add(std::move(counts));
}

void Tally::mark(store::FeedMark mark) {
  for (store::FeedMark& known : work_->batch.marks) {
    if (known.sensor != mark.sensor || known.instance != mark.instance) continue;
    known = std::move(mark);
    return;
  }
  work_->batch.marks.push_back(std::move(mark));
}

bool Tally::empty() const {
  return work_->batch.empty() && work_->records.empty();
}

bool Tally::full() const {
  return work_->held * 2 >= work_->options.bytes;
}

std::size_t Tally::bytes() const {
  return work_->held;
}

TallyBatch Tally::take() {
  return work_->take();
}

const Tally::Counters& Tally::counters() const {
  return work_->counters;
}

}  // namespace mxw::reportd
