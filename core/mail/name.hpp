// Names. Two types on purpose (semantics 2): a HostName is what MX, SNI and certificates carry
// (letters, digits, hyphen); a DnsName may hold underscore labels (`_mta-sts`). Both are kept as
// lower-case A-labels without a final dot; U-labels are converted by libidn2 (IDNA2008, RFC 5891).
// Values own their text; every function is pure and thread-safe.
#pragma once

#include <compare>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace mxw::mail {

class HostName {
 public:
  // nullopt for anything that is no host name: empty labels, labels over 63 octets, a name over
  // 253, an all-numeric last label (an address), an underscore, a hyphen at either end of a label.
  static std::optional<HostName> parse(std::string_view text);
  [[nodiscard]] const std::string& text() const { return text_; }
  friend auto operator<=>(const HostName&, const HostName&) = default;

 private:
  explicit HostName(std::string text) : text_(std::move(text)) {}
  std::string text_;
};

class DnsName {
 public:
  static std::optional<DnsName> parse(std::string_view text);  // as HostName, underscores allowed
  [[nodiscard]] const std::string& text() const { return text_; }
  friend auto operator<=>(const DnsName&, const DnsName&) = default;

 private:
  explicit DnsName(std::string text) : text_(std::move(text)) {}
  std::string text_;
};

// The mailbox of a MAIL or RCPT argument (RFC 5321 section 4.1.2), leniently as servers accept it:
// `<local@domain>`, without brackets, with a source route, with blanks after the colon, with
// parameters behind it. `domain` is a lower-case A-label where convertible, else as sent in lower
// case (address literals, garbage), at most 255 octets, empty for `<postmaster>`. At most
// limits::kSmtpLineBytes of the argument are read.
struct Path {
  std::string local;  // quotes and backslashes of a quoted string removed
  std::string domain;
  bool null_sender = false;  // `<>`
};

// `argument` is what follows `FROM:` or `TO:`. Total on any bytes; nullopt when it names nobody.
[[nodiscard]] std::optional<Path> parse_path(std::string_view argument);

}  // namespace mxw::mail
