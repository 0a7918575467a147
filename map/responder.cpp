#include "map/responder.hpp"

#include <algorithm>
#include <utility>

#include "core/base/check.hpp"

namespace mxw::map {
namespace {

template <typename Enum>
constexpr std::size_t place(Enum value) {
  return static_cast<std::size_t>(value);
}

// What the answer rests on when there is nothing to look up.
Basis refusal(const Question& question) {
  return question.map == Tally::kNoMap ? Basis::map : Basis::key;
}

bool names_domain(const Question& question) {
  return question.map != Tally::kNoMap &&
         (question.kind == KeyKind::domain || question.kind == KeyKind::smart_host);
}

}  // namespace

// A key that stands in the table as it is needs no reading: rows are named by A-labels alone.
Question Responder::read(std::string_view payload) {
  Question question;
  const auto split = split_query(payload);
  if (!split) return question;
  const auto map = names_.find(split->map);
  if (!map) return question;
  question.map = *map;
  question.dialect = names_.dialect(*map);
  question.hash = table_.hash(split->key);
  const Table::Row* row = table_.find(split->key, question.hash);
  if (row != nullptr) {
    question.domain = split->key;
    question.kind = KeyKind::domain;
    question.facts = &row->facts;
    return question;
  }
  Key key = classify_key(split->key);
  question.kind = key.kind;
  domain_ = std::move(key.domain);
  question.domain = domain_;
  question.hash = table_.hash(domain_);
  if (domain_.empty() || domain_ == split->key) return question;
  row = table_.find(domain_, question.hash);
  if (row != nullptr) question.facts = &row->facts;
  return question;
}

Responder::Outcome Responder::respond(const Question& question, const Moment& moment,
                                      Ticket ticket) {
  Outcome outcome;
  if (!names_domain(question)) {
    outcome.answer = refuse(refusal(question));
    count(question, outcome.answer);
    return outcome;
  }
  outcome.answer = choose(question.facts, question.dialect, question.kind, moment);
  if (outcome.answer.freshness == Freshness::cold) {
    ++counters_.cold;
    outcome.waits = desk_.wait(question.domain, question.hash, ticket);
    if (outcome.waits) return outcome;
  } else if (outcome.answer.freshness == Freshness::stale) {
    ++counters_.stale;
    desk_.hint(question.domain, question.hash);
  }
  count(question, outcome.answer);
  return outcome;
}

std::string Responder::settle(const Question& question, const Known* told, Moment moment) {
  const Table::Row* row = table_.find(question.domain, question.hash);
  const Compiled* facts = row == nullptr ? nullptr : &row->facts;
  Compiled fresh;
  const bool pinned = facts != nullptr && facts->action == Brake::Action::pin &&
                      !facts->secure.empty();  // with names: policyd's word changes nothing
  // Nor does an answer that knows nothing, where the feed brought a row meanwhile.
  const bool no_word =
      told == nullptr || (facts != nullptr && told->state == rows::DomainState::unknown);
  if (!no_word && !pinned) {
    // Only a pin without names of its own waits, and a domain without any brake.
    Brake brake;
    if (facts != nullptr) brake.action = facts->action;
    fresh = compile(question.domain, told, brake, options_);
    facts = &fresh;
    if (told->state == rows::DomainState::policy) {
      moment.now = std::min(moment.now, told->valid_until);
    }
  }
  const Answer answer = choose(facts, question.dialect, question.kind, moment);
  count(question, answer);
  return std::string(answer.reply);
}

void Responder::count(const Question& question, const Answer& answer) {
  ++counters_.queries;
  ++counters_.said[place(answer.said)];
  ++counters_.would_be[place(answer.would_be)];
  tally_->count(question.domain, question.hash, question.map, question.kind, answer);
}

std::unique_ptr<Tally> Responder::swap_tally(std::unique_ptr<Tally> clean) {
  MXW_CHECK(clean != nullptr && clean->empty());
  return std::exchange(tally_, std::move(clean));
}

}  // namespace mxw::map
