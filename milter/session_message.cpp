// What follows the recipients: headers and the end of the message.
#include <algorithm>

#include "core/base/ascii.hpp"
#include "milter/auth_results.hpp"
#include "milter/guarded.hpp"
#include "milter/session.hpp"

namespace mxw::milter {
namespace {

// Of one message: headers that keep what others wrote in them. One more goes as a whole, so that
// nothing forged gets through where the sender wrote too much of it.
constexpr std::size_t kChanges = 1'000;
constexpr std::size_t kChangedBytes = 256 << 10;
// Every change makes the MTA look through the headers again, and it takes the square of their
// number: more would be the sender's means to keep it busy. What is beyond stays and is counted.
constexpr std::size_t kRemovals = 10'000;

constexpr std::string_view kTlsRequired = "TLS-Required";  // RFC 8689 section 5

}  // namespace

bool Session::reads_results() const {
  return headers_come_ && role_ == Role::inbound && !exempt_ && settings_->header &&
         !authserv_id_.empty();
}

void Session::take_results(std::string_view value) {
  ++transaction_.results_seen;
  if (trusted_ || !reads_results()) return;
  Stripped stripped = strip_own_results(value, authserv_id_);
  if (stripped.kind == Stripped::Kind::kept) return;
  if (transaction_.changes.size() >= kRemovals) {
    ++transaction_.forged_left;
    return;
  }
  const std::size_t kept = transaction_.kept_bytes + stripped.value.size();
  if (transaction_.changes.size() >= kChanges || kept > kChangedBytes) stripped.value.clear();
  transaction_.kept_bytes += stripped.value.size();
  ++transaction_.forged;
  transaction_.changes.push_back(
      {transaction_.results_seen, std::move(stripped.value), stripped.clauses});
}

void Session::header(std::string_view name, std::string_view value) {
  if (!in_transaction_ || trouble_) return;
  const std::string_view plain = ascii::trim(name);
  if (ascii::iequals(plain, kTlsRequired) && ascii::iequals(ascii::trim_line(value), "No"))
    transaction_.tls_required_no = true;
  if (!ascii::iequals(plain, kAuthenticationResults)) return;
  // One missed, and the numbers of the others are wrong.
  trouble_ = !guarded(Stage::header, [&] { take_results(value); });
}

std::optional<SessionVerdict> Session::session_verdict(Time now) const {
  if (exempt_ || !client_ || !server_) return std::nullopt;
  return shared_.lookup.session(*client_, *server_, start_, now);
}

std::string Session::results_header(DecisionNote& note,
                                    const std::optional<SessionVerdict>& verdict) const {
  note.x_tls = tls_.used() ? "pass" : "none";
  std::vector<MethodResult> results = {
      {kMethodTls,
       note.x_tls,
       {},
       {{"smtp.version", tls_.version}, {"smtp.cipher", tls_.cipher}, {"smtp.bits", tls_.bits}}}};
  if (verdict) {
    note.x_mta_sts = "fail";
    results.push_back(
        {kMethodMtaSts,
         note.x_mta_sts,
         verdict->rule,
         {{"policy.domain", verdict->policy_domain}, {"policy.id", verdict->policy_id}}});
  }
  return authentication_results(authserv_id_, results);
}

void Session::tell_inbound(Edits& edits, Time now) {
  const bool dry_run = settings_->choices.dry_run;
  DecisionNote note = new_note();
  note.domain = transaction_.first_domain;
  note.recipients = transaction_.recipients;
  note.forged = transaction_.forged;
  note.forged_left = transaction_.forged_left;
  RcptFacts facts;
  facts.role = role_;
  facts.exempt = exempt_;
  const auto verdict = session_verdict(now);
  facts.session_verdict = verdict.has_value();
  if (verdict) {
    note.session_verdict = verdict->id;
    note.session_rule = verdict->rule;
  }
  note.decision = decide(facts, {}, settings_->choices, now);
  if (reads_results()) {
    std::string header = results_header(note, verdict);
    note.decision.wish = Action::tag;
    note.decision.temperror = note.x_mta_sts.empty() && !shared_.lookup.sees_sessions();
    if (!dry_run) {
      note.decision.action = Action::tag;
      edits.authentication_results = std::move(header);
      edits.changed = std::move(transaction_.changes);
      std::ranges::reverse(edits.changed);
    }
  }
  tell(std::move(note));
}

void Session::tell_message(const Edits& edits) {
  MessageNote note;
  note.session = id_;
  note.time = shared_.wall();
  note.since = transaction_.since;
  note.queue_id = transaction_.queue_id;
  note.role = role_;
  note.recipients = transaction_.recipients;
  note.requiretls = transaction_.requiretls;
  note.tls_required_no = transaction_.tls_required_no;
  note.named_late = transaction_.named_late;
  note.quarantined = edits.quarantine.has_value();
  shared_.recorder.message(std::move(note));
}

Edits Session::end_of_message(const Macros& macros) {
  Edits edits;
  bool done = in_transaction_ && !trouble_;
  if (!done)
    guarded(Stage::end_of_message, [&] { shared_.recorder.internal_error(Stage::end_of_message); });
  done = done && guarded(Stage::end_of_message, [&] {
           const Time now = shared_.clock();
           learn_queue_id(macros, true);
           if (role_ == Role::inbound) tell_inbound(edits, now);
           // RFC 8689 section 5: without TLS rather than not at all.
           const bool rather_sent = transaction_.tls_required_no && !transaction_.requiretls;
           if (!transaction_.quarantine.empty() && !rather_sent)
             edits.quarantine = transaction_.quarantine;
           tell_message(edits);
         });
  if (!done) {
    edits = Edits();
    edits.reply = answer_trouble();
  }
  abort();
  return edits;
}

}  // namespace mxw::milter
