// The settings of all programs, as values. One file, `mxwarden.toml`, serves them all: each program
// reads its own tables and refuses what no program knows. core/config/load.hpp reads it; defaults
// stand here and nowhere else. docs/config.md lists every key with type, default and whether a
// reload takes it. Durations are nanoseconds here, and whole seconds or milliseconds in the file,
// as the key's name says.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "core/base/ip.hpp"
#include "core/base/time.hpp"

namespace mxw::config {

// [paths] Each program derives its own below these: `<run>/<program>/control.sock`,
// `<state>/<program>/`.
struct Paths {
  std::string run = "/run/mxwarden";
  std::string state = "/var/lib/mxwarden";
  std::string operator_dir = "/var/lib/mxwarden/operator";  // key `operator`
};

// [log]
enum class LogLevel : std::uint8_t { error, warning, info, debug };
struct Log {
  LogLevel level = LogLevel::info;
};

// [resolver] The recursive servers policyd and the tool ask.
struct Resolver {
  std::vector<Endpoint> servers = {{IpAddress::from_v4(Bytes(kLoopback)), 53}};
  std::vector<Endpoint>
      validating;  // those among `servers` whose AD bit is believed (RFC 7672 2.1.1)
  std::int64_t timeout = 1 * kSecond;
  unsigned tries = 2;

 private:
  static constexpr std::uint8_t kLoopback[4] = {127, 0, 0, 1};
};

// [fetch] Getting policies (RFC 8461 section 3.3).
struct Fetch {
  std::string ca_file;       // PEM; empty: the system's
  std::vector<Cidr> allow;   // reached although not globally routable: labs
  std::uint16_t port = 443;  // another only reaches addresses of `allow`
  std::int64_t timeout = 60 * kSecond;
};

// [policyd]
struct Policyd {
  // Numeric ids or names of users that may connect; group mxw-op is for the operator.
  std::vector<std::string> feed_users = {"root", "mxw-map", "mxw-milter", "mxw-sensor",
                                         "mxw-report"};
  std::vector<std::string> ask_users = {"root", "mxw-map", "mxw-milter", "mxw-report"};
  std::string ask_group = "mxw-ask";  // of the ask socket: who else cannot even connect
  std::string operator_group = "mxw-op";
  std::vector<std::string> domains_from;     // `file:PATH`, absolute
  std::int64_t refresh_interval = 1 * kDay;  // RFC 8461 section 10.2
  std::size_t max_policies = 100'000, max_others = 200'000;
  std::size_t parallel = 64;  // domains looked up at the same time
  bool dane = true;           // TLSA lookups (need `validating`)
};

// [map]
enum class Enforcement : std::uint8_t { observe, enforce };
enum class PostfixDane : std::uint8_t { none, dane, dane_only };
enum class Dialect : std::uint8_t { postfix, sendmail };
struct Map {
  std::vector<std::string> listen = {
      "inet:127.0.0.1:8461"};  // also `inet6:[::1]:PORT`, `unix:PATH`
  Enforcement enforcement = Enforcement::observe;
  PostfixDane postfix_dane = PostfixDane::none;
  bool tlsrpt_attributes = false;  // the words Postfix 3.10 added; 3.7 defers all mail on them
  bool strict_testing = false;     // answer `testing` policies as if they said enforce
  bool servername = true;          // `servername=hostname`: SNI
  std::int64_t cold_wait = 3 * kSecond;
  std::size_t max_waiting = 1'000;  // questions that wait for policyd at the same time
  std::size_t max_connections = 4'096;
  std::map<std::string, Dialect> names = {{"postfix", Dialect::postfix},
                                          {"sts", Dialect::sendmail}};
};

// [milter] and [milter.defer]; [[milter.override]] in order, the first that fits a recipient
// counts.
enum class MilterRole : std::uint8_t { automatic, inbound, submission, relay, local };
enum class MilterAction : std::uint8_t { accept, tag, defer, quarantine };
enum class InternalError : std::uint8_t { accept, tempfail };
struct MilterOverride {
  std::vector<std::string> recipients;  // `example.org`, `.example.org` (below), empty: every
  std::vector<Cidr> clients;            // empty: every
  MilterAction action = MilterAction::tag;
};
struct MilterDefer {
  std::vector<Cidr> peers;  // clients that queue; empty: nobody is deferred
  // Recipient domains, first fit: `example.org`, `.example.org`, `*`; `!` before it: not these.
  // Empty: none.
  std::vector<std::string> domains;
  std::int64_t max_age = 4 * kHour;  // from the first deferral of a mail, then it is let through
  double max_share = 1.0;   // per cent of RCPTs within the hour; above it the breaker trips
  unsigned min_count = 20;  // deferrals before it can trip
};
struct Milter {
  std::string socket = "local:/run/mxwarden/milter/milter.sock";  // also inet:PORT@HOST, inet6:
  unsigned socket_mode = 0660;
  std::string socket_group;  // empty: as the process
  MilterRole role = MilterRole::automatic;
  std::map<std::string, MilterRole> daemon_names, daemon_ports;  // {daemon_name}, {daemon_port}
  std::vector<Cidr> trusted_networks;                            // relay clients
  std::vector<std::string> exempt;  // clients never looked at: host, .domain, CIDR, `!` before it
  std::string authserv_id;          // empty: the MTA's own name ({j})
  bool header = true;               // Authentication-Results on inbound
  bool dry_run = false;             // record what would be done, do nothing
  MilterDefer defer;
  std::vector<MilterOverride> overrides;
  std::vector<unsigned> families = {4};  // of MX addresses that count (semantics 7): 4, 6
  std::vector<IpAddress> egress;         // our own addresses; empty: verdicts of any
  InternalError on_internal_error = InternalError::accept;
  std::int64_t timeout = 7'200 * kSecond;  // libmilter's own default: below the MTA's it cuts it
  unsigned backlog = 128;
};

// [metrics] `mxwarden metrics` serves what the programs keep on their own unix sockets.
struct Metrics {
  Endpoint listen;  // family 0: not given on the command line either
};

struct Config {
  Paths paths;
  Log log;
  Resolver resolver;
  Fetch fetch;
  Policyd policyd;
  Map map;
  Milter milter;
  Metrics metrics;
};

}  // namespace mxw::config
