#include "milter/milter_event.hpp"

#include <cinttypes>
#include <cstdio>

#include "core/base/json_writer.hpp"
#include "core/policy/decide.hpp"

namespace mxw::milter {
namespace {

void text(JsonWriter& json, std::string_view name, std::string_view value) {
  if (!value.empty()) json.member(name, value);
}

void flag(JsonWriter& json, std::string_view name, bool value) {
  if (value) json.member(name, true);
}

void number(JsonWriter& json, std::string_view name, std::uint64_t value) {
  if (value > 0) json.member(name, value);
}

JsonWriter begin(std::string& out, Time time) {
  JsonWriter json(out);
  json.begin_object();
  json.member("timestamp", std::string_view(format_eve(time))).member("event_type", "milter");
  return json;
}

void end(std::string& out, JsonWriter& json) {
  json.end_object().end_object();
  out += '\n';
}

void append_path(JsonWriter& json, const DomainPath& path) {
  if (path.domain.empty()) return;
  json.member("path", name(path.state));
  json.member("protection", policy::protection_name(path.protection));
  text(json, "policy_id", path.policy_id);
  text(json, "rule", path.rule);
  if (path.verdict_ids.empty()) return;
  json.key("verdicts").begin_array();
  for (const std::string& id : path.verdict_ids) json.string(id);
  json.end_array();
  json.member("verdict_until", std::string_view(format_eve(path.verdict_until)));
}

void append_tls(JsonWriter& json, const HopTls& tls) {
  if (!tls.used()) return;
  json.key("tls").begin_object().member("version", std::string_view(tls.version));
  text(json, "cipher", tls.cipher);
  text(json, "bits", tls.bits);
  json.end_object();
}

}  // namespace

std::string session_name(std::uint64_t session) {
  char digits[17];
  std::snprintf(digits, sizeof digits, "%016" PRIx64, session);
  return digits;
}

std::string code_text(const Decision& decision) {
  if (decision.reply_code.empty()) return {};
  return std::string(decision.reply_code) + ' ' + std::string(decision.enhanced);
}

void append_event(std::string& out, const DecisionNote& note) {
  JsonWriter json = begin(out, note.time);
  if (note.client) json.member("src_ip", std::string_view(note.client->text()));
  json.key("milter").begin_object().member("kind", "decision");
  json.member("session", std::string_view(session_name(note.session)));
  text(json, "queue_id", note.queue_id);
  text(json, "listener", note.listener);
  json.member("role", name(note.role));
  text(json, "domain", note.domain);
  json.member("recipients", note.recipients);
  json.member("action", name(note.decision.action));
  if (note.decision.wish != note.decision.action) json.member("wish", name(note.decision.wish));
  text(json, "code", code_text(note.decision));
  json.member("reason", name(note.decision.reason)).member("dry_run", note.dry_run);
  flag(json, "temperror", note.decision.temperror);
  append_path(json, note.path);
  append_tls(json, note.tls);
  flag(json, "requiretls", note.requiretls);
  text(json, "x_tls", note.x_tls);
  text(json, "x_mta_sts", note.x_mta_sts);
  text(json, "session_verdict", note.session_verdict);
  text(json, "session_rule", note.session_rule);
  number(json, "forged", note.forged);
  number(json, "forged_left", note.forged_left);
  end(out, json);
}

void append_event(std::string& out, const MessageNote& note) {
  JsonWriter json = begin(out, note.time);
  json.key("milter").begin_object().member("kind", "message");
  json.member("session", std::string_view(session_name(note.session)));
  text(json, "queue_id", note.queue_id);
  json.member("role", name(note.role)).member("recipients", note.recipients);
  flag(json, "requiretls", note.requiretls);
  flag(json, "tls_required_no", note.tls_required_no);
  flag(json, "quarantined", note.quarantined);
  end(out, json);
}

void append_breaker_event(std::string& out, Time time, Breaker::Counts counts) {
  JsonWriter json = begin(out, time);
  json.key("milter").begin_object().member("kind", "breaker");
  json.member("recipients", counts.rcpts).member("deferrals", counts.deferrals);
  end(out, json);
}

}  // namespace mxw::milter
