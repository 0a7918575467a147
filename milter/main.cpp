// mxwarden-milter: the mail filter for Postfix and Sendmail (design section 7).
#include <csignal>

#include "core/service/daemon.hpp"
#include "milter/program.hpp"

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
                    .letter = 'p'}},
       .once = {},
       .start = [&program](mxw::service::Context& context) { return program.start(context); },
       .reload = [&program](const mxw::config::Config& config) { program.reload(config); },
       .stop = [&program] { program.stop(); },
       .reload_signal = SIGUSR1,
       .classic_options = true});
}
