#include "core/base/redact.hpp"

#include <algorithm>

#include "core/base/ascii.hpp"
#include "core/base/bytes.hpp"
#include "core/base/check.hpp"
#include "core/base/digest.hpp"

namespace mxw {
namespace {

// What can stand in an unquoted local part as people and servers write it; wider than RFC 5321's
// atext on purpose, since a leak is worse than a mask too many.
bool is_local_char(char c) {
  const auto byte = static_cast<unsigned char>(c);
  if (byte <= ' ' || byte == 0x7f) return false;
  return std::string_view("<>()[],;:\"@").find(c) == std::string_view::npos;
}

bool is_domain_char(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return ascii::is_alnum(c) || c == '.' || c == '-' || c == '_' || byte >= 0x80;
}

// Start of the local part that ends before `at` (the place of '@').
std::size_t local_start(std::string_view text, std::size_t at) {
  if (at > 0 && text[at - 1] == '"') {  // quoted-string (RFC 5321 section 4.1.2)
    for (std::size_t i = at - 1; i-- > 0;) {
      const bool escaped = i > 0 && text[i - 1] == '\\';
      if (text[i] == '"' && !escaped) return i;
    }
    return 0;  // an unbalanced quote: everything before it may be the local part
  }
  std::size_t start = at;
  while (start > 0 && is_local_char(text[start - 1])) --start;
  return start;
}

std::size_t domain_end(std::string_view text, std::size_t from) {
  std::size_t end = from;
  if (end < text.size() && text[end] == '[') {
    while (end < text.size() && text[end] != ']') ++end;
    return end < text.size() ? end + 1 : end;
  }
  while (end < text.size() && is_domain_char(text[end])) ++end;
  return end;
}

}  // namespace

Redactor::Redactor(Privacy mode, std::string key) : mode_(mode), key_(std::move(key)) {
  MXW_CHECK(mode_ != Privacy::hash || !key_.empty());
}

std::string Redactor::substitute(std::string_view local, std::string_view domain) const {
  if (mode_ != Privacy::hash) return "*";
  const std::string whole = std::string(local) + '@' + ascii::to_lower(domain);
  const Sha256 mac = hmac_sha256(as_bytes(key_), as_bytes(whole));
  return hex(Bytes(mac).first(8));
}

std::string Redactor::address(std::string_view local, std::string_view domain) const {
  if (local.empty() && domain.empty()) return "<>";
  const std::string name = mode_ == Privacy::full ? std::string(local) : substitute(local, domain);
  return '<' + name + (domain.empty() ? "" : "@") + std::string(domain) + '>';
}

std::string Redactor::text(std::string_view in) const {
  if (mode_ == Privacy::full || in.find('@') == std::string_view::npos) return std::string(in);
  std::string out;
  std::size_t done = 0;
  for (std::size_t at = in.find('@'); at != std::string_view::npos; at = in.find('@', at + 1)) {
    if (at < done) continue;
    const std::size_t start = std::max(done, local_start(in, at));
    const std::size_t end = domain_end(in, at + 1);
    if (start == at) continue;  // no local part: `@` alone is no address
    const bool bracketed = start > 0 && in[start - 1] == '<' && end < in.size() && in[end] == '>';
    out.append(in, done, start - done);
    const std::string domain(in.substr(at + 1, end - at - 1));
    const std::string masked = substitute(in.substr(start, at - start), domain) + '@' + domain;
    out += bracketed ? masked : '<' + masked + '>';
    done = end;
  }
  out.append(in, done, in.size() - done);
  return out;
}

}  // namespace mxw
