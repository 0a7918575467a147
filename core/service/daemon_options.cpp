#include "core/service/daemon_options.hpp"

#include <boost/program_options.hpp>
#include <sstream>

#include "core/config/load.hpp"
#include "core/service/instance.hpp"

namespace mxw::service {
namespace {

namespace po = boost::program_options;

std::vector<ExtraOption> extras_of(const Daemon& daemon) {
  std::vector<ExtraOption> extras = daemon.options;
  if (!daemon.classic_options) return extras;
  extras.push_back({"user", "USER", "run as this user when started as root", 'u'});
  extras.push_back({"pid-file", "FILE", "write the number of the process to this file", 'P'});
  extras.push_back({"instance", "NAME", "one of several processes: folders of its own"});
  return extras;
}

po::options_description describe(const Daemon& daemon, DaemonOptions& to) {
  po::options_description all("options");
  const auto file =
      po::value(&to.config_file)->value_name("FILE")->default_value(config::kDefaultPath);
  all.add_options()("config,c", file, "settings of all programs");
  all.add_options()("check-config,n", po::bool_switch(&to.check),
                    "read the settings, say what is wrong with them, and end");
  all.add_options()("dump-config", po::bool_switch(&to.dump),
                    "print every setting with what holds for it, and end");
  all.add_options()("foreground,f", "stay in the foreground: always so, taken for old habits");
  all.add_options()("version", po::bool_switch(&to.version), "print the version, and end");
  all.add_options()("help,h", po::bool_switch(&to.help), "print this, and end");
  for (const ExtraOption& extra : extras_of(daemon)) {
    std::string name = extra.name;
    if (extra.letter != '\0') (name += ',') += extra.letter;
    all.add_options()(name.c_str(), po::value<std::string>()->value_name(extra.argument),
                      extra.help.c_str());
  }
  return all;
}

}  // namespace

Result<DaemonOptions> parse_daemon_options(int argc, const char* const* argv,
                                           const Daemon& daemon) try {
  DaemonOptions options;
  const po::options_description all = describe(daemon, options);
  po::variables_map found;
  const po::positional_options_description none;
  po::store(po::command_line_parser(argc, argv).options(all).positional(none).run(), found);
  po::notify(found);
  options.config_given = !found["config"].defaulted();
  for (const ExtraOption& extra : extras_of(daemon)) {
    if (found.count(extra.name) > 0) {
      options.given[extra.name] = found[extra.name].as<std::string>();
    }
  }
  if (options.given.contains("instance") && !is_instance(options.given["instance"]))
    return fail(ErrorKind::usage, kInstanceNames);
  std::ostringstream text;
  text << "usage: mxwarden-" << daemon.name << " [options]\n\n" << all;
  options.help_text = std::move(text).str();
  return options;
} catch (const po::error& error) {
  return fail(ErrorKind::usage, error.what());
}

}  // namespace mxw::service
