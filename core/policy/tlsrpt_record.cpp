#include "core/policy/tlsrpt_record.hpp"

#include <algorithm>
#include <optional>

#include "core/base/ascii.hpp"

namespace mxw::policy {
namespace {

constexpr std::string_view kVersion = "v=TLSRPTv1";  // case-sensitive (%s)
constexpr std::size_t kExtensionNameChars = 32;

std::unexpected<Invalid> invalid(std::string_view reason) {
  return std::unexpected(Invalid{std::string(reason)});
}

void skip_blanks(std::string_view& text) {
  while (!text.empty() && ascii::is_blank(text.front())) text.remove_prefix(1);
}
std::string_view without_last_blanks(std::string_view text) {
  while (!text.empty() && ascii::is_blank(text.back())) text.remove_suffix(1);
  return text;
}

// field-delim = *WSP ";" *WSP
bool take_delimiter(std::string_view& text) {
  skip_blanks(text);
  if (!text.starts_with(';')) return false;
  text.remove_prefix(1);
  skip_blanks(text);
  return true;
}

bool is_name(std::string_view name) {
  return !name.empty() && name.size() <= kExtensionNameChars && ascii::is_alnum(name.front()) &&
         std::ranges::all_of(
             name, [](char c) { return ascii::is_alnum(c) || c == '_' || c == '-' || c == '.'; });
}
bool is_value(std::string_view value) {
  return !value.empty() && std::ranges::all_of(value, [](char c) {
    return c > ' ' && c < 0x7f && c != '=' && c != ';';
  });
}

// RFC 3986 section 2, without `,`, `!` and `;`, which RFC 8460 wants encoded.
bool is_uri_char(char c) {
  constexpr std::string_view kOthers = "-._~:/?#[]@$&'()*+=%";
  return ascii::is_alnum(c) || kOthers.contains(c);
}

bool is_uri(std::string_view uri) {
  const std::size_t colon = uri.find(':');
  if (colon == std::string_view::npos || colon == 0 || !ascii::is_alpha(uri.front())) return false;
  const bool scheme = std::ranges::all_of(uri.substr(0, colon), [](char c) {
    return ascii::is_alnum(c) || c == '+' || c == '-' || c == '.';
  });
  if (!scheme || !std::ranges::all_of(uri, is_uri_char)) return false;
  const auto is_hex = [](char c) {
    return ascii::is_digit(c) || (ascii::lower(c) >= 'a' && ascii::lower(c) <= 'f');
  };
  for (std::size_t at = uri.find('%'); at != std::string_view::npos; at = uri.find('%', at + 1)) {
    if (at + 2 >= uri.size() || !is_hex(uri[at + 1]) || !is_hex(uri[at + 2])) return false;
  }
  return true;
}

// Nullopt for a URI that leads nowhere a report can go.
std::optional<TlsrptUri> destination(std::string_view uri) {
  using Scheme = TlsrptUri::Scheme;
  if (ascii::istarts_with(uri, "mailto:")) {
    const std::string_view address = uri.substr(7, uri.find('?') - 7);
    const std::size_t at = address.rfind('@');
    if (at == std::string_view::npos || at == 0 || at + 1 == address.size()) return std::nullopt;
    return TlsrptUri{Scheme::mailto, std::string(uri)};
  }
  if (!ascii::istarts_with(uri, "https://") || uri.size() == 8 || uri[8] == '/')
    return std::nullopt;
  return TlsrptUri{Scheme::https, std::string(uri)};
}

// tlsrpt-uri *(*WSP "," *WSP tlsrpt-uri)
bool read_uris(std::string_view text, TlsrptRecord& record) {
  for (bool last = false; !last;) {
    const std::size_t comma = text.find(',');
    last = comma == std::string_view::npos;
    const std::string_view uri = ascii::trim(text.substr(0, comma));
    if (!is_uri(uri)) return false;
    if (auto known = destination(uri))
      record.rua.push_back(std::move(*known));
    else
      ++record.other_schemes;
    if (!last) text.remove_prefix(comma + 1);
  }
  return true;
}

}  // namespace

std::expected<TlsrptRecord, Invalid> parse_tlsrpt_record(std::string_view txt) {
  if (txt.size() > kTlsrptRecordBytes) return invalid("too large");
  if (!txt.starts_with(kVersion)) return invalid("not-tlsrpt");
  if (!std::ranges::all_of(txt, [](char c) { return static_cast<unsigned char>(c) < 0x80; }))
    return invalid("not-ascii");
  txt.remove_prefix(kVersion.size());
  TlsrptRecord record;
  bool any_field = false, rua_seen = false;
  while (!txt.empty()) {
    if (!take_delimiter(txt)) return invalid("syntax");
    if (txt.empty()) break;  // the one delimiter allowed behind the last field
    const std::string_view field = without_last_blanks(txt.substr(0, txt.find(';')));
    txt.remove_prefix(field.size());
    const std::size_t equals = field.find('=');
    if (equals == std::string_view::npos || !is_name(field.substr(0, equals)))
      return invalid("syntax");
    any_field = true;
    const std::string_view value = field.substr(equals + 1);
    const bool rua = field.substr(0, equals) == "rua";
    if (!rua && !is_value(value)) return invalid("syntax");
    if (!rua || rua_seen) continue;
    rua_seen = true;
    if (!read_uris(value, record)) return invalid("rua");
  }
  if (!any_field) return invalid("syntax");
  if (!rua_seen) return invalid("no-rua");
  if (record.rua.empty()) return invalid("no usable rua");
  return record;
}

std::expected<std::string, Invalid> select_tlsrpt_record(const std::vector<std::string>& txts) {
  const auto is_candidate = [](std::string_view txt) {
    if (!txt.starts_with(kVersion)) return false;
    txt.remove_prefix(kVersion.size());
    return take_delimiter(txt);
  };
  const auto first = std::ranges::find_if(txts, is_candidate);
  if (first == txts.end() || std::any_of(first + 1, txts.end(), is_candidate))
    return invalid("no record");
  if (first->size() > kTlsrptRecordBytes) return invalid("too large");
  return *first;
}

}  // namespace mxw::policy
