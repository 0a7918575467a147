// Recipient: what one RCPT says, by its argument and the macros that came with it. Macros are read
// at once and copied: those of a RCPT are still there, stale, at the next one and after it. Pure,
// total on any octets.
#pragma once

#include <string>
#include <string_view>

namespace mxw::milter {

struct RcptMacros {
  std::string_view mailer, host, address;  // {rcpt_mailer}, {rcpt_host}, {rcpt_addr}
};

struct Recipient {
  std::string address;  // to know the mail again: never told
  std::string domain;   // A-label, or an address literal; empty for what is neither: it may be a
                        // piece of a local part
  bool named = false;   // the domain is a name, so it can have a policy
  bool ours = false;    // delivered here, refused or sent by other means than SMTP; or no
                        // next hop is told, as for local injection
  bool smart_host = false;  // the next hop is not the domain's MX (RFC 8461 section 3.4)
};

// {rcpt_addr} counts before the argument: it is the address after rewriting, where the mail goes.
// {rcpt_host} is the domain with or without a final dot (Sendmail) and port 25, or a smart host.
[[nodiscard]] Recipient read_recipient(std::string_view argument, const RcptMacros& macros);

// `local@domain` of an argument of MAIL, empty for `<>` and for what names nobody.
[[nodiscard]] std::string read_sender(std::string_view argument);

}  // namespace mxw::milter
