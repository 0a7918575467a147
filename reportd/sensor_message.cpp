#include "reportd/sensor_message.hpp"

#include <algorithm>
#include <charconv>

#include "core/policy/tlsrpt.hpp"
#include "core/store/rows.hpp"

namespace mxw::reportd {
namespace {

constexpr std::int64_t kVersion = 1;

}  // namespace

bool SensorReader::version() {
  std::int64_t value = 0;
  version_told_ = scan_.integer(value) && value == kVersion;
  return version_told_;
}

bool SensorReader::number(std::uint64_t& out) {
  std::int64_t value = 0;
  if (!scan_.integer(value) || value < 0) return false;
  out = static_cast<std::uint64_t>(value);
  return true;
}

bool SensorReader::time(Time& out) {
  std::string_view text;
  if (!scan_.string(text)) return false;
  const auto parsed = parse_rfc3339(text);
  if (!parsed) return false;
  out = *parsed;
  return time_told_ = true;
}

bool SensorReader::final_word(Final& out) {
  std::string_view text;
  if (!scan_.string(text)) return false;
  if (text == "success")
    out = Final::success;
  else if (text == "failure")
    out = Final::failure;
  else if (text == "undetermined")
    out = Final::undetermined;
  else
    return false;
  return true;
}

// A number or a text.
bool SensorReader::session(std::string_view& out) {
  if (scan_.peek() == '"') return scan_.string(out);
  std::uint64_t value = 0;
  if (!number(value)) return false;
  constexpr std::size_t kDigits = 20;
  char* const to = scan_.room(kDigits);
  const auto end = std::to_chars(to, to + kDigits, value).ptr;
  out = scan_.take(static_cast<std::size_t>(end - to));
  return true;
}

bool SensorReader::policy_member(std::string_view key, EventPolicy& out) {
  std::string_view text;
  if (key == "strings") return values_.strings();
  if (key == "mx_host") return values_.hosts();
  if (key != "type") return scan_.skip();
  if (!scan_.string(text)) return false;
  for (const std::string_view known : {kSts, kTlsa, kNoPolicyFound}) {
    if (text == known) out.type = known;
  }
  return !out.type.empty();
}

bool SensorReader::failure_member(std::string_view key, SensorMessage& out) {
  std::string_view text;
  if (key == "reason") return values_.word(out.failure.reason);
  if (key == "mx_host") return values_.optional_name(out.failure.mx_host);
  if (key == "mx_ip") return values_.address(out.failure.receiving_ip);
  if (key == "helo_name") return values_.ehlo(out.failure.mx_helo);
  if (key != "result") return scan_.skip();
  if (!scan_.string(text)) return false;
  const auto type = policy::parse_result_type(text);
  if (!type) return false;
  out.failure.type = *type;
  out.facts.proved = true;
  return true;
}

bool SensorReader::member(std::string_view key, SensorMessage& out) {
  if (key == "v") return version();
  if (key == "sensor") return values_.word(out.sensor);
  if (key == "instance") return values_.word(out.instance);
  if (key == "seq") return number(out.seq);
  if (key == "time") return time(out.time);
  if (key == "egress_ip") return values_.address(out.egress);
  if (key == "policy_domain") return values_.name(out.policy.domain);
  if (key == "policy")
    return scan_.object([&](std::string_view name) { return policy_member(name, out.policy); });
  if (key == "failure")
    return scan_.object([&](std::string_view name) { return failure_member(name, out); });
  if (key == "final") return final_word(out.policy.final);
  if (key == "session") return session(out.session);
  if (key == "basis") return scan_.string(out.facts.basis);
  if (key == "candidates") return number(out.facts.candidates);
  if (key == "offered") return scan_.string(out.facts.offered);
  if (key == "outcome") return scan_.string(out.facts.outcome);
  return scan_.skip();
}

const SensorMessage* SensorReader::read(std::string_view text) {
  message_ = {};
  message_.policy.final = Final::undetermined;
  version_told_ = time_told_ = false;
  scan_.begin(text);
  values_.begin();
  SensorMessage& out = message_;
  if (!scan_.object([&](std::string_view key) { return member(key, out); }) || !scan_.end())
    return nullptr;
  const bool whole = version_told_ && time_told_ && !out.sensor.empty() && !out.instance.empty() &&
                     out.seq > 0 && out.egress.family != 0 && !out.policy.domain.empty() &&
                     !out.policy.type.empty();
  if (!whole || !values_.finish(out.policy)) return nullptr;
  out.failure.sending_ip = out.egress;
  out.facts.type = out.policy.type;
  out.facts.final = out.policy.final;
  return &message_;
}

}  // namespace mxw::reportd
