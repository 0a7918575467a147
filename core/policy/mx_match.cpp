// MX host validation, RFC 8461 section 4.1. No regular expressions: a pattern is either a name or
// `*.` and the rest of one.
#include <algorithm>

#include "core/base/ascii.hpp"
#include "core/mail/name.hpp"
#include "core/policy/mta_sts.hpp"

namespace mxw::policy {
namespace {

// A pattern with a U-label matches nothing: section 3.2 wants A-labels, and the host is in
// A-labels.
bool matches(std::string_view pattern, const mail::HostName& host) {
  const std::string_view name = host.text();
  if (pattern.ends_with('.')) pattern.remove_suffix(1);
  if (!pattern.starts_with("*.")) return ascii::iequals(pattern, name);
  const std::size_t dot = name.find('.');
  return dot != std::string_view::npos && ascii::iequals(pattern.substr(1), name.substr(dot));
}

}  // namespace

bool mx_pattern_matches(std::string_view pattern, std::string_view host) {
  const auto name = mail::HostName::parse(host);
  return name && matches(pattern, *name);
}

bool mx_matches(const std::vector<std::string>& patterns, std::string_view host) {
  const auto name = mail::HostName::parse(host);
  return name && std::any_of(patterns.begin(), patterns.end(),
                             [&](const std::string& pattern) { return matches(pattern, *name); });
}

}  // namespace mxw::policy
