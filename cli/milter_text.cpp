// The milter's decisions in words.
#include <utility>

#include "cli/duration.hpp"
#include "cli/milter_rows.hpp"
#include "cli/wrap.hpp"

namespace mxw::cli {
namespace {

// What a reason means; `@` stands for the domain, `^` for what the rule says of a connection. The
// words are milter/decide.hpp's.
struct Meaning {
  std::string_view reason, text;
};
constexpr Meaning kMeanings[] = {
    {"not-ours",
     "it was to be delivered on that host, or refused by it, so there was nothing to judge"},
    {"inbound", "it came in for that host, where only the connection it came by is looked at"},
    {"session-verdict",
     "it came in for that host, where mail is never held back; but an alarm was active for the "
     "very "
     "connection it came by: ^the mail could have been read or changed on its way"},
    {"smart-host", "it went to a relay and not to the mail servers of @"},
    {"exempt", "the client is exempt from judgement (milter.exempt)"},
    {"overridden", "the settings say so for this mail (milter.override)"},
    {"bypass",
     "an operator has put the policy of @ out of force (mxwarden policy bypass or report-only)"},
    {"policy-unknown", "nothing was known about @ at that moment"},
    {"no-policy", "@ publishes nothing that protects mail to it (MTA-STS, DANE)"},
    {"testing", "the policy of @ is in mode testing, so failures are recorded only"},
    {"path-clear", "no alarm was active for the mail servers of @"},
    {"path-partial", "alarms were active for some of the mail servers of @, and others are left"},
    {"no-route", "no mail server was known that the policy of @ names"},
    {"reread-pending", "alarms were active, but the policy of @ had not been read again yet"},
    {"path-blocked",
     "an alarm was active for every mail server that the policy of @ names: connections to them "
     "were "
     "not protected as @ demands, so the mail could have been read or changed on its way"},
    {"probe", "it was let through to see whether the path to @ is good again"},
    {"null-sender", "alarms were active, but a report (null sender) is never held"},
    {"authenticated", "alarms were active, but mail of a user who has logged in is never held"},
    {"peer",
     "alarms were active, but the client is not one of those that may be told to wait "
     "(defer.peers)"},
    {"local-mail", "alarms were active, but mail of the host itself is never held"},
    {"not-listed", "alarms were active, but @ is not among the domains held for (defer.domains)"},
    {"max-age", "alarms were active, but it had been held as long as defer.max_age allows"},
    {"breaker", "alarms were active, but too much mail would have been held at once (breaker)"},
    {"no-memory", "alarms were active, but the milter could not remember how long a mail was held"},
    {"internal-error", "the mail filter had an internal error"}};

// What a rule that is judged inbound (semantics 3) has seen of a connection, and what joins it.
// Another one is only named.
std::string_view seen(std::string_view rule) {
  if (rule == "R08")
    return "the command by which the sending server asked for TLS was overwritten, so ";
  if (rule == "R13") return "the sending server used no TLS, which it always did before, so ";
  return {};
}

std::string filled(std::string_view text, const std::string& domain, std::string_view rule) {
  std::string out;
  for (const char c : text) {
    if (c == '@')
      out += domain;
    else if (c == '^')
      out += seen(rule);
    else
      out += c;
  }
  return out;
}

std::string why(const MilterDecision& decision, const std::string& domain) {
  for (const Meaning& meaning : kMeanings)
    if (meaning.reason == decision.reason) return filled(meaning.text, domain, decision.rule);
  return "reason " + printable(decision.reason);
}

std::string what(const MilterDecision& decision) {
  if (decision.action == "defer")
    return decision.dry_run
               ? "was accepted; without dry_run the sender would have been told to try "
                 "again later (" +
                     printable(decision.code) + ")"
               : "was not accepted yet: the sending server was told to try again later (" +
                     printable(decision.code) + ")";
  if (decision.action == "quarantine")
    return decision.dry_run ? "was accepted; without dry_run it would have been held in the queue"
                            : "was put on hold in the queue of the mail server";
  if (decision.action == "tag") return "was accepted, and noted";
  return "was accepted";
}

std::string next(const MilterDecision& decision) {
  if (decision.reason == "session-verdict")
    return " Who runs the sending server should look at what it logged of that delivery.";
  if (decision.dry_run) return {};
  if (decision.action == "defer")
    return " A mail server does that by itself; the message is accepted once the alarm is over, at "
           "the latest after the time the milter holds any mail (defer.max_age).";
  if (decision.action == "quarantine") return " An operator has to release it.";
  return {};
}

std::string from(const std::string& role) {
  if (role == "inbound") return "A message from outside";
  if (role == "submission") return "A message of a user";
  if (role == "local") return "A message of the host itself";
  return "A message";
}

}  // namespace

std::string decision_text(const MilterDecision& decision) {
  const std::string domain = printable(decision.domain.empty() ? "the recipient" : decision.domain);
  std::string out = moment_text(decision.time) + ": " + from(decision.role) + " for " + domain;
  if (!decision.queue_id.empty()) out += " (queue id " + printable(decision.queue_id) + ")";
  out += ' ' + what(decision) + ", because " + why(decision, domain);
  if (!decision.verdict_id.empty()) out += " (alarm " + printable(decision.verdict_id);
  if (!decision.rule.empty())
    out += (decision.verdict_id.empty() ? " (rule " : ", rule ") + printable(decision.rule);
  if (!decision.verdict_id.empty() || !decision.rule.empty()) out += ')';
  return wrapped({}, out + '.' + next(decision), 0);
}

std::string others_text(const MilterControl::Decisions& decisions) {
  if (decisions.others == 0) return {};
  const bool one = decisions.others == 1;
  std::string out = std::to_string(decisions.others) + (one ? " other mail" : " other mails") +
                    " had that queue id: --at TIME shows " + "the newest that had begun by then";
  std::string_view before = one ? " (it began " : " (they began ";
  for (const Time start : decisions.starts)
    out += std::string(std::exchange(before, ", ")) + moment_text(start);
  if (decisions.starts.empty()) return out;
  return out + (decisions.starts.size() < decisions.others ? ", and before)" : ")");
}

std::string decision_json(const MilterDecision& decision) {
  std::string out;
  JsonWriter json(out);
  json.begin_object().member("time", std::string_view(format_rfc3339(decision.time)));
  for (const auto& [name, text] :
       {std::pair("session", &decision.session), std::pair("queue_id", &decision.queue_id),
        std::pair("listener", &decision.listener), std::pair("role", &decision.role),
        std::pair("domain", &decision.domain), std::pair("verdict_id", &decision.verdict_id),
        std::pair("action", &decision.action), std::pair("code", &decision.code),
        std::pair("reason", &decision.reason), std::pair("rule", &decision.rule)})
    if (!text->empty()) json.member(name, std::string_view(*text));
  if (decision.began.ns != 0)
    json.member("began", std::string_view(format_rfc3339(decision.began)));
  json.member("dry_run", decision.dry_run).end_object();
  return out + '\n';
}

std::string tally_text(const std::vector<MilterTally>& tally) {
  std::uint64_t all = 0;
  for (const MilterTally& one : tally) all += one.count;
  if (all == 0) return {};
  std::string out = "the milter decided " + std::to_string(all) + " times\n";
  for (const MilterTally& one : tally) {
    const bool held = one.action == "defer" || one.action == "quarantine";
    out += "  " + std::to_string(one.count) + "  " + printable(one.role) + ": " +
           (held && one.dry_run ? "would have been: " : "") + printable(one.action) + ", " +
           printable(one.reason) + ", domains: " + std::to_string(one.domains) + '\n';
  }
  return out;
}

void append_tally(JsonWriter& json, const std::vector<MilterTally>& tally) {
  json.begin_array();
  for (const MilterTally& one : tally)
    json.begin_object()
        .member("role", std::string_view(one.role))
        .member("action", std::string_view(one.action))
        .member("reason", std::string_view(one.reason))
        .member("dry_run", one.dry_run)
        .member("count", one.count)
        .member("domains", one.domains)
        .end_object();
  json.end_array();
}

}  // namespace mxw::cli
