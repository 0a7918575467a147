// The argument of MAIL and RCPT. RFC 5321 section 4.1.2 says what is right; servers accept far
// more, and what they accept is what moves mail. So nothing here is refused but an argument that
// names nobody.
#include <algorithm>

#include "core/base/ascii.hpp"
#include "core/base/limits.hpp"
#include "core/mail/name.hpp"

namespace mxw::mail {
namespace {

constexpr std::size_t kDomainBytes = 255;  // RFC 5321 section 4.5.3.1.2
constexpr std::size_t kNone = std::string_view::npos;

// The first or last position outside quoted strings (RFC 5321 Quoted-string) that holds one of
// `wanted`. A quote that is never closed quotes nothing.
struct Positions {
  std::size_t first = kNone, last = kNone;
};
Positions find_unquoted(std::string_view text, std::string_view wanted) {
  Positions found;
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '"') quoted = !quoted;
    if (quoted && text[i] == '\\') ++i;
    if (quoted || i >= text.size() || wanted.find(text[i]) == kNone) continue;
    found.first = std::min(found.first, i);
    found.last = i;
  }
  if (quoted) return {text.find_first_of(wanted), text.find_last_of(wanted)};
  return found;
}

std::string_view first_word(std::string_view text) {
  return text.substr(0, find_unquoted(text, " \t").first);
}

// Where the path opens: at the start, or behind a display name as in `Joe <joe@example.org>`. A `<`
// in the parameters behind a path without brackets opens nothing.
std::size_t opening_bracket(std::string_view argument) {
  if (first_word(argument).find('@') != kNone && !argument.starts_with('<')) return kNone;
  return find_unquoted(argument, "<").first;
}

struct Inside {
  std::string_view text;
  bool bracketed = false;  // both brackets stood there
};

// What stands between the brackets; where one is missing, the first word.
Inside inside_brackets(std::string_view argument) {
  const std::size_t open = opening_bracket(argument);
  if (open == kNone) {
    std::string_view word = first_word(argument);
    if (word.ends_with('>')) word.remove_suffix(1);
    return {word, false};
  }
  argument.remove_prefix(open + 1);
  const std::size_t close = find_unquoted(argument, ">").first;
  if (close == kNone) return {first_word(ascii::trim(argument)), false};
  return {ascii::trim(argument.substr(0, close)), true};
}

// Without the source route `@a,@b:` (RFC 5321 section 4.1.1.3: to be ignored). Colons inside an
// address literal belong to the literal.
std::string_view without_route(std::string_view path) {
  if (!path.starts_with('@')) return path;
  bool literal = false;
  for (std::size_t i = 0; i < path.size(); ++i) {
    if (path[i] == '[') literal = true;
    if (path[i] == ']') literal = false;
    if (path[i] == ':' && !literal) return path.substr(i + 1);
  }
  return path;
}

// `"a\ b"` is the same local part as `a b`; kept is the plain form, by which it is found in free
// text.
std::string unquote(std::string_view local) {
  if (local.size() < 2 || local.front() != '"' || local.back() != '"') return std::string(local);
  local = local.substr(1, local.size() - 2);
  std::string plain;
  plain.reserve(local.size());
  for (std::size_t i = 0; i < local.size(); ++i) {
    if (local[i] == '\\' && i + 1 < local.size()) ++i;
    plain += local[i];
  }
  return plain;
}

std::string normal_domain(std::string_view domain) {
  if (const auto name = DnsName::parse(domain)) return name->text();
  return ascii::to_lower(domain.substr(0, kDomainBytes));
}

}  // namespace

std::optional<Path> parse_path(std::string_view argument) {
  argument = ascii::trim_line(argument.substr(0, limits::kSmtpLineBytes));
  const Inside inside = inside_brackets(argument);
  if (inside.text.empty() && inside.bracketed) return Path{"", "", true};

  const std::string_view mailbox = without_route(inside.text);
  const std::size_t at = find_unquoted(mailbox, "@").last;
  Path path;
  path.local = unquote(ascii::trim(mailbox.substr(0, at)));
  if (at != kNone) path.domain = normal_domain(ascii::trim(mailbox.substr(at + 1)));
  if (path.local.empty() && path.domain.empty()) return std::nullopt;
  return path;
}

}  // namespace mxw::mail
