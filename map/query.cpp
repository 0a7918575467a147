#include "map/query.hpp"

#include <algorithm>

#include "core/base/ascii.hpp"
#include "core/base/ip.hpp"
#include "core/mail/name.hpp"
#include "map/limits.hpp"

namespace mxw::map {
namespace {

constexpr std::size_t kServiceBytes = 32;  // RFC 6335 section 5.1 allows 15

// `:25` or `:submission`, or nothing.
bool is_port(std::string_view text) {
  if (text.empty()) return true;
  if (text.front() != ':' || text.size() < 2 || text.size() > kServiceBytes) return false;
  return std::ranges::all_of(text.substr(1), [](char c) { return ascii::is_alnum(c) || c == '-'; });
}

Key host_key(KeyKind kind, std::string_view text) {
  if (const auto host = mail::HostName::parse(text)) return {kind, host->text()};
  return {};
}

bool is_address(std::string_view text) {
  constexpr std::string_view kTag = "ipv6:";  // RFC 5321 section 4.1.3
  if (ascii::istarts_with(text, kTag)) text.remove_prefix(kTag.size());
  return IpAddress::parse(text).has_value();
}

Key bracket_key(std::string_view key) {
  const std::size_t end = key.find(']');
  if (end == std::string_view::npos || !is_port(key.substr(end + 1))) return {};
  const std::string_view inner = key.substr(1, end - 1);
  if (is_address(inner)) return {KeyKind::address, {}};
  return host_key(KeyKind::smart_host, inner);
}

}  // namespace

std::optional<SplitQuery> split_query(std::string_view payload) {
  const std::size_t blank = payload.find(' ');
  if (blank == std::string_view::npos) return std::nullopt;
  return SplitQuery{payload.substr(0, blank), payload.substr(blank + 1)};
}

std::string_view name(KeyKind kind) {
  switch (kind) {
    case KeyKind::domain:
      return "domain";
    case KeyKind::smart_host:
      return "smart_host";
    case KeyKind::address:
      return "address";
    case KeyKind::parent:
      return "parent";
    case KeyKind::garbage:
      return "garbage";
  }
  return "garbage";
}

Key classify_key(std::string_view key) {
  if (key.empty() || key.size() > limits::kKeyBytes) return {};
  if (key.front() == '.') return {KeyKind::parent, {}};
  if (key.front() == '[') return bracket_key(key);
  if (is_address(key)) return {KeyKind::address, {}};
  const std::size_t colon = key.find(':');
  if (colon != std::string_view::npos) {
    if (!is_port(key.substr(colon))) return {};
    key = key.substr(0, colon);
    if (is_address(key)) return {KeyKind::address, {}};
  }
  return host_key(KeyKind::domain, key);
}

MapNames::MapNames(const std::map<std::string, Dialect>& names)
    : names_(names.begin(), names.end()) {}

std::optional<std::size_t> MapNames::find(std::string_view name) const {
  for (std::size_t i = 0; i < names_.size(); ++i) {
    if (names_[i].first == name) return i;
  }
  return std::nullopt;
}

}  // namespace mxw::map
