#include "core/service/daemon.hpp"

#include <sys/stat.h>

#include <csignal>
#include <cstdio>
#include <utility>

#include "core/config/load.hpp"
#include "core/service/daemon_options.hpp"
#include "core/service/identity.hpp"
#include "core/service/instance.hpp"
#include "core/service/log.hpp"
#include "core/service/metrics_server.hpp"
#include "core/service/rights.hpp"
#include "core/service/settings.hpp"
#include "mxwarden_version.hpp"

namespace mxw::service {
namespace {

constexpr int kGood = 0, kUsage = 2, kInput = 3, kTemporary = 4;
constexpr mode_t kOpenFolder = 0755, kOwnFolder = 0700;

// Whether the path is a folder then; it is made when only its last part is missing.
bool make_folder(const std::string& path, mode_t mode) {
  if (::mkdir(path.c_str(), mode) == 0) return ::chmod(path.c_str(), mode) == 0;
  struct stat found{};
  return ::stat(path.c_str(), &found) == 0 && S_ISDIR(found.st_mode);
}

// One run, from the first right given up to the end of the loop.
class Run {
 public:
  Run(const Daemon& daemon, const DaemonOptions& options, Settings settings, std::string copy)
      : daemon_(daemon),
        options_(options),
        settings_(std::move(settings)),
        config_(settings_.config),
        keeper_(std::move(copy), settings_.kept),
        metrics_(folder()) {}

  int go() {
    if (auto set = take_identity(); !set) return failed(set.error());
    if (auto gone = give_up_rights(); !gone) return failed(gone.error());
    if (daemon_.once) {
      if (const auto code = daemon_.once(config_, options_.given)) return *code;
    }
    auto loop = EventLoop::create();
    if (!loop) return failed(loop.error());
    loop_ = *std::move(loop);
    notify_ = std::make_unique<Notifier>(*loop_);
    if (auto set = watch_signals(); !set) return failed(set.error());
    auto started = start();
    int code = kGood;
    if (started) {
      loop_->run();
      if (!quitting_) notify_->stopping();
    } else {
      code = failed(started.error());
    }
    quit_timer_.reset();
    server_.reset();
    if (daemon_.stop) daemon_.stop();
    if (started) log_info("stopped");
    notify_.reset();  // its timer belongs to the loop
    return code;
  }

 private:
  int failed(const Error& error) {
    log_error(error.message);
    return exit_code(error.kind);
  }

  Result<void> watch_signals() {
    std::signal(SIGPIPE, SIG_IGN);
    for (const int signal : {SIGTERM, SIGINT}) {
      if (auto set = loop_->add_signal(signal, [this] { quit(); }); !set) return set;
    }
    if (daemon_.reload_signal != SIGHUP) {
      if (auto set = loop_->add_signal(SIGHUP, [this] { loop_->stop(); }); !set) return set;
    }
    return loop_->add_signal(daemon_.reload_signal, [this] { reload(); });
  }

  [[nodiscard]] std::string given(const char* option) const {
    const auto found = options_.given.find(option);
    return found == options_.given.end() ? std::string() : found->second;
  }

  [[nodiscard]] std::string folder() const {
    return instance_folder(daemon_.name, daemon_.classic_options ? given("instance") : "");
  }

  Result<void> take_identity() {
    if (!daemon_.classic_options) return {};
    if (const std::string file = given("pid-file"); !file.empty()) {
      if (auto written = pid_file_.write(file); !written) return written;
    }
    const std::string user = given("user");
    if (user.empty()) return {};
    const OwnFolder folders[] = {{config_.paths.run + '/' + folder(), kOpenFolder},
                                 {config_.paths.state + '/' + folder(), kOwnFolder}};
    return become(user, folders);
  }

  // A second signal does not wait.
  void quit() {
    if (quitting_ || !daemon_.quit) return loop_->stop();
    quitting_ = true;
    notify_->stopping();
    quit_timer_ = std::make_unique<Timer>(*loop_, [this] { loop_->stop(); });
    quit_timer_->start(kQuitTime);
    daemon_.quit([this] { loop_->stop(); });
  }

  Result<void> start() {
    context_.emplace(Context{*loop_, config_, *notify_, metrics_, options_.given, listen_fds(),
                             config_.paths.run + '/' + folder(),
                             config_.paths.state + '/' + folder()});
    for (const auto& [path, mode] : {std::pair(context_->run_folder, kOpenFolder),
                                     std::pair(context_->state_folder, kOwnFolder)}) {
      if (!make_folder(path, mode)) {
        log_warning("there is no folder " + path + " and none can be made");
      }
    }
    build_info();
    if (daemon_.start) {
      if (auto started = daemon_.start(*context_); !started) return started;
    }
    serve_metrics_socket();
    if (auto confined = confine(daemon_.profile); !confined) {
      log_warning("running without sandbox: " + confined.error().message);
    }
    keep_settings();
    log_info("mxwarden-" + daemon_.name + ' ' + kVersion + " (" + kCommit + ") is ready");
    notify_->ready();
    return {};
  }

  // What the program started with, and so may start with again.
  void keep_settings() {
    if (settings_.refused.empty()) {
      keeper_.keep(settings_.text);
    } else {
      notify_->status("with the last good settings: " + settings_.refused);
    }
    stale_->set(settings_.refused.empty() ? 0 : 1);
  }

  void build_info() {
    metrics_
        .gauge("mxwarden_build_info", "1; the labels say which program this is",
               {{"version", kVersion}, {"commit", kCommit}})
        .set(1);
    reloads_ = &metrics_.counter("mxwarden_reloads_total", "Configurations read anew",
                                 {{"result", "taken"}});
    refused_ = &metrics_.counter("mxwarden_reloads_total", "Configurations read anew",
                                 {{"result", "refused"}});
    stale_ = &metrics_.gauge("mxwarden_settings_stale",
                             "1: the settings file was refused, those before it hold");
  }

  // Without metrics the program does its work all the same.
  void serve_metrics_socket() {
    if (daemon_.serves_metrics_itself) return;
    auto server = MetricsServer::create(*loop_, context_->metrics_socket(), metrics_);
    if (server) {
      server_ = *std::move(server);
    } else {
      log_warning("no metrics: " + server.error().message);
    }
  }

  void reload() {
    notify_->reloading();
    const auto text = config::read_file(options_.config_file);
    config::Notes notes;
    auto fresh = text ? config::reload(config_, *text, options_.config_file, daemon_.tables, &notes)
                      : Result<config::Config>(std::unexpected(text.error()));
    for (const std::string& note : notes) log_warning(note);
    if (fresh) {
      config_ = *std::move(fresh);
      if (!std::exchange(settings_.refused, {}).empty()) notify_->status("");
      start_log(config_.log.level);
      if (daemon_.reload) daemon_.reload(config_);
      keeper_.keep(*text);
      reloads_->add();
      log_info("configuration reloaded");
    } else {
      refused_->add();
      log_error("the configuration stays as it was: " + fresh.error().message);
    }
    stale_->set(fresh ? 0 : 1);
    notify_->ready();
  }

  const Daemon& daemon_;
  const DaemonOptions& options_;
  Settings settings_;
  PidFile pid_file_;
  config::Config config_;
  SettingsKeeper keeper_;
  Metrics metrics_;
  Counter *reloads_ = nullptr, *refused_ = nullptr;
  Gauge* stale_ = nullptr;
  std::unique_ptr<EventLoop> loop_;
  std::unique_ptr<Notifier> notify_;
  std::optional<Context> context_;
  std::unique_ptr<MetricsServer> server_;
  bool quitting_ = false;
  std::unique_ptr<Timer> quit_timer_;
};

}  // namespace

int exit_code(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::usage:
      return kUsage;
    case ErrorKind::input:
      return kInput;
    case ErrorKind::environment:
      break;
  }
  return kTemporary;
}

int run_daemon(int argc, const char* const* argv, const Daemon& daemon) {
  const std::string program = "mxwarden-" + daemon.name;
  const auto options = parse_daemon_options(argc, argv, daemon);
  if (!options) {
    std::fprintf(stderr, "%s: %s (--help lists the options)\n", program.c_str(),
                 escaped(options.error().message).c_str());
    return kUsage;
  }
  if (options->help) {
    std::fputs(options->help_text.c_str(), stdout);
    return kGood;
  }
  if (options->version) {
    std::printf("%s %s (%s)\n", program.c_str(), kVersion, kCommit);
    return kGood;
  }
  // Who only wants to know whether the file is good gets no other.
  const bool asked = options->check || options->dump;
  std::string copy = daemon.keeps_settings && !asked ? settings_copy_path() : std::string();
  std::vector<std::string_view> judged;  // none: all
  if (!asked) judged = daemon.tables;
  auto settings = read_settings(options->config_file, options->config_given, copy, judged);
  if (!settings) {
    std::fprintf(stderr, "%s: %s\n", program.c_str(), escaped(settings.error().message).c_str());
    return kUsage;
  }
  if (options->check && daemon.check) {
    if (auto sound = daemon.check(settings->config); !sound) {
      std::fprintf(stderr, "%s: %s\n", program.c_str(), escaped(sound.error().message).c_str());
      return kUsage;
    }
  }
  if (asked) {
    for (const std::string& note : settings->notes) {
      std::fprintf(stderr, "%s: %s\n", program.c_str(), escaped(note).c_str());
    }
    std::fputs(
        options->dump ? config::dump(settings->config).c_str() : "the configuration is good\n",
        stdout);
    return kGood;
  }
  start_log(settings->config.log.level);
  if (!settings->refused.empty()) {
    log_error(settings->refused + "; starting with the last settings that were good (" + copy +
              ")");
  }
  for (const std::string& note : settings->notes) log_warning(note);
  return Run(daemon, *options, *std::move(settings), std::move(copy)).go();
}

}  // namespace mxw::service
