// The option table's lines of [reportd], [tlsrpt], [tlsrpt.send] and [intake].
#include "core/config/checks.hpp"
#include "core/config/codec_report.hpp"
#include "core/config/option_make.hpp"

namespace mxw::config {
namespace {

constexpr std::size_t kEntries = 1'024;

const Text kUser{check_user, "user name or numeric id"};
const List<Text, std::string> kUsers{kUser, 0, 32};
const Text kListen{check_listen, "inet:ADDRESS:PORT, inet6:[ADDRESS]:PORT or unix:PATH"};
const Text kPath{check_path, "absolute path"};
const Text kOptionalPath{check_path, "absolute path, or empty", true};
const Text kSocket{check_socket, "absolute path, or empty", true};
const Text kWord{check_word, "word"};

std::string address_text(const IpAddress& address) {
  return address.text();
}
const List<Parsed<IpAddress>, IpAddress> kAddresses{{address, address_text, "address"}, 0, 64};
const Word<ReportMode> kModes{
    {{ReportMode::mta, "mta"}, {ReportMode::sensor, "sensor"}, {ReportMode::mta_gaps, "mta+gaps"}}};

template <typename T>
auto of_send(T ReportSend::* member) {
  return [member](auto& config) -> auto& { return config.tlsrpt.send.*member; };
}

void add_reportd(std::vector<Option>& to) {
  to.push_back(option("reportd", "feed_users", kUsers, at(&Config::reportd, &Reportd::feed_users),
                      Reload::no, "Users that may tell of sessions and failures (feed.sock)"));
  to.push_back(option("reportd", "datagram_users", kUsers,
                      at(&Config::reportd, &Reportd::datagram_users), Reload::no,
                      "Users whose datagrams count: those the MTA's delivery runs as"));
  to.push_back(option("reportd", "lmtp", kSocket, at(&Config::reportd, &Reportd::lmtp), Reload::no,
                      "Socket where the MTA hands over bounces of our reports and the reports of "
                      "others, by LMTP; empty: nowhere"));
  to.push_back(option("reportd", "lmtp_users", kUsers, at(&Config::reportd, &Reportd::lmtp_users),
                      Reload::no, "Users that may hand over mail there"));
}

void add_tlsrpt(std::vector<Option>& to) {
  to.push_back(option("tlsrpt", "organisation", Text{check_organisation, "text, or empty", true},
                      at(&Config::tlsrpt, &Tlsrpt::organisation), Reload::no,
                      "In whose name reports are made (`organization-name`)"));
  to.push_back(option("tlsrpt", "contact", Text{check_address, "mail address, or empty", true},
                      at(&Config::tlsrpt, &Tlsrpt::contact), Reload::no,
                      "Whom readers of a report may ask (`contact-info`); its domain is the "
                      "submitter and the one that signs"));
  to.push_back(option("tlsrpt", "source", List<SourceTable, ReportSource>{{}, 0, 32},
                      at(&Config::tlsrpt, &Tlsrpt::sources), Reload::no,
                      "Who tells of the outbound sessions of which addresses, each a "
                      "`[[tlsrpt.source]]`: `mta` counts datagrams of libtlsrpt, `sensor` what the "
                      "sensor can prove, `mta+gaps` datagrams and the sensor's mail in clear the "
                      "MTA is silent about"));
}

void add_send(std::vector<Option>& to) {
  const auto table = "tlsrpt.send";
  to.push_back(option(table, "enabled", Boolean{}, of_send(&ReportSend::enabled), Reload::no,
                      "Send the reports; needs `organisation`, `contact` and a signature"));
  to.push_back(option(table, "sensor", Boolean{}, of_send(&ReportSend::sensor), Reload::no,
                      "Send also what sources of mode `sensor` counted: failures without the "
                      "successes beside them"));
  to.push_back(option(table, "smtp", kListen, of_send(&ReportSend::smtp), Reload::no,
                      "The MTA that takes report mail"));
  to.push_back(option(table, "sender", Text{check_local_part, "local part"},
                      of_send(&ReportSend::sender), Reload::no,
                      "Local part of the envelope sender, at the domain of `contact`; `+TOKEN` "
                      "follows it, and bounces to it are routed to `reportd.lmtp`"));
  to.push_back(option(table, "delay_s", Number<std::int64_t>{0, 4 * 3'600, kSecond},
                      of_send(&ReportSend::delay), Reload::no,
                      "Reports leave at a random time within so long after the day was built (RFC "
                      "8460 section 4.1)",
                      "s"));
  const Word<ReportSigning> signing{{{ReportSigning::own, "own"}, {ReportSigning::mta, "mta"}}};
  to.push_back(option(table, "signing", signing, of_send(&ReportSend::signing), Reload::no,
                      "Who makes the DKIM signature: `own` with the keys of `dkim`, or the `mta`"));
  to.push_back(option(table, "dkim", List<KeyFileTable, ReportKeyFile>{{}, 0, 4},
                      of_send(&ReportSend::dkim), Reload::no,
                      "Keys that sign report mail, each a `[[tlsrpt.send.dkim]]`: RSA of at least "
                      "2048 bits, Ed25519, or one of each"));
}

void add_https(std::vector<Option>& to) {
  const auto table = "tlsrpt.send";
  const List<Parsed<Cidr>, Cidr> networks{{prefix, prefix_text, "address or prefix"}, 0, 64};
  to.push_back(
      option(table, "https_allow", networks, of_send(&ReportSend::https_allow), Reload::no,
             "Addresses reports are posted to although they are not globally routable, on any "
             "port"));
  to.push_back(option(table, "https_ca_file", kOptionalPath, of_send(&ReportSend::https_ca_file),
                      Reload::no, "Trusted authorities as PEM; empty: those of the system"));
  to.push_back(option(table, "https_insecure", Boolean{}, of_send(&ReportSend::https_insecure),
                      Reload::no,
                      "Post also where the certificate is wrong (RFC 8460 section 3 allows it)"));
  to.push_back(option(table, "max_per_address", Number<std::size_t>{1, 100'000},
                      of_send(&ReportSend::max_per_address), Reload::no,
                      "Reports of a day to one address; the rest is listed as capped"));
  to.push_back(option(table, "max_per_day", Number<std::size_t>{1, 1'000'000},
                      of_send(&ReportSend::max_per_day), Reload::no, "Reports of a day in all"));
}

void add_intake(std::vector<Option>& to) {
  const List<Text, std::string> hosts{{check_host, "host name"}, 0, kEntries};
  to.push_back(option("intake", "domains", hosts, at(&Config::intake, &Intake::domains),
                      Reload::yes, "Our domains: reports about others are not taken"));
  to.push_back(option("intake", "mx_hosts", hosts, at(&Config::intake, &Intake::mx_hosts),
                      Reload::yes,
                      "Our mail servers: DANE reports may name them as policy domain"));
}

}  // namespace

std::string SourceTable::type() const {
  return "tables {name: " + kWord.type() + "; addresses: " + kAddresses.type() +
         "; mode: " + kModes.type() + "; socket: " + kSocket.type() + "}";
}

std::optional<ReportSource> SourceTable::read(const toml::Node& node, std::string_view,
                                              toml::Problems& problems) const {
  ReportSource made;
  bool good = node.as<toml::Node::Table>() != nullptr;
  toml::TableReader reader(node, "[[tlsrpt.source]]", problems);
  const auto take = [&](std::string_view key, const auto& codec, auto& into, bool needed) {
    const toml::Node* const given = needed ? reader.need(key) : reader.optional(key);
    if (given == nullptr) {
      good = good && !needed;
      return;
    }
    auto value = codec.read(*given, key, problems);
    good = good && value;
    if (value) into = *std::move(value);
  };
  take("name", kWord, made.name, true);
  take("addresses", kAddresses, made.addresses, false);
  take("mode", kModes, made.mode, true);
  take("socket", kSocket, made.socket, false);
  reader.finish();
  if (good && (made.mode == ReportMode::sensor) != made.socket.empty()) {
    good = false;
    problems.add(node, made.socket.empty()
                           ? "[[tlsrpt.source]] of mode " + kModes.print(made.mode) +
                                 " needs a \"socket\" for the MTA's datagrams"
                           : "[[tlsrpt.source]] of mode \"sensor\" has no \"socket\"");
  }
  if (good && made.mode != ReportMode::mta && made.addresses.empty()) {
    good = false;
    problems.add(node, "[[tlsrpt.source]] of mode " + kModes.print(made.mode) +
                           " needs the \"addresses\" whose sessions the sensor tells");
  }
  return good ? std::optional(std::move(made)) : std::nullopt;
}

std::string SourceTable::print(const ReportSource& value) const {
  return "{ name = " + kWord.print(value.name) +
         ", addresses = " + kAddresses.print(value.addresses) +
         ", mode = " + kModes.print(value.mode) + ", socket = " + quoted(value.socket) + " }";
}

std::string KeyFileTable::type() const {
  return "tables {selector: selector; key: " + kPath.type() + "}";
}

std::optional<ReportKeyFile> KeyFileTable::read(const toml::Node& node, std::string_view,
                                                toml::Problems& problems) const {
  ReportKeyFile made;
  const Text selector{check_selector, "selector"};
  toml::TableReader reader(node, "[[tlsrpt.send.dkim]]", problems);
  const toml::Node* const name = reader.need("selector");
  const toml::Node* const path = reader.need("key");
  const auto word = name == nullptr ? std::nullopt : selector.read(*name, "selector", problems);
  const auto file = path == nullptr ? std::nullopt : kPath.read(*path, "key", problems);
  reader.finish();
  if (!word || !file) return std::nullopt;
  return ReportKeyFile{*word, *file};
}

std::string KeyFileTable::print(const ReportKeyFile& value) const {
  return "{ selector = " + quoted(value.selector) + ", key = " + quoted(value.key) + " }";
}

void add_report_options(std::vector<Option>& to) {
  add_reportd(to);
  add_tlsrpt(to);
  add_send(to);
  add_https(to);
  add_intake(to);
}

}  // namespace mxw::config
