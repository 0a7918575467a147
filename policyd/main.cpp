// mxwarden-policyd: keeps what is known about mail domains true (docs/architecture.md).
#include <unistd.h>

#include <cstdio>

#include "core/ipc/peer.hpp"
#include "core/service/daemon.hpp"
#include "policyd/clock.hpp"
#include "policyd/import_policy.hpp"
#include "policyd/named_files.hpp"
#include "policyd/open_store.hpp"
#include "policyd/program.hpp"

namespace {

// --import DIR: into the store of a policyd that is stopped.
std::optional<int> import_if_asked(const mxw::config::Config& config,
                                   const mxw::service::Given& given) {
  const auto dir = given.find("import");
  if (dir == given.end()) return std::nullopt;
  const auto complain = [](const mxw::Error& error) {
    std::fprintf(stderr, "mxwarden-policyd: %s\n", error.message.c_str());
    return mxw::service::exit_code(error.kind);
  };
  const mxw::Time now = mxw::policyd::wall_time();
  const std::string folder = config.paths.state + "/policyd";
  if (const auto may = mxw::policyd::may_import(folder, ::geteuid()); !may)
    return complain(may.error());
  auto opened = mxw::policyd::open_store(folder, now);
  if (!opened) return complain(opened.error());
  const auto count = mxw::policyd::import_dir(dir->second, *opened->store, now,
                                              "by " + mxw::ipc::describe(::getuid()));
  if (!count) return complain(count.error());
  std::printf("%zu policies stored, %zu had run out, %zu are older than what is stored\n",
              count->stored, count->ran_out, count->older);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  mxw::policyd::Program program;
  return mxw::service::run_daemon(
      argc, argv,
      {.name = "policyd",
       .tables = {"paths", "log", "resolver", "fetch", "policyd"},
       .profile = mxw::service::Profile::policyd,
       .options = {{.name = "import",
                    .argument = "DIR",
                    .help = "store the policies of a directory (DOMAIN.txt, DOMAIN.json) and end; "
                            "policyd must be stopped, and this run by its user, not by root"}},
       .check = mxw::policyd::check_files,
       .once = import_if_asked,
       .start = [&program](mxw::service::Context& context) { return program.start(context); },
       .reload = {},
       .stop = [&program] { program.stop(); },
       .keeps_settings = true});
}
