#include "core/policy/sidecar.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "core/base/limits.hpp"

namespace mxw::policy {
namespace {

using nlohmann::json;

std::size_t line_at(std::string_view text, std::size_t offset) {
  const std::string_view before = text.substr(0, offset);
  return 1 + static_cast<std::size_t>(std::count(before.begin(), before.end(), '\n'));
}

// The JSON library does not say where a member stood; its name in quotes is found again.
std::size_t line_of(std::string_view text, const std::string& member) {
  const std::size_t at = text.find('"' + member + '"');
  return at == std::string_view::npos ? 1 : line_at(text, at);
}

// The JSON library's edge: its exceptions end here.
std::expected<json, Invalid> parse_object(std::string_view text) {
  std::set<std::string> members;
  std::optional<std::string> doubled;
  const auto watch = [&](int depth, json::parse_event_t event, json& parsed) {
    if (event == json::parse_event_t::key && depth == 1) {
      const auto& member = parsed.get_ref<const std::string&>();
      if (!members.insert(member).second) doubled = member;
    }
    return true;
  };
  try {
    json object = json::parse(text, watch);
    if (doubled) return std::unexpected(Invalid{"doubled member", line_of(text, *doubled)});
    if (!object.is_object()) return std::unexpected(Invalid{"not a JSON object", 1});
    return object;
  } catch (const json::parse_error& error) {
    const std::size_t offset = error.byte == 0 ? 0 : error.byte - 1;
    return std::unexpected(Invalid{"not JSON", line_at(text, offset)});
  } catch (const json::exception&) {
    return std::unexpected(Invalid{"not JSON", 1});
  }
}

bool read_text(const json& value, std::string& text) {
  if (!value.is_string()) return false;
  text = value.get_ref<const std::string&>();
  return true;
}

bool read_time(const json& value, std::optional<Time>& time) {
  std::string text;
  if (!read_text(value, text) || !text.ends_with('Z')) return false;
  time = parse_rfc3339(text);
  return time.has_value();
}

bool read_id(const json& value, std::string& id) {
  if (!read_text(value, id)) return false;
  const auto record = parse_sts_record("v=STSv1; id=" + id);
  return record && record->id == id;  // the text may hold more than an id
}

bool read_flag(const json& value, bool& flag) {
  if (!value.is_boolean()) return false;
  flag = value.get<bool>();
  return true;
}

// What is wrong with one member, empty when nothing is.
std::string read_member(const std::string& member, const json& value, Sidecar& sidecar) {
  if (member == "id")
    return read_id(value, sidecar.id) ? "" : "id is not 1 to 32 letters and digits";
  if (member == "fetched_at")
    return read_time(value, sidecar.fetched_at) ? "" : "fetched_at is no RFC 3339 time in UTC";
  if (member == "valid_until")
    return read_time(value, sidecar.valid_until) ? "" : "valid_until is no RFC 3339 time in UTC";
  if (member == "source") return read_text(value, sidecar.source) ? "" : "source is no text";
  if (member == "pin") return read_flag(value, sidecar.pin) ? "" : "pin is neither true nor false";
  return "unknown member";
}

}  // namespace

std::expected<Sidecar, Invalid> parse_sidecar(std::string_view text) {
  if (text.size() > limits::kPolicyBytes) return std::unexpected(Invalid{"too large", 1});
  const auto object = parse_object(text);
  if (!object) return std::unexpected(object.error());
  Sidecar sidecar;
  for (const auto& [member, value] : object->items()) {
    std::string wrong = read_member(member, value, sidecar);
    if (!wrong.empty()) return std::unexpected(Invalid{std::move(wrong), line_of(text, member)});
  }
  if (sidecar.fetched_at && sidecar.valid_until && *sidecar.valid_until < *sidecar.fetched_at)
    return std::unexpected(
        Invalid{"valid_until is before fetched_at", line_of(text, "valid_until")});
  return sidecar;
}

}  // namespace mxw::policy
