#include "milter/session.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "core/base/ascii.hpp"
#include "core/base/check.hpp"
#include "milter/guarded.hpp"
#include "milter/text.hpp"

namespace mxw::milter {
namespace {

constexpr std::uint16_t kSmtpPort = 25;
constexpr std::size_t kQueueIdBytes = 64;  // Postfix: at most 32; Sendmail: 14

std::optional<std::uint16_t> port_of(std::string_view text) {
  const auto number = ascii::parse_u64(text);
  if (!number || *number > 0xffff) return std::nullopt;
  return static_cast<std::uint16_t>(*number);
}

// Sendmail writes `IPv6:2001:db8::1`, as RFC 5321 does in literals.
std::optional<IpAddress> address_of(std::string_view text) {
  constexpr std::string_view kTag = "IPv6:";
  if (text.starts_with('[') && text.ends_with(']')) text = text.substr(1, text.size() - 2);
  if (ascii::istarts_with(text, kTag)) text.remove_prefix(kTag.size());
  const auto address = IpAddress::parse(text);
  if (!address) return std::nullopt;
  return unmapped(*address);
}

std::string word(const Macros& macros, const char* name) {
  return printable(macros.get(name), kWordBytes);
}

}  // namespace

Session::Session(std::shared_ptr<const Settings> settings, Shared shared, std::uint64_t id)
    : settings_(std::move(settings)), shared_(std::move(shared)), id_(id) {}

void Session::read_client(const Connect& connect, const Macros& macros) {
  client_ = connect.client;
  if (client_) {
    client_->address = unmapped(client_->address);
  } else if (const auto address = address_of(macros.get("{client_addr}"))) {
    client_ = Endpoint{*address, port_of(macros.get("{client_port}")).value_or(0)};
  }
  const auto address = client_ ? std::optional(client_->address) : std::nullopt;
  const bool confirmed = ascii::iequals(macros.get("{client_resolve}"), "OK");
  exempt_ = settings_->exempt.contains(confirmed ? connect.host : std::string(), address);
  trusted_ = contains(settings_->roles.trusted_networks, address);
}

// Postfix has {daemon_addr}, Sendmail {if_addr}.
void Session::read_server(const Macros& macros) {
  daemon_name_ = word(macros, "{daemon_name}");
  daemon_port_ = word(macros, "{daemon_port}");
  auto address = address_of(macros.get("{daemon_addr}"));
  if (!address) address = address_of(macros.get("{if_addr}"));
  if (address) server_ = Endpoint{*address, port_of(daemon_port_).value_or(kSmtpPort)};
  authserv_id_ = settings_->authserv_id.empty() ? printable(macros.get("j"), kDomainBytes)
                                                : settings_->authserv_id;
}

void Session::set_role() {
  role_ = role_of(settings_->roles, {daemon_name_, daemon_port_, authenticated_, client_});
}

Reply Session::connect(const Connect& connect, const Macros& macros) {
  guarded(Stage::connect, [&] {
    start_ = shared_.wall();
    headers_come_ = connect.headers;
    read_client(connect, macros);
    read_server(macros);
    set_role();
    connected_ = true;
  });
  return {};
}

// TLS comes with the second HELO, after STARTTLS, or the first where it is implicit; it never goes.
void Session::read_tls(const Macros& macros) {
  if (macros.get("{tls_version}").empty()) return;
  tls_ = {word(macros, "{tls_version}"), word(macros, "{cipher}"), word(macros, "{cipher_bits}")};
}

Reply Session::helo(std::string_view, const Macros& macros) {
  guarded(Stage::helo, [&] { read_tls(macros); });
  return {};
}

Reply Session::mail(std::span<const std::string_view> args, const Macros& macros) {
  finish();
  trouble_ = !connected_ || args.empty();
  in_transaction_ = true;
  const bool done = guarded(Stage::mail, [&] {
    transaction_.since = shared_.wall();
    if (trouble_) return;
    read_tls(macros);  // a client need not have said HELO
    authenticated_ = !macros.get("{auth_type}").empty();
    set_role();
    transaction_.sender = read_sender(args.front());
    transaction_.requiretls = std::ranges::any_of(
        args.subspan(1), [](auto arg) { return ascii::iequals(arg, "REQUIRETLS"); });
    learn_queue_id(macros, false);
  });
  trouble_ |= !done;
  return {};
}

// Postfix has no id before the first RCPT is accepted. Until DATA the macros of the message before
// may still be there: an id that was its own is not believed.
void Session::learn_queue_id(const Macros& macros, bool certain) {
  const std::string id = printable(macros.get("i"), kQueueIdBytes);
  if (id.empty() || id == transaction_.queue_id || (!certain && id == last_queue_id_)) return;
  transaction_.queue_id = id;
  if (!std::exchange(transaction_.untold_id, false)) return;
  shared_.recorder.queue_id(id_, transaction_.since, id);
}

Reply Session::data(const Macros& macros) {
  if (in_transaction_ && !trouble_) guarded(Stage::data, [&] { learn_queue_id(macros, true); });
  return {};
}

void Session::abort() {
  guarded(Stage::abort, [&] { finish(); });
}

// What is known of the connection stays.
void Session::finish() {
  if (!transaction_.queue_id.empty()) last_queue_id_.swap(transaction_.queue_id);
  transaction_ = Transaction();
  in_transaction_ = trouble_ = false;
}

DecisionNote Session::new_note() const {
  DecisionNote note;
  note.session = id_;
  note.time = shared_.wall();
  note.since = transaction_.since;
  note.queue_id = transaction_.queue_id;
  note.listener = daemon_name_.empty() ? daemon_port_ : daemon_name_;
  note.role = role_;
  if (client_) note.client = Deferrals::prefix(client_->address);
  note.tls = tls_;
  note.dry_run = settings_->choices.dry_run;
  note.requiretls = transaction_.requiretls;
  return note;
}

void Session::tell(DecisionNote note) {
  transaction_.untold_id |= note.queue_id.empty();
  transaction_.named_late |= note.queue_id.empty();
  shared_.recorder.decision(std::move(note));
}

}  // namespace mxw::milter
