// Texts of [tlsrpt] and [intake].
#include <sys/un.h>

#include <algorithm>

#include "core/base/ascii.hpp"
#include "core/base/utf8.hpp"
#include "core/config/checks.hpp"
#include "core/mail/name.hpp"

namespace mxw::config {
namespace {

constexpr std::size_t kWord = 64;                           // as rows::kWordBytes
constexpr std::size_t kLocalPart = 64;                      // RFC 5321 section 4.5.3.1.1
constexpr std::size_t kOrganisation = 255;                  // ours
constexpr std::string_view kAtext = "!#$%&'*+-/=?^_`{|}~";  // RFC 5322 section 3.2.3, no letters

std::string in_quotes(std::string_view text) {
  return '"' + std::string(text) + '"';
}

bool made_of(std::string_view text, std::string_view more) {
  return std::ranges::all_of(
      text, [&](char c) { return ascii::is_alnum(c) || more.find(c) != std::string_view::npos; });
}

bool dot_atom(std::string_view text) {
  return !text.empty() && text.size() <= kLocalPart && made_of(text, std::string(kAtext) + '.') &&
         !text.starts_with('.') && !text.ends_with('.') &&
         text.find("..") == std::string_view::npos;
}

}  // namespace

std::string check_socket(std::string_view text) {
  // A name beside it stands while the socket is made (core/ipc/address.hpp).
  constexpr std::size_t kMost = sizeof(sockaddr_un::sun_path) - 1 - 8;
  if (std::string why = check_path(text); !why.empty()) return why;
  if (text.size() <= kMost) return {};
  return "the path of a socket has more than " + std::to_string(kMost) + " octets";
}

std::string check_word(std::string_view text) {
  if (!text.empty() && text.size() <= kWord && made_of(text, "-_")) return {};
  return in_quotes(text) + " is no word of letters, digits, `-` and `_`";
}

std::string check_host(std::string_view text) {
  return mail::HostName::parse(text) ? std::string() : in_quotes(text) + " is no host name";
}

std::string check_address(std::string_view text) {
  const std::size_t at = text.rfind('@');
  if (at != std::string_view::npos && dot_atom(text.substr(0, at)) &&
      mail::HostName::parse(text.substr(at + 1)))
    return {};
  return in_quotes(text) + " is no mail address";
}

// Behind it comes `+TOKEN`: how a bounce is known. The rest of a local part is for the token.
std::string check_local_part(std::string_view text) {
  constexpr std::size_t kMost = 24;
  if (!text.empty() && text.size() <= kMost && made_of(text, "-")) return {};
  return in_quotes(text) + " is not of at most " + std::to_string(kMost) +
         " letters, digits and hyphens";
}

std::string check_organisation(std::string_view text) {
  const bool control = std::ranges::any_of(
      text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
  if (!text.empty() && text.size() <= kOrganisation && !control && utf8::valid(text)) return {};
  return "an organisation has at most " + std::to_string(kOrganisation) +
         " octets and no control characters";
}

std::string check_selector(std::string_view text) {
  const bool labels = mail::DnsName::parse(std::string(text) + "._domainkey.example") &&
                      !text.starts_with('.') && made_of(text, "-_.");
  return labels ? std::string() : in_quotes(text) + " is no selector (RFC 6376 section 3.1)";
}

}  // namespace mxw::config
