// The contents of operator files. Strict where a mistake would change what holds (action, until,
// mx), lenient about texts that are only shown.
#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "core/base/ascii.hpp"
#include "core/base/utf8.hpp"
#include "core/mail/name.hpp"
#include "core/operator/read.hpp"

namespace mxw::operators {
namespace {

using nlohmann::json;

constexpr int kDepth = 2;  // the object, and the array of `mx`

std::unexpected<std::string> no(std::string reason) {
  return std::unexpected(std::move(reason));
}

std::expected<json, std::string> parse_object(std::string_view text) {
  if (text.size() > kFileBytes) return no("larger than 16 KiB");
  bool deep = false, doubled = false;
  std::set<std::string> members;
  const auto watch = [&](int depth, json::parse_event_t event, json& parsed) {
    deep = deep || depth > kDepth;
    if (event == json::parse_event_t::key && depth == 1)
      doubled |= !members.insert(parsed.get_ref<const std::string&>()).second;
    return !deep;
  };
  json object = json::parse(text, watch, false);
  if (deep) return no("nested too deeply");
  if (!object.is_object()) return no("no JSON object");
  if (doubled) return no("a member stands twice");
  return object;
}

// A text that is only shown: absent or no text is empty, control characters become blanks.
std::string shown_text(const json& object, const char* member, std::size_t bytes) {
  const auto at = object.find(member);
  if (at == object.end() || !at->is_string()) return {};
  std::string text = at->get<std::string>();
  if (text.size() > bytes) {
    std::size_t size = 0;
    while (true) {
      const std::size_t next = utf8::sequence_length(std::string_view(text).substr(size));
      if (next == 0 || size + next > bytes) break;
      size += next;
    }
    text.resize(size);
  }
  for (char& c : text)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  return text;
}

std::expected<std::optional<Time>, std::string> read_until(const json& object) {
  const auto at = object.find("until");
  if (at == object.end()) return std::nullopt;
  const auto time = at->is_string() ? parse_rfc3339(at->get<std::string>()) : std::nullopt;
  if (!time) return no("until is no time such as 2026-11-21T08:00:00Z");
  return time;
}

std::optional<std::string> read_mx_name(const json& value) {
  if (!value.is_string()) return std::nullopt;
  const std::string text = value.get<std::string>();
  const bool wildcard = text.starts_with("*.");
  const auto name = mail::HostName::parse(wildcard ? text.substr(2) : text);
  if (!name) return std::nullopt;
  return (wildcard ? "*." : "") + name->text();
}

std::expected<std::vector<std::string>, std::string> read_mx(const json& object) {
  std::vector<std::string> names;
  const auto at = object.find("mx");
  if (at == object.end()) return names;
  if (!at->is_array()) return no("mx is no array of names");
  if (at->size() > kMxNames) return no("mx has more than 256 names");
  for (const json& value : *at) {
    auto name = read_mx_name(value);
    if (!name) return no("mx has an entry that is no host name");
    names.push_back(std::move(*name));
  }
  return names;
}

// Measured from when the file was written, so that every program that reads it says the same.
bool too_far(Time until, Time written, Time now) {
  return until > std::min(written, now) + kLongestBrake;
}

}  // namespace

Enforcement unreadable_enforcement(Time written, Time now, std::string reason) {
  Enforcement out;
  out.unreadable = true;
  out.until = written + kUnreadableOff;
  out.off = out.until <= now + kLongestBrake;
  out.reason = std::move(reason);
  return out;
}

std::expected<DomainBrake, std::string> parse_brake(std::string_view text, Time written, Time now) {
  const auto object = parse_object(text);
  if (!object) return std::unexpected(object.error());
  DomainBrake brake;
  const auto action = object->find("action");
  const auto known = action != object->end() && action->is_string()
                         ? parse_action(action->get<std::string>())
                         : std::nullopt;
  if (!known) return no("action is not bypass, pin or report_only");
  brake.action = *known;
  const auto until = read_until(*object);
  if (!until) return std::unexpected(until.error());
  brake.until = *until;
  auto mx = read_mx(*object);
  if (!mx) return std::unexpected(std::move(mx.error()));
  brake.mx = std::move(*mx);
  if (brake.action != Action::pin) {
    if (!brake.until) return no("void: until is missing");
    if (too_far(*brake.until, written, now)) return no("void: until is more than 7 days ahead");
  }
  brake.reason = shown_text(*object, "reason", kReasonBytes);
  brake.who = shown_text(*object, "who", kWhoBytes);
  return brake;
}

Enforcement parse_enforcement(std::string_view text, Time written, Time now) {
  const auto object = parse_object(text);
  if (!object) return unreadable_enforcement(written, now, object.error());
  const auto state = object->find("state");
  if (state == object->end() || (*state != "off" && *state != "on"))
    return unreadable_enforcement(written, now, "state is neither off nor on");
  if (*state == "on") return {};
  const auto until = read_until(*object);
  if (!until) return unreadable_enforcement(written, now, until.error());
  if (!*until) return unreadable_enforcement(written, now, "until is missing");
  Enforcement out;
  out.until = **until;
  if (too_far(out.until, written, now)) {
    out.reason = "void: until is more than 7 days ahead";
    return out;
  }
  out.off = true;
  out.reason = shown_text(*object, "reason", kReasonBytes);
  out.who = shown_text(*object, "who", kWhoBytes);
  return out;
}

}  // namespace mxw::operators
