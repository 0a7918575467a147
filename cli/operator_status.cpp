#include "cli/operator_status.hpp"

#include <algorithm>

#include "cli/duration.hpp"
#include "cli/wrap.hpp"
#include "core/base/json_writer.hpp"

namespace mxw::cli {
namespace {

std::string sentence_of(const operators::OperatorState& state, Time now) {
  const operators::Enforcement& said = state.enforcement();
  if (state.notes().folder_unreadable)
    return "it is not known whether enforcement is off: the operator's folder cannot be read\n";
  if (!state.enforcement_off(now))
    return "enforcement is not off: what mxwarden.toml says holds (map.enforcement)\n";
  std::string out = "enforcement is off until " + moment_text(said.until) + ", another " +
                    duration_text(said.until - now) + '\n';
  if (said.unreadable)
    return out + wrapped("  ",
                         "enforcement.json cannot be understood (" + said.reason +
                             "), which counts as off until 4 hours after it was written; "
                             "`mxwarden enforcement on` or `off` replaces it",
                         2);
  return out + wrapped("  by ", said.who + ": " + said.reason, 5);
}

std::string end_text(const operators::DomainBrake& brake, Time now) {
  if (!brake.until) return "until it is released";
  if (!brake.holds(now)) return "ended " + moment_text(*brake.until) + ", without effect";
  return "until " + moment_text(*brake.until);
}

std::string brake_text(const std::string& domain, const operators::DomainBrake& brake, Time now) {
  std::string out = "  " + domain + ": " + std::string(operators::name(brake.action)) + ' ' +
                    end_text(brake, now) + '\n';
  if (!brake.mx.empty()) {
    std::string names;
    for (const std::string& name : brake.mx) names += (names.empty() ? "" : " ") + name;
    out += wrapped("    mx ", names, 7);
  }
  if (!brake.reason.empty() || !brake.who.empty())
    out += wrapped("    by ", brake.who + ": " + brake.reason, 7);
  return out;
}

std::string counted(std::size_t n, const char* one, const char* many) {
  return std::to_string(n) + ' ' + (n == 1 ? one : many);
}

bool brakes_unknown(const operators::OperatorState& state) {
  return state.notes().folder_unreadable || state.notes().domains_unreadable;
}

}  // namespace

bool status_known(const operators::OperatorState& state) {
  return !brakes_unknown(state);
}

std::string status_text(const operators::OperatorState& state, Time now) {
  std::string out = sentence_of(state, now);
  if (brakes_unknown(state)) {
    out += "it is not known which domains have a brake or a pin\n";
  } else if (state.brakes().empty()) {
    out += "no domain has a brake or a pin\n";
  } else {
    out += counted(state.brakes().size(), "domain has", "domains have") + " a brake or a pin:\n";
    for (const auto& [domain, brake] : state.brakes()) out += brake_text(domain, *brake, now);
  }
  const operators::OperatorState::Notes& notes = state.notes();
  if (notes.texts.empty()) return out;
  out += "not as it should be:\n";
  for (const std::string& note : notes.texts) out += wrapped("  ", printable(note), 4);
  const std::size_t all = notes.ignored + notes.over_limit;
  if (all > notes.texts.size())
    out += "  and more: " + counted(all, "file is", "files are") + " ignored\n";
  return out;
}

std::string status_json(const operators::OperatorState& state, Time now) {
  std::string out;
  JsonWriter json(out);
  const operators::Enforcement& said = state.enforcement();
  const bool known = !state.notes().folder_unreadable;
  json.begin_object().key("enforcement").begin_object().member("known", known);
  if (known) json.member("off", state.enforcement_off(now));
  if (said.off) {
    json.member("unreadable", said.unreadable).member("until", format_rfc3339(said.until));
    json.member("reason", said.reason).member("who", said.who);
  }
  json.end_object().key("domains").begin_array();
  for (const auto& [domain, brake] : state.brakes()) {
    json.begin_object().member("domain", domain).member("action", operators::name(brake->action));
    json.member("holds", brake->holds(now));
    if (brake->until) json.member("until", format_rfc3339(*brake->until));
    json.member("reason", brake->reason).member("who", brake->who);
    if (!brake->mx.empty()) {
      json.key("mx").begin_array();
      for (const std::string& name : brake->mx) json.string(name);
      json.end_array();
    }
    json.end_object();
  }
  json.end_array().member("domains_known", !brakes_unknown(state));
  json.member("ignored", state.notes().ignored);
  json.member("over_limit", state.notes().over_limit).key("notes").begin_array();
  for (const std::string& note : state.notes().texts) json.string(note);
  json.end_array().end_object();
  return out + '\n';
}

}  // namespace mxw::cli
