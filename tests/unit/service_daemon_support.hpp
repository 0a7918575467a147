// A daemon under test: its settings file, its folders, and the service manager it tells.
#pragma once

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "core/service/daemon.hpp"
#include "tests/unit/service_support.hpp"

namespace mxw::service {

class DaemonTest : public testing::Test {
 protected:
  DaemonTest() : manager(folder.path("notify")) {
    std::filesystem::create_directory(folder.path("state"));
    std::filesystem::create_directory(folder.path("run"));
    settings("");
  }
  [[nodiscard]] std::string file() const { return folder.path("m.toml"); }
  void settings(const std::string& more) const {
    std::ofstream(file()) << "[paths]\nrun = \"" << folder.path("run") << "\"\nstate = \""
                          << folder.path("state") << "\"\n"
                          << more;
  }
  // The daemon `map` with these options after its name.
  int run(std::vector<const char*> arguments) {
    arguments.insert(arguments.begin(), "mxwarden-map");
    return run_daemon(static_cast<int>(arguments.size()), arguments.data(), daemon);
  }
  int serve() {
    ::setenv("NOTIFY_SOCKET", manager.path().c_str(), 1);
    ::setenv("JOURNAL_STREAM", "8:1", 1);
    return run({"--config", file().c_str()});
  }

  Folder folder;
  Manager manager;
  Daemon daemon{.name = "map",
                .tables = {"paths", "log", "map"},
                .profile = Profile::map,
                .options = {{"import", "DIR", "take what is there"}},
                .once = {},
                .start = [](Context&) -> Result<void> { return {}; },
                .reload = {},
                .stop = {}};
};

}  // namespace mxw::service
