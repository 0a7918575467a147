#include "milter/recipient.hpp"

#include <algorithm>
#include <array>

#include "core/base/ascii.hpp"
#include "core/base/ip.hpp"
#include "core/mail/name.hpp"
#include "milter/text.hpp"

namespace mxw::milter {
namespace {

// Semantics 12 names the first four. The others are those of both MTAs' stock settings that refuse,
// or deliver by a program or LMTP; for some the next hop is the recipient's domain all the same.
constexpr std::array<std::string_view, 16> kNoSmtp = {
    "error",     "local", "virtual", "discard",  "retry",   "lmtp",     "prog",    "*file*",
    "*include*", "cyrus", "cyrusv2", "procmail", "dovecot", "maildrop", "mailman", "uucp"};

struct Address {
  std::string local, domain;
  bool named = false;
  bool literal = false;  // RFC 5321 section 4.1.3
};

bool is_literal(std::string_view domain) {
  constexpr std::string_view kTag = "IPv6:";
  if (!domain.starts_with('[') || !domain.ends_with(']')) return false;
  domain = domain.substr(1, domain.size() - 2);
  if (ascii::istarts_with(domain, kTag)) domain.remove_prefix(kTag.size());
  return IpAddress::parse(domain).has_value();
}

Address with_domain(std::string_view local, std::string_view domain) {
  Address address{std::string(local), {}, false, is_literal(domain)};
  const auto name = mail::DnsName::parse(domain);
  address.named = name.has_value();
  address.domain = name ? name->text() : ascii::to_lower(printable(domain, kDomainBytes));
  return address;
}

bool ends_in_quotes(std::string_view text) {
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '"') quoted = !quoted;
    if (text[i] == '\\' && quoted) ++i;
  }
  return quoted;
}

Address of_argument(std::string_view argument) {
  // Where a quoted string has no end nobody can say where the local part ends.
  if (ends_in_quotes(argument)) return with_domain(argument, {});
  const auto path = mail::parse_path(argument);
  return path ? with_domain(path->local, path->domain) : Address{};
}

// Where the local part ends: at the last `@`, but within quotes there is none that counts.
std::size_t at_of(std::string_view text) {
  if (!text.starts_with('"')) return text.rfind('@');
  std::size_t end = 1;
  for (; end < text.size() && text[end] != '"'; ++end)
    if (text[end] == '\\') ++end;
  return end + 1 < text.size() && text[end + 1] == '@' ? end + 1 : std::string_view::npos;
}

// {rcpt_addr} has neither brackets nor route, and blanks only in a local part that some MTAs give
// without its quotes: the domain is what follows the last `@`, unless the argument says that all of
// it is a local part.
Address of_macro(std::string_view text, const Address& argument) {
  const std::size_t at = at_of(text);
  if (at == std::string_view::npos || (argument.domain.empty() && text == argument.local))
    return {};
  return with_domain(text.substr(0, at), ascii::trim(text.substr(at + 1)));
}

std::string_view without_smtp_port(std::string_view host) {
  for (const std::string_view port : {":25", ":smtp"}) {
    if (host.ends_with(port)) return host.substr(0, host.size() - port.size());
  }
  return host;
}

bool is_smart_host(std::string_view host, const std::string& domain) {
  const auto name = mail::DnsName::parse(without_smtp_port(host));
  return !name || name->text() != domain;
}

std::string joined(const Address& address) {
  return address.local.empty() && address.domain.empty() ? std::string()
                                                         : address.local + '@' + address.domain;
}

}  // namespace

Recipient read_recipient(std::string_view argument, const RcptMacros& macros) {
  const std::string mailer = ascii::to_lower(macros.mailer);
  const std::string_view host = ascii::trim(macros.host);
  const Address said = of_argument(argument);
  // Of a refused recipient the macro is the text of the refusal.
  Address address = mailer == "error" ? Address{} : of_macro(macros.address, said);
  if (address.domain.empty()) address = said;

  Recipient recipient;
  recipient.address = joined(address);
  recipient.named = address.named;
  recipient.ours =
      std::ranges::find(kNoSmtp, mailer) != kNoSmtp.end() || host.empty() || address.domain.empty();
  // Anything else may be a piece of a local part.
  if (address.named || address.literal) recipient.domain = std::move(address.domain);
  recipient.smart_host = recipient.named && is_smart_host(host, recipient.domain);
  return recipient;
}

std::string read_sender(std::string_view argument) {
  return joined(of_argument(argument));
}

}  // namespace mxw::milter
