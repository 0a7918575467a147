// mxwarden-map: the socketmap service for Postfix and Sendmail (docs/architecture.md).
#include <functional>
#include <utility>

#include "core/service/daemon.hpp"
#include "map/program.hpp"

int main(int argc, char** argv) {
  mxw::map::Program program;
  return mxw::service::run_daemon(
      argc, argv,
      {.name = "map",
       .tables = {"paths", "log", "map"},
       .profile = mxw::service::Profile::map,
       .options = {},
       .once = {},
       .start = [&program](mxw::service::Context& context) { return program.start(context); },
       .reload = [&program](const mxw::config::Config& config) { program.reload(config); },
       .quit = [&program](std::function<void()> done) { program.quit(std::move(done)); },
       .stop = [&program] { program.stop(); },
       .serves_metrics_itself = true,
       .keeps_settings = true});
}
