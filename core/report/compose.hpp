// The mail that brings a report (RFC 8460 section 5.3). Pure, thread-safe.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/base/time.hpp"

namespace mxw::report {

struct MailParts {
  std::string from,
      to;  // mailboxes `local@domain`: a dot-atom (RFC 5322 section 3.2.3), a host name
  Time date;
  std::string domain;     // TLS-Report-Domain: the policy domain the report is about
  std::string submitter;  // TLS-Report-Submitter: the domain of contact-info
  std::string report_id;  // report_id() of report.hpp: also the Message-ID
  std::string file_name;  // file_name() of report.hpp
  std::string_view gzip;  // the report as stored: gzip(write_json()); borrowed for the call
};

// Unsigned, CRLF, 7 bit, lines of at most 76 octets in the bodies and 998 in the headers; the same
// parts give the same octets. nullopt: an address, domain, id or file name is not of its form (so
// nothing of it can become a header), or the octets are no report.
[[nodiscard]] std::optional<std::string> compose_mail(const MailParts& parts);

// `local@domain` as MailParts takes it; at most 254 octets (RFC 5321 section 4.5.3.1.3).
[[nodiscard]] bool is_mailbox(std::string_view text);

}  // namespace mxw::report
