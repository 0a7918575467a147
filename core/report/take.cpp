#include "core/report/take.hpp"

#include <algorithm>
#include <cmath>

#include "core/base/ascii.hpp"
#include "core/report/forms.hpp"
#include "core/report/limits.hpp"

namespace mxw::report {
namespace {

using Kind = JsonTree::Kind;

// Common forms RFC 3339 does not have, as it would write them: a blank for `T`, an offset without
// colon, a day alone.
std::string rfc3339_of(std::string_view text) {
  std::string date(text);
  const std::size_t size = date.size();
  if (size == 10) return date + "T00:00:00";
  if (size > 10 && date[10] == ' ') date[10] = 'T';
  if (size > 20 && (date[size - 5] == '+' || date[size - 5] == '-') && date[size - 3] != ':')
    date.insert(size - 2, ":");
  return date;
}

// `T24:00:00` is the first second of the next day.
std::optional<Time> parse_date(std::string_view text) {
  constexpr std::string_view kMidnight = "T24:00:00";
  if (text.size() < 10 || text.substr(10, kMidnight.size()) != kMidnight)
    return parse_rfc3339(text);
  std::string day(text);
  day.replace(10, kMidnight.size(), "T00:00:00");
  const auto time = parse_rfc3339(day);
  return time ? std::optional(*time + kDay) : std::nullopt;
}

bool holds_only_texts(const JsonTree& array) {
  return std::all_of(array.items.begin(), array.items.end(),
                     [](const JsonTree& item) { return item.is(Kind::string); });
}

}  // namespace

std::vector<const JsonTree*> Taker::members(const JsonTree* object, std::span<const Member> known) {
  std::vector<const JsonTree*> found(known.size(), nullptr);
  if (object == nullptr) return found;
  note_if(!object->is(Kind::object), Deviation::wrong_type);
  if (!object->is(Kind::object)) return found;
  for (const JsonTree& item : object->items) {
    const auto member = std::find_if(known.begin(), known.end(), [&](const Member& m) {
      return item.name == m.name || (!m.other.empty() && item.name == m.other);
    });
    note_if(member == known.end(), Deviation::unknown_member);
    if (member == known.end()) continue;
    note_if(item.name != member->name, Deviation::key_spelling);
    note_if(item.is(Kind::null), Deviation::null_member);
    const JsonTree*& slot = found[static_cast<std::size_t>(member - known.begin())];
    if (!item.is(Kind::null) && (slot == nullptr || item.name == member->name)) slot = &item;
  }
  return found;
}

std::string Taker::clean(std::string_view text, std::size_t limit) {
  note_if(text.size() > limit, Deviation::text_cut);
  text = cut(text, limit);
  note_if(!is_printable(text), Deviation::control_character);
  return printable(text);
}

std::string Taker::text(const JsonTree* node, std::size_t limit) {
  if (node == nullptr) return {};
  note_if(!node->is(Kind::string), Deviation::wrong_type);
  return node->is(Kind::string) ? clean(node->text, limit) : std::string();
}

std::string Taker::detail_text(const JsonTree* node, std::size_t limit) {
  note_if(node != nullptr && node->is(Kind::string) && node->text.empty(), Deviation::empty_member);
  return text(node, limit);
}

std::string Taker::helo(const JsonTree* node) {
  if (node == nullptr || !node->is(Kind::string)) return detail_text(node, kHeloBytes);
  const std::string_view line = first_line(node->text);
  note_if(line.size() < node->text.size(), Deviation::helo_lines);
  note_if(node->text.empty(), Deviation::empty_member);
  return clean(line, kHeloBytes);
}

std::string Taker::host(std::string_view text, std::optional<std::string> canonical) {
  note_if(!canonical, Deviation::name_invalid);
  if (!canonical) return clean(text, kNameBytes);
  note_if(*canonical != ascii::to_lower(text), Deviation::name_form);
  return std::move(*canonical);
}

std::string Taker::name(const JsonTree* node) {
  if (node == nullptr || !node->is(Kind::string)) return text(node, kNameBytes);
  return node->text.empty() ? "" : host(node->text, canonical_name(node->text));
}

IpAddress Taker::ip(const JsonTree* node) {
  const std::string written = detail_text(node, kNameBytes);
  if (written.empty()) return {};
  const auto address = IpAddress::parse(written);
  note_if(!address, Deviation::ip_form);
  if (!address) return {};
  note_if(address->text() != written, Deviation::ip_spelling);
  return *address;
}

std::uint64_t Taker::count(const JsonTree* node) {
  note_if(node == nullptr, Deviation::no_count);
  if (node == nullptr) return 0;
  if (node->is(Kind::integer) && !node->negative && node->magnitude < kCount)
    return node->magnitude;
  note(Deviation::count_form);
  if (node->is(Kind::integer) && !node->negative && node->magnitude == kCount) return kCount;
  if (node->is(Kind::string)) {
    const auto value = ascii::parse_u64(ascii::trim(node->text));
    if (value && *value <= kCount) return *value;
  }
  if (node->is(Kind::real) && node->real >= 0 && node->real <= static_cast<double>(kCount) &&
      std::trunc(node->real) == node->real)
    return static_cast<std::uint64_t>(node->real);
  bad_count_ = true;
  return 0;
}

std::optional<Time> Taker::date(const JsonTree* node) {
  const std::string written = text(node, kTextBytes);
  const std::string_view trimmed = ascii::trim(written);
  const std::string form = rfc3339_of(trimmed);
  auto time = parse_date(form);
  const bool zone = time.has_value();
  if (!time) time = parse_date(form + 'Z');
  if (!time) return std::nullopt;
  note_if(!zone, Deviation::date_zone);
  note_if(form != written || form.find("T24:") == 10, Deviation::date_form);
  return time;
}

std::span<const JsonTree> Taker::elements(const JsonTree* node, std::size_t limit) {
  if (node == nullptr) return {};
  note_if(!node->is(Kind::array), Deviation::wrong_type);
  if (!node->is(Kind::array)) return {};
  note_if(node->items.size() > limit, Deviation::list_cut);
  return std::span(node->items).first(std::min(limit, node->items.size()));
}

// Some put the array as text into one element.
void Taker::add_policy_string(std::string_view text, std::vector<std::string>& lines) {
  if (text.starts_with('[')) {
    const auto inner = parse_json(text);
    if (inner && inner->is(Kind::array) && holds_only_texts(*inner)) {
      note(Deviation::policy_string_json);
      for (const JsonTree& item : elements(&*inner, kPolicyLines))
        lines.push_back(clean(item.text, kPolicyLineBytes));
      return;
    }
  }
  lines.push_back(clean(text, kPolicyLineBytes));
}

std::vector<std::string> Taker::policy_strings(const JsonTree* node) {
  std::vector<std::string> lines;
  if (node != nullptr && node->is(Kind::string)) {
    note(Deviation::policy_string_text);
    for (std::string_view rest = node->text; !rest.empty() && lines.size() <= kPolicyLines;) {
      const std::string_view line = rest.substr(0, rest.find('\n'));
      rest.remove_prefix(std::min(rest.size(), line.size() + 1));
      if (const auto trimmed = ascii::trim_line(line); !trimmed.empty())
        add_policy_string(trimmed, lines);
    }
  } else {
    for (const JsonTree& item : elements(node, kPolicyLines)) {
      note_if(!item.is(Kind::string), Deviation::wrong_type);
      if (item.is(Kind::string) && lines.size() <= kPolicyLines)
        add_policy_string(item.text, lines);
    }
  }
  note_if(lines.size() > kPolicyLines, Deviation::list_cut);
  lines.resize(std::min(lines.size(), kPolicyLines));
  return lines;
}

std::vector<std::string> Taker::mx_hosts(const JsonTree* node) {
  std::vector<std::string> hosts;
  const auto add = [&](std::string_view text) {
    const bool prefixed = ascii::istarts_with(text, "mx:");
    note_if(prefixed, Deviation::mx_host_prefix);
    const std::string_view name = ascii::trim(prefixed ? text.substr(3) : text);
    if (!name.empty()) hosts.push_back(host(name, canonical_pattern(name)));
  };
  if (node != nullptr && node->is(Kind::string)) {
    note(Deviation::mx_host_text);
    add(node->text);
    return hosts;
  }
  for (const JsonTree& item : elements(node, kMxHosts)) {
    note_if(!item.is(Kind::string), Deviation::wrong_type);
    if (item.is(Kind::string)) add(item.text);
  }
  return hosts;
}

}  // namespace mxw::report
