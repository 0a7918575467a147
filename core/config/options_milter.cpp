// The option table's lines of [milter] and [milter.defer].
#include <charconv>
#include <cmath>

#include "core/base/ascii.hpp"
#include "core/config/checks.hpp"
#include "core/config/codec_milter.hpp"
#include "core/config/option_make.hpp"

namespace mxw::config {
namespace {

constexpr std::size_t kEntries = 1'024;  // of a list: 64 KiB of file have room for some thousand

const Parsed<Cidr> kNetwork{prefix, prefix_text, "address or prefix"};
const List<Parsed<Cidr>, Cidr> kNetworks{kNetwork, 0, kEntries};
const List<Text, std::string> kRecipients{{check_recipient, "domain or .domain"}, 0, kEntries};

std::string address_text(const IpAddress& address) {
  return address.text();
}

std::string decimal(double value) {
  char text[32];
  const auto end = std::to_chars(std::begin(text), std::end(text), value);
  return {text, end.ptr};
}

const Word<MilterAction> kActions{{{MilterAction::accept, "accept"},
                                   {MilterAction::tag, "tag"},
                                   {MilterAction::defer, "defer"},
                                   {MilterAction::quarantine, "quarantine"}}};

using Names = std::vector<std::pair<MilterRole, std::string_view>>;
const Names kRoles = {{MilterRole::inbound, "inbound"},
                      {MilterRole::submission, "submission"},
                      {MilterRole::relay, "relay"},
                      {MilterRole::local, "local"}};

template <typename T>
auto of_milter(T Milter::* member) {
  return at(&Config::milter, member);
}

template <typename T>
auto of_defer(T MilterDefer::* member) {
  return [member](auto& config) -> auto& { return config.milter.defer.*member; };
}

void add_socket(std::vector<Option>& to) {
  const Text socket{check_milter_socket, "local:PATH, inet:PORT@HOST or inet6:PORT@HOST"};
  to.push_back(option("milter", "socket", socket, of_milter(&Milter::socket), Reload::no,
                      "Where the MTA finds the milter"));
  to.push_back(option("milter", "socket_mode", FileMode{}, of_milter(&Milter::socket_mode),
                      Reload::no, "Who may connect to a local socket"));
  to.push_back(option("milter", "socket_group",
                      Text{check_user, "group name or numeric id, or empty", true},
                      of_milter(&Milter::socket_group), Reload::no,
                      "The group of a local socket; empty: that of the process"));
  to.push_back(count("milter", "backlog", &Config::milter, &Milter::backlog, 4'096,
                     "Connections that may wait to be taken"));
  to.push_back(
      seconds("milter", "timeout_s", &Config::milter, &Milter::timeout, 86'400, Reload::no,
              "How long the MTA may be silent; less than the MTA's own time cuts sessions"));
}

void add_roles(std::vector<Option>& to) {
  Names roles = {{MilterRole::automatic, "auto"}};
  roles.insert(roles.end(), kRoles.begin(), kRoles.end());
  to.push_back(option("milter", "role", Word<MilterRole>{roles}, of_milter(&Milter::role),
                      Reload::yes,
                      "What mail comes over this listener; `auto`: told by the keys below, "
                      "authentication, and the client's address"));
  to.push_back(option("milter", "daemon_names",
                      WordTable<MilterRole>{{kRoles}, check_daemon_name, 0, 64},
                      of_milter(&Milter::daemon_names), Reload::yes,
                      "Roles by the MTA's name for its listener, {daemon_name}"));
  to.push_back(option("milter", "daemon_ports", WordTable<MilterRole>{{kRoles}, check_port, 0, 64},
                      of_milter(&Milter::daemon_ports), Reload::yes,
                      "Roles by the MTA's port, {daemon_port}"));
  to.push_back(option("milter", "trusted_networks", kNetworks, of_milter(&Milter::trusted_networks),
                      Reload::yes,
                      "Clients whose mail is relayed; their Authentication-Results are kept"));
  const Text client{check_client, "host, .domain, address or prefix"};
  to.push_back(option("milter", "exempt", List<Text, std::string>{client, 0, kEntries},
                      of_milter(&Milter::exempt), Reload::yes,
                      "Clients that are never judged; the first that fits counts, `!` before one: "
                      "judged"));
}

void add_actions(std::vector<Option>& to) {
  to.push_back(option("milter", "authserv_id",
                      Text{check_authserv_id, "token of RFC 8601, or empty", true},
                      of_milter(&Milter::authserv_id), Reload::yes,
                      "Our name in Authentication-Results; empty: the MTA's own, {j}"));
  to.push_back(boolean("milter", "header", &Config::milter, &Milter::header, Reload::yes,
                       "Add Authentication-Results to inbound mail"));
  to.push_back(boolean("milter", "dry_run", &Config::milter, &Milter::dry_run, Reload::yes,
                       "Record what would be done and do nothing"));
  const List<OverrideTable, MilterOverride> overrides{{kActions}, 0, kEntries};
  to.push_back(option("milter", "override", overrides, of_milter(&Milter::overrides), Reload::yes,
                      "What is done for these recipients and clients instead, each a "
                      "`[[milter.override]]`; the first that fits counts, an empty list fits all; "
                      "`quarantine` holds the whole message, for all its recipients"));
  to.push_back(option("milter", "families", List<Family, unsigned>{{}, 1, 2},
                      of_milter(&Milter::families), Reload::yes,
                      "Addresses of an MX that must all be under a verdict: those this host "
                      "delivers to"));
  const Parsed<IpAddress> address_of{address, address_text, "address"};
  to.push_back(option("milter", "egress", List<decltype(address_of), IpAddress>{address_of, 0, 64},
                      of_milter(&Milter::egress), Reload::yes,
                      "Addresses this host delivers from: verdicts about others do not count; "
                      "empty: all count"));
  const Word<InternalError> error{
      {{InternalError::accept, "accept"}, {InternalError::tempfail, "tempfail"}}};
  to.push_back(option("milter", "on_internal_error", error, of_milter(&Milter::on_internal_error),
                      Reload::yes,
                      "What becomes of mail when the milter itself fails; `tempfail` holds it"));
}

void add_defer(std::vector<Option>& to) {
  to.push_back(option("milter.defer", "peers", kNetworks, of_defer(&MilterDefer::peers),
                      Reload::yes,
                      "Clients that queue mail and come again; nobody else is deferred"));
  const Text domains{check_recipients, "domain, .domain or *"};
  to.push_back(option("milter.defer", "domains", List<Text, std::string>{domains, 0, kEntries},
                      of_defer(&MilterDefer::domains), Reload::yes,
                      "Recipient domains whose mail may be deferred; the first that fits counts, "
                      "`!` before one: not"));
  to.push_back(option("milter.defer", "max_age_s", Number<std::int64_t>{1, 5 * 86'400, kSecond},
                      of_defer(&MilterDefer::max_age), Reload::yes,
                      "How long after its first deferral a mail is let through", "s"));
  to.push_back(option("milter.defer", "max_share", Decimal{0, 100},
                      of_defer(&MilterDefer::max_share), Reload::yes,
                      "Per cent of an hour's recipients; when more are deferred, none are for an "
                      "hour"));
  to.push_back(option("milter.defer", "min_count", Number<unsigned>{1, 1'000'000},
                      of_defer(&MilterDefer::min_count), Reload::yes,
                      "Deferrals of an hour below which `max_share` does not count"));
}

}  // namespace

std::optional<unsigned> FileMode::read(const toml::Node& node, std::string_view key,
                                       toml::Problems& problems) const {
  const auto* const text = node.as<std::string>();
  unsigned mode = 0;
  if (text != nullptr && text->size() >= 3 && text->size() <= 4) {
    const char* const end = text->data() + text->size();
    const auto read = std::from_chars(text->data(), end, mode, 8);
    if (read.ec == std::errc() && read.ptr == end && mode <= 0777) return mode;
  }
  problems.add(node, quoted(key) + " is not from \"0000\" to \"0777\"");
  return std::nullopt;
}

std::string FileMode::print(unsigned mode) const {
  std::string out = "0";
  for (const unsigned shift : {6U, 3U, 0U}) out += static_cast<char>('0' + (mode >> shift & 7U));
  return quoted(out);
}

std::string Decimal::type() const {
  return "number, " + decimal(min) + " to " + decimal(max);
}

std::optional<double> Decimal::read(const toml::Node& node, std::string_view key,
                                    toml::Problems& problems) const {
  const auto* const whole = node.as<std::int64_t>();
  const auto* const fraction = node.as<double>();
  if (whole == nullptr && fraction == nullptr) {
    problems.add(node, quoted(key) + " is not a number");
    return std::nullopt;
  }
  const double value = whole != nullptr ? static_cast<double>(*whole) : *fraction;
  // What is no number is not within.
  if (value >= min && value <= max) return std::fabs(value);
  problems.add(node, quoted(key) + " is not from " + decimal(min) + " to " + decimal(max));
  return std::nullopt;
}

std::string Decimal::print(double value) const {
  return decimal(value);
}

std::optional<unsigned> Family::read(const toml::Node& node, std::string_view key,
                                     toml::Problems& problems) const {
  const auto* const value = node.as<std::int64_t>();
  if (value != nullptr && (*value == 4 || *value == 6)) return static_cast<unsigned>(*value);
  problems.add(node, quoted(key) + " has an entry that is not 4 or 6");
  return std::nullopt;
}

std::string OverrideTable::type() const {
  return "tables {recipients: " + kRecipients.type() + "; clients: " + kNetworks.type() +
         "; action: " + action.type() + "}";
}

std::optional<MilterOverride> OverrideTable::read(const toml::Node& node, std::string_view key,
                                                  toml::Problems& problems) const {
  MilterOverride made;
  bool good = node.as<toml::Node::Table>() != nullptr;
  toml::TableReader reader(node, "[[milter." + std::string(key) + "]]", problems);
  if (const toml::Node* const given = reader.optional("recipients")) {
    auto value = kRecipients.read(*given, "recipients", problems);
    if (value) made.recipients = *std::move(value);
    good = good && value;
  }
  if (const toml::Node* const given = reader.optional("clients")) {
    auto value = kNetworks.read(*given, "clients", problems);
    if (value) made.clients = *std::move(value);
    good = good && value;
  }
  const toml::Node* const given = reader.need("action");
  const auto value = given == nullptr ? std::nullopt : action.read(*given, "action", problems);
  if (value) made.action = *value;
  reader.finish();
  return good && value ? std::optional(std::move(made)) : std::nullopt;
}

std::string OverrideTable::print(const MilterOverride& value) const {
  return "{ recipients = " + kRecipients.print(value.recipients) +
         ", clients = " + kNetworks.print(value.clients) +
         ", action = " + action.print(value.action) + " }";
}

void add_milter_options(std::vector<Option>& to) {
  add_socket(to);
  add_roles(to);
  add_actions(to);
  add_defer(to);
}

}  // namespace mxw::config
