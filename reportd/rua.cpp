#include "reportd/rua.hpp"

#include <algorithm>
#include <array>

#include "core/base/ascii.hpp"
#include "core/mail/name.hpp"
#include "core/policy/tlsrpt_record.hpp"
#include "core/store/report_rows.hpp"
#include "net/https/poster.hpp"

namespace mxw::reportd {
namespace {

constexpr std::string_view kMailto = "mailto:";
constexpr std::size_t kLocalBytes = 64;  // RFC 5321 section 4.5.3.1.1

int hex_value(char c) {
  if (ascii::is_digit(c)) return c - '0';
  const char low = ascii::lower(c);
  return low >= 'a' && low <= 'f' ? low - 'a' + 10 : -1;
}

std::optional<std::string> percent_decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    const int high = i + 2 < text.size() ? hex_value(text[i + 1]) : -1;
    const int low = high >= 0 ? hex_value(text[i + 2]) : -1;
    if (low < 0) return std::nullopt;
    out += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return out;
}

bool is_local_octet(char c) {
  constexpr std::string_view kOthers = "!#$%&'*+-/=?^_`{|}~.";
  return ascii::is_alnum(c) || kOthers.find(c) != std::string_view::npos;
}

// Dot-string of RFC 5321 section 4.1.2: what needs no quotes in any place an address stands.
bool is_local_part(std::string_view text) {
  return !text.empty() && text.size() <= kLocalBytes && text.front() != '.' && text.back() != '.' &&
         text.find("..") == std::string_view::npos && std::ranges::all_of(text, is_local_octet);
}

}  // namespace

std::optional<std::string> mailbox_of(std::string_view mailto) {
  if (!ascii::istarts_with(mailto, kMailto)) return std::nullopt;
  mailto.remove_prefix(kMailto.size());
  const auto address = percent_decoded(mailto.substr(0, mailto.find_first_of("?#")));
  if (!address) return std::nullopt;
  const std::size_t at = address->rfind('@');
  if (at == std::string::npos || !is_local_part(std::string_view(*address).substr(0, at)))
    return std::nullopt;
  const auto domain = mail::HostName::parse(std::string_view(*address).substr(at + 1));
  if (!domain) return std::nullopt;
  return address->substr(0, at) + '@' + domain->text();
}

std::optional<Rua> rua_of_uri(std::string_view uri) {
  if (uri.size() > store::kUriBytes) return std::nullopt;
  if (const auto mailbox = mailbox_of(uri)) {
    return Rua{.scheme = Rua::Scheme::mailto,
               .uri = std::string(uri),
               .address = *mailbox,
               .key = ascii::to_lower(*mailbox)};
  }
  if (const auto url = https::parse_https_url(uri)) {
    return Rua{.scheme = Rua::Scheme::https,
               .uri = std::string(uri),
               .address = url->text,
               .key = ascii::to_lower(url->text)};
  }
  return std::nullopt;
}

RuaList rua_of(std::string_view text) {
  RuaList list;
  const auto record = policy::parse_tlsrpt_record(text);
  if (!record) return list;
  std::array<std::size_t, 2> taken{};
  for (const policy::TlsrptUri& uri : record->rua) {
    auto rua = rua_of_uri(uri.text);
    if (!rua) {
      ++list.unusable;
      continue;
    }
    if (std::ranges::find(list.rua, rua->key, &Rua::key) != list.rua.end()) continue;
    std::size_t& of_scheme = taken.at(static_cast<std::size_t>(rua->scheme));
    if (of_scheme == kRuaPerScheme) {
      ++list.capped;
      continue;
    }
    ++of_scheme;
    list.rua.push_back(std::move(*rua));
  }
  return list;
}

}  // namespace mxw::reportd
