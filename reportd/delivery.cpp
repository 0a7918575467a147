#include "reportd/delivery.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "core/base/digest.hpp"
#include "reportd/caps.hpp"

namespace mxw::reportd {
namespace {

using State = store::ReportState;

// After the first try (semantics 8; RFC 8460 section 5.5 wants 24 hours of back-off).
constexpr std::array kRetries = {5 * kMinute, 15 * kMinute, 45 * kMinute, 2 * kHour,
                                 5 * kHour,   10 * kHour,   16 * kHour,   24 * kHour};
constexpr std::uint32_t kTries = 1 + kRetries.size();
constexpr std::int64_t kSpread = 4 * kHour;  // RFC 8460 section 4.1
constexpr store::Day kHandedOverDays = 7;
constexpr std::size_t kPage = 500;

// Retries that were missed are not made up for.
std::optional<Time> next_retry(Time first, Time now) {
  const auto next = std::ranges::upper_bound(kRetries, now - first);
  if (next == kRetries.end()) return std::nullopt;
  return first + *next;
}

store::DeliveryRow not_tried(const std::string& uri) {
  store::DeliveryRow row;
  row.uri = uri;
  return row;
}

}  // namespace

struct Delivery::Job {
  store::ReportRow row;  // as it is in the store
  std::uint64_t number = 0;
  std::vector<std::uint8_t> bytes;
  RuaList list;
  std::vector<store::DeliveryRow> known;  // of URIs that were tried
  std::size_t next = 0;                   // of list.rua
  bool began = false;                     // this round has tried one
  const Rua* current = nullptr;           // under way
  std::vector<const Rua*> skipped;        // not tried in this round: suppressed or capped
  std::string why_skipped;
  bool unread = false;  // whether one is suppressed could not be read

  // To be committed, and kept until it is.
  struct Write {
    store::ReportRow row;
    std::optional<store::DeliveryRow> delivery;
    const Rua* then = nullptr;  // tried after the commit; null: the round has ended
  };
  std::optional<Write> write;

  [[nodiscard]] const store::DeliveryRow* tried(const Rua& rua) const {
    const auto at = std::ranges::find(known, rua.uri, &store::DeliveryRow::uri);
    return at == known.end() ? nullptr : &*at;
  }
  [[nodiscard]] bool final(const Rua& rua) const {
    const store::DeliveryRow* const row_of = tried(rua);
    return row_of != nullptr && row_of->final;
  }
  // Whether this report is in the count of that address already.
  [[nodiscard]] bool counted(const Rua& rua) const {
    return tried(rua) != nullptr || (row.tries > 0 && row.uri == rua.uri);
  }
};

Time first_try(const store::ReportKey& key, std::string_view report_id) {
  const Sha256 hash = sha256(as_bytes(report_id));
  const std::uint64_t number = ByteReader(hash).u64();
  const Time day_end{(static_cast<std::int64_t>(key.day) + 1) * kDay};
  return day_end + static_cast<std::int64_t>(number % static_cast<std::uint64_t>(kSpread));
}

Result<std::map<std::string, std::uint64_t>> mails_handed_over(store::ReportStore& store,
                                                               std::uint32_t tenant,
                                                               store::Day day) {
  std::map<std::string, std::uint64_t> mails;
  for (store::Day about = day - kHandedOverDays; about <= day; ++about) {
    std::string after;
    for (std::size_t got = kPage; got == kPage;) {
      const auto rows = store.reports(tenant, about, after, kPage);
      if (!rows) return std::unexpected(rows.error());
      got = rows->size();
      if (got > 0) after = rows->back().key.domain;
      for (const store::ReportRow& row : *rows) {
        const bool then =
            row.state == State::accepted && row.ended_at && store::day_of(*row.ended_at) == day;
        const auto mailbox = then ? mailbox_of(row.uri) : std::nullopt;
        if (mailbox) ++mails[mailbox->substr(mailbox->rfind('@') + 1)];
      }
    }
  }
  return mails;
}

Result<Delivery::Caps::DayCount*> Delivery::Caps::day(std::uint32_t tenant, store::Day number) {
  const auto known = days_.find({number, tenant});
  if (known != days_.end()) return &known->second;
  DayCount count;
  if (auto learned = learn(tenant, number, count); !learned)
    return std::unexpected(std::move(learned.error()));
  if (days_.size() == kDays) days_.erase(days_.begin());
  return &days_.insert_or_assign({number, tenant}, std::move(count)).first->second;
}

Result<void> Delivery::Caps::learn(std::uint32_t tenant, store::Day number, DayCount& count) {
  std::string after;
  for (std::size_t got = kPage; got == kPage;) {
    const auto rows = ledger_.reports(tenant, number, after, kPage);
    if (!rows) return std::unexpected(rows.error());
    got = rows->size();
    if (got > 0) after = rows->back().key.domain;
    for (const store::ReportRow& row : *rows) {
      if (row.tries == 0) continue;
      ++count.reports;
      auto deliveries = ledger_.deliveries(row.key);
      if (!deliveries) return std::unexpected(std::move(deliveries.error()));
      if (std::ranges::find(*deliveries, row.uri, &store::DeliveryRow::uri) == deliveries->end())
        deliveries->push_back(not_tried(row.uri));
      for (const store::DeliveryRow& one : *deliveries) {
        if (const auto rua = rua_of_uri(one.uri)) ++count.addresses[rua->key];
      }
    }
  }
  return {};
}

Delivery::Delivery(Ledger& ledger, DeliveryConfig config, ReturnPath return_path,
                   MessageSource& source, MailTransport& mail, PostTransport& post, WallClock clock)
    : ledger_(ledger),
      config_(config),
      return_path_(std::move(return_path)),
      source_(source),
      mail_(mail),
      post_(post),
      clock_(std::move(clock)),
      caps_(std::make_unique<Caps>(ledger)),
      self_(std::make_shared<Delivery*>(this)) {}

Delivery::~Delivery() {
  *self_ = nullptr;
}

Result<std::size_t> Delivery::resume() {
  return ledger_.resume(clock_());
}

void Delivery::set_enabled(bool enabled) {
  config_.enabled = enabled;
}

std::size_t Delivery::in_flight() const {
  return jobs_.size();
}

void Delivery::hold(const std::string& what, const std::string& why) {
  if (why.empty()) {
    holds_.erase(what);
  } else {
    holds_[what] = why;
  }
}

std::string Delivery::waits_because() const {
  if (!config_.enabled) return "delivery is not set up";
  std::string all;
  for (const auto& [what, why] : holds_) {
    if (!all.empty()) all += "; ";
    all += what;
    all += ": ";
    all += why;
  }
  return all;
}

void Delivery::run() {
  std::vector<store::ReportKey> unwritten;
  for (const auto& [key, job] : jobs_) {
    if (job->write) unwritten.push_back(key);
  }
  for (const store::ReportKey& key : unwritten) {
    const auto job = jobs_.find(key);
    if (job != jobs_.end() && job->second->write) commit(*job->second);
  }
  if (!waits_because().empty() || jobs_.size() >= config_.parallel) return;
  const auto due = ledger_.due(clock_(), config_.parallel - jobs_.size());
  if (!due) {
    ++counters_.store_errors;
    return;
  }
  for (const store::ReportRow& row : *due) begin(row);
}

std::unique_ptr<Delivery::Job> Delivery::load(const store::ReportRow& row) {
  const auto record = ledger_.rua_record(row.key);
  auto bytes = record ? ledger_.report_bytes(row.key) : std::unexpected(record.error());
  auto known = bytes ? ledger_.deliveries(row.key) : std::unexpected(bytes.error());
  if (!known) {
    ++counters_.store_errors;
    return nullptr;
  }
  auto job = std::make_unique<Job>();
  job->row = row;
  job->number = ++numbers_;
  job->known = std::move(*known);
  // Without octets, which leave the store with the row alone, nothing can be tried.
  if (*bytes) {
    job->list = rua_of(*record);
    job->bytes = std::move(**bytes);
  }
  return job;
}

void Delivery::begin(const store::ReportRow& row) {
  if (jobs_.contains(row.key)) return;
  auto loaded = load(row);
  if (!loaded) return;
  const auto count = caps_->day(row.key.tenant, row.key.day);
  if (!count) {
    ++counters_.store_errors;
    return;
  }
  Job& job = *(jobs_[row.key] = std::move(loaded));
  if (row.tries == 0) counters_.capped += job.list.capped;
  if (row.tries == 0 && (*count)->reports >= config_.per_day) {
    ++counters_.capped;
    job.why_skipped = "capped: " + std::to_string(config_.per_day) + " reports of that day";
    for (const Rua& rua : job.list.rua) job.skipped.push_back(&rua);
    job.next = job.list.rua.size();
  }
  // Only ends of the process in the middle of tries lead here.
  if (row.tries >= kTries) job.next = job.list.rua.size();
  advance(job, std::nullopt);
}

// Commits what became of one URI together with what comes next.
void Delivery::advance(Job& job, std::optional<store::DeliveryRow> delivery) {
  const Rua* const rua = pick(job);
  job.write = Job::Write{.row = job.row, .delivery = std::move(delivery), .then = rua};
  if (rua != nullptr) {
    mark_sending(job, *rua);
  } else if (job.unread && !job.began) {
    return drop(job);  // as it was, and due
  } else {
    mark_ended(job);
  }
  commit(job);
}

const Rua* Delivery::pick(Job& job) {
  while (job.next < job.list.rua.size()) {
    const Rua& rua = job.list.rua[job.next++];
    if (!job.final(rua) && may_go(job, rua)) return &rua;
  }
  return nullptr;
}

bool Delivery::may_go(Job& job, const Rua& rua) {
  if (rua.scheme == Rua::Scheme::mailto) {
    const auto suppressed = ledger_.suppressed(job.row.key.tenant, rua.key, clock_());
    if (!suppressed) {
      ++counters_.store_errors;
      job.unread = true;
      return false;
    }
    if (*suppressed) {
      job.skipped.push_back(&rua);
      job.why_skipped = "its mail came back";
      return false;
    }
  }
  const auto count = caps_->day(job.row.key.tenant, job.row.key.day);
  if (!count) {
    ++counters_.store_errors;
    job.unread = true;
    return false;
  }
  if (job.counted(rua) || (*count)->addresses[rua.key] < config_.per_address) return true;
  ++counters_.capped;
  job.skipped.push_back(&rua);
  job.why_skipped = "capped: " + std::to_string(config_.per_address) + " reports to that address";
  return false;
}

void Delivery::mark_sending(Job& job, const Rua& rua) {
  const Time now = clock_();
  store::ReportRow& row = job.write->row;
  row.state = State::sending;
  row.uri = rua.uri;
  if (job.began) return;
  ++row.tries;
  if (!row.first_at) row.first_at = now;
  // Where a process that ends now will go on.
  row.next_at = next_retry(*row.first_at, now).value_or(now);
}

void Delivery::mark_ended(Job& job) {
  const Time now = clock_();
  store::ReportRow& row = job.write->row;
  const auto open = [&job](const Rua& rua) {
    return !job.final(rua) && std::ranges::find(job.skipped, &rua) == job.skipped.end();
  };
  row.next_at.reset();
  if (std::ranges::any_of(job.list.rua, open)) {
    if (row.first_at && row.tries < kTries) row.next_at = next_retry(*row.first_at, now);
    row.state = row.next_at ? State::retry : State::expired;
  } else if (!job.skipped.empty()) {
    row.state = State::suppressed;
    row.detail = job.why_skipped;
  } else {
    row.state = State::expired;
    if (job.list.rua.empty()) row.detail = "no address a report can go to";
  }
  if (row.state != State::retry) row.ended_at = now;
}

// Nothing may touch the job after this.
void Delivery::commit(Job& job) {
  const Job::Write& write = *job.write;
  const State from = job.row.state;
  const auto moved =
      ledger_.move_report(write.row, from, write.delivery ? &*write.delivery : nullptr);
  if (!moved) {
    ++counters_.store_errors;
    // What was not begun is due as before; what was is written by a later run().
    return job.began ? void() : drop(job);
  }
  if (!*moved) return drop(job);  // somebody else has ended it
  const Rua* const then = write.then;
  if (then != nullptr) {
    // Learned when the round began.
    if (const auto count = caps_->day(job.row.key.tenant, job.row.key.day)) {
      if (job.row.tries == 0 && !job.began) ++(*count)->reports;
      if (!job.counted(*then)) ++(*count)->addresses[then->key];
    }
  }
  job.row = write.row;
  job.write.reset();
  if (then != nullptr) {
    job.began = true;
    return attempt(job, *then);
  }
  count_end(job.row.state);
  drop(job);
}

void Delivery::count_end(State state) {
  switch (state) {
    case State::accepted:
      ++counters_.accepted;
      break;
    case State::retry:
      ++counters_.retries;
      break;
    case State::expired:
      ++counters_.expired;
      break;
    case State::suppressed:
      ++counters_.suppressed;
      break;
    case State::queued:
    case State::sending:
      break;
  }
}

void Delivery::drop(Job& job) {
  const store::ReportKey key = job.row.key;
  jobs_.erase(key);
}

void Delivery::attempt(Job& job, const Rua& rua) {
  ++counters_.attempts;
  job.current = &rua;
  const store::ReportKey key = job.row.key;
  const std::uint64_t number = job.number;
  Done done = [self = self_, key, number](const Attempt& attempt) {
    if (*self != nullptr) (*self)->on_done(key, number, attempt);
  };
  if (rua.scheme == Rua::Scheme::https) return post_.post(rua.address, job.bytes, std::move(done));
  auto message = source_.message(job.row, job.bytes, rua.address);
  if (!message) {
    ++counters_.compose_errors;
    return on_done(key, number, {.detail = message.error().message});
  }
  mail_.send({.sender = return_path_.sender(rua.address),
              .recipient = rua.address,
              .message = std::move(*message)},
             std::move(done));
}

void Delivery::on_done(const store::ReportKey& key, std::uint64_t number, const Attempt& attempt) {
  const auto found = jobs_.find(key);
  if (found == jobs_.end() || found->second->number != number || !found->second->current) return;
  Job& job = *found->second;
  const Rua& rua = *std::exchange(job.current, nullptr);
  const store::DeliveryRow* const before = job.tried(rua);
  store::DeliveryRow delivery = before != nullptr ? *before : not_tried(rua.uri);
  ++delivery.tries;
  delivery.final = attempt.outcome == Attempt::Outcome::refused;
  delivery.at = clock_();
  delivery.detail = attempt.detail;
  if (delivery.final) ++counters_.refused;
  std::erase_if(job.known, [&rua](const store::DeliveryRow& one) { return one.uri == rua.uri; });
  job.known.push_back(delivery);
  job.row.detail = attempt.detail;  // goes with the next commit
  if (attempt.outcome != Attempt::Outcome::accepted) return advance(job, std::move(delivery));
  job.write = Job::Write{.row = job.row, .delivery = std::move(delivery)};
  job.write->row.state = State::accepted;
  job.write->row.next_at.reset();
  job.write->row.ended_at = clock_();
  commit(job);
}

}  // namespace mxw::reportd
