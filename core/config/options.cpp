#include "core/config/options.hpp"

#include <algorithm>
#include <vector>

#include "core/config/checks.hpp"
#include "core/config/codec.hpp"
#include "core/config/load.hpp"
#include "core/config/option_make.hpp"

namespace mxw::config {
namespace {

const Text kPath{check_path, "absolute path"};
const Text kOptionalPath{check_path, "absolute path, or empty", true};
const Text kUser{check_user, "user name or numeric id"};
const List<Text, std::string> kUsers{kUser, 0, 32};

void add_common(std::vector<Option>& to) {
  to.push_back(option("paths", "run", kPath, at(&Config::paths, &Paths::run), Reload::no,
                      "Sockets: each program's are in a folder of its name below this one"));
  to.push_back(option("paths", "state", kPath, at(&Config::paths, &Paths::state), Reload::no,
                      "Stores and caches: each program has a folder of its name below this one"));
  to.push_back(option("paths", "operator", kPath, at(&Config::paths, &Paths::operator_dir),
                      Reload::no, "What the operator has switched off, bypassed or pinned"));
  const Word<LogLevel> level{{{LogLevel::error, "error"},
                              {LogLevel::warning, "warning"},
                              {LogLevel::info, "info"},
                              {LogLevel::debug, "debug"}}};
  to.push_back(option("log", "level", level, at(&Config::log, &Log::level), Reload::yes,
                      "The least level that is logged"));
  to.push_back(option("metrics", "listen",
                      Parsed<Endpoint>{optional_endpoint, text_of, "ADDRESS:PORT, or empty"},
                      at(&Config::metrics, &Metrics::listen), Reload::no,
                      "Where `mxwarden metrics` serves what all programs count; empty: nowhere, or "
                      "127.0.0.1:9461 with its option --serve, as its unit has it"));
}

void add_lookups(std::vector<Option>& to) {
  const Parsed<Endpoint> server{server_endpoint, text_of, "ADDRESS or ADDRESS:PORT"};
  to.push_back(option("resolver", "servers", List<decltype(server), Endpoint>{server, 1, 8},
                      at(&Config::resolver, &Resolver::servers), Reload::no,
                      "The recursive DNS servers that are asked"));
  to.push_back(option("resolver", "validating", List<decltype(server), Endpoint>{server, 0, 8},
                      at(&Config::resolver, &Resolver::validating), Reload::no,
                      "Those of `servers` that validate DNSSEC and are reached over a path nobody "
                      "can change; DANE needs one"));
  to.push_back(milliseconds("resolver", "timeout_ms", &Config::resolver, &Resolver::timeout, 60'000,
                            Reload::no, "How long one server is waited for"));
  to.push_back(count("resolver", "tries", &Config::resolver, &Resolver::tries, 10,
                     "How often each question is asked before it counts as failed"));
  to.push_back(option("fetch", "ca_file", kOptionalPath, at(&Config::fetch, &Fetch::ca_file),
                      Reload::no, "Trusted authorities as PEM; empty: those of the system"));
  const Parsed<Cidr> network{prefix, prefix_text, "address or prefix"};
  to.push_back(option("fetch", "allow", List<decltype(network), Cidr>{network, 0, 64},
                      at(&Config::fetch, &Fetch::allow), Reload::no,
                      "Policy hosts that are reached although their addresses are not globally "
                      "routable"));
  to.push_back(count("fetch", "port", &Config::fetch, &Fetch::port, 65'535,
                     "Port of policy hosts; another than 443 only reaches addresses of `allow`"));
  to.push_back(seconds("fetch", "timeout_s", &Config::fetch, &Fetch::timeout, 600, Reload::no,
                       "How long getting a policy may take (RFC 8461 section 3.3 suggests 60)"));
}

void add_policyd(std::vector<Option>& to) {
  const auto table = &Config::policyd;
  to.push_back(option("policyd", "feed_users", kUsers, at(table, &Policyd::feed_users), Reload::no,
                      "Users that may follow what policyd knows"));
  to.push_back(option("policyd", "ask_users", kUsers, at(table, &Policyd::ask_users), Reload::no,
                      "Users that may ask policyd about a domain, and so have it looked up"));
  to.push_back(option("policyd", "ask_group", kUser, at(table, &Policyd::ask_group), Reload::no,
                      "The group of the ask socket; the users of `ask_users` are to be in it"));
  to.push_back(option("policyd", "operator_group", kUser, at(table, &Policyd::operator_group),
                      Reload::no, "The group that may use the control sockets, besides root"));
  const Text source{check_source, "\"file:PATH\""};
  to.push_back(option("policyd", "domains_from", List<Text, std::string>{source, 0, 32},
                      at(table, &Policyd::domains_from), Reload::no,
                      "Lists of domains, one a line, that are looked up and kept although nobody "
                      "asks"));
  to.push_back(seconds(
      "policyd", "refresh_interval_s", table, &Policyd::refresh_interval, 7 * 86'400, Reload::no,
      "How often a known policy is looked up again (RFC 8461 section 10.2: daily)"));
  to.push_back(count("policyd", "max_policies", table, &Policyd::max_policies, 10'000'000,
                     "Policies that are kept; the least recently asked for goes"));
  to.push_back(count("policyd", "max_others", table, &Policyd::max_others, 10'000'000,
                     "Domains without policy that are remembered"));
  to.push_back(count("policyd", "parallel", table, &Policyd::parallel, 1'024,
                     "Domains that are looked up at the same time"));
  to.push_back(boolean("policyd", "dane", table, &Policyd::dane, Reload::no,
                       "Look up TLSA records (RFC 7672); needs a server of `validating`"));
}

void add_map_words(std::vector<Option>& to) {
  const auto table = &Config::map;
  const Word<Enforcement> enforcement{
      {{Enforcement::observe, "observe"}, {Enforcement::enforce, "enforce"}}};
  to.push_back(option("map", "enforcement", enforcement, at(table, &Map::enforcement), Reload::yes,
                      "`observe` answers NOTFOUND and counts what it would have said"));
  const Word<PostfixDane> dane{{{PostfixDane::none, "none"},
                                {PostfixDane::dane, "dane"},
                                {PostfixDane::dane_only, "dane-only"}}};
  to.push_back(option("map", "postfix_dane", dane, at(table, &Map::postfix_dane), Reload::no,
                      "The strongest DANE level that Postfix is told"));
  to.push_back(boolean("map", "tlsrpt_attributes", table, &Map::tlsrpt_attributes, Reload::yes,
                       "Words for TLS reports that Postfix 3.10 added; Postfix before 3.10 defers "
                       "all mail on them"));
  to.push_back(boolean("map", "strict_testing", table, &Map::strict_testing, Reload::yes,
                       "Answer policies in mode `testing` as if they said `enforce`"));
  to.push_back(boolean("map", "servername", table, &Map::servername, Reload::yes,
                       "Tell Postfix to send the server's name in TLS (SNI)"));
}

void add_map(std::vector<Option>& to) {
  const auto table = &Config::map;
  const Text listen{check_listen, "inet:ADDRESS:PORT, inet6:[ADDRESS]:PORT or unix:PATH"};
  to.push_back(option("map", "listen", List<Text, std::string>{listen, 0, 16},
                      at(table, &Map::listen), Reload::no,
                      "Where the map answers, when the service manager gives no sockets"));
  add_map_words(to);
  to.push_back(milliseconds("map", "cold_wait_ms", table, &Map::cold_wait, 30'000, Reload::no,
                            "How long a question about an unknown domain waits for policyd"));
  to.push_back(count("map", "max_waiting", table, &Map::max_waiting, 100'000,
                     "Questions that wait at the same time; more are answered NOTFOUND"));
  to.push_back(count("map", "max_connections", table, &Map::max_connections, 65'536,
                     "Connections at the same time"));
  const Word<Dialect> dialect{{{Dialect::postfix, "postfix"}, {Dialect::sendmail, "sendmail"}}};
  to.push_back(option("map", "names", WordTable<Dialect>{dialect, check_map_name, 1, 64},
                      at(table, &Map::names), Reload::no,
                      "Which program's words a map of this name answers"));
}

std::vector<Option> make() {
  std::vector<Option> all;
  add_common(all);
  add_lookups(all);
  add_policyd(all);
  add_map(all);
  add_milter_options(all);
  add_report_options(all);
  // One table after the other, as in tables().
  std::ranges::stable_sort(all, {}, [](const Option& option) {
    return std::ranges::find(tables(), option.table, &TableHelp::name) - tables().begin();
  });
  return all;
}

constexpr TableHelp kTables[] = {
    {"paths", "Where the programs keep what is theirs."},
    {"log", "What is logged: lines on stderr, which the journal takes."},
    {"resolver", "DNS servers policyd and `mxwarden policy check` ask."},
    {"fetch", "Getting policies by HTTPS (RFC 8461 section 3.3)."},
    {"policyd", "mxwarden-policyd: knows the policies."},
    {"map", "mxwarden-map: answers Postfix and Sendmail."},
    {"milter", "mxwarden-milter: records what is known of each mail's path, and tags or defers."},
    {"milter.defer", "Which mail may be deferred while every path to its domain is under attack."},
    {"reportd", "mxwarden-reportd: TLS reports (RFC 8460), those we send and those we get."},
    {"tlsrpt",
     "What is counted for TLS reports, and in whose name. Each `[[tlsrpt.source]]` is one way to "
     "hear of outbound sessions; without any nothing is counted."},
    {"tlsrpt.send", "Sending the reports. Off until somebody says in whose name and how signed."},
    {"intake", "Reports that others send about our domains."},
    {"metrics", "Numbers for Prometheus."},
};

// Levenshtein distance.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t changed = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({changed, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row[b.size()];
}

}  // namespace

std::span<const TableHelp> tables() {
  return kTables;
}

std::span<const Option> options() {
  static const std::vector<Option> all = make();
  return all;
}

std::string_view nearest(std::string_view word, std::span<const std::string_view> known) {
  constexpr std::size_t kLongest = 64;  // no key of ours is as long
  if (word.size() > kLongest) return {};
  std::string_view best;
  std::size_t least = SIZE_MAX;
  for (const std::string_view candidate : known) {
    // `cold_wait` for `cold_wait_ms`: the name without its unit is near, however short.
    const bool prefix = word.size() > 2 && candidate.starts_with(word);
    const std::size_t far = prefix ? 1 : distance(word, candidate);
    if (far * 3 <= std::max(candidate.size(), std::size_t{3}) && far < least) {
      best = candidate;
      least = far;
    }
  }
  return best;
}

}  // namespace mxw::config
