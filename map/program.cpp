#include "map/program.hpp"

#include <utility>

#include "core/ipc/listener.hpp"
#include "core/service/log.hpp"
#include "map/program_metrics.hpp"

namespace mxw::map {
namespace {

// FileDescriptorName of our sockets in mxwarden-map.socket.
constexpr std::string_view kSocketName = "socketmap";

Server::Settings server_settings(const config::Map& map, AgingClock& clock) {
  Server::Settings settings;
  settings.options = options_of(map);
  settings.waiting.max_waiting = map.max_waiting;
  settings.waiting.cold_wait = map.cold_wait;
  settings.max_connections = map.max_connections;
  settings.clock = [&clock] { return clock.now(); };
  return settings;
}

}  // namespace

Program::Program() = default;
Program::~Program() = default;

// The manager's sockets stay open while we are restarted, so that no client sees a refusal: they
// are used alone when there are any.
Result<void> Program::open_sockets(service::Context& context) {
  for (const service::Inherited& inherited : context.inherited) {
    if (inherited.name != kSocketName) continue;
    auto socket = ipc::adopt(inherited.fd, ipc::SocketType::stream);
    if (!socket) return std::unexpected(std::move(socket.error()));
    listeners_.push_back(std::move(*socket));
  }
  if (!listeners_.empty()) return {};
  for (const std::string& address : context.config.map.listen) {
    // Postfix and Sendmail run as users of their own: the folder decides who gets at a unix socket.
    ipc::ListenOptions options;
    options.mode = 0666;
    options.backlog = 1'024;
    auto socket = ipc::listen_on(address, options);
    if (!socket) return std::unexpected(std::move(socket.error()));
    listeners_.push_back(std::move(*socket));
  }
  return {};
}

Result<void> Program::start(service::Context& context) {
  const config::Config& config = context.config;
  if (auto opened = open_sockets(context); !opened) return opened;
  names_ = std::make_unique<MapNames>(config.map.names);
  table_ = std::make_unique<Table>(random_hash_key());
  spare_ = std::make_unique<Tally>();
  auto asker = AskClient::create(context.loop, config.paths.run + "/policyd/ask.sock",
                                 [this] { return clock_.now(); });
  if (!asker) return std::unexpected(std::move(asker.error()));
  asker_ = std::move(*asker);
  server_ = std::make_unique<Server>(context.loop, *table_, *asker_, *names_,
                                     server_settings(config.map, clock_));

  Knowledge::Settings settings;
  settings.feed_socket = config.paths.run + "/policyd/feed.sock";
  settings.cache_path = context.state_folder + "/feed.cache";
  settings.answers_path = context.state_folder + "/answers.ndjson";
  settings.operator_dir = config.paths.operator_dir;
  settings.options = options_of(config.map);
  settings.metrics_socket = context.metrics_socket();
  settings.metrics = &context.metrics;
  knowledge_ = std::make_unique<Knowledge>(
      context.loop, *names_, std::move(settings),
      Knowledge::Callbacks{
          .rows = [this](std::vector<Knowledge::Row> rows) { take(std::move(rows)); },
          .off = [this](bool off) { server_->set_off(off); }});
  if (auto started = knowledge_->start(); !started) return started;
  metrics_ = std::make_unique<ProgramMetrics>(context.metrics);
  for (const Fd& listener : listeners_)
    if (auto listening = server_->listen(listener.get()); !listening) return listening;
  minute_began_ = clock_.now();
  minute_ = std::make_unique<Timer>(context.loop, [this] { on_minute(); });
  second_ = std::make_unique<Timer>(context.loop, [this] { on_second(); });
  minute_->start(kMinute);
  second_->start(kSecond);
  return {};
}

void Program::take(std::vector<Knowledge::Row> rows) {
  for (Knowledge::Row& row : rows) {
    if (row.gone)
      table_->erase(row.domain);
    else if (!table_->put(row.domain, std::move(row.facts)))
      ++refused_rows_;
  }
}

void Program::on_minute() {
  minute_->start(kMinute);
  record();
}

// Hands the counts of the minute over; a clean tally is kept ready, so that nothing is allocated
// here but once a minute.
void Program::record() {
  const Time now = clock_.now();
  const Span span{minute_began_, now - minute_began_};
  minute_began_ = now;
  auto counted = server_->swap_tally(std::move(spare_));
  spare_ = std::make_unique<Tally>();
  if (!counted->empty()) knowledge_->record(std::move(counted), span);
}

void Program::on_second() {
  second_->start(kSecond);
  metrics_->publish(*server_, *asker_, *knowledge_, {table_->size(), refused_rows_});
  if (step_.over(clock_, knowledge_->numbers().connected)) {
    told_step_ = false;
    service::log_info("the wall clock is followed again: what is known was written anew since");
  }
  if (clock_.stepped() && !told_step_) {
    told_step_ = true;
    service::log_warning("the wall clock stepped by " + std::to_string(clock_.step() / kSecond) +
                         " s; policies age by elapsed time until policyd has written them anew");
  }
}

void Program::reload(const config::Config& config) {
  const Options options = options_of(config.map);
  server_->set_options(options);
  knowledge_->set_options(options);
}

// A mail server whose connection is cut asks again at once, and once only.
void Program::quit(std::function<void()> done) {
  constexpr std::int64_t kPatience = service::kQuitTime * 3 / 4;
  server_->stop(kPatience, std::move(done));
}

void Program::stop() {
  minute_.reset();
  second_.reset();
  if (knowledge_) {
    record();
    knowledge_->stop();
  }
  server_.reset();
  asker_.reset();
  knowledge_.reset();
}

}  // namespace mxw::map
