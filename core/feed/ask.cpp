#include "core/feed/ask.hpp"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <utility>

#include "core/base/json_writer.hpp"
#include "core/base/limits.hpp"

namespace mxw::feed {
namespace {

using Json = nlohmann::json;

constexpr int kVersion = 1;
constexpr std::array<std::string_view, 4> kOps = {"want", "hint", "reread", "ping"};
constexpr std::array<policy::DaneState, 4> kDane = {policy::DaneState::none, policy::DaneState::some,
                                                    policy::DaneState::all,
                                                    policy::DaneState::error};

// nullopt: no object, too deep to be one of ours, or another version.
std::optional<Json> parse(std::string_view message, std::size_t most) {
  constexpr std::size_t kDepth = 4;  // ours has two levels
  if (message.size() > most) return std::nullopt;
  const Json::parser_callback_t shallow = [](int depth, Json::parse_event_t, Json&) {
    return depth <= static_cast<int>(kDepth);
  };
  Json json = Json::parse(message, shallow, false);
  if (json.is_discarded() || !json.is_object()) return std::nullopt;
  const auto v = json.find("v");
  if (v == json.end() || !v->is_number_unsigned() || v->get<std::uint64_t>() != kVersion)
    return std::nullopt;
  return json;
}

std::string text_of(const Json& json, const char* name, std::size_t most) {
  const auto at = json.find(name);
  if (at == json.end() || !at->is_string()) return {};
  auto text = at->get<std::string>();
  return text.size() > most ? std::string() : text;
}

std::uint64_t number_of(const Json& json, const char* name) {
  const auto at = json.find(name);
  return at != json.end() && at->is_number_unsigned() ? at->get<std::uint64_t>() : 0;
}

std::vector<std::string> patterns_of(const Json& json) {
  std::vector<std::string> out;
  const auto at = json.find("mx");
  if (at == json.end() || !at->is_array()) return out;
  for (const Json& item : *at) {
    if (!item.is_string() || out.size() >= limits::kPolicyMx) break;
    out.push_back(item.get<std::string>());
  }
  return out;
}

policy::DaneState dane_of(std::string_view word) {
  const auto at = std::ranges::find(kDane, word, [](policy::DaneState d) { return name(d); });
  // A word of a later version: nobody knows what holds.
  return at == kDane.end() ? policy::DaneState::error : *at;
}

void write_policy(JsonWriter& json, const AskAnswer& answer) {
  json.member("mode", policy::mode_name(answer.mode));
  json.key("mx").begin_array();
  for (const std::string& pattern : answer.mx) json.string(pattern);
  json.end_array();
  json.member("policy_id", answer.policy_id).member("valid_until", answer.valid_until.ns);
}

}  // namespace

std::string encode(const AskRequest& request) {
  std::string out;
  JsonWriter json(out);
  json.begin_object().member("v", kVersion).member("id", request.id);
  json.member("op", kOps.at(static_cast<std::size_t>(request.op)));
  if (request.op != AskOp::ping) json.member("domain", request.domain);
  json.end_object();
  return out;
}

std::string encode(const AskAnswer& answer) {
  std::string out;
  JsonWriter json(out);
  json.begin_object().member("v", kVersion).member("id", answer.id);
  json.member("state", answer.pong ? std::string_view("pong") : name(answer.state));
  if (!answer.pong) {
    if (answer.state == rows::DomainState::policy) write_policy(json, answer);
    json.member("dane", name(answer.dane));
  }
  json.end_object();
  if (out.size() <= kAskAnswerBytes) return out;
  AskAnswer less;
  less.id = answer.id;
  less.dane = answer.dane;
  return encode(less);
}

std::optional<AskRequest> decode_request(std::string_view message) {
  const auto json = parse(message, kAskBytes);
  if (!json) return std::nullopt;
  const std::string op = text_of(*json, "op", kAskBytes);
  const auto at = std::ranges::find(kOps, op);
  if (at == kOps.end()) return std::nullopt;
  AskRequest request;
  request.id = number_of(*json, "id");
  request.op = static_cast<AskOp>(at - kOps.begin());
  request.domain = text_of(*json, "domain", rows::kNameBytes);
  if (request.domain.empty() && request.op != AskOp::ping) return std::nullopt;
  return request;
}

std::optional<AskAnswer> decode_answer(std::string_view message) {
  const auto json = parse(message, kAskAnswerBytes);
  if (!json) return std::nullopt;
  AskAnswer answer;
  answer.id = number_of(*json, "id");
  const std::string state = text_of(*json, "state", rows::kWordBytes);
  if (state.empty()) return std::nullopt;
  answer.pong = state == "pong";
  answer.state = rows::domain_state(state);
  answer.mode = rows::mode_of(text_of(*json, "mode", rows::kWordBytes));
  answer.mx = patterns_of(*json);
  answer.policy_id = text_of(*json, "policy_id", rows::kWordBytes);
  constexpr std::uint64_t kMost = INT64_MAX;
  answer.valid_until = {static_cast<std::int64_t>(std::min(number_of(*json, "valid_until"), kMost))};
  if (json->contains("dane")) answer.dane = dane_of(text_of(*json, "dane", rows::kWordBytes));
  return answer;
}

}  // namespace mxw::feed
