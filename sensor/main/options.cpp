#include "sensor/main/options.hpp"

#include <boost/program_options.hpp>
#include <sstream>

#include "core/base/ascii.hpp"

namespace mxw::sensor {
namespace {

namespace po = boost::program_options;
using Strings = std::vector<std::string>;

po::options_description describe() {
  po::options_description all("Options", 100, 50);
  auto add = all.add_options();
  add("read,r", po::value<Strings>()->composing(),
      "capture file to replay (pcap, pcapng, also .gz; - = standard input); repeatable, further "
      "files "
      "may follow without -r");
  add("policies", po::value<std::string>(),
      "directory with MTA-STS policies as of then: DOMAIN.txt and optional DOMAIN.json {id, "
      "fetched_at, "
      "valid_until, source, pin}");
  add("feed", po::value<std::string>(),
      "socket of mxwarden-policyd's feed: its policies and MX routes as they are now (instead of "
      "--policies)");
  add("rules", po::value<std::string>(), "directory of rule files (default: the shipped ones)");
  add("overrides", po::value<std::string>(),
      "file that changes severities, parameters, exemptions");
  add("own", po::value<Strings>()->composing(),
      "own network, CIDR; repeatable. Without it every session has the role unknown");
  add("mta", po::value<Strings>()->composing(), "address of an own MTA outside --own; repeatable");
  add("resolver", po::value<Strings>()->composing(),
      "believe DNS answers of this resolver only; repeatable");
  add("mx-map", po::value<std::string>(),
      "tab-separated policy_domain, mx_host, address, since, until; - = open");
  add("ca-file", po::value<std::string>(), "trusted roots, PEM (default: the system's)");
  add("filter", po::value<std::string>(), "pcap-filter expression: judge only matching packets");
  add("format", po::value<std::string>(),
      "eve = JSON lines, text = summary (default: text on a terminal, else eve)");
  add("json", "same as --format eve");
  add("output", po::value<std::string>(), "file to write, - = standard output");
  add("fail-on", po::value<std::string>(),
      "exit 1 when a finding is at least: info, low, medium, high, critical (default: never)");
  add("privacy", po::value<std::string>(),
      "domain = no local part anywhere (default), hash = keyed hash of addresses, full");
  add("privacy-key", po::value<std::string>(), "key file for --privacy hash");
  add("manifest", po::value<std::string>(),
      "write digests of inputs, rules, policies and output; `mxwarden verify` runs it again");
  add("why", po::value<std::string>(),
      "list near misses of this rule with the clause that stopped it");
  add("separate", "judge every input by itself instead of merging by packet time");
  add("sensor-name", po::value<std::string>(), "`host` of every event");
  add("hash-seed", po::value<std::uint64_t>(), "fixed key of the hash tables (tests)");
  add("version", "print the version");
  add("help,h", "print this");
  return all;
}

std::string text_of(const po::variables_map& vm, const char* name) {
  return vm.count(name) != 0 ? vm[name].as<std::string>() : std::string();
}

Strings list_of(const po::variables_map& vm, const char* name) {
  return vm.count(name) != 0 ? vm[name].as<Strings>() : Strings();
}

Result<std::vector<IpAddress>> addresses(const po::variables_map& vm, const char* name) {
  std::vector<IpAddress> out;
  for (const std::string& text : list_of(vm, name)) {
    const auto address = IpAddress::parse(text);
    if (!address)
      return fail(ErrorKind::usage, std::string("--") + name + ": no IP address: " + text);
    out.push_back(*address);
  }
  return out;
}

Result<void> read_words(const po::variables_map& vm, Options& o) {
  const std::string format = vm.count("json") != 0 ? "eve" : text_of(vm, "format");
  if (format == "eve")
    o.format = Format::eve;
  else if (format == "text")
    o.format = Format::text;
  else if (!format.empty())
    return fail(ErrorKind::usage, "--format: eve or text, not " + format);
  const std::string fail_on = text_of(vm, "fail-on");
  if (!fail_on.empty() && fail_on != "never") {
    o.fail_on = rules::parse_severity(fail_on);
    if (!o.fail_on) return fail(ErrorKind::usage, "--fail-on: no severity: " + fail_on);
  }
  const std::string privacy = text_of(vm, "privacy");
  if (privacy == "hash")
    o.privacy = Privacy::hash;
  else if (privacy == "full")
    o.privacy = Privacy::full;
  else if (!privacy.empty() && privacy != "domain")
    return fail(ErrorKind::usage, "--privacy: domain, hash or full, not " + privacy);
  if (!o.feed_socket.empty() && !o.policies_dir.empty())
    return fail(ErrorKind::usage, "--feed and --policies: only one of them");
  // What a feed says today it may not say tomorrow: such a case could never be verified.
  if (!o.feed_socket.empty() && !o.manifest_file.empty())
    return fail(
        ErrorKind::usage,
        "--manifest with --feed: write the policies to files first (mxwarden policy export)");
  if (o.privacy == Privacy::hash && o.privacy_key_file.empty())
    return fail(ErrorKind::usage, "--privacy hash needs --privacy-key FILE");
  return {};
}

Result<void> read_networks(const po::variables_map& vm, Options& o) {
  for (const std::string& text : list_of(vm, "own")) {
    const auto net = Cidr::parse(text);
    if (!net) return fail(ErrorKind::usage, "--own: no CIDR: " + text);
    o.own.push_back(*net);
  }
  auto mtas = addresses(vm, "mta");
  if (!mtas) return std::unexpected(mtas.error());
  o.mtas = std::move(*mtas);
  auto resolvers = addresses(vm, "resolver");
  if (!resolvers) return std::unexpected(resolvers.error());
  o.resolvers = std::move(*resolvers);
  return {};
}

Result<Options> fill(const po::variables_map& vm) {
  Options o;
  o.inputs = list_of(vm, "read");
  o.policies_dir = text_of(vm, "policies");
  o.feed_socket = text_of(vm, "feed");
  o.rules_dir = text_of(vm, "rules");
  o.overrides_file = text_of(vm, "overrides");
  o.mx_map_file = text_of(vm, "mx-map");
  o.ca_file = text_of(vm, "ca-file");
  o.filter = text_of(vm, "filter");
  if (vm.count("output") != 0) o.output = text_of(vm, "output");
  o.why = text_of(vm, "why");
  o.sensor_name = text_of(vm, "sensor-name");
  o.privacy_key_file = text_of(vm, "privacy-key");
  o.manifest_file = text_of(vm, "manifest");
  o.separate = vm.count("separate") != 0;
  o.help = vm.count("help") != 0;
  o.version = vm.count("version") != 0;
  if (vm.count("hash-seed") != 0) o.hash_seed = vm["hash-seed"].as<std::uint64_t>();
  if (const auto words = read_words(vm, o); !words) return std::unexpected(words.error());
  if (const auto nets = read_networks(vm, o); !nets) return std::unexpected(nets.error());
  return o;
}

}  // namespace

Result<Options> parse_options(int argc, const char* const* argv) {
  const po::options_description all = describe();
  po::variables_map vm;
  try {
    po::positional_options_description rest;
    rest.add("read", -1);
    // No guessing: an abbreviation that works today may name something else tomorrow.
    constexpr int kStyle =
        po::command_line_style::default_style & ~po::command_line_style::allow_guessing;
    po::store(po::command_line_parser(argc, argv).options(all).positional(rest).style(kStyle).run(),
              vm);
    po::notify(vm);
  } catch (const po::error& e) {
    return fail(ErrorKind::usage, e.what());
  }
  auto options = fill(vm);
  if (!options) return options;
  options->arguments.assign(argv + 1, argv + argc);
  std::ostringstream help;
  help << "mxwarden-sensor -r FILE... [options]\n"
          "Reads captures of SMTP between mail servers and says where STARTTLS was taken away, "
          "refused or\n"
          "attacked, and where a server does not fit the MTA-STS policy of its domain.\n\n"
       << all
       << "\nExit: 0 done; 1 findings at or above --fail-on; 2 usage or configuration; 3 input "
          "truncated or\n"
          "unreadable (what could be read was judged); 4 temporary trouble\n";
  options->help_text = help.str();
  return options;
}

}  // namespace mxw::sensor
