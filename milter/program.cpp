#include "milter/program.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "core/base/siphash.hpp"
#include "core/ipc/listener.hpp"
#include "core/service/key_file.hpp"
#include "core/service/log.hpp"
#include "milter/session.hpp"

namespace mxw::milter {
namespace {

constexpr std::int64_t kRetryControl = 10 * kSecond;

Time wall_clock() {
  return {std::chrono::nanoseconds(std::chrono::system_clock::now().time_since_epoch()).count()};
}

JoinSettings join_of(const config::Milter& milter) {
  return {.families = milter.families, .egress = milter.egress};
}

Breaker::Limits limits_of(const config::Milter& milter) {
  return {.max_share = milter.defer.max_share, .min_count = milter.defer.min_count};
}

ipc::PeerCheck operators(const std::string& group) {
  std::vector<std::string> notes;
  auto check = ipc::PeerCheck::from_names({}, {group}, notes);
  for (const std::string& note : notes) service::log_info(note);
  return check;
}

}  // namespace

Program::Program() : next_session_(random_hash_key().k0) {}
Program::~Program() = default;

std::shared_ptr<const Settings> Program::settings() const {
  const std::scoped_lock lock(mutex_);
  return settings_;
}

void Program::set_settings(std::shared_ptr<const Settings> settings) {
  const std::scoped_lock lock(mutex_);
  settings_ = std::move(settings);
}

Result<void> Program::start(service::Context& context) {
  auto compiled = Settings::compile(context.config.milter);
  if (!compiled) return std::unexpected(std::move(compiled.error()));
  set_settings(std::move(*compiled));
  if (auto locked = lock(context.state_folder); !locked) return locked;
  breaker_ = std::make_unique<Breaker>(limits_of(context.config.milter));
  writer_ = std::make_unique<RecordWriter>(context.state_folder);
  recorder_ = std::make_unique<QueueRecorder>(*writer_, wall_clock);
  start_deferrals(context.state_folder);
  if (auto opened = open_filter(context); !opened) return opened;
  if (auto started = start_knowledge(context); !started) return started;
  control_retry_ =
      std::make_unique<Timer>(context.loop, [this, &context] { try_control(context); });
  try_control(context);
  add_metrics(context.metrics);
  recorder_->start();
  serving_ = std::thread([this, &loop = context.loop] {
    if (!filter_->run()) service::log_error("libmilter has given up");
    loop.post([&loop] { loop.stop(); });
  });
  return {};
}

// One process a folder: two would take each other's rows. No folder is no reason to hold mail.
Result<void> Program::lock(const std::string& folder) {
  const std::string path = folder + "/lock";
  lock_ = Fd(::open(path.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!lock_) {
    service::log_warning("decisions are not kept: " + path + ": " + std::strerror(errno));
    return {};
  }
  if (::flock(lock_.get(), LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK)
    return fail(ErrorKind::environment,
                folder + ": another mxwarden-milter uses it (--instance NAME for a second one)");
  return {};
}

// After the filter's socket was made, since its thread runs from here on; before the filter serves.
Result<void> Program::start_knowledge(service::Context& context) {
  const config::Paths& paths = context.config.paths;
  Knowledge::Settings settings;
  settings.policyd_feed = paths.run + "/policyd/feed.sock";
  settings.policyd_ask = paths.run + "/policyd/ask.sock";
  settings.sensor_feed = paths.run + "/sensor/feed.sock";
  settings.cache_path = context.state_folder + "/policyd.cache";
  settings.operator_dir = paths.operator_dir;
  settings.join = join_of(context.config.milter);
  settings.on_operator_note = service::log_warning;
  knowledge_ = std::make_unique<Knowledge>(std::move(settings));
  return knowledge_->start();
}

void Program::start_deferrals(const std::string& folder) {
  const std::string key_path = folder + "/deferral.key";
  const bool known_before = ::access(key_path.c_str(), F_OK) == 0;
  const auto rows = writer_->start(wall_clock(), known_before);
  auto key = service::key_file(key_path);
  deferrals_.ask_stored([this] { return !writer_->failing() && recorder_->keeps_up(); });
  if (rows && key) {
    deferrals_.start(std::move(*key), *rows);
    return;
  }
  service::log_warning("nothing is deferred by this process: " +
                       (rows ? key.error().message : rows.error().message));
}

Result<void> Program::open_filter(service::Context& context) {
  const config::Milter& milter = context.config.milter;
  Filter::Settings options;
  const auto given = context.given.find("socket");
  options.socket = given == context.given.end() ? milter.socket : given->second;
  options.mode = milter.socket_mode;
  options.group = milter.socket_group;
  options.backlog = milter.backlog;
  options.timeout = milter.timeout;
  Filter::Hooks hooks;
  hooks.open = [this] {
    const Shared shared{*knowledge_,
                        deferrals_,
                        *breaker_,
                        *recorder_,
                        [this] { return knowledge_->now(); },
                        [this] { return knowledge_->wall(); }};
    return std::make_unique<Session>(settings(), shared, next_session_.fetch_add(1));
  };
  hooks.wants_headers = [this] { return settings()->header; };
  hooks.tempfail_on_error = [this] {
    const Choices choices = settings()->choices;
    return choices.tempfail_on_error && !choices.dry_run;
  };
  hooks.took = [this](Filter::Waited waited, std::int64_t ns) {
    (waited == Filter::Waited::rcpt ? rcpt_time_ : end_time_)->observe(ns);
  };
  auto opened = Filter::open(std::move(options), std::move(hooks));
  if (!opened) return std::unexpected(std::move(opened.error()));
  filter_ = std::move(*opened);
  return {};
}

// Mail flows without it; what is in its way may go.
void Program::try_control(service::Context& context) {
  if (auto opened = open_control(context); !opened) {
    service::log_rarely(config::LogLevel::warning, "control", opened.error().message);
    control_.reset();
    control_retry_->start(kRetryControl);
  }
}

Result<void> Program::open_control(service::Context& context) {
  // Who may connect is asked of the kernel, connection by connection.
  ipc::ListenOptions options;
  options.type = ipc::SocketType::seqpacket;
  options.mode = 0666;
  auto socket = ipc::listen_on("unix:" + context.run_folder + "/control.sock", options);
  if (!socket) return std::unexpected(std::move(socket.error()));
  control_fd_ = std::move(*socket);
  control_ = std::make_unique<Control>(
      writer_->store_path(), [this](JsonWriter& json) { status(json); }, wall_clock);
  return control_->listen(context.loop, control_fd_.get(),
                          operators(context.config.policyd.operator_group));
}

void Program::status(JsonWriter& json) const {
  const auto held = settings();
  json.member("dry_run", held->choices.dry_run).member("defers", held->choices.defers);
  json.member("deferrals_usable", deferrals_.usable()).member("deferrals", deferrals_.size());
  const Breaker::Shown breaker = breaker_->shown(knowledge_->now());
  json.member("breaker_open", breaker.open);
  json.member("rcpts_hour", breaker.counts.rcpts);
  json.member("deferrals_hour", breaker.counts.deferrals);
  const Knowledge::Numbers known = knowledge_->numbers();
  json.member("policyd", known.policyd).member("sensor", known.sensor);
  json.member("domains", known.domains).member("policies", known.policies);
  json.member("verdicts", known.verdicts).member("brakes", known.brakes);
  json.member("connections", filter_->counters().live.load());
  json.member("queued", recorder_->queued());
  json.member("rows_lost", writer_->counters().rows_lost + recorder_->counters().dropped);
}

void Program::reload(const config::Config& config) {
  auto compiled = Settings::compile(config.milter);
  if (!compiled) {
    service::log_error("the milter stays as it was: " + compiled.error().message);
    return;
  }
  set_settings(std::move(*compiled));
  breaker_->set_limits(limits_of(config.milter));
  knowledge_->set_join(join_of(config.milter));
}

// What is told until the last session has ended is written: smfi_main() does not wait for them.
void Program::stop() {
  if (filter_ && serving_.joinable()) filter_->stop();
  if (serving_.joinable()) serving_.join();
  if (knowledge_) knowledge_->stop();
  if (recorder_) recorder_->stop();
  control_retry_.reset();
  control_.reset();
  if (!filter_ || filter_->drained()) return;
  // A callback still uses what would be destroyed now; what it was told of is written.
  service::log_error("a callback does not come back: the milter leaves without it");
  std::_Exit(EXIT_SUCCESS);
}

}  // namespace mxw::milter
