// The command line of a daemon, as values.
#pragma once

#include <string>
#include <vector>

#include "core/base/result.hpp"
#include "core/service/daemon.hpp"

namespace mxw::service {

struct DaemonOptions {
  std::string config_file;
  bool config_given = false;
  bool check = false, dump = false, version = false, help = false;
  Given given;
  std::string help_text;
};

// Error (usage): a sentence that names the option.
[[nodiscard]] Result<DaemonOptions> parse_daemon_options(int argc, const char* const* argv,
                                                         const Daemon& daemon);

}  // namespace mxw::service
