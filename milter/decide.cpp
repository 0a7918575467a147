#include "milter/decide.hpp"

#include <array>

#include "core/mail/reply_code.hpp"

namespace mxw::milter {
namespace {

constexpr std::array<std::string_view, 4> kRoles = {"inbound", "submission", "relay", "local"};
constexpr std::array<std::string_view, 4> kActions = {"accept", "tag", "defer", "quarantine"};
constexpr std::array<std::string_view, 25> kReasons = {
    "not-ours",   "inbound",      "session-verdict", "smart-host",     "exempt",
    "overridden", "bypass",       "policy-unknown",  "no-policy",      "testing",
    "path-clear", "path-partial", "no-route",        "reread-pending", "path-blocked",
    "probe",      "null-sender",  "authenticated",   "peer",           "local-mail",
    "not-listed", "max-age",      "breaker",         "no-memory",      "internal-error"};

constexpr std::string_view kCode = "451";
constexpr std::string_view kEnhancedTrouble = "4.3.0";  // RFC 3463 section 3.4: mail system

Decision make(Action action, Reason reason) {
  Decision decision;
  decision.action = decision.wish = action;
  decision.reason = reason;
  return decision;
}

Decision accept(Reason reason) {
  return make(Action::accept, reason);
}

std::string_view enhanced_code(Failure failure) {
  switch (failure) {
    case Failure::starttls:
      return mail::kEnhancedNoSecurityTemporary;
    case Failure::certificate:
      return mail::kEnhancedCryptoTemporary;
    case Failure::none:
    case Failure::other:
      break;
  }
  return mail::kEnhancedSecurityTemporary;
}

// What keeps a mail from being deferred although the path is blocked and the operator chose it.
std::optional<Reason> obstacle(const RcptFacts& facts, const Choices& choices, Time now) {
  if (facts.null_sender) return Reason::null_sender;
  if (facts.authenticated) return Reason::authenticated;
  if (!facts.peer_queues) return Reason::peer;
  if (!facts.deferrals_usable) return Reason::no_memory;
  if (facts.breaker_open) return Reason::breaker;
  if (facts.first_deferred) {
    const std::int64_t age = now - *facts.first_deferred;
    if (age >= choices.max_age || age < -kClockSlack) return Reason::max_age;
  }
  return std::nullopt;
}

Decision decide_blocked(const RcptFacts& facts, const DomainPath& path, const Choices& choices,
                        Time now) {
  if (path.protection == policy::Protection::sts_testing) return make(Action::tag, Reason::testing);
  const Action chosen = facts.overridden.value_or(facts.listed ? Action::defer : Action::tag);
  if (chosen == Action::quarantine) {
    // The MTA holds it: no client has to queue, and nothing is to be remembered.
    if (facts.null_sender) return make(Action::tag, Reason::null_sender);
    if (facts.authenticated) return make(Action::tag, Reason::authenticated);
    if (facts.breaker_open) return make(Action::tag, Reason::breaker);
  }
  if (chosen != Action::defer) {
    const bool left_out = choices.defers && !facts.listed && !facts.overridden;
    return make(chosen, left_out ? Reason::not_listed : Reason::path_blocked);
  }
  if (const auto reason = obstacle(facts, choices, now)) return make(Action::tag, *reason);
  Decision decision = make(Action::defer, Reason::path_blocked);
  decision.reply_code = kCode;
  decision.enhanced = enhanced_code(path.failure);
  return decision;
}

Decision decide_path(const RcptFacts& facts, const DomainPath& path, const Choices& choices,
                     Time now) {
  switch (path.state) {
    case PathState::unknown:
      break;
    case PathState::unprotected:
      return accept(Reason::no_policy);
    case PathState::clear:
      return accept(Reason::path_clear);
    case PathState::partial:
      return accept(Reason::path_partial);
    case PathState::no_route:
      return accept(Reason::no_route);
    case PathState::reread:
      return accept(Reason::reread_pending);
    case PathState::probing:
      if (facts.probe_granted) return accept(Reason::probe);
      [[fallthrough]];
    case PathState::blocked:
      return decide_blocked(facts, path, choices, now);
  }
  Decision decision = accept(Reason::policy_unknown);
  decision.temperror = true;
  return decision;
}

Decision decide_trouble(const Choices& choices) {
  Decision decision = accept(Reason::internal_error);
  decision.temperror = true;
  if (!choices.tempfail_on_error) return decision;
  decision.wish = decision.action = Action::defer;
  decision.reply_code = kCode;
  decision.enhanced = kEnhancedTrouble;
  return decision;
}

// Why the recipient is not looked at.
std::optional<Reason> not_judged(const RcptFacts& facts, const DomainPath& path) {
  if (facts.exempt) return Reason::exempt;
  if (facts.role == Role::local) return Reason::local_mail;
  if (facts.role == Role::inbound)
    return facts.session_verdict ? Reason::session_verdict : Reason::inbound;
  if (facts.ours) return Reason::not_ours;
  if (facts.smart_host) return Reason::smart_host;
  if (path.bypass) return Reason::bypass;
  if (facts.overridden == Action::accept) return Reason::overridden;
  return std::nullopt;
}

}  // namespace

std::string_view name(Role role) {
  return kRoles.at(static_cast<std::size_t>(role));
}

std::string_view name(Action action) {
  return kActions.at(static_cast<std::size_t>(action));
}

std::string_view name(Reason reason) {
  return kReasons.at(static_cast<std::size_t>(reason));
}

Decision decide(const RcptFacts& facts, const DomainPath& path, const Choices& choices, Time now) {
  Decision decision;
  if (facts.internal_error) {
    decision = decide_trouble(choices);
  } else if (const auto reason = not_judged(facts, path)) {
    decision = accept(*reason);
  } else {
    decision = decide_path(facts, path, choices, now);
    const bool holds = decision.wish == Action::defer || decision.wish == Action::quarantine;
    if (path.report_only && holds) decision.reason = Reason::bypass;
    if (path.report_only) decision.action = Action::accept;
  }
  if (choices.dry_run) decision.action = Action::accept;
  return decision;
}

std::string reply_text(const Decision& decision, const DomainPath& path) {
  if (decision.reason == Reason::internal_error) return "Mail filter trouble, try again later";
  const std::string& domain = path.domain;
  switch (path.failure) {
    case Failure::starttls:
      return "TLS is required for mail to " + domain +
             ", but STARTTLS is missing on the way to its servers, try again later";
    case Failure::certificate:
      return "TLS with a valid certificate is required for mail to " + domain +
             ", but is not had from its servers now, try again later";
    case Failure::none:
    case Failure::other:
      break;
  }
  return "TLS is required for mail to " + domain +
         ", but cannot be had from its servers now, try again later";
}

}  // namespace mxw::milter
