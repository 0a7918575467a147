// The policy file, RFC 8461 section 3.2: lines of `key: value` ended by LF or CRLF (erratum 6253).
// Read byte by byte: what a lenient reader makes of a broken policy differs from sender to sender.
#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "core/base/ascii.hpp"
#include "core/base/ip.hpp"
#include "core/base/limits.hpp"
#include "core/base/utf8.hpp"
#include "core/policy/mta_sts.hpp"

namespace mxw::policy {
namespace {

constexpr std::size_t kKeyChars = 32;
constexpr std::size_t kMaxAgeDigits = 10;
constexpr std::size_t kExcerptBytes = 24;  // of a line in the reason
constexpr std::size_t kLabelBytes = 63;    // RFC 1035 section 2.3.4
constexpr std::size_t kNameBytes = 253;

constexpr std::array<std::pair<std::string_view, Mode>, 3> kModes{{
    {"none", Mode::none},
    {"testing", Mode::testing},
    {"enforce", Mode::enforce},
}};

// sts-policy-ext-name, empty when the line begins with none.
std::string_view key_of(std::string_view line) {
  const auto is_key_char = [](char c) {
    return ascii::is_alnum(c) || c == '_' || c == '-' || c == '.';
  };
  if (line.empty() || !ascii::is_alnum(line.front())) return {};
  const auto end = std::find_if_not(line.begin(), line.end(), is_key_char);
  return line.substr(0, static_cast<std::size_t>(end - line.begin()));
}

// sts-policy-ext-value: printable characters and inner blanks. REQUIRES: valid UTF-8.
bool is_extension_value(std::string_view value) {
  return !value.empty() && std::all_of(value.begin(), value.end(), [](char c) {
    const auto octet = static_cast<unsigned char>(c);
    return octet >= 0x20 && octet != 0x7f;
  });
}

// Domain of RFC 5321 section 4.1.2, which has no U-labels and no final dot. A last label of digits
// only is legal here; it just matches no host.
bool is_domain(std::string_view name) {
  if (name.empty() || name.size() > kNameBytes) return false;
  while (true) {
    const std::size_t dot = name.find('.');
    const std::string_view label = name.substr(0, dot);
    if (label.empty() || label.size() > kLabelBytes) return false;
    if (!ascii::is_alnum(label.front()) || !ascii::is_alnum(label.back())) return false;
    if (!std::all_of(label.begin(), label.end(),
                     [](char c) { return ascii::is_alnum(c) || c == '-'; }))
      return false;
    if (dot == std::string_view::npos) return true;
    name.remove_prefix(dot + 1);
  }
}

// `454.0.2.1` is no address, but no host name either (mail::HostName): like an address it matches
// nothing.
bool ends_in_digits(std::string_view name) {
  const std::string_view last = name.substr(name.rfind('.') + 1);
  return std::all_of(last.begin(), last.end(), [](char c) { return ascii::is_digit(c); });
}

// The start of a line for the reason: whole characters, no control characters. REQUIRES: valid
// UTF-8.
std::string excerpt(std::string_view line) {
  std::size_t size = 0;
  while (size < line.size()) {
    const std::size_t n = utf8::sequence_length(line.substr(size));
    if (size + n > kExcerptBytes) break;
    size += n;
  }
  std::string text(line.substr(0, size));
  for (char& c : text)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  return text;
}

class PolicyParser {
 public:
  std::expected<StsPolicy, Invalid> parse(std::string_view body) {
    if (body.size() > limits::kPolicyBytes) return std::unexpected(Invalid{"too large", 1});
    do {
      ++line_number_;
      if (!read_line(take_line(body))) return std::unexpected(std::move(invalid_));
    } while (!body.empty());
    if (!complete()) return std::unexpected(std::move(invalid_));
    return std::move(policy_);
  }

 private:
  // The next line without its end; a CR that no LF follows is part of the line.
  static std::string_view take_line(std::string_view& body) {
    const std::size_t end = body.find('\n');
    std::string_view line = body.substr(0, end);
    body.remove_prefix(end == std::string_view::npos ? body.size() : end + 1);
    if (end != std::string_view::npos && line.ends_with('\r')) line.remove_suffix(1);
    return line;
  }

  bool refuse(std::string reason) {
    invalid_ = Invalid{std::move(reason), line_number_};
    return false;
  }

  bool read_line(std::string_view line) {
    if (!utf8::valid(line)) return refuse("utf8");
    const std::string_view key = key_of(line);
    if (key.empty() || key.size() > kKeyChars || line.size() == key.size() ||
        line[key.size()] != ':')
      return refuse("line '" + excerpt(line) + '\'');
    const std::string_view value = ascii::trim(line.substr(key.size() + 1));
    if (key == "mx") return read_mx(value, line);
    if (key == "version" && first(version_seen_, key)) return read_version(value);
    if (key == "mode" && first(mode_seen_, key)) return read_mode(value);
    if (key == "max_age" && first(max_age_seen_, key)) return read_max_age(value);
    return is_extension_value(value) || refuse(std::string(key));
  }

  // Of a key that stands twice the first counts; later ones are told once and read as unknown keys.
  bool first(unsigned& seen, std::string_view key) {
    if (++seen == 2) policy_.warnings.push_back("duplicate " + std::string(key) + " ignored");
    return seen == 1;
  }

  bool read_version(std::string_view value) { return value == "STSv1" || refuse("version"); }

  bool read_mode(std::string_view value) {
    for (const auto& [name, mode] : kModes) {
      if (value != name) continue;
      policy_.mode = mode;
      return true;
    }
    return refuse("mode");
  }

  bool read_max_age(std::string_view value) {
    const auto seconds = ascii::parse_u64(value);
    if (!seconds || value.size() > kMaxAgeDigits) return refuse("max_age");
    policy_.max_age = std::min(*seconds, limits::kPolicyMaxAge);
    if (*seconds > limits::kPolicyMaxAge)
      policy_.warnings.push_back("max_age capped to " + std::to_string(limits::kPolicyMaxAge));
    return true;
  }

  bool read_mx(std::string_view value, std::string_view line) {
    if (++mx_lines_ > limits::kPolicyMx) return refuse("too many mx");
    const bool wildcard = value.starts_with("*.");
    const bool domain = is_domain(wildcard ? value.substr(2) : value);
    if (IpAddress::parse(value) || (domain && !wildcard && ends_in_digits(value))) {
      policy_.warnings.push_back("mx " + std::string(value) + ": address ignored");
      return true;
    }
    if (!domain) return refuse("mx");
    policy_.mx.push_back(ascii::to_lower(value));
    policy_.lines.emplace_back(line);
    return true;
  }

  bool complete() {
    if (version_seen_ == 0) return refuse("missing version");
    if (mode_seen_ == 0) return refuse("missing mode");
    if (max_age_seen_ == 0) return refuse("missing max_age");
    if (policy_.mode == Mode::none || !policy_.mx.empty()) return true;
    return refuse(mx_lines_ == 0 ? "missing mx" : "no usable mx");
  }

  StsPolicy policy_;
  Invalid invalid_;
  std::size_t line_number_ = 0;
  std::size_t mx_lines_ = 0;
  unsigned version_seen_ = 0, mode_seen_ = 0, max_age_seen_ = 0;
};

}  // namespace

std::string_view mode_name(Mode mode) {
  for (const auto& [name, value] : kModes)
    if (value == mode) return name;
  return "none";
}

std::expected<StsPolicy, Invalid> parse_sts_policy(std::string_view body) {
  return PolicyParser().parse(body);
}

}  // namespace mxw::policy
