// SMTP verbs a client sends (RFC 5321 section 4.1, RFC 3207, RFC 4954, RFC 3030).
#pragma once

#include <cstdint>
#include <string_view>

namespace mxw::smtp {

enum class Verb : std::uint8_t {
  connect,  // not sent: stands for what the banner answers
  ehlo,
  helo,
  lhlo,
  mail,
  rcpt,
  data,
  bdat,
  starttls,
  auth,
  auth_line,  // a continuation line of AUTH: its octets are never kept
  rset,
  quit,
  noop,
  vrfy,
  expn,
  help,
  end_of_data,  // the line with the single dot
  http,         // an HTTP request line: cross-protocol traffic
  unknown,
};

// The verb of a line and what follows it. `MAIL FROM:` and `RCPT TO:` are verbs with their colon
// taken off the argument.
struct Command {
  Verb verb = Verb::unknown;
  std::string_view argument;
};
[[nodiscard]] Command parse_command(std::string_view line);

// The argument of a BDAT that ends its mail (RFC 3030 section 2).
[[nodiscard]] bool is_last_chunk(std::string_view argument);

[[nodiscard]] std::string_view name(Verb verb);

// ^[X*]{4,}[A-Z]?$ : a word some device wrote over in place (semantics 1).
[[nodiscard]] bool is_masked(std::string_view word);

}  // namespace mxw::smtp
