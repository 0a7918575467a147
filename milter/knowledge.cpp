#include "milter/knowledge.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <map>
#include <mutex>
#include <numeric>
#include <set>
#include <shared_mutex>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "core/base/aging_clock.hpp"
#include "core/base/event_loop.hpp"
#include "core/base/siphash.hpp"
#include "core/feed/ask_client.hpp"
#include "core/feed/cache_writer.hpp"
#include "core/feed/feed_reader.hpp"
#include "core/feed/hint_gate.hpp"
#include "core/operator/watch.hpp"
#include "core/service/log.hpp"
#include "milter/complaints.hpp"
#include "milter/locked_observer.hpp"
#include "milter/wanted.hpp"

namespace mxw::milter {
namespace {

constexpr unsigned kTicksOfSecond = 2;
constexpr unsigned kPruneVerdicts = 60 * kTicksOfSecond;
constexpr unsigned kPruneRows = 600 * kTicksOfSecond;

// Semantics 2: judged on outbound mail only; all others are judged on inbound mail, too.
bool judged_inbound(std::string_view rule) {
  constexpr std::array<std::string_view, 9> kOutbound = {"R02", "R05", "R06", "R07", "R11",
                                                         "R12", "R16", "R18", "R29"};
  return std::ranges::find(kOutbound, rule) == kOutbound.end();
}

std::uint64_t skipped_by(const feed::FeedReader& reader) {
  const feed::FeedReader::Counters& counters = reader.counters();
  // The first counts lines that were taken.
  return std::accumulate(counters.skipped.begin() + 1, counters.skipped.end(), counters.too_long);
}

}  // namespace

class Knowledge::Thread {
 public:
  explicit Thread(Settings settings)
      : settings_(std::move(settings)),
        join_(settings_.join),
        operator_(std::make_shared<const operators::OperatorState>()) {}
  ~Thread() { stop(); }
  Thread(const Thread&) = delete;
  Thread& operator=(const Thread&) = delete;

  Result<void> start();
  void stop();

  void set_join(const JoinSettings& settings);
  [[nodiscard]] Time now();
  [[nodiscard]] Time wall() const;
  [[nodiscard]] Numbers numbers() const;
  [[nodiscard]] DomainPath path(std::string_view domain, Time now, bool hint);
  [[nodiscard]] std::optional<SessionVerdict> session(const Endpoint& client,
                                                      const Endpoint& server, Time start, Time now);
  [[nodiscard]] bool take_probe(std::string_view domain, Time now);

 private:
  Result<void> open();
  void watch_operator();
  // REQUIRES: rows_mutex_ is held, shared at least.
  [[nodiscard]] Joined join_now(std::string_view domain, Time now) const;
  void note_use(std::string_view domain, bool reread_wanted);

  // The thread's.
  void on_risen(const rows::VerdictRow& row);
  void send_hints();
  void look_at_risen();
  void send_rereads();
  void on_tick();
  void watch_clock();
  void prune();
  void publish();

  const Settings settings_;

  // Written by the thread alone, under the lock; read by it without.
  mutable std::shared_mutex rows_mutex_;
  feed::Replica known_;
  feed::VerdictReplica verdicts_;
  JoinSettings join_;  // written by any thread: never read without the lock
  std::shared_ptr<const operators::OperatorState> operator_;

  std::mutex use_mutex_;
  feed::HintGate gate_;
  const HashKey gate_key_ = random_hash_key();
  std::vector<std::string> hints_;           // not sent yet
  std::set<std::string, std::less<>> used_;  // whose mail waits for a re-read

  std::mutex probe_mutex_;
  std::map<std::string, Time, std::less<>> probes_;  // when one was last granted

  std::mutex clock_mutex_;
  AgingClock clock_;

  // The thread's.
  std::unique_ptr<EventLoop> loop_;
  std::unique_ptr<LockedObserver> locked_rows_, locked_verdicts_;
  std::unique_ptr<feed::FeedReader> policyd_, sensor_;
  std::unique_ptr<feed::AskClient> ask_;
  std::unique_ptr<feed::CacheWriter> cache_;
  std::unique_ptr<operators::OperatorWatch> watch_;
  std::unique_ptr<Timer> tick_;
  StepWatch step_;
  bool told_step_ = false;
  Complaints complaints_;
  std::set<IpAddress> risen_;  // MX addresses of new verdicts
  std::set<std::string, std::less<>> risen_domains_;
  Wanted wanted_{kDomains, kRereadAgain};
  unsigned ticks_ = 0;
  std::uint64_t rereads_ = 0, hints_sent_ = 0;
  std::atomic<std::uint64_t> hints_dropped_ = 0;

  mutable std::mutex numbers_mutex_;
  Numbers numbers_;
  bool running_ = false;
  std::jthread thread_;
};

Result<void> Knowledge::Thread::open() {
  auto loop = EventLoop::create();
  if (!loop) return std::unexpected(std::move(loop.error()));
  loop_ = std::move(*loop);
  // A cache that cannot be read is as none: policyd brings it back.
  known_.load(settings_.cache_path);
  verdicts_.on_risen([this](const rows::VerdictRow& row) { on_risen(row); });
  locked_rows_ = std::make_unique<LockedObserver>(rows_mutex_, known_);
  locked_verdicts_ = std::make_unique<LockedObserver>(rows_mutex_, verdicts_);
  auto policyd =
      feed::FeedReader::create(*loop_, settings_.policyd_feed, *locked_rows_, known_.sequence());
  if (!policyd) return std::unexpected(std::move(policyd.error()));
  policyd_ = std::move(*policyd);
  auto sensor = feed::FeedReader::create(*loop_, settings_.sensor_feed, *locked_verdicts_, 0);
  if (!sensor) return std::unexpected(std::move(sensor.error()));
  sensor_ = std::move(*sensor);
  auto ask = feed::AskClient::create(*loop_, settings_.policyd_ask);
  if (!ask) return std::unexpected(std::move(ask.error()));
  ask_ = std::move(*ask);
  cache_ = std::make_unique<feed::CacheWriter>(*loop_, known_, settings_.cache_path);
  watch_operator();
  tick_ = std::make_unique<Timer>(*loop_, [this] { on_tick(); });
  return {};
}

void Knowledge::Thread::watch_operator() {
  watch_ = std::make_unique<operators::OperatorWatch>(
      *loop_, settings_.operator_dir,
      [this](std::shared_ptr<const operators::OperatorState> state) {
        const std::unique_lock lock(rows_mutex_);
        operator_ = std::move(state);
      },
      [this] { return wall(); });  // what the operator wrote is wall time, also after a step
  if (settings_.on_operator_note) watch_->on_notes(settings_.on_operator_note);
  operator_ = watch_->current();
}

Result<void> Knowledge::Thread::start() {
  if (auto opened = open(); !opened) return opened;
  publish();
  tick_->start(kTick);
  try {
    thread_ = std::jthread([this] { loop_->run(); });
  } catch (const std::system_error& error) {
    return fail(ErrorKind::environment,
                std::string("no thread for the knowledge: ") + error.what());
  }
  const std::scoped_lock lock(use_mutex_);
  running_ = true;
  return {};
}

void Knowledge::Thread::stop() {
  {
    // Nobody posts to the loop any more.
    const std::scoped_lock lock(use_mutex_);
    running_ = false;
  }
  if (!loop_) return;
  if (thread_.joinable()) {
    loop_->post([this] { loop_->stop(); });
    thread_.join();
    cache_->write_now();
  }
  tick_.reset();
  watch_.reset();
  cache_.reset();
  ask_.reset();
  sensor_.reset();
  policyd_.reset();
  loop_.reset();
}

Time Knowledge::Thread::wall() const {
  return settings_.clock ? settings_.clock() : AgingClock::wall();
}

Time Knowledge::Thread::now() {
  if (settings_.aging) return settings_.aging();
  if (settings_.clock) return settings_.clock();
  const std::scoped_lock lock(clock_mutex_);
  return clock_.now();
}

void Knowledge::Thread::set_join(const JoinSettings& settings) {
  const std::unique_lock lock(rows_mutex_);
  join_ = settings;
}

Joined Knowledge::Thread::join_now(std::string_view domain, Time now) const {
  return join(domain, known_, verdicts_, operator_->said(domain, wall()), join_, now, wall());
}

DomainPath Knowledge::Thread::path(std::string_view domain, Time now, bool hint) {
  Joined joined;
  {
    const std::shared_lock lock(rows_mutex_);
    joined = join_now(domain, now);
  }
  if (hint) note_use(domain, joined.reread_wanted);
  return std::move(joined.path);
}

void Knowledge::Thread::note_use(std::string_view domain, bool reread_wanted) {
  const std::scoped_lock lock(use_mutex_);
  if (!running_) return;
  if (reread_wanted && used_.size() < kDomains) used_.emplace(domain);
  if (!gate_.pass(siphash(gate_key_, as_bytes(domain)), EventLoop::now())) return;
  if (hints_.size() >= kHintsWaiting) {
    ++hints_dropped_;
    return;
  }
  hints_.emplace_back(domain);
  if (hints_.size() == 1) loop_->post([this] { send_hints(); });
}

std::optional<SessionVerdict> Knowledge::Thread::session(const Endpoint& client,
                                                         const Endpoint& server, Time start,
                                                         Time now) {
  const Time ended_by = std::max(now, wall());
  const std::shared_lock lock(rows_mutex_);
  const rows::VerdictRow* best = nullptr;
  for (const feed::HeldVerdict* const held : verdicts_.of_session(client, server)) {
    const rows::VerdictRow& row = held->row;
    const auto* const subject = std::get_if<rows::SessionSubject>(&row.subject);
    const bool same = subject != nullptr && start - kToldLate <= subject->start &&
                      subject->start <= start + kSessionSlack;
    const bool active = row.state == rows::VerdictState::active && ended_by <= row.expires;
    if (!same || !active || !judged_inbound(row.rule)) continue;
    if (best == nullptr || row.id < best->id) best = &row;
  }
  if (best == nullptr) return std::nullopt;
  return SessionVerdict{best->id, best->rule, best->policy_domain, best->policy_id};
}

bool Knowledge::Thread::take_probe(std::string_view domain, Time now) {
  const std::scoped_lock lock(probe_mutex_);
  // Of a clock that was set back nothing is known: it starts again.
  const auto rests = [now](Time granted) { return granted <= now && now < granted + kProbeEvery; };
  if (const auto at = probes_.find(domain); at != probes_.end()) {
    if (rests(at->second)) return false;
    at->second = now;
    return true;
  }
  if (probes_.size() >= kDomains)
    std::erase_if(probes_, [&](const auto& probe) { return !rests(probe.second); });
  if (probes_.size() < kDomains) probes_.emplace(domain, now);
  return true;
}

void Knowledge::Thread::on_risen(const rows::VerdictRow& row) {
  if (const auto* const path = std::get_if<rows::PathSubject>(&row.subject))
    risen_.insert(path->mx_ip);
  if (const auto* const domain = std::get_if<rows::DomainSubject>(&row.subject))
    risen_domains_.insert(domain->domain);
}

void Knowledge::Thread::send_hints() {
  std::vector<std::string> hints;
  {
    const std::scoped_lock lock(use_mutex_);
    hints.swap(hints_);
  }
  for (const std::string& domain : hints) {
    if (ask_->hint(domain))
      ++hints_sent_;
    else
      ++hints_dropped_;
  }
}

// Whose routes new verdicts meet. Walks everything that is known, and only then.
void Knowledge::Thread::look_at_risen() {
  if (risen_.empty() && risen_domains_.empty()) return;
  const Time moment = now();
  const std::shared_lock lock(rows_mutex_);
  const auto look = [&](std::string_view domain) {
    if (join_now(domain, moment).reread_wanted) wanted_.add(domain);
  };
  for (const std::string& domain : risen_domains_) look(domain);
  if (!risen_.empty()) {
    known_.for_each_domain(
        [&](std::uint32_t tenant, std::string_view name, const feed::DomainEntry& entry) {
          const bool met = std::ranges::any_of(entry.routes(), [this](const rows::RouteRow& row) {
            return risen_.contains(row.address);
          });
          if (tenant == 0 && met) look(name);
        });
  }
  risen_.clear();
  risen_domains_.clear();
}

void Knowledge::Thread::send_rereads() {
  std::set<std::string, std::less<>> used;
  {
    const std::scoped_lock lock(use_mutex_);
    used.swap(used_);
  }
  for (const std::string& domain : used) wanted_.add(domain);
  wanted_.each(EventLoop::now(), [this](const std::string& domain) {
    if (!ask_->reread(domain)) return false;
    ++rereads_;
    return true;
  });
}

void Knowledge::Thread::on_tick() {
  look_at_risen();
  send_rereads();
  if (++ticks_ % kTicksOfSecond == 0) watch_clock();
  prune();
  publish();
  // Numbers are written by this thread alone.
  for (const std::string& line : complaints_.of(numbers_, EventLoop::now()))
    service::log_warning(line);
  tick_->start(kTick);
}

// A step of the wall clock is told once, and its end (semantics 11). Once a second.
void Knowledge::Thread::watch_clock() {
  bool over = false;
  std::int64_t step = 0;
  {
    const std::scoped_lock lock(clock_mutex_);
    (void)clock_.now();
    over = step_.over(clock_, known_.connected());
    if (clock_.stepped()) step = clock_.step();
  }
  if (over && std::exchange(told_step_, false))
    service::log_info("the wall clock is followed again: what is known was written anew since");
  if (step != 0 && !std::exchange(told_step_, true))
    service::log_warning("the wall clock stepped by " + std::to_string(step / kSecond) +
                         " s; policies age by elapsed time until policyd has written them anew, "
                         "verdicts end by whichever clock is ahead");
}

// Now and then what is long past goes; never while the clock is in doubt.
void Knowledge::Thread::prune() {
  bool stepped = false;
  {
    const std::scoped_lock lock(clock_mutex_);
    stepped = clock_.stepped();
  }
  if (stepped || ticks_ % kPruneVerdicts != 0) return;
  const Time moment = now();
  const std::unique_lock lock(rows_mutex_);
  verdicts_.prune(moment);
  if (ticks_ % kPruneRows == 0) known_.prune(moment);
}

void Knowledge::Thread::publish() {
  Numbers numbers;
  numbers.policyd = known_.connected();
  numbers.sensor = verdicts_.connected();
  numbers.ask = ask_->connected();
  numbers.told = known_.complete();
  numbers.domains = known_.sizes().domains;
  numbers.policies = known_.sizes().policies;
  numbers.verdicts = verdicts_.size();
  numbers.brakes = operator_->brakes().size();
  numbers.operator_unread = operator_->notes().unread();
  numbers.refused = known_.counters().refused + verdicts_.counters().refused;
  numbers.skipped = skipped_by(*policyd_) + skipped_by(*sensor_);
  numbers.bad_files = known_.counters().bad_files;
  numbers.cache_failed = cache_->failed();
  numbers.rereads = rereads_;
  numbers.hints = hints_sent_;
  numbers.hints_dropped = hints_dropped_;
  const std::scoped_lock lock(numbers_mutex_);
  numbers_ = numbers;
}

Knowledge::Numbers Knowledge::Thread::numbers() const {
  const std::scoped_lock lock(numbers_mutex_);
  return numbers_;
}

Knowledge::Knowledge(Settings settings) : thread_(std::make_unique<Thread>(std::move(settings))) {}
Knowledge::~Knowledge() = default;

Result<void> Knowledge::start() {
  return thread_->start();
}
void Knowledge::stop() {
  thread_->stop();
}
void Knowledge::set_join(const JoinSettings& settings) {
  thread_->set_join(settings);
}
Time Knowledge::now() {
  return thread_->now();
}
Time Knowledge::wall() const {
  return thread_->wall();
}
Knowledge::Numbers Knowledge::numbers() const {
  return thread_->numbers();
}
DomainPath Knowledge::path(std::string_view domain, Time now, bool hint) {
  return thread_->path(domain, now, hint);
}
std::optional<SessionVerdict> Knowledge::session(const Endpoint& client, const Endpoint& server,
                                                 Time start, Time now) {
  return thread_->session(client, server, start, now);
}
bool Knowledge::take_probe(std::string_view domain, Time now) {
  return thread_->take_probe(domain, now);
}

}  // namespace mxw::milter
