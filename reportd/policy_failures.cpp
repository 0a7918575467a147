#include "reportd/policy_failures.hpp"

#include <algorithm>
#include <map>
#include <mutex>
#include <utility>

#include "core/store/rows.hpp"

namespace mxw::reportd {
namespace {

using store::Day;

constexpr int kMinutes = 24 * 60;

// How many sessions each minute of a day had, in the order told: pairs of variable-length integers,
// the minute as its zigzag distance from the one before, and the count.
class MinuteCounts {
 public:
  // Growth in octets.
  std::size_t add(int minute, std::uint64_t sessions) {
    if (minute == open_) {
      open_sessions_ += sessions;
      return 0;
    }
    const std::size_t before = packed_.capacity();
    close();
    open_ = minute;
    open_sessions_ = sessions;
    return packed_.capacity() - before;
  }
  [[nodiscard]] std::uint64_t between(int first, int end) const {
    std::uint64_t sum = open_ >= first && open_ < end ? open_sessions_ : 0;
    int minute = 0;
    for (std::size_t at = 0; at < packed_.size();) {
      const std::uint64_t step = get(at);
      minute += static_cast<int>(step >> 1) * ((step & 1) != 0 ? -1 : 1);
      const std::uint64_t sessions = get(at);
      if (minute >= first && minute < end) sum += sessions;
    }
    return sum;
  }
  [[nodiscard]] std::size_t bytes() const { return packed_.capacity(); }

 private:
  void close() {
    if (open_ < 0) return;
    const int step = open_ - last_;
    put(static_cast<std::uint64_t>(step < 0 ? -step : step) << 1 | (step < 0 ? 1U : 0U));
    put(open_sessions_);
    last_ = open_;
  }
  void put(std::uint64_t value) {
    for (; value >= 0x80; value >>= 7) packed_ += static_cast<char>(value | 0x80);
    packed_ += static_cast<char>(value);
  }
  [[nodiscard]] std::uint64_t get(std::size_t& at) const {
    std::uint64_t value = 0;
    for (unsigned shift = 0;; shift += 7) {
      const auto octet = static_cast<unsigned char>(packed_[at++]);
      value |= std::uint64_t{octet & 0x7fU} << shift;
      if (octet < 0x80) return value;
    }
  }

  std::string packed_;
  int last_ = 0, open_ = -1;
  std::uint64_t open_sessions_ = 0;
};

struct Sessions {
  store::TallyKey key;  // its domain is the map's
  std::string origin;
  MinuteCounts minutes;

  [[nodiscard]] bool is(const store::TallyKey& other) const {
    return key.tenant == other.tenant && key.source == other.source && key.type == other.type &&
           key.strings == other.strings && key.mx_hosts == other.mx_hosts;
  }
  [[nodiscard]] std::size_t bytes() const {
    return sizeof(Sessions) + key.strings.capacity() + key.mx_hosts.capacity() + minutes.bytes();
  }
};

using DayCounts = std::map<std::string, std::vector<Sessions>, std::less<>>;
constexpr std::size_t kNode = 128;  // of a map, with its domain

}  // namespace

struct PolicyFailures::Work {
  Options options;
  Counters counters;
  mutable std::mutex mutex;
  std::map<Day, DayCounts> days;  // the newest two
  std::vector<PolicyFailure> waiting;
  std::map<std::pair<std::string, policy::ResultType>, Time> done;  // until when it was added
  std::size_t held = 0;

  bool keep_day(Day day);
  void drop_day(std::map<Day, DayCounts>::iterator at);
  void note(const store::TallyAdd& tally, const TallyBatch::Minute& minute);
  void apply(const PolicyFailure& failure, std::vector<store::TallyAdd>& out);
  void apply(const PolicyFailure& failure, Day day, Time from, Time to,
             std::vector<store::TallyAdd>& out);
};

void PolicyFailures::Work::drop_day(std::map<Day, DayCounts>::iterator at) {
  for (const auto& [domain, all] : at->second) {
    held -= kNode;
    for (const Sessions& sessions : all) held -= sessions.bytes();
  }
  const Time end{(std::int64_t{at->first} + 1) * kDay};
  std::erase_if(done, [end](const auto& entry) { return entry.second <= end; });
  days.erase(at);
}

// Whether sessions of that day are remembered; makes room for it.
bool PolicyFailures::Work::keep_day(Day day) {
  if (days.contains(day)) return true;
  if (!days.empty() && day < days.rbegin()->first - 1) return false;
  days[day];
  while (days.begin()->first < days.rbegin()->first - 1) drop_day(days.begin());
  return true;
}

void PolicyFailures::Work::note(const store::TallyAdd& tally, const TallyBatch::Minute& minute) {
  const store::TallyKey& key = tally.key;
  if (key.domain.empty()) return;
  if (!keep_day(key.day) || held >= options.bytes) {
    counters.not_remembered += minute.sessions;
    return;
  }
  DayCounts& domains = days[key.day];
  auto at = domains.find(key.domain);
  if (at == domains.end()) {
    at = domains.emplace(key.domain, std::vector<Sessions>()).first;
    held += kNode;
  }
  auto sessions = std::ranges::find_if(at->second, [&](const Sessions& s) { return s.is(key); });
  if (sessions == at->second.end()) {
    at->second.push_back({key, tally.origin, {}});
    sessions = at->second.end() - 1;
    held += sessions->bytes();
  }
  held += sessions->minutes.add(minute.minute, minute.sessions);
}

void PolicyFailures::Work::apply(const PolicyFailure& failure, Day day, Time from, Time to,
                                 std::vector<store::TallyAdd>& out) {
  const auto counts = days.find(day);
  if (counts == days.end()) return;
  const auto domain = counts->second.find(failure.domain);
  if (domain == counts->second.end()) return;
  const Time midnight{std::int64_t{day} * kDay};
  const int first = static_cast<int>(std::max<std::int64_t>(from - midnight, 0) / kMinute);
  const int end =
      static_cast<int>(std::min<std::int64_t>((to - midnight + kMinute - 1) / kMinute, kMinutes));
  for (const Sessions& sessions : domain->second) {
    const std::uint64_t count = sessions.minutes.between(first, end);
    if (count == 0) continue;
    counters.sessions_added += count;
    store::TallyAdd add;
    add.key = sessions.key;
    add.origin = sessions.origin;
    add.details.emplace_back();
    add.details[0].key.result_type = policy::name(failure.result);
    add.details[0].key.reason = failure.reason;
    add.details[0].count = count;
    out.push_back(std::move(add));
  }
}

void PolicyFailures::Work::apply(const PolicyFailure& failure, std::vector<store::TallyAdd>& out) {
  Time& until = done[{failure.domain, failure.result}];
  const Time from = std::max(failure.from, until);
  if (failure.to <= from) return;
  for (const auto& [day, counts] : days) {
    const Time midnight{std::int64_t{day} * kDay};
    if (failure.to > midnight && from < midnight + kDay) apply(failure, day, from, failure.to, out);
  }
  until = Time{(failure.to.ns + kMinute - 1) / kMinute * kMinute};
}

PolicyFailures::PolicyFailures() : PolicyFailures(Options{}) {}
PolicyFailures::PolicyFailures(Options options) : work_(std::make_unique<Work>()) {
  work_->options = options;
}
PolicyFailures::~PolicyFailures() = default;

bool PolicyFailures::is_policy_type(policy::ResultType type) {
  using enum policy::ResultType;
  return type == tlsa_invalid || type == dnssec_invalid || type == dane_required ||
         type == sts_policy_fetch_error || type == sts_policy_invalid || type == sts_webpki_invalid;
}

void PolicyFailures::note(const TallyBatch& batch) {
  const std::lock_guard lock(work_->mutex);
  for (const TallyBatch::Minute& minute : batch.minutes)
    work_->note(batch.tallies[minute.tally], minute);
}

void PolicyFailures::add(PolicyFailure failure) {
  const std::lock_guard lock(work_->mutex);
  if (work_->waiting.size() >= work_->options.waiting) {
    ++work_->counters.spans_dropped;
    return;
  }
  ++work_->counters.spans;
  if (failure.reason.size() > store::kWordBytes) failure.reason.resize(store::kWordBytes);
  work_->waiting.push_back(std::move(failure));
}

std::vector<store::TallyAdd> PolicyFailures::due(Time now) {
  const std::lock_guard lock(work_->mutex);
  std::vector<store::TallyAdd> out;
  std::erase_if(work_->waiting, [&](const PolicyFailure& failure) {
    if (failure.to + kSettle > now) return false;
    work_->apply(failure, out);
    return true;
  });
  return out;
}

PolicyFailures::Counters PolicyFailures::counters() const {
  const std::lock_guard lock(work_->mutex);
  return work_->counters;
}

std::size_t PolicyFailures::bytes() const {
  const std::lock_guard lock(work_->mutex);
  return work_->held;
}

}  // namespace mxw::reportd
