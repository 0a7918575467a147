// What every daemon's main does alike. A daemon is a struct of callbacks:
//
//   int main(int argc, char** argv) {
//     Server server;                                            // the program's own state
//     return mxw::service::run_daemon(argc, argv, {
//         .name = "map", .tables = {"paths", "log", "map"}, .profile = Profile::map,
//         .start = [&](Context& context) { return server.start(context); },
//         .reload = [&](const config::Config& config) { server.reload(config); },
//         .stop = [&] { server.stop(); }});
//   }
//
// Order: options; configuration; log; rights given up; `once`; the loop with SIGTERM, SIGINT,
// SIGHUP (blocked before threads are made); start(); metrics socket; seccomp; READY=1; the loop;
// stop(). Everything is called in the main thread. Callbacks do not throw.
//
// Exit codes: 0; 2 options or configuration; 4 temporary trouble (the unit restarts).
#pragma once

#include <csignal>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/event_loop.hpp"
#include "core/base/result.hpp"
#include "core/config/config.hpp"
#include "core/service/metrics.hpp"
#include "core/service/notify.hpp"
#include "core/service/sandbox.hpp"

namespace mxw::service {

// Options of one program besides the common ones. Every one takes a value.
struct ExtraOption {
  std::string name;      // `import`: --import
  std::string argument;  // `DIR`
  std::string help;
  char letter = '\0';  // `p`: also -p
};
using Given = std::map<std::string, std::string>;  // by name; only those given

// Lives from before start() until after stop(). Descriptors in `inherited` nobody takes stay open.
struct Context {
  EventLoop& loop;
  const config::Config& config;  // replaced in place by a reload: for the main thread only
  Notifier& notify;
  Metrics& metrics;
  const Given& given;
  std::vector<Inherited> inherited;  // sockets of the manager; start() takes what it knows
  // `<paths.run>/<name>` and `<paths.state>/<name>`, of an instance `<name>-<instance>`; made
  // (0755, 0700) where the folder above is.
  std::string run_folder, state_folder;

  [[nodiscard]] std::string metrics_socket() const { return run_folder + "/metrics.sock"; }
};

struct Daemon {
  std::string name;                      // `map`: the program is mxwarden-map
  std::vector<std::string_view> tables;  // of the configuration it reads: those a reload judges
  Profile profile = Profile::none;
  std::vector<ExtraOption> options;

  // Work instead of serving (`--import DIR`): an exit code ends the program. May be empty.
  std::function<std::optional<int>(const config::Config&, const Given&)> once;

  // Opens sockets, makes threads. An Error ends the program (exit by its kind).
  std::function<Result<void>(Context&)> start;

  // After SIGHUP, with a configuration that was read, checked and needs no restart. May be empty.
  std::function<void(const config::Config&)> reload;

  // After the loop has ended or start() has failed, before what Context has goes away: stop
  // threads, close. May be empty.
  std::function<void()> stop;

  // The program makes its MetricsServer itself, in start(), on a loop of another thread: one whose
  // main loop answers questions does not stop for a scrape. Otherwise the main loop serves it.
  bool serves_metrics_itself = false;

  // Where it is not SIGHUP, SIGHUP ends the program as SIGTERM does.
  int reload_signal = SIGHUP;

  // Also takes --user USER (-u), --pid-file FILE (-P) and --instance NAME, for several processes of
  // one program.
  bool classic_options = false;
};

[[nodiscard]] int run_daemon(int argc, const char* const* argv, const Daemon& daemon);

[[nodiscard]] int exit_code(ErrorKind kind);  // usage 2, input 3, environment 4

}  // namespace mxw::service
