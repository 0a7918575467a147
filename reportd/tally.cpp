#include "reportd/tally.hpp"

#include <algorithm>
#include <array>
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

// An event without failures that was added from some octets, and how often these came again.
struct Repeat {
  static constexpr std::size_t kPlaces = 2;  // a TLSA policy counts for two domains

  std::uint64_t check = 0;  // the second half of the hash
  std::uint32_t source = 0;
  std::uint32_t epoch = 0;  // as of Work::epoch
  store::Day day = 0;
  std::uint16_t minute = 0;
  std::uint16_t places = 0;
  std::array<std::uint32_t, kPlaces> place{};
  std::array<bool, kPlaces> failed{};
  std::uint32_t count = 0;  // not in the tallies yet
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
  std::vector<Repeat> repeats;
  std::vector<std::string> sources;  // by their number in `repeats`
  FlatIndex tally_index, record_index, detail_index, repeat_index;
  std::uint32_t epoch = 0;  // grows when a domain comes with another record than before
  Repeat adding;            // what add() has counted so far
  std::string scratch;
  std::size_t held = 0;

  void add(std::string_view source, std::string_view origin, const TallyEvent& event, Time at);
  bool again(std::string_view source, std::string_view text, Time at);
  void remember(std::string_view source, std::string_view text);
  void settle(Repeat& repeat);
  std::uint32_t source_number(std::string_view source);
  void count(const KeyView& view, std::string_view origin, std::uint32_t record,
             const EventPolicy& policy, std::uint16_t minute);
  std::uint32_t find_record(store::Day day, const TallyEvent& event, Time at);
  void see_record(RecordSlot& slot, std::string_view record, Time at);
  std::uint32_t find_tally(const KeyView& view, std::string_view origin);
  std::uint32_t insert_tally(const KeyView& view, std::string_view origin, std::uint64_t hash);
  std::uint32_t bucket(store::Day day, std::string_view type, std::string_view origin);
  void count_minute(std::uint32_t tally, std::uint16_t minute, std::uint32_t sessions);
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
    if (slot.seen++ != 0) ++epoch;
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

void Tally::Work::count_minute(std::uint32_t tally, std::uint16_t minute, std::uint32_t sessions) {
  Slot& slot = slots[tally];
  if (slot.minute != kNone && batch.minutes[slot.minute].minute == minute) {
    batch.minutes[slot.minute].sessions += sessions;
    return;
  }
  if (over()) return;
  slot.minute = static_cast<std::uint32_t>(batch.minutes.size());
  batch.minutes.push_back({tally, minute, sessions});
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
  if (told) return;
  count_minute(place, minute, 1);
  if (!policy.failures.empty()) return;
  const std::size_t known = adding.places++;
  if (known >= Repeat::kPlaces) return;
  adding.place[known] = place;
  adding.failed[known] = policy.final == Final::failure;
}

std::uint32_t Tally::Work::source_number(std::string_view source) {
  const auto known = std::ranges::find(sources, source);
  if (known == sources.end()) sources.emplace_back(source);
  return static_cast<std::uint32_t>(known - sources.begin());
}

// What add() has just counted may be counted again by these octets.
void Tally::Work::remember(std::string_view source, std::string_view text) {
  const auto [hash, check] = siphash128(key, as_bytes(text));
  adding.check = check;
  adding.source = source_number(source);
  const std::uint32_t known = repeat_index.find(hash, [&](std::uint32_t i) {
    return repeats[i].check == adding.check && repeats[i].source == adding.source;
  });
  if (known != kNone) {
    settle(repeats[known]);
    repeats[known] = adding;
  } else if (!over()) {
    repeat_index.insert(hash, static_cast<std::uint32_t>(repeats.size()));
    repeats.push_back(adding);
    held += kIndexed + sizeof(Repeat);
  }
}

void Tally::Work::settle(Repeat& repeat) {
  if (repeat.count == 0) return;
  for (std::size_t i = 0; i < repeat.places; ++i) {
    store::TallyAdd& add = batch.tallies[repeat.place[i]];
    (repeat.failed[i] ? add.failure : add.success) += repeat.count;
    count_minute(repeat.place[i], repeat.minute, repeat.count);
  }
  repeat.count = 0;
}

bool Tally::Work::again(std::string_view source, std::string_view text, Time at) {
  const std::uint32_t number = source_number(source);
  const Hash128 hash = siphash128(key, as_bytes(text));
  const std::uint32_t known = repeat_index.find(hash.first, [&](std::uint32_t i) {
    return repeats[i].check == hash.second && repeats[i].source == number;
  });
  if (known == kNone) return false;
  Repeat& repeat = repeats[known];
  // A domain whose record changes back and forth has to be seen doing it.
  if (repeat.epoch != epoch || repeat.day != store::day_of(at)) return false;
  if (const std::uint16_t minute = minute_of(at); repeat.minute != minute) {
    settle(repeat);
    repeat.minute = minute;
  }
  ++repeat.count;
  ++counters.events;
  counters.sessions += repeat.places;
  return true;
}

void Tally::Work::add(std::string_view source, std::string_view origin, const TallyEvent& event,
                      Time at) {
  ++counters.events;
  const store::Day day = store::day_of(at);
  const std::uint16_t minute = minute_of(at);
  const std::uint32_t record = event.record_told ? find_record(day, event, at) : kNone;
  const std::uint64_t sessions = counters.sessions;
  adding = {};
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
  adding.epoch = epoch;
  adding.day = day;
  adding.minute = minute;
  // Whatever is counted otherwise than one more in one row is counted by reading it.
  if (adding.places != counters.sessions - sessions || adding.places > Repeat::kPlaces)
    adding.places = 0;
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
  for (Repeat& repeat : repeats) settle(repeat);
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
  repeats.clear();
  repeat_index.clear();
  tally_index.clear();
  record_index.clear();
  detail_index.clear();
  held = 0;
  return std::exchange(batch, {});
}

Tally::Tally(Options options) : work_(std::make_unique<Work>(std::move(options))) {}
Tally::~Tally() = default;

void Tally::add(std::string_view source, std::string_view origin, const TallyEvent& event, Time at,
                std::string_view text) {
  work_->add(source, origin, event, at);
  if (!text.empty() && work_->adding.places != 0) work_->remember(source, text);
}

bool Tally::again(std::string_view source, std::string_view text, Time at) {
  return work_->again(source, text, at);
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
