#include "core/feed/lookup.hpp"

#include <algorithm>
#include <array>

#include "core/base/json_writer.hpp"
#include "core/feed/ask.hpp"
#include "core/ipc/json_message.hpp"

namespace mxw::feed {
namespace {

constexpr std::array<std::string_view, 3> kKinds = {"tlsrpt", "dkim-key", "address"};
constexpr std::array<std::string_view, 5> kStates = {"unavailable", "found", "invalid", "denied",
                                                     "failed"};

bool fits(const LookupAnswer& answer) {
  std::size_t octets = 0;
  for (const std::string& record : answer.records) octets += record.size();
  return octets <= kLookupOctets && answer.records.size() <= kLookupRecords;
}

void write_found(JsonWriter& json, const LookupAnswer& answer) {
  if (!answer.records.empty()) {
    json.key("records").begin_array();
    for (const std::string& record : answer.records) json.string(record);
    json.end_array();
  }
  if (answer.addresses.empty()) return;
  json.key("addresses").begin_array();
  const std::size_t count = std::min(answer.addresses.size(), kLookupAddresses);
  for (std::size_t i = 0; i < count; ++i) json.string(answer.addresses[i].text());
  json.end_array();
}

}  // namespace

std::string_view name(LookupKind kind) {
  return kKinds.at(static_cast<std::size_t>(kind));
}

std::string_view name(LookupState state) {
  return kStates.at(static_cast<std::size_t>(state));
}

std::string encode(const LookupAnswer& answer) {
  if (!fits(answer)) {
    LookupAnswer less = answer;
    less.state = LookupState::invalid;
    less.reason = "too large";
    less.records.clear();
    return encode(less);
  }
  std::string out;
  JsonWriter json(out);
  json.begin_object().member("v", ipc::JsonMessage::kVersion).member("id", answer.id);
  json.member("state", name(answer.state));
  if (!answer.dns.empty()) json.member("dns", answer.dns);
  if (!answer.reason.empty())
    json.member("reason", std::string_view(answer.reason).substr(0, kLookupReasonBytes));
  if (answer.state != LookupState::unavailable) {
    json.member("authenticated", answer.authenticated);
    json.member("seen", answer.seen.ns).member("ttl", answer.ttl);
  }
  if (answer.state == LookupState::found) write_found(json, answer);
  json.end_object();
  return out;
}

std::optional<LookupAnswer> decode_lookup(std::string_view message) {
  const auto json = ipc::JsonMessage::parse(message, kAskAnswerBytes);
  if (!json) return std::nullopt;
  LookupAnswer answer;
  answer.id = json->number("id");
  const std::string state = json->text("state", rows::kWordBytes);
  if (state.empty()) return std::nullopt;
  const auto at = std::ranges::find(kStates, state);
  if (at != kStates.end()) answer.state = static_cast<LookupState>(at - kStates.begin());
  answer.dns = json->text("dns", rows::kWordBytes);
  // What is not UTF-8 has grown on its way.
  answer.reason = json->text("reason", 3 * kLookupReasonBytes);
  answer.authenticated = json->boolean("authenticated");
  constexpr std::uint64_t kMost = INT64_MAX;
  answer.seen = {static_cast<std::int64_t>(std::min(json->number("seen"), kMost))};
  answer.ttl = static_cast<std::uint32_t>(std::min<std::uint64_t>(json->number("ttl"), UINT32_MAX));
  if (answer.state != LookupState::found) return answer;
  answer.records = json->texts("records", kLookupRecords);
  for (const std::string& text : json->texts("addresses", kLookupAddresses)) {
    if (const auto address = IpAddress::parse(text)) answer.addresses.push_back(*address);
  }
  return answer;
}

}  // namespace mxw::feed
