#include "core/feed/ask.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "core/base/json_writer.hpp"
#include "core/base/limits.hpp"
#include "core/ipc/json_message.hpp"

namespace mxw::feed {
namespace {

constexpr int kVersion = ipc::JsonMessage::kVersion;
constexpr std::array<std::string_view, 7> kOps = {"want",   "hint",     "reread", "ping",
                                                  "tlsrpt", "dkim-key", "address"};
constexpr auto kFirstLookup = static_cast<std::size_t>(AskOp::tlsrpt);
constexpr std::array<policy::DaneState, 4> kDane = {policy::DaneState::none,
                                                    policy::DaneState::some, policy::DaneState::all,
                                                    policy::DaneState::error};

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

AskOp op_of(LookupKind kind) {
  return static_cast<AskOp>(kFirstLookup + static_cast<std::size_t>(kind));
}

std::optional<LookupKind> lookup_of(AskOp op) {
  const auto place = static_cast<std::size_t>(op);
  if (place < kFirstLookup) return std::nullopt;
  return static_cast<LookupKind>(place - kFirstLookup);
}

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
  const auto json = ipc::JsonMessage::parse(message, kAskBytes);
  if (!json) return std::nullopt;
  const std::string op = json->text("op", rows::kWordBytes);
  const auto at = std::ranges::find(kOps, op);
  if (at == kOps.end()) return std::nullopt;
  AskRequest request;
  request.id = json->number("id");
  request.op = static_cast<AskOp>(at - kOps.begin());
  request.domain = json->text("domain", rows::kNameBytes);
  if (request.domain.empty() && request.op != AskOp::ping) return std::nullopt;
  return request;
}

std::optional<AskAnswer> decode_answer(std::string_view message) {
  const auto json = ipc::JsonMessage::parse(message, kAskAnswerBytes);
  if (!json) return std::nullopt;
  AskAnswer answer;
  answer.id = json->number("id");
  const std::string state = json->text("state", rows::kWordBytes);
  if (state.empty()) return std::nullopt;
  answer.pong = state == "pong";
  answer.state = rows::domain_state(state);
  answer.mode = rows::mode_of(json->text("mode", rows::kWordBytes));
  answer.mx = json->texts("mx", limits::kPolicyMx);
  answer.policy_id = json->text("policy_id", rows::kWordBytes);
  constexpr std::uint64_t kMost = INT64_MAX;
  answer.valid_until = {static_cast<std::int64_t>(std::min(json->number("valid_until"), kMost))};
  if (json->has("dane")) answer.dane = dane_of(json->text("dane", rows::kWordBytes));
  return answer;
}

}  // namespace mxw::feed
