#include "map/answer.hpp"

#include <algorithm>

#include "map/limits.hpp"
#include "map/netstring.hpp"
#include "map/reply.hpp"

namespace mxw::map {
namespace {

using policy::Mode;
using rows::DomainState;

Compiled::Sts sts_of(const Known* known, const Options& options) {
  if (known == nullptr || known->state == DomainState::unknown) return Compiled::Sts::unknown;
  if (known->state == DomainState::none) return Compiled::Sts::none;
  switch (known->mode) {
    case Mode::none:
      return Compiled::Sts::mode_none;
    case Mode::testing:
      return options.strict_testing ? Compiled::Sts::enforce : Compiled::Sts::testing;
    case Mode::enforce:
      return Compiled::Sts::enforce;
  }
  return Compiled::Sts::unknown;
}

// RFC 7672 section 2.2: with every MX secured the sender may insist. What could not be found out is
// Postfix's to find out: at level dane it defers while TLSA lookups fail, which is the safe side.
Word dane_of(const Known* known, const Options& options) {
  if (known == nullptr || known->dane == DaneState::none) return Word::notfound;
  switch (options.postfix_dane) {
    case config::PostfixDane::none:
      return Word::notfound;
    case config::PostfixDane::dane:
      return Word::dane;
    case config::PostfixDane::dane_only:
      return known->dane == DaneState::all ? Word::dane_only : Word::dane;
  }
  return Word::notfound;
}

// Semantics 11: a `none` row is hot for a day and hinted after an hour; a policy is hot while it is
// valid and hinted after the TTL of its TXT record or 5 minutes, what is longer.
void set_freshness(Compiled& facts, const Known* known) {
  if (facts.sts == Compiled::Sts::unknown) return;
  if (facts.sts == Compiled::Sts::none) {
    facts.stale_after = known->checked_at + limits::kNoneFresh;
    facts.cold_after = known->checked_at + limits::kNoneHot;
  } else {
    facts.stale_after = std::max(known->txt_until.value_or(known->checked_at),
                                 known->checked_at + limits::kPolicyFresh);
    facts.cold_after = known->valid_until;
  }
  if (facts.dane != Word::notfound) {
    facts.stale_after = std::min(facts.stale_after, known->dane_until);
  }
}

void set_replies(Compiled& facts, std::string_view domain, const std::vector<std::string>& mx,
                 const Options& options, const Known* policy) {
  const std::vector<std::string> patterns = usable_patterns(mx);
  const auto postfix =
      secure_text(domain, patterns, {options.servername, options.tlsrpt_attributes}, policy);
  const auto sendmail = secure_text(domain, patterns, {options.servername, false}, nullptr);
  if (!postfix || !sendmail) return;
  facts.secure = SecureReplies(netstring(*postfix), netstring(*sendmail));
  facts.host_matches = policy::mx_matches(patterns, domain);
}

struct Judged {
  Word word = Word::notfound;
  Basis basis = Basis::unknown;
};

Judged secure_if_named(const Compiled& facts, KeyKind kind, Basis basis) {
  if (facts.secure.empty()) return {Word::notfound, Basis::unmatchable};
  if (kind == KeyKind::smart_host && !facts.host_matches) {
    return {Word::notfound, Basis::host_mismatch};
  }
  return {Word::secure, basis};
}

// A pin holds whatever the policy says by now. Sendmail knows no level between secure and nothing.
Judged judge_pin(const Compiled& facts, Dialect dialect, KeyKind kind) {
  if (!facts.secure.empty()) return secure_if_named(facts, kind, Basis::pin);
  return {dialect == Dialect::postfix ? Word::encrypt : Word::notfound, Basis::pin};
}

Judged judge_sts(const Compiled& facts, KeyKind kind, Time now) {
  switch (facts.sts) {
    case Compiled::Sts::unknown:
      return {Word::notfound, Basis::unknown};
    case Compiled::Sts::none:
      return {Word::notfound, Basis::none};
    default:
      break;
  }
  if (now > facts.sts_until) return {Word::notfound, Basis::expired};
  if (facts.sts == Compiled::Sts::mode_none) return {Word::notfound, Basis::mode_none};
  if (facts.sts == Compiled::Sts::testing) return {Word::notfound, Basis::testing};
  return secure_if_named(facts, kind, Basis::sts);
}

// What was not asked again in time is an error, not a denial: Postfix finds out for itself. It is
// one for as long as routes count.
Word dane_at(const Compiled& facts, Time now) {
  if (facts.dane == Word::notfound || now <= facts.dane_until) return facts.dane;
  return now <= facts.dane_until + limits::kDaneGrace ? Word::dane : Word::notfound;
}

Judged judge(const Compiled& facts, Dialect dialect, KeyKind kind, Time now) {
  if (facts.action == Brake::Action::pin) return judge_pin(facts, dialect, kind);
  const Judged sts = judge_sts(facts, kind, now);
  const Word dane = dane_at(facts, now);
  if (dane == Word::notfound || dialect != Dialect::postfix || kind != KeyKind::domain) return sts;
  // Level dane binds only servers with records. Where a policy binds all of them, it must not be
  // lost to a TLSA answer that somebody held back (docs/decisions/0008).
  const bool everywhere = facts.dane_everywhere && now <= facts.dane_until;
  if (sts.word == Word::secure && !everywhere) return sts;
  return {dane, Basis::dane};
}

Held held_by(const Compiled& facts, const Moment& moment) {
  if (moment.off) return Held::off;
  if (facts.action == Brake::Action::bypass) return Held::bypass;
  if (facts.action == Brake::Action::report_only) return Held::report_only;
  return moment.enforce ? Held::nothing : Held::observe;
}

// An answer that does not hang on what policyd would say need not wait for it.
bool may_wait(const Compiled& facts, const Judged& judged, Held held) {
  if (held != Held::nothing || judged.basis == Basis::dane) return false;
  return facts.action != Brake::Action::pin || facts.secure.empty();
}

Freshness freshness_of(const Compiled& facts, const Judged& judged, Held held, Time now) {
  if (now > facts.cold_after) {
    return may_wait(facts, judged, held) ? Freshness::cold : Freshness::stale;
  }
  return now > facts.stale_after ? Freshness::stale : Freshness::hot;
}

std::string_view reply_of(const Compiled& facts, Dialect dialect, Word word) {
  switch (word) {
    case Word::secure:
      return dialect == Dialect::postfix ? facts.secure.postfix() : facts.secure.sendmail();
    case Word::encrypt:
      return "10:OK encrypt,";
    case Word::dane:
      return "7:OK dane,";
    case Word::dane_only:
      return "12:OK dane-only,";
    case Word::notfound:
      break;
  }
  return kNotFound;
}

}  // namespace

SecureReplies::SecureReplies(std::string_view postfix, std::string_view sendmail)
    : postfix_size_(static_cast<std::uint32_t>(postfix.size())),
      sendmail_size_(static_cast<std::uint32_t>(sendmail.size())) {
  const bool same = postfix == sendmail;
  text_ = std::make_unique<char[]>(postfix.size() + (same ? 0 : sendmail.size()));
  std::ranges::copy(postfix, text_.get());
  if (same) return;
  sendmail_at_ = postfix_size_;
  std::ranges::copy(sendmail, text_.get() + sendmail_at_);
}

Options options_of(const config::Map& settings) {
  return {settings.enforcement == config::Enforcement::enforce, settings.postfix_dane,
          settings.tlsrpt_attributes, settings.strict_testing, settings.servername};
}

Compiled compile(std::string_view domain, const Known* known, const Brake& brake,
                 const Options& options) {
  Compiled facts;
  facts.action = brake.action;
  facts.sts = sts_of(known, options);
  facts.dane = dane_of(known, options);
  facts.dane_everywhere = known != nullptr && known->dane == DaneState::all;
  if (known != nullptr) {
    facts.sts_until = known->valid_until;
    facts.dane_until = known->dane_until;
  }
  set_freshness(facts, known);
  const bool pinned = brake.action == Brake::Action::pin;
  if (pinned && !brake.mx.empty()) {
    set_replies(facts, domain, brake.mx, options, nullptr);
  } else if (pinned && known != nullptr) {
    set_replies(facts, domain, known->mx, options, nullptr);
  } else if (facts.sts == Compiled::Sts::enforce) {
    set_replies(facts, domain, known->mx, options, known);
  }
  return facts;
}

Answer choose(const Compiled* facts, Dialect dialect, KeyKind kind, const Moment& moment) {
  static const Compiled kNothing;
  const Compiled& row = facts == nullptr ? kNothing : *facts;
  const Judged judged = judge(row, dialect, kind, moment.now);
  Answer answer;
  answer.would_be = judged.word;
  answer.basis = judged.basis;
  answer.held = held_by(row, moment);
  answer.said = answer.held == Held::nothing ? judged.word : Word::notfound;
  answer.freshness = freshness_of(row, judged, answer.held, moment.now);
  answer.reply = reply_of(row, dialect, answer.said);
  return answer;
}

Answer refuse(Basis basis) {
  Answer answer;
  answer.basis = basis;
  answer.reply = kNotFound;
  return answer;
}

}  // namespace mxw::map
