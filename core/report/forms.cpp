#include "core/report/forms.hpp"

#include <algorithm>

#include "core/base/ascii.hpp"
#include "core/mail/name.hpp"

namespace mxw::report {
namespace {

// Octets of the control character at the start of the text, else 0: C0, DEL, and C1 as UTF-8, which
// terminals obey, too.
std::size_t control_octets(std::string_view text) {
  const auto c = static_cast<unsigned char>(text[0]);
  if (c < 0x20 || c == 0x7f) return 1;
  if (c != 0xc2 || text.size() < 2) return 0;
  return (static_cast<unsigned char>(text[1]) & 0xe0U) == 0x80U ? 2 : 0;
}

bool is_hex(char c) {
  return ascii::is_digit(c) || (ascii::lower(c) >= 'a' && ascii::lower(c) <= 'f');
}

// A number of at most three digits without a leading zero.
bool is_field(std::string_view text) {
  if (text.empty() || text.size() > 3 || (text.size() > 1 && text.front() == '0')) return false;
  return std::all_of(text.begin(), text.end(), ascii::is_digit);
}

// The DNS has labels that end with an underscore; no report does.
bool underscore_ends_label(std::string_view name) {
  return name.find("_.") != std::string_view::npos || (name.size() > 1 && name.ends_with('_'));
}

bool is_atext(char c) {
  return ascii::is_alnum(c) || std::string_view("!#$%&'*+-/=?^_`{|}~").contains(c);
}

}  // namespace

bool is_policy_type(std::string_view text) {
  return text == "sts" || text == "tlsa" || text == "no-policy-found";
}

bool is_tlsa(std::string_view text) {
  for (int i = 0; i < 3; ++i) {
    const std::size_t blank = text.find(' ');
    if (blank == std::string_view::npos || !is_field(text.substr(0, blank))) return false;
    text.remove_prefix(blank + 1);
  }
  return !text.empty() && text.size() % 2 == 0 && std::all_of(text.begin(), text.end(), is_hex);
}

std::optional<std::string> canonical_name(std::string_view text) {
  const auto name = mail::DnsName::parse(text);
  if (!name || underscore_ends_label(name->text())) return std::nullopt;
  return name->text();
}

std::optional<std::string> canonical_pattern(std::string_view text) {
  if (!text.starts_with("*.")) return canonical_name(text);
  auto name = canonical_name(text.substr(2));
  if (name) name->insert(0, "*.");
  return name;
}

std::string_view cut(std::string_view text, std::size_t limit) {
  if (text.size() <= limit) return text;
  std::size_t end = limit;
  for (int i = 0; i < 3 && end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0U) == 0x80U; ++i)
    --end;
  return text.substr(0, end);
}

std::string_view first_line(std::string_view text) {
  return text.substr(0, text.find_first_of("\r\n"));
}

std::string printable(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const std::size_t control = control_octets(text);
    out += control > 0 ? '?' : text.front();
    text.remove_prefix(std::max<std::size_t>(control, 1));
  }
  return out;
}

bool is_printable(std::string_view text) {
  for (; !text.empty(); text.remove_prefix(1))
    if (control_octets(text) > 0) return false;
  return true;
}

bool is_dot_atom(std::string_view text) {
  if (text.empty() || text.front() == '.' || text.back() == '.') return false;
  if (text.find("..") != std::string_view::npos) return false;
  return std::all_of(text.begin(), text.end(), [](char c) { return c == '.' || is_atext(c); });
}

}  // namespace mxw::report
