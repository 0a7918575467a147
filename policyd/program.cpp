#include "policyd/program.hpp"

#include <algorithm>
#include <random>
#include <utility>

#include "core/base/siphash.hpp"
#include "core/ipc/listener.hpp"
#include "core/service/log.hpp"
#include "policyd/ask_access.hpp"
#include "policyd/named_files.hpp"
#include "policyd/open_store.hpp"

namespace mxw::policyd {
namespace {

resolve::Config resolver_config(const config::Resolver& settings) {
  resolve::Config config;
  config.timeout_ns = settings.timeout;
  config.tries = settings.tries;
  for (const Endpoint& server : settings.servers)
    config.servers.push_back(
        {server, std::ranges::find(settings.validating, server) != settings.validating.end()});
  return config;
}

ipc::PeerCheck peers(const std::vector<std::string>& users, const std::string& group) {
  std::vector<std::string> notes;
  const std::vector<std::string> groups =
      group.empty() ? std::vector<std::string>() : std::vector<std::string>{group};
  auto check = ipc::PeerCheck::from_names(users, groups, notes);
  for (const std::string& note : notes) service::log_info(note);
  return check;
}

// Spreads refreshes; nothing secret.
std::function<double()> uniform() {
  auto engine = std::make_shared<std::mt19937_64>(random_hash_key().k0);
  return [engine] { return std::uniform_real_distribution<double>(0.0, 1.0)(*engine); };
}

}  // namespace

Program::Program() = default;
Program::~Program() = default;

Result<void> Program::open_network(service::Context& context) {
  const config::Config& config = context.config;
  auto resolver = resolve::Resolver::create(context.loop, resolver_config(config.resolver));
  if (!resolver) return std::unexpected(std::move(resolver.error()));
  resolver_ = std::move(*resolver);
  https::FetchConfig fetch;
  fetch.ca_file = config.fetch.ca_file;
  fetch.total_ns = config.fetch.timeout;
  fetch.allow = config.fetch.allow;
  auto fetcher = https::Fetcher::create(context.loop, std::move(fetch));
  if (!fetcher) return std::unexpected(std::move(fetcher.error()));
  fetcher_ = std::move(*fetcher);
  dns_ = std::make_unique<ResolverDns>(*resolver_);
  dns_->on_unanswered([](const resolve::Answer& answer) {
    service::log_rarely(config::LogLevel::warning, "dns",
                        "no DNS server of resolver.servers answers: " + answer.reason);
  });
  https_ = std::make_unique<FetcherHttps>(*fetcher_, config.fetch.port);
  return {};
}

Options engine_options(const config::Config& config) {
  Options options;
  options.interval = config.policyd.refresh_interval;
  options.parallel = config.policyd.parallel;
  options.dane = config.policyd.dane && !config.resolver.validating.empty();
  options.answer_with_dane = options.dane && config.map.postfix_dane != config::PostfixDane::none;
  options.bounds.policies = config.policyd.max_policies;
  options.bounds.others = config.policyd.max_others;
  return options;
}

void Program::make_engine(service::Context& context) {
  Options options = engine_options(context.config);
  options.random = uniform();
  clock_ = std::make_unique<LoopClock>(context.loop);
  sink_ = std::make_unique<StoreSink>(*store_);
  engine_ = std::make_unique<Engine>(*clock_, *dns_, *https_, *store_, std::move(options),
                                     *witness_, sink_.get());
  names_ = std::make_unique<NameLookups>(*clock_, *dns_, *engine_);
}

Result<void> Program::open_sockets(service::Context& context) {
  const config::Policyd& settings = context.config.policyd;
  const auto listen = [&](const char* name, const ipc::ListenOptions& options,
                          Fd& fd) -> Result<void> {
    auto made = ipc::listen_on("unix:" + context.run_folder + "/" + name, options);
    if (!made) return std::unexpected(std::move(made.error()));
    fd = std::move(*made);
    return {};
  };
  // Who may connect is asked of the kernel, connection by connection; of the ask socket, besides.
  ipc::ListenOptions stream, packets, asks;
  stream.mode = packets.mode = 0666;
  const AskAccess access = ask_access(settings.ask_group);
  if (!access.note.empty()) service::log_warning(access.note);
  asks.mode = access.mode;
  asks.group = access.group;
  packets.type = asks.type = ipc::SocketType::seqpacket;
  if (auto made = listen("feed.sock", stream, feed_fd_); !made) return made;
  if (auto made = listen("ask.sock", asks, ask_fd_); !made) return made;
  if (auto made = listen("control.sock", packets, control_fd_); !made) return made;

  feed::FeedServer::Options feed_options;
  feed_options.peers = peers(settings.feed_users, settings.operator_group);
  auto feed = feed::FeedServer::create(context.loop, feed_fd_.get(), *source_, feed_options);
  if (!feed) return std::unexpected(std::move(feed.error()));
  feed_ = std::move(*feed);
  auto ask = AskServer::create(context.loop, ask_fd_.get(), peers(settings.ask_users, {}), *engine_,
                               *names_);
  if (!ask) return std::unexpected(std::move(ask.error()));
  ask_ = std::move(*ask);
  auto control =
      Control::create(context.loop, control_fd_.get(), peers({}, settings.operator_group), *engine_,
                      *store_, [this] { return clock_->wall(); });
  if (!control) return std::unexpected(std::move(control.error()));
  control_ = std::move(*control);
  return {};
}

// A mistake in a file the settings name is told; what is good in it counts.
void Program::read_named_files(const config::Config& config) {
  std::vector<std::string> notes;
  listed_ = listed_domains(config.policyd.domains_from, notes);
  for (const std::string& note : notes) service::log_warning(note);
  if (const std::string why = ca_trouble(config.fetch.ca_file); !why.empty())
    service::log_error("no policy can be fetched: " + why);
}

Result<void> Program::start(service::Context& context) {
  state_folder_ = context.state_folder;
  read_named_files(context.config);
  const Time now = wall_time();
  auto opened = open_store(state_folder_, now);
  if (!opened) return std::unexpected(std::move(opened.error()));
  store_ = std::move(opened->store);
  lock_ = std::move(opened->lock);
  backups_.emplace(backup_time(state_folder_), now, EventLoop::now());
  for (const std::string& note : opened->notes) service::log_warning(note);
  witness_ = std::make_unique<Witness>(context.metrics, [this, &context] {
    damaged_ = true;
    if (auto marked = mark_damaged(state_folder_); !marked)
      service::log_error("the damage may not be seen at the next start: " + marked.error().message);
    context.loop.stop();
  });
  source_ = std::make_unique<StoreSource>(*store_);
  if (auto network = open_network(context); !network) return network;
  make_engine(context);
  if (auto sockets = open_sockets(context); !sockets) return sockets;
  engine_->on_commit([this] { feed_->notify(); });
  control_->on_commit([this](const rows::EventRow& event) {
    witness_->on_event(event);
    feed_->notify();
  });
  operator_ = std::make_unique<operators::OperatorWatch>(
      context.loop, context.config.paths.operator_dir,
      [this](const std::shared_ptr<const operators::OperatorState>&) { pin(); });
  operator_->on_notes(service::log_warning);
  pin();
  add_metrics(context.metrics);
  hour_ = std::make_unique<Timer>(context.loop, [this] { on_hour(); });
  hour_->start(kHour);
  engine_->start();
  // The loop does not run yet: what was asked of it so far is forgotten.
  if (damaged_) return fail(ErrorKind::environment, state_folder_ + "/policy.db is damaged");
  return {};
}

// Pinned by the operator, or listed in a file: kept although nobody asks.
void Program::pin() {
  std::set<std::string> pinned = listed_;
  for (const auto& [domain, brake] : operator_->current()->brakes())
    if (brake->action == operators::Action::pin) pinned.insert(domain);
  engine_->set_pinned(std::move(pinned));
}

void Program::on_hour() {
  hour_->start(kHour);
  if (!backups_->due(clock_->boot())) return;
  const auto written = write_backup(state_folder_, *store_);
  if (!written) service::log_warning("no backup: " + written.error().message);
  backups_->tried(written.has_value(), clock_->boot());
}

void Program::stop() {
  hour_.reset();
  operator_.reset();
  control_.reset();
  ask_.reset();
  feed_.reset();
  names_.reset();
  engine_.reset();
  if (store_ && !damaged_) {
    if (auto written = write_backup(state_folder_, *store_); !written)
      service::log_warning("no backup: " + written.error().message);
  }
  https_.reset();
  dns_.reset();
  fetcher_.reset();
  resolver_.reset();
}

}  // namespace mxw::policyd
