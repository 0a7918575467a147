// [exempt] and [throttle].
#include <algorithm>

#include "core/base/ascii.hpp"
#include "core/rules/readers.hpp"

namespace mxw::rules {
namespace {

constexpr std::size_t kMaxExemptions = 10'000;  // of one list: more is a policy, not an exception
constexpr std::size_t kSpkiDigits = 64;         // hex SHA-256

// `2027-03-01` holds to the end of that day (UTC); an RFC 3339 instant holds up to it.
std::optional<Time> read_until(const std::string& text) {
  if (const auto instant = parse_rfc3339(text)) return instant;
  const auto day = parse_rfc3339(text + "T00:00:00Z");
  if (!day) return std::nullopt;
  return *day + (kDay - 1);
}

// Letters, digits, hyphen, underscore in labels of 1 to 63; `*` only as the whole first label.
bool is_name_pattern(std::string_view text) {
  if (text.starts_with("*.")) text.remove_prefix(2);
  if (text.empty() || text.size() > 253) return false;
  std::size_t label = 0;
  for (const char c : text) {
    if (c == '.') {
      if (label == 0) return false;
      label = 0;
    } else if (ascii::is_alnum(c) || c == '-' || c == '_') {
      if (++label > 63) return false;
    } else {
      return false;
    }
  }
  return label > 0;
}

bool is_spki(std::string_view text) {
  return text.size() == kSpkiDigits && std::ranges::all_of(text, [](char c) {
           return ascii::is_digit(c) || (c >= 'a' && c <= 'f');
         });
}

enum class Kind : std::uint8_t { client, host, spki };

bool set_value(Exemption& entry, Kind kind, const std::string& value) {
  entry.text = kind == Kind::client ? value : ascii::to_lower(value);
  if (kind == Kind::host) return is_name_pattern(entry.text);
  if (kind == Kind::spki) return is_spki(entry.text);
  entry.cidr = Cidr::parse(value);
  return entry.cidr.has_value();
}

std::string not_a(Kind kind, const std::string& value) {
  switch (kind) {
    case Kind::client:
      return "\"" + value + "\" is no address or prefix";
    case Kind::host:
      return "\"" + value + "\" is no name or *.name";
    case Kind::spki:
      return "\"" + value + "\" is no SHA-256 of a public key (64 hex digits)";
  }
  return {};
}

Exemption read_entry(const Node& node, Kind kind, Problems& problems) {
  Exemption entry;
  if (const auto* value = node.as<std::string>()) {
    if (!set_value(entry, kind, *value)) problems.add(node, not_a(kind, *value));
    return entry;
  }
  TableReader table(node, "an exemption", problems);
  const std::string value = table.text("value");
  if (problems.none() && !set_value(entry, kind, value)) problems.add(node, not_a(kind, value));
  entry.reason = table.optional_text("reason");
  entry.by = table.optional_text("by");
  if (const Node* until = table.optional("until")) {
    const auto* date = until->as<DateText>();
    const auto* text = until->as<std::string>();
    if (date != nullptr) text = &date->text;
    if (text != nullptr) entry.until = read_until(*text);
    if (!entry.until) problems.add(*until, "\"until\" is no date (YYYY-MM-DD) or RFC 3339 time");
  }
  table.finish();
  return entry;
}

std::vector<Exemption> read_list(TableReader& table, std::string_view key, Kind kind) {
  std::vector<Exemption> entries;
  const Node* node = table.optional(key);
  if (node == nullptr) return entries;
  const Node::Array* items = read_array(*node, key, table.problems());
  if (items == nullptr) return entries;
  if (items->size() > kMaxExemptions) table.problems().add(*node, "more than 10000 exemptions");
  for (const Node& item : *items) entries.push_back(read_entry(item, kind, table.problems()));
  return entries;
}

// `30s`, `10m`, `1h`, `7d`; nullopt for anything else, zero and more than a year.
std::optional<std::int64_t> parse_duration(std::string_view text) {
  if (text.size() < 2) return std::nullopt;
  const auto count = ascii::parse_u64(text.substr(0, text.size() - 1));
  std::int64_t unit = 0;
  switch (text.back()) {
    case 's':
      unit = kSecond;
      break;
    case 'm':
      unit = kMinute;
      break;
    case 'h':
      unit = kHour;
      break;
    case 'd':
      unit = kDay;
      break;
    default:
      return std::nullopt;
  }
  const auto most = static_cast<std::uint64_t>(366 * kDay / unit);
  if (!count || *count == 0 || *count > most) return std::nullopt;
  return static_cast<std::int64_t>(*count) * unit;
}

}  // namespace

Exemptions read_exemptions(const Node& node, Problems& problems) {
  TableReader table(node, "[exempt]", problems);
  Exemptions exempt;
  exempt.client = read_list(table, "client", Kind::client);
  exempt.mx = read_list(table, "mx", Kind::host);
  exempt.policy_domain = read_list(table, "policy_domain", Kind::host);
  exempt.issuer_spki = read_list(table, "issuer_spki", Kind::spki);
  table.finish();
  return exempt;
}

ThrottleSpec read_throttle(const Node& node, Problems& problems) {
  TableReader table(node, "[throttle]", problems);
  ThrottleSpec throttle;
  for (const std::string& key : table.texts("key")) {
    const std::optional<Field> field = find_field(key);
    if (!field || info(*field).type != FieldType::text) {
      problems.add(*table.need("key"), "\"" + key + "\" is no field of type text");
    } else {
      throttle.key.push_back(*field);
    }
  }
  const std::string window = table.text("window");
  throttle.window = parse_duration(window).value_or(0);
  if (problems.none() && throttle.window == 0) {
    problems.add(*table.need("window"), "\"window\" is no duration such as 30s, 10m, 1h, 7d");
  }
  const std::int64_t max = table.number("max");
  if (problems.none() && max < 1) problems.add(*table.need("max"), "\"max\" must be 1 or more");
  throttle.max = max < 1 ? 1 : static_cast<std::uint64_t>(max);
  table.finish();
  return throttle;
}

}  // namespace mxw::rules
