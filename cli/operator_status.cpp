#include "cli/operator_status.hpp"

#include <algorithm>

#include "cli/duration.hpp"
#include "cli/sts_json.hpp"
#include "cli/wrap.hpp"
#include "core/base/json_writer.hpp"

namespace mxw::cli {
namespace {

std::string sentence_of(const operators::OperatorState& state, Time now) {
  const operators::Enforcement& said = state.enforcement();
  if (state.notes().folder_unreadable)
    return "it is not known whether enforcement is off: the operator's folder cannot be read "
           "(see its owner\n  and mode, or run this as root)\n";
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

// As the verbs are called.
std::string action_word(operators::Action action) {
  return action == operators::Action::report_only ? "report-only"
                                                  : std::string(operators::name(action));
}

std::string details_text(const operators::DomainBrake& brake) {
  std::string out;
  if (!brake.mx.empty()) {
    std::string names;
    for (const std::string& name : brake.mx) names += (names.empty() ? "" : " ") + name;
    out += wrapped("    mx ", names, 7);
  }
  if (!brake.reason.empty() || !brake.who.empty())
    out += wrapped("    by ", printable(brake.who + ": " + brake.reason), 7);
  return out;
}

std::string brake_text(const std::string& domain, const operators::DomainBrake& brake, Time now) {
  return "  " + domain + ": " + action_word(brake.action) + ' ' + end_text(brake, now) + '\n' +
         details_text(brake);
}

std::string meaning(const operators::DomainBrake& brake) {
  switch (brake.action) {
    case operators::Action::bypass:
      return "treated as if it had no policy";
    case operators::Action::report_only:
      return "nothing is enforced, all is recorded";
    case operators::Action::pin:
      return "authenticated TLS is required, whatever it publishes";
  }
  return {};
}

void begin_row(JsonWriter& json, std::string_view domain, std::string_view action) {
  json.begin_object().member("v", 1).member("op", "put").member("table", "operator");
  json.key("row").begin_object().member("domain", domain).member("action", action);
}

std::string off_row(const operators::Enforcement& off, std::string_view domain) {
  std::string out;
  JsonWriter json(out);
  begin_row(json, domain, "off");
  json.member("until", off.until.ns).member("reason", off.reason).member("who", off.who);
  json.end_object().end_object();
  return out + '\n';
}

std::string brake_row(const operators::DomainBrake& brake, std::string_view domain) {
  std::string out;
  JsonWriter json(out);
  begin_row(json, domain, operators::name(brake.action));
  if (brake.until) json.member("until", brake.until->ns);
  json.member("reason", brake.reason).member("who", brake.who);
  if (!brake.mx.empty()) write_strings(json, "mx", brake.mx);
  json.end_object().end_object();
  return out + '\n';
}

// Of a file of this domain that has no effect.
std::string ignored_text(const operators::OperatorState& state, std::string_view domain) {
  const std::string head = "domain/" + std::string(domain) + ".json: ";
  for (const std::string& note : state.notes().texts)
    if (note.starts_with(head))
      return wrapped(
          "  ",
          "the operator's file of it is without effect: " + printable(note.substr(head.size())), 4);
  return {};
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

std::string domain_status_text(const operators::OperatorState& state, std::string_view domain,
                               Time now) {
  std::string out;
  if (state.enforcement_off(now)) {
    const operators::Enforcement& off = state.enforcement();
    out += "  enforcement is off for all domains until " + moment_text(off.until) + '\n';
    out +=
        off.unreadable
            ? wrapped("    ", "enforcement.json cannot be understood: " + printable(off.reason), 4)
            : wrapped("    by ", printable(off.who + ": " + off.reason), 7);
  }
  if (const operators::DomainBrake* const brake = state.find(domain, now))
    out += "  " + action_word(brake->action) + ' ' + end_text(*brake, now) + ": " +
           meaning(*brake) + '\n' + details_text(*brake);
  return out + ignored_text(state, domain);
}

std::string domain_status_rows(const operators::OperatorState& state, std::string_view domain,
                               Time now) {
  std::string out;
  if (state.enforcement_off(now)) out += off_row(state.enforcement(), domain);
  if (const operators::DomainBrake* const brake = state.find(domain, now))
    out += brake_row(*brake, domain);
  return out;
}

std::string overruled_by(const operators::OperatorState& state, std::string_view domain, Time now) {
  switch (state.said(domain, now).word) {
    case operators::Word::none:
      break;
    case operators::Word::off:
      return "`enforcement off`";
    case operators::Word::bypass:
      return "a bypass";
    case operators::Word::report_only:
      return "report-only";
    case operators::Word::pin:
      return "a pin";
  }
  return {};
}

}  // namespace mxw::cli
