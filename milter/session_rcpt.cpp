// One recipient: what it is, what is known, what is done.
#include <algorithm>

#include "milter/guarded.hpp"
#include "milter/session.hpp"
#include "milter/text.hpp"

namespace mxw::milter {
namespace {

// A mail with more recipient domains under probe than this waits for the others.
constexpr std::size_t kProbes = 64;
constexpr std::size_t kReplyTextBytes = 480;  // RFC 5321 section 4.5.3.1.5: 512 with codes and CRLF

Reply reply_of(const Decision& decision, const DomainPath& path) {
  if (decision.action != Action::defer) return {};
  return {Reply::Kind::defer, std::string(decision.reply_code), std::string(decision.enhanced),
          printable(reply_text(decision, path), kReplyTextBytes)};
}

bool is_judged(const RcptFacts& facts) {
  return !facts.exempt && (facts.role == Role::relay || facts.role == Role::submission) &&
         !facts.ours && !facts.smart_host;
}

bool is_deferral(const Decision& decision) {
  return decision.wish == Action::defer && decision.reason == Reason::path_blocked;
}

bool is_quarantine(const Decision& decision) {
  return decision.wish == Action::quarantine && decision.reason == Reason::path_blocked;
}

// What counts among the recipients of which too many would be held (semantics 12).
bool can_be_held(const RcptFacts& facts) {
  if (!is_judged(facts) || facts.authenticated || facts.null_sender) return false;
  if (facts.overridden == Action::quarantine) return true;
  if (facts.overridden && facts.overridden != Action::defer) return false;
  return facts.peer_queues && (facts.listed || facts.overridden == Action::defer);
}

}  // namespace

RcptFacts Session::facts_of(const Recipient& recipient) const {
  const auto address = client_ ? std::optional(client_->address) : std::nullopt;
  RcptFacts facts;
  facts.role = role_;
  facts.exempt = exempt_;
  facts.peer_queues = contains(settings_->peers, address);
  facts.authenticated = authenticated_;
  facts.null_sender = transaction_.sender.empty();
  facts.ours = recipient.ours;
  facts.smart_host = recipient.smart_host;
  facts.listed = recipient.named && settings_->defer_domains.contains(recipient.domain);
  facts.overridden = settings_->overridden(recipient.domain, address);
  facts.deferrals_usable = true;  // asked only where it matters
  return facts;
}

DomainPath Session::path_of(const Recipient& recipient, const RcptFacts& facts, Time now) {
  if (is_judged(facts) && recipient.named) return shared_.lookup.path(recipient.domain, now, true);
  DomainPath path;
  path.domain = recipient.domain;
  // An address literal: nobody publishes a policy for it.
  if (is_judged(facts)) path.state = PathState::unprotected;
  return path;
}

Deferrals::Key Session::key_of(const Recipient& recipient) const {
  return shared_.deferrals.key(client_ ? std::optional(client_->address) : std::nullopt,
                               transaction_.sender, recipient.address);
}

// A transaction that was let through as a probe goes through for all its recipients there.
bool Session::take_probe(const std::string& domain, Time now) {
  auto& probes = transaction_.probes;
  if (std::ranges::find(probes, domain) != probes.end()) return true;
  if (probes.size() >= kProbes || !shared_.lookup.take_probe(domain, now)) return false;
  probes.push_back(domain);
  return true;
}

// What has state is asked only when the mail would be held, and a probe only when nothing else lets
// it through.
Decision Session::judge(const Recipient& recipient, const DomainPath& path, RcptFacts facts,
                        Time now) {
  const Choices& choices = settings_->choices;
  Decision decision = decide(facts, path, choices, now);
  const auto holds = [&] { return is_deferral(decision) || is_quarantine(decision); };
  if (!holds()) return decision;
  facts.breaker_open = shared_.breaker.open(now);
  facts.deferrals_usable = shared_.deferrals.usable();
  if (facts.deferrals_usable && is_deferral(decision)) {
    const Deferrals::Known known = shared_.deferrals.known(key_of(recipient), now);
    facts.first_deferred = known.first;
    facts.deferrals_usable = known.room;
  }
  decision = decide(facts, path, choices, now);
  if (!holds() || path.state != PathState::probing) return decision;
  facts.probe_granted = take_probe(path.domain, now);
  return decide(facts, path, choices, now);
}

bool Session::remember_deferral(const Recipient& recipient, Time now) {
  const auto row = shared_.deferrals.note(key_of(recipient), now);
  if (!row) return false;
  const bool first = row->count == 1;
  shared_.recorder.deferred(*row);
  if (first) count_deferral(now);
  return true;
}

void Session::count_deferral(Time now) {
  if (shared_.breaker.deferral(now))
    shared_.recorder.breaker_tripped(shared_.wall(), shared_.breaker.counts(now));
}

Reply Session::answer_rcpt(const Recipient& recipient, Time now) {
  RcptFacts facts = facts_of(recipient);
  DomainPath path = path_of(recipient, facts, now);
  const Choices& choices = settings_->choices;
  if (can_be_held(facts)) shared_.breaker.rcpt(now);
  Decision decision = judge(recipient, path, facts, now);
  if (is_deferral(decision)) {
    if (decision.action != Action::defer) {
      count_deferral(now);  // dry_run: the breaker shows what it would do
    } else if (!remember_deferral(recipient, now)) {
      facts.deferrals_usable = false;
      decision = decide(facts, path, choices, now);
    }
  }
  if (is_quarantine(decision)) count_deferral(now);
  if (decision.action == Action::quarantine && transaction_.quarantine.empty())
    transaction_.quarantine = printable(
        "mxwarden: " + std::string(name(decision.reason)) + ' ' + path.domain + ' ' + path.rule,
        kDomainBytes);
  const Reply reply = reply_of(decision, path);
  DecisionNote note = new_note();
  note.domain = recipient.domain;
  note.decision = decision;
  note.path = std::move(path);
  tell(std::move(note));
  return reply;
}

Reply Session::rcpt(std::span<const std::string_view> args, const Macros& macros) {
  Reply reply;
  if (!in_transaction_ || trouble_ || args.empty()) {
    guarded(Stage::rcpt, [&] { shared_.recorder.internal_error(Stage::rcpt); });
    return answer_trouble();
  }
  const bool done = guarded(Stage::rcpt, [&] {
    const Recipient recipient = read_recipient(
        args.front(),
        {macros.get("{rcpt_mailer}"), macros.get("{rcpt_host}"), macros.get("{rcpt_addr}")});
    learn_queue_id(macros, false);
    // Of a mail for us one decision is told, at its end.
    if (role_ != Role::inbound) reply = answer_rcpt(recipient, shared_.clock());
    if (reply.kind == Reply::Kind::defer) return;
    if (transaction_.recipients++ == 0) transaction_.first_domain = recipient.domain;
  });
  return done ? reply : answer_trouble();
}

// Of a fault of ours.
Reply Session::answer_trouble() {
  Reply reply;
  guarded(Stage::rcpt, [&] {
    RcptFacts facts;
    facts.internal_error = true;
    const Time now = shared_.clock();
    DecisionNote note = new_note();
    note.decision = decide(facts, {}, settings_->choices, now);
    reply = reply_of(note.decision, {});
    tell(std::move(note));
  });
  return reply;
}

}  // namespace mxw::milter
