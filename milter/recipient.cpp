#include "milter/recipient.hpp"

#include <algorithm>
#include <array>

#include "core/base/ascii.hpp"
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
};

Address with_domain(std::string_view local, std::string_view domain) {
  Address address{std::string(local), {}, false};
  const auto name = mail::DnsName::parse(domain);
  address.named = name.has_value();
  address.domain = name ? name->text() : ascii::to_lower(printable(domain, kDomainBytes));
  return address;
}

Address of_argument(std::string_view argument) {
  const auto path = mail::parse_path(argument);
  return path ? with_domain(path->local, path->domain) : Address{};
}

// {rcpt_addr} has neither brackets nor route, and blanks only in a local part that some MTAs give
// without its quotes: the domain is what follows the last `@`.
Address of_macro(std::string_view text) {
  const std::size_t at = text.rfind('@');
  if (at == std::string_view::npos) return {};
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
  // Of a refused recipient the macro is the text of the refusal.
  Address address = mailer == "error" ? Address{} : of_macro(macros.address);
  if (address.domain.empty()) address = of_argument(argument);

  Recipient recipient;
  recipient.address = joined(address);
  recipient.domain = std::move(address.domain);
  recipient.named = address.named;
  recipient.ours = std::ranges::find(kNoSmtp, mailer) != kNoSmtp.end() || host.empty() ||
                   recipient.domain.empty();
  recipient.smart_host = recipient.named && is_smart_host(host, recipient.domain);
  return recipient;
}

std::string read_sender(std::string_view argument) {
  return joined(of_argument(argument));
}

}  // namespace mxw::milter
