#include "map/knowledge.hpp"

#include <atomic>
#include <deque>
#include <system_error>
#include <thread>
#include <unordered_set>
#include <utility>

#include "core/base/aging_clock.hpp"
#include "core/feed/cache_writer.hpp"
#include "core/feed/feed_reader.hpp"
#include "core/feed/refill.hpp"
#include "core/feed/replica.hpp"
#include "core/operator/state.hpp"
#include "core/operator/watch.hpp"
#include "core/service/log.hpp"
#include "core/service/metrics_server.hpp"
#include "map/known_rows.hpp"

namespace mxw::map {
namespace {

Brake brake_of(const operators::DomainBrake* said) {
  Brake brake;
  if (said == nullptr) return brake;
  switch (said->action) {
    case operators::Action::bypass:
      brake.action = Brake::Action::bypass;
      break;
    case operators::Action::pin:
      brake.action = Brake::Action::pin;
      break;
    case operators::Action::report_only:
      brake.action = Brake::Action::report_only;
      break;
  }
  brake.mx = said->mx;
  return brake;
}

}  // namespace

// Everything of the knowledge thread. Until start() has made the thread, and after it was joined,
// the serving thread may call it.
class Knowledge::Thread {
 public:
  Thread(EventLoop& serving, const MapNames& names, Settings settings, Callbacks callbacks)
      : serving_(serving),
        names_(names),
        settings_(std::move(settings)),
        callbacks_(std::move(callbacks)),
        answers_(settings_.answers_path, limits::kAnswersFileBytes) {}
  ~Thread() {
    stop();
    *alive_ = false;  // read and written by the serving thread alone
  }

  Result<void> start();
  void stop();

  void set_options(const Options& options);
  void record(std::unique_ptr<Tally> tally, Span span);
  [[nodiscard]] Numbers numbers() const;

 private:
  Result<void> open();
  void serve_metrics();
  void compile_all();
  void mark(std::string_view domain);
  void mark_first(std::string_view domain);
  [[nodiscard]] Row row_of(std::string domain);
  [[nodiscard]] std::vector<Row> next_batch();
  void on_tlsa(std::string_view base);
  void on_operator(std::shared_ptr<const operators::OperatorState> state);
  void send();
  void on_taken();
  void on_tick();
  void publish();

  EventLoop& serving_;
  const MapNames& names_;
  Settings settings_;
  const Callbacks callbacks_;

  std::unique_ptr<EventLoop> loop_;
  AgingClock clock_;
  StepWatch step_;
  feed::Replica replica_;
  std::unique_ptr<feed::FeedReader> reader_;
  feed::Refill refill_;
  std::unique_ptr<feed::CacheWriter> cache_;
  std::unique_ptr<operators::OperatorWatch> watch_;
  std::shared_ptr<const operators::OperatorState> operator_;
  LineFile answers_;
  std::unique_ptr<Timer> tick_;
  std::unique_ptr<service::MetricsServer> metrics_;

  // Domains whose rows are to be handed over, each once, in order; those the operator spoke of
  // before all others, which may be all that is known.
  std::deque<std::string> dirty_, dirty_first_;
  std::unordered_set<std::string> is_dirty_, is_first_;
  unsigned ticks_ = 0;
  std::uint64_t dropped_told_ = 0;
  std::atomic<bool> recording_ = false;  // a tally is on its way to the file
  bool under_way_ = false;               // a batch that the serving thread has not taken yet
  // False once this is gone, for calls posted to the serving thread and not yet run there.
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  std::jthread thread_;

  // What metrics read from other threads.
  struct Shared {
    std::atomic<std::uint64_t> domains = 0, policies = 0, brakes = 0, refused = 0, bad_files = 0;
    std::atomic<std::uint64_t> refills = 0, cache_written = 0, cache_failed = 0,
                               answers_written = 0, answers_dropped = 0;
    std::atomic<bool> connected = false, off = false, operator_unread = false;
  } shared_;
};

Result<void> Knowledge::Thread::open() {
  auto loop = EventLoop::create();
  if (!loop) return std::unexpected(std::move(loop.error()));
  loop_ = std::move(*loop);
  // A cache that cannot be read is as none: policyd, or the next hour, brings it back.
  replica_.load(settings_.cache_path);
  replica_.on_changed({.domain =
                           [this](std::uint32_t, std::string_view domain) {
                             mark(domain);
                             send();
                           },
                       .tlsa = [this](std::uint32_t, std::string_view base) { on_tlsa(base); }});
  auto reader =
      feed::FeedReader::create(*loop_, settings_.feed_socket, replica_, replica_.sequence());
  if (!reader) return std::unexpected(std::move(reader.error()));
  reader_ = std::move(*reader);
  cache_ = std::make_unique<feed::CacheWriter>(*loop_, replica_, settings_.cache_path,
                                               settings_.cache_interval);
  watch_ = std::make_unique<operators::OperatorWatch>(
      *loop_, settings_.operator_dir,
      [this](std::shared_ptr<const operators::OperatorState> state) {
        on_operator(std::move(state));
      },
      AgingClock::wall);  // what the operator wrote is wall time, also after a step
  watch_->on_notes(service::log_warning);
  operator_ = watch_->current();
  tick_ = std::make_unique<Timer>(*loop_, [this] { on_tick(); });
  serve_metrics();
  return {};
}

// Without metrics the map does its work all the same.
void Knowledge::Thread::serve_metrics() {
  if (settings_.metrics_socket.empty()) return;
  auto server =
      service::MetricsServer::create(*loop_, settings_.metrics_socket, *settings_.metrics);
  if (server)
    metrics_ = std::move(*server);
  else
    service::log_warning("no metrics: " + server.error().message);
}

Result<void> Knowledge::Thread::start() {
  if (auto opened = open(); !opened) return opened;
  // Before the first question is read: what was known at the last end is known now.
  callbacks_.off(operator_->enforcement_off(AgingClock::wall()));
  shared_.off = operator_->enforcement_off(AgingClock::wall());
  compile_all();
  while (!dirty_.empty()) callbacks_.rows(next_batch());
  publish();
  tick_->start(kSecond);
  try {
    thread_ = std::jthread([this] { loop_->run(); });
  } catch (const std::system_error& error) {
    return fail(ErrorKind::environment,
                std::string("no thread for the knowledge: ") + error.what());
  }
  return {};
}

void Knowledge::Thread::stop() {
  if (!loop_) return;
  if (thread_.joinable()) {
    loop_->post([this] { loop_->stop(); });
    thread_.join();
    cache_->write_now();
  }
  metrics_.reset();
  tick_.reset();
  watch_.reset();
  cache_.reset();
  reader_.reset();
  loop_.reset();
}

void Knowledge::Thread::mark(std::string_view domain) {
  if (auto [at, inserted] = is_dirty_.emplace(domain); inserted) dirty_.push_back(*at);
}

// In the other queue, too, it may stand: the second row says the same.
void Knowledge::Thread::mark_first(std::string_view domain) {
  if (auto [at, inserted] = is_first_.emplace(domain); inserted) dirty_first_.push_back(*at);
}

void Knowledge::Thread::on_tlsa(std::string_view base) {
  constexpr std::string_view kPrefix = "_25._tcp.";
  if (!base.starts_with(kPrefix)) return;
  for (const std::string& domain : replica_.domains_over(base.substr(kPrefix.size()))) mark(domain);
  send();
}

void Knowledge::Thread::compile_all() {
  replica_.for_each_domain(
      [this](std::uint32_t, std::string_view name, const feed::DomainEntry&) { mark(name); });
  for (const auto& [domain, brake] : operator_->brakes()) mark(domain);
}

Knowledge::Row Knowledge::Thread::row_of(std::string domain) {
  const Time now = clock_.now();
  const auto known = known_of(replica_, domain, settings_.options.tlsrpt_attributes, now);
  const Brake brake = brake_of(operator_->find(domain, AgingClock::wall()));
  Row row;
  row.gone = !known && brake.action == Brake::Action::none;
  if (!row.gone) row.facts = compile(domain, known ? &*known : nullptr, brake, settings_.options);
  row.domain = std::move(domain);
  return row;
}

std::vector<Knowledge::Row> Knowledge::Thread::next_batch() {
  std::vector<Row> batch;
  const auto take = [&](std::deque<std::string>& queue, std::unordered_set<std::string>& members) {
    while (!queue.empty() && batch.size() < kBatch) {
      members.erase(queue.front());
      batch.push_back(row_of(std::move(queue.front())));
      queue.pop_front();
    }
  };
  take(dirty_first_, is_first_);
  take(dirty_, is_dirty_);
  return batch;
}

// One batch is under way at a time: the serving thread asks for the next by taking this one.
void Knowledge::Thread::send() {
  if (under_way_ || (dirty_.empty() && dirty_first_.empty())) return;
  under_way_ = true;
  auto batch = std::make_shared<std::vector<Row>>(next_batch());
  serving_.post([this, batch, alive = alive_] {
    if (!*alive) return;
    callbacks_.rows(std::move(*batch));
    loop_->post([this] {
      under_way_ = false;
      send();
    });
  });
}

void Knowledge::Thread::on_operator(std::shared_ptr<const operators::OperatorState> state) {
  for (const auto& [domain, brake] : operator_->brakes()) mark_first(domain);
  operator_ = std::move(state);
  for (const auto& [domain, brake] : operator_->brakes()) mark_first(domain);
  const bool off = operator_->enforcement_off(AgingClock::wall());
  shared_.off = off;
  serving_.post([this, off, alive = alive_] {
    if (*alive) callbacks_.off(off);
  });
  send();
}

// A second has gone: numbers for the metrics; now and then what is long past goes.
void Knowledge::Thread::on_tick() {
  constexpr unsigned kPruneEvery = 600;
  if (++ticks_ % kPruneEvery == 0 && !clock_.stepped()) replica_.prune(clock_.now());
  if (step_.over(clock_, replica_.connected())) compile_all();
  if (refill_.due(replica_, EventLoop::now())) reader_->start_over();
  publish();
  tick_->start(kSecond);
}

void Knowledge::Thread::publish() {
  const feed::Replica::Sizes sizes = replica_.sizes();
  shared_.domains = sizes.domains;
  shared_.policies = sizes.policies;
  shared_.brakes = operator_->brakes().size();
  shared_.operator_unread = operator_->notes().unread();
  shared_.refused = replica_.counters().refused;
  shared_.bad_files = replica_.counters().bad_files;
  shared_.connected = replica_.connected();
  shared_.refills = reader_->counters().started_over;
  shared_.cache_written = cache_->written();
  shared_.cache_failed = cache_->failed();
  shared_.answers_written = answers_.counters().written;
  shared_.answers_dropped += answers_.counters().dropped - dropped_told_;
  dropped_told_ = answers_.counters().dropped;
}

void Knowledge::Thread::set_options(const Options& options) {
  loop_->post([this, options] {
    settings_.options = options;
    compile_all();
    send();
  });
}

void Knowledge::Thread::record(std::unique_ptr<Tally> tally, Span span) {
  // A disk that hangs must not pile up minutes.
  if (recording_.exchange(true)) {
    ++shared_.answers_dropped;
    return;
  }
  loop_->post([this, kept = std::shared_ptr<Tally>(std::move(tally)), span] {
    const auto patterns = [this](std::string_view domain) {
      const auto known = known_of(replica_, domain, false, clock_.now());
      return known ? known->mx : std::vector<std::string>();
    };
    append_tally(answers_, *kept, span, names_, patterns);
    recording_ = false;
  });
}

Knowledge::Numbers Knowledge::Thread::numbers() const {
  return {.domains = shared_.domains,
          .policies = shared_.policies,
          .brakes = shared_.brakes,
          .refused = shared_.refused,
          .bad_files = shared_.bad_files,
          .refills = shared_.refills,
          .cache_written = shared_.cache_written,
          .cache_failed = shared_.cache_failed,
          .answers_written = shared_.answers_written,
          .answers_dropped = shared_.answers_dropped,
          .connected = shared_.connected,
          .off = shared_.off,
          .operator_unread = shared_.operator_unread};
}

Knowledge::Knowledge(EventLoop& serving, const MapNames& names, Settings settings,
                     Callbacks callbacks)
    : thread_(std::make_unique<Thread>(serving, names, std::move(settings), std::move(callbacks))) {
}
Knowledge::~Knowledge() = default;

Result<void> Knowledge::start() {
  return thread_->start();
}
void Knowledge::stop() {
  thread_->stop();
}
void Knowledge::set_options(const Options& options) {
  thread_->set_options(options);
}
void Knowledge::record(std::unique_ptr<Tally> tally, Span span) {
  thread_->record(std::move(tally), span);
}
Knowledge::Numbers Knowledge::numbers() const {
  return thread_->numbers();
}

}  // namespace mxw::map
