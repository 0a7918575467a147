// `mxwarden policy check DOMAIN`: what senders find there, and what is wrong with it.
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>

#include "cli/check_gather.hpp"
#include "cli/check_report.hpp"
#include "cli/complain.hpp"
#include "cli/settings.hpp"
#include "cli/verbs.hpp"
#include "cli/wrap.hpp"
#include "core/config/load.hpp"
#include "core/mail/name.hpp"

namespace mxw::cli {
namespace {

constexpr char kResolvConf[] = "/etc/resolv.conf";

Result<void> set_resolver(const Given& given, config::Config& config) {
  const std::string text = given.text("resolver");
  if (given.has("resolver")) {
    const auto address = IpAddress::parse(text);
    const auto endpoint =
        address ? std::optional(Endpoint{*address, 53}) : config::parse_endpoint(text);
    if (!endpoint || endpoint->port == 0)
      return fail(ErrorKind::usage, "--resolver " + printable(text) +
                                        ": an address such as 192.0.2.53, 192.0.2.53:5353 or "
                                        "[2001:db8::53]:5353");
    config.resolver.servers = {*endpoint};
  } else if (!given.has("config") && access(config::kDefaultPath, F_OK) != 0) {
    std::ifstream in(kResolvConf);
    const std::string lines{std::istreambuf_iterator<char>(in), {}};
    config.resolver.servers = name_servers(lines);
    if (config.resolver.servers.empty())
      return fail(ErrorKind::usage,
                  std::string(kResolvConf) + " names no server; --resolver ADDR does");
  } else {
    return {};  // the settings' own, with what they say of validating
  }
  config.resolver.validating.clear();
  return {};
}

Result<config::Config> settings_of(const Given& given) {
  auto config = settings(given);
  if (!config) return config;
  if (auto set = set_resolver(given, *config); !set) return std::unexpected(set.error());
  if (given.has("validating")) config->resolver.validating = config->resolver.servers;
  if (given.has("ca-file")) config->fetch.ca_file = given.text("ca-file");
  for (const std::string& text : given.all("allow")) {
    const auto network = Cidr::parse(text);
    if (!network)
      return fail(ErrorKind::usage, "--allow " + printable(text) + ": no network, as 192.0.2.0/24");
    config->fetch.allow.push_back(*network);
  }
  return config;
}

bool wants_colour() {
  const char* const no_color = std::getenv("NO_COLOR");  // no-color.org: set and not empty
  const char* const term = std::getenv("TERM");
  if (no_color != nullptr && *no_color != '\0') return false;
  return isatty(STDOUT_FILENO) == 1 && term != nullptr && std::string(term) != "dumb";
}

int check(const Given& given) {
  const auto domain = mail::HostName::parse(given.operands.front());
  if (!domain)
    return complain(printable(given.operands.front()) + ": no domain name, as example.org", kUsage);
  const auto config = settings_of(given);
  if (!config) return complain(config.error());
  auto facts = gather_facts(domain->text(), *config);
  if (!facts) return complain(facts.error());
  const CheckReport report = judge_check(std::move(*facts));
  const std::string out =
      given.has("json") ? check_json(report) : check_text(report, wants_colour());
  std::fputs(out.c_str(), stdout);
  return check_exit(report);
}

constexpr Option kOptions[] = {
    {"json", nullptr, "one JSON object"},
    {"resolver", "ADDR[:PORT]",
     "ask this server (default: those of the settings, without settings of /etc/resolv.conf)"},
    {"validating", nullptr,
     "the server validates DNSSEC and the way to it is trusted: believe its AD bit"},
    {"ca-file", "FILE", "trusted roots for the policy host, PEM (default: the system's)"},
    {"allow", "CIDR", "fetch also from addresses of this network that are not public (labs)", true},
    kConfigOption,
};

}  // namespace

const Verb kPolicyCheck{
    .words = "policy check",
    .operands = "DOMAIN",
    .least = 1,
    .most = 1,
    .summary = "look at a domain's MTA-STS, MX, DANE and TLSRPT as senders do",
    .about =
        "Looks up the record, fetches the policy, and judges both strictly, as mxwarden enforces "
        "them, and tolerantly, as lenient senders do; then every MX host: its addresses, whether "
        "the policy names it, DNSSEC, and its TLSA records. The first line is the verdict; BAD "
        "says "
        "what to do, ? is what could not be found out. No MX host is connected to, no daemon is "
        "needed and nothing is written.\n"
        "\n"
        "DNSSEC and DANE are judged only with a validating server.",
    .options = kOptions,
    .exits =
        "0 nothing is wrong; 1 something is; 2 usage or settings; 4 something could not be "
        "found out",
    .run = check,
};

}  // namespace mxw::cli
