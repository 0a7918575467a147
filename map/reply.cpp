#include "map/reply.hpp"

#include <algorithm>

#include "core/mail/name.hpp"
#include "map/limits.hpp"

namespace mxw::map {
namespace {

bool is_wildcard(std::string_view pattern) {
  return pattern.starts_with("*.");
}

// Already what HostName would make of it: lower case, A-labels, no final dot.
bool is_canonical_host(std::string_view text) {
  const auto host = mail::HostName::parse(text);
  return host && host->text() == text;
}

bool fits(const std::string& text, std::size_t more = 0) {
  return text.size() + more <= limits::kReplyBytes;
}

std::string report_words(std::string_view domain, const std::vector<std::string>& patterns) {
  std::string out = " policy_type=sts policy_domain=";
  out += domain;
  for (const std::string& pattern : patterns) out += " mx_host_pattern=" + pattern;
  return out;
}

// The policy's lines, from what was understood of it.
std::string report_lines(const std::vector<std::string>& patterns, const Known& known) {
  if (known.policy_text.empty()) return {};
  const auto policy = policy::parse_sts_policy(known.policy_text);
  if (!policy) return {};
  const auto line = [](std::string_view key, std::string_view value) {
    std::string out = " { policy_string = ";
    out.append(key).append(": ").append(value).append(" }");
    return out;
  };
  std::string out = line("version", "STSv1") + line("mode", policy::mode_name(policy->mode));
  for (const std::string& pattern : patterns) out += line("mx", pattern);
  return out + line("max_age", std::to_string(policy->max_age));
}

}  // namespace

std::vector<std::string> usable_patterns(const std::vector<std::string>& mx) {
  std::vector<std::string> out;
  for (const std::string& pattern : mx) {
    const std::string_view host = std::string_view(pattern).substr(is_wildcard(pattern) ? 2 : 0);
    if (is_canonical_host(host)) out.push_back(pattern);
  }
  std::vector<std::string> seen;
  std::erase_if(out, [&seen](const std::string& pattern) {
    const auto at = std::ranges::lower_bound(seen, pattern);
    if (at != seen.end() && *at == pattern) return true;
    seen.insert(at, pattern);
    return false;
  });
  return out;
}

std::optional<std::string> secure_text(std::string_view domain,
                                       const std::vector<std::string>& patterns, SecureWords words,
                                       const Known* policy) {
  if (patterns.empty()) return std::nullopt;
  std::string out = "OK secure match=";
  for (const std::string& pattern : patterns) {
    if (&pattern != &patterns.front()) out += ':';
    out += is_wildcard(pattern) ? std::string_view(pattern).substr(1) : pattern;
    if (!fits(out)) return std::nullopt;
  }
  if (words.servername) out += " servername=hostname";
  if (!fits(out)) return std::nullopt;
  if (!words.tlsrpt || policy == nullptr) return out;
  const std::string attributes = report_words(domain, patterns);
  if (!fits(out, attributes.size())) return out;
  out += attributes;
  const std::string lines = report_lines(patterns, *policy);
  if (fits(out, lines.size())) out += lines;
  return out;
}

}  // namespace mxw::map
