#include "core/dkim/signature_field.hpp"

#include <algorithm>

#include "core/base/ascii.hpp"
#include "core/dkim/tags.hpp"
#include "core/mail/name.hpp"

namespace mxw::dkim {
namespace {

constexpr std::size_t kAlgorithmBytes = 32;

bool all_ascii(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c > ' ' && c < '\x7f'; });
}

bool read_names(const TagList& tags, SignatureField& out) {
  const auto domain = mail::DnsName::parse(tags.value("d"));
  const std::string_view selector = tags.value("s");
  if (!domain || !all_ascii(tags.value("d")) || !all_ascii(selector)) return false;
  // A selector alone may be all digits, which is no name.
  if (!mail::DnsName::parse(std::string(selector) + "._domainkey." + domain->text())) return false;
  out.domain = domain->text();
  out.selector = ascii::to_lower(selector);
  return true;
}

bool read_algorithm(std::string_view text, SignatureField& out) {
  out.algorithm_text = text.substr(0, kAlgorithmBytes);
  if (text == algorithm_name(Algorithm::rsa_sha256)) out.algorithm = Algorithm::rsa_sha256;
  if (text == algorithm_name(Algorithm::ed25519_sha256)) out.algorithm = Algorithm::ed25519_sha256;
  return text == algorithm_name(out.algorithm);
}

std::optional<Form> form_of(std::string_view word) {
  if (word == "simple") return Form::simple;
  if (word == "relaxed") return Form::relaxed;
  return std::nullopt;
}

bool read_forms(std::string_view text, SignatureField& out) {
  const std::size_t slash = std::min(text.find('/'), text.size());
  const auto header = form_of(text.substr(0, slash));
  // Section 3.5: without a second word the body is simple.
  const auto body = slash < text.size() ? form_of(text.substr(slash + 1)) : Form::simple;
  if (!header || !body) return false;
  out.header = *header;
  out.body = *body;
  return true;
}

// Of a number tag: none, good, or what is no number of at most 12 digits.
bool read_number(const TagList& tags, std::string_view name, std::optional<std::uint64_t>& out) {
  const Tag* const tag = tags.find(name);
  if (tag == nullptr) return true;
  if (tag->value.size() <= 12) out = ascii::parse_u64(tag->value);
  return out.has_value();
}

bool read_octets(std::string_view text, std::vector<std::uint8_t>& out) {
  auto octets = from_base64(without_blanks(text));
  if (!octets || octets->empty()) return false;
  out = std::move(*octets);
  return true;
}

bool read_signed_names(std::string_view text, SignatureField& out) {
  out.names = colon_list(text);
  return out.names.size() <= kSignedNames &&
         std::ranges::all_of(
             out.names, [](const std::string& name) { return !name.empty() && all_ascii(name); });
}

bool read_identity(const TagList& tags, SignatureField& out) {
  const Tag* const identity = tags.find("i");
  if (identity == nullptr) return true;
  const std::size_t at = identity->value.rfind('@');
  if (at == std::string_view::npos) return false;
  const std::string domain = ascii::to_lower(identity->value.substr(at + 1));
  out.identity_below = domain.ends_with('.' + out.domain);
  return domain == out.domain || out.identity_below;
}

bool has_dns_query(std::string_view text) {
  const auto methods = colon_list(text);
  return std::ranges::find(methods, "dns/txt") != methods.end();
}

bool names_from(const SignatureField& field) {
  return std::ranges::any_of(field.names,
                             [](const std::string& name) { return ascii::iequals(name, "from"); });
}

// In the order of section 6.1.1.
std::string_view read_tags(const TagList& tags, SignatureField& out) {
  std::optional<std::uint64_t> made;
  if (tags.value("v") != "1") return "version";
  if (!read_names(tags, out) || !read_octets(tags.value("bh"), out.body_hash) ||
      !read_octets(tags.value("b"), out.signature) || !read_signed_names(tags.value("h"), out))
    return "syntax";
  if (!read_number(tags, "l", out.length) || !read_number(tags, "x", out.expires) ||
      !read_number(tags, "t", made))
    return "syntax";
  if (!read_algorithm(tags.value("a"), out)) return "algorithm";
  if (!read_forms(tags.value("c", "simple"), out)) return "canonicalization";
  if (!names_from(out)) return "no-from";
  if (!read_identity(tags, out)) return "identity";
  if (!has_dns_query(tags.value("q", "dns/txt"))) return "query";
  if (made && out.expires && *out.expires <= *made) return "dates";
  return {};
}

}  // namespace

SignatureField read_signature(std::string_view raw) {
  SignatureField out;
  const std::size_t colon = std::min(raw.find(':'), raw.size());
  const std::string_view value = raw.substr(std::min(colon + 1, raw.size()));
  const auto tags = TagList::parse(value);
  const Tag* const signature = tags ? tags->find("b") : nullptr;
  if (signature == nullptr) {
    out.reason = "syntax";
    return out;
  }
  out.reason = read_tags(*tags, out);
  const auto from = static_cast<std::size_t>(signature->all.data() - raw.data());
  out.unsigned_raw = std::string(raw.substr(0, from));
  out.unsigned_raw += raw.substr(from + signature->all.size());
  return out;
}

std::string signed_octets(const Message& message, const std::vector<std::string>& names, Form form,
                          std::string_view unsigned_raw) {
  std::string out;
  for (const Field* const field : select(message, names)) {
    if (field != nullptr) out += canonical_field(field->raw, form);
  }
  out += canonical_field(unsigned_raw, form);
  out.resize(out.size() - 2);
  return out;
}

}  // namespace mxw::dkim
