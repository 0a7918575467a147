// mxwarden-milter: the mail filter for Postfix and Sendmail (semantics 12).
#include <chrono>
#include <csignal>
#include <cstdio>
#include <optional>
#include <string>

#include "core/service/daemon.hpp"
#include "core/service/instance.hpp"
#include "milter/judge_file.hpp"
#include "milter/program.hpp"

namespace {

// --test FILE
std::optional<int> judge_if_asked(const mxw::config::Config& config,
                                  const mxw::service::Given& given) {
  const auto file = given.find("test");
  if (file == given.end()) return std::nullopt;
  const auto instance = given.find("instance");
  const std::string folder =
      mxw::service::instance_folder("milter", instance == given.end() ? "" : instance->second);
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const auto report = mxw::milter::judge_file(file->second, config,
                                              config.paths.state + '/' + folder + "/policyd.cache",
                                              {std::chrono::nanoseconds(now).count()});
  if (!report) {
    std::fprintf(stderr, "mxwarden-milter: %s\n", report.error().message.c_str());
    return mxw::service::exit_code(report.error().kind);
  }
  std::fputs(report->c_str(), stdout);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  mxw::milter::Program program;
  return mxw::service::run_daemon(
      argc, argv,
      {.name = "milter",
       .tables = {"paths", "log", "milter"},
       .profile = mxw::service::Profile::map,
       .options = {{.name = "socket",
                    .argument = "SOCKET",
                    .help = "instead of milter.socket: local:PATH, inet:PORT@HOST, inet6:PORT@HOST",
                    .letter = 'p'},
                   {.name = "test",
                    .argument = "FILE",
                    .help = "say what would be done with the message in FILE, and end",
                    .letter = 't'}},
       .once = judge_if_asked,
       .start = [&program](mxw::service::Context& context) { return program.start(context); },
       .reload = [&program](const mxw::config::Config& config) { program.reload(config); },
       .stop = [&program] { program.stop(); },
       .keeps_settings = true,
       .reload_signal = SIGUSR1,
       .classic_options = true});
}
