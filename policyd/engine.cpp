#include "policyd/engine.hpp"

#include <algorithm>
#include <utility>

#include "core/base/check.hpp"
#include "core/mail/name.hpp"
#include "core/policy/mta_sts.hpp"

namespace mxw::policyd {

using rows::DomainState;

Engine::Engine(Clock& clock, Dns& dns, Https& https, store::PolicyStore& store, Options options,
               Observer& observer, Sink* sink)
    : clock_(clock),
      dns_(dns),
      https_(https),
      options_(std::move(options)),
      observer_(observer),
      sink_(sink),
      scale_(clock.wall(), clock.boot()),
      shelf_(store, observer, scale_, options_.tenant, options_.origin),
      tick_(clock.alarm([this] { tick(); })) {
  began_at_ = hints_at_ = clock.boot();
}

Engine::~Engine() = default;

void Engine::start() {
  scale_.begun(shelf_.head());
  walking_ = true;
  prune_at_ = clock_.boot() + kPruneEvery;
  tick();
}

// No row is judged by a wall clock that has moved unseen.
Time Engine::time() {
  observe_clock();
  return clock_.wall();
}

Moment Engine::moment(bool reread) {
  return {time(), options_.random ? options_.random() : 0.5, options_.interval, reread, settled()};
}

Stored Engine::load(const std::string& domain, bool asked) {
  const Time now = time();  // before: it is what the rows are corrected for
  Stored stored = shelf_.load(domain);
  if (asked || pinned_.contains(domain))
    stored.domain.last_asked = std::max(stored.domain.last_asked, now);
  return stored;
}

Engine::Memory& Engine::memory(const std::string& domain) {
  if (memories_.size() >= kMemories && !memories_.contains(domain))
    memories_.erase(memories_.begin());
  return memories_[domain];
}

Answer Engine::answer_of(const Stored& stored, Time now) {
  Answer answer;
  if (is_live(stored.policy, now)) {
    answer.state = DomainState::policy;
    answer.mode = stored.policy->mode;
    answer.policy_id = stored.policy->id;
    answer.valid_until = stored.policy->valid_until();
    if (auto policy = policy::parse_sts_policy(stored.policy->body))
      answer.mx = std::move(policy->mx);
  } else if (stored.domain.state == DomainState::none && stored.domain.checked_at &&
             now - *stored.domain.checked_at <= kNoneHot) {
    answer.state = DomainState::none;
  }
  answer.dane = dane_of_stored(stored.domain.name, now);
  return answer;
}

// Nothing: cold, a look is worth waiting for.
std::optional<Answer> Engine::hot_answer(const Stored& stored, Time now) {
  Answer answer = answer_of(stored, now);
  if (answer.state != DomainState::unknown || is_held(stored.domain, now)) return answer;
  return std::nullopt;
}

void Engine::want(std::string_view text, OnAnswer done) {
  ++counters_.wants;
  const std::optional<mail::HostName> name = mail::HostName::parse(text);
  if (!name) return done({});
  const std::string& domain = name->text();
  const Stored stored = load(domain, true);
  const Time now = time();
  shelf_.touch(domain);
  if (const auto answer = hot_answer(stored, now)) {
    ++counters_.hot;
    if (is_stale(stored, now)) enqueue(Rank::hint, domain, Part::policy, true);
    return done(*answer);
  }
  const auto running = looks_.find(domain);
  if (running != looks_.end() && running->second->policy) {
    running->second->asked = true;
    if (running->second->concluded && !options_.answer_with_dane)
      return done(answer_of(stored, now));
    ++counters_.merged;
    running->second->wants.push_back(std::move(done));
    return;
  }
  if (running == looks_.end() && looks_.size() >= kLooks) {
    ++counters_.refused;
    return done(answer_of(stored, now));
  }
  Look& look = begin(domain, std::nullopt);
  look.asked = true;
  look.wants.push_back(std::move(done));
  begin_policy(domain, look);
}

void Engine::hint(std::string_view text) {
  ++counters_.hints;
  const std::optional<mail::HostName> name = mail::HostName::parse(text);
  const std::int64_t boot = clock_.boot();
  const double passed = static_cast<double>(boot - hints_at_) / static_cast<double>(kSecond);
  hint_tokens_ = std::min(hint_tokens_ + passed * static_cast<double>(kHintsPerSecond),
                          static_cast<double>(kHintsPerSecond));
  hints_at_ = boot;
  if (!name || hint_tokens_ < 1.0) {
    ++counters_.hints_dropped;
    return;
  }
  hint_tokens_ -= 1.0;
  shelf_.touch(name->text());
  if (!is_stale(load(name->text(), true), time())) return;
  if (!enqueue(Rank::hint, name->text(), Part::policy, true)) ++counters_.hints_dropped;
}

void Engine::reread(std::string_view text, OnReread done) {
  const std::optional<mail::HostName> name = mail::HostName::parse(text);
  if (!name || memory(name->text()).reread_next > clock_.boot()) {
    ++counters_.rereads_refused;
    return done(std::nullopt);
  }
  const std::string& domain = name->text();
  const auto running = looks_.find(domain);
  // A look that is past its TXT question has not seen what is asked for now; one more follows it.
  if (running != looks_.end() && running->second->txt &&
      running->second->later.size() < kRereadsWaiting) {
    running->second->later.push_back(std::move(done));
    return;
  }
  const bool full =
      running == looks_.end()
          ? looks_.size() >= kLooks
          : running->second->txt.has_value() || running->second->rereads.size() >= kRereadsWaiting;
  if (full) {
    ++counters_.rereads_refused;
    return done(std::nullopt);
  }
  ++counters_.rereads;
  memory(domain).reread_next = clock_.boot() + kRereadEvery;
  Look& look = begin(domain, std::nullopt);
  look.asked = look.reread = true;
  look.rereads.push_back(std::move(done));
  waiting_rereads_.push_back({clock_.boot() + kRereadWait, domain});
  if (!look.policy) begin_policy(domain, look);
}

void Engine::refresh(std::string_view text) {
  if (const std::optional<mail::HostName> name = mail::HostName::parse(text))
    enqueue(Rank::keep, name->text(), Part::policy, false, true);
}

Engine::Look& Engine::begin(const std::string& domain, std::optional<Rank> own) {
  auto& look = looks_[domain];
  if (look) return *look;
  look = std::make_unique<Look>();
  look->stored = load(domain, false);
  look->own = own.has_value();
  look->rank = own.value_or(Rank::hint);
  if (own) ++own_looks_;
  if (own == Rank::hint) ++hint_looks_;
  return *look;
}

// REQUIRES: the look has not asked for the policy yet.
void Engine::begin_policy(const std::string& domain, Look& look) {
  MXW_CHECK(!look.policy);
  ++counters_.looks;
  look.policy = true;
  look.stored = load(domain, look.asked);  // one that was after routes alone has an older row
  if (options_.answer_with_dane && !look.wants.empty()) begin_routes(domain, look);
  begin_tlsrpt(domain, look);
  ++look.open;
  lookup_txt(dns_, domain,
             guarded<TxtAnswer>([this, domain](const TxtAnswer& txt) { on_txt(domain, txt); }));
}

void Engine::on_txt(const std::string& domain, const TxtAnswer& txt) {
  Look& look = *looks_.at(domain);
  look.txt = txt;
  if (!wants_get(look.stored, txt, memory(domain).recent, moment(look.reread)))
    return conclude_look(domain, std::nullopt);
  ++counters_.gets;
  fetch_policy(dns_, https_, domain, guarded<FetchAnswer>([this, domain](const FetchAnswer& fetch) {
                 if (fetch.cause != https::Cause::ok) ++counters_.gets_failed;
                 conclude_look(domain, fetch);
               }));
}

void Engine::conclude_look(const std::string& domain, const std::optional<FetchAnswer>& fetch) {
  Look& look = *looks_.at(domain);
  const Moment now = moment(look.reread);
  look.stored = load(domain, look.asked);  // questions may have come, or the store be back
  const bool readable = shelf_.readable();
  const bool live_before = is_live(look.stored.policy, now.now);
  const Conclusion conclusion = conclude(look.stored, *look.txt, fetch, memory(domain).recent, now);
  // What could not be read may hold a policy: it is not to be written over with "unknown".
  const bool writable = readable || conclusion.put;
  if (writable && shelf_.save(conclusion, now.now)) commit();
  note_failures(domain, judge_policy(conclusion, *look.txt, fetch));
  look.concluded = true;
  look.effective = conclusion.effective;
  look.stored.domain = conclusion.domain;
  if (!writable) look.stored.domain.state = DomainState::unknown;
  const bool known = look.txt->kind != TxtKind::failure;
  const bool nothing_there = !fetch && !live_before && look.txt->kind != TxtKind::record;
  finish_reread(domain, look, known && (conclusion.put || nothing_there));
  const bool routes = (look.effective && look.effective->mode != policy::Mode::none) ||
                      options_.dane || pinned_.contains(domain);
  if (routes && !routes_are_fresh(domain)) begin_routes(domain, look);
  if (look.found) {
    save_routes(domain, *look.found);
    --look.open;
  }
  lookup_ended(domain);
}

void Engine::finish_reread(const std::string& domain, Look& look, bool ok) {
  if (look.rereads.empty()) return;
  rows::RereadRow row;
  row.tenant = options_.tenant;
  row.origin = options_.origin;
  row.domain = domain;
  row.at = time();
  row.ok = ok;
  const Stored stored = look.concluded ? Stored{look.stored.domain, look.effective} : look.stored;
  if (is_live(stored.policy, row.at) || (look.concluded && look.effective)) {
    row.id = stored.policy->id;
    row.mode = stored.policy->mode;
  }
  if (sink_ != nullptr) {
    const auto written = sink_->put_reread(row);
    if (written)
      commit();
    else
      observer_.on_store_error(written.error(), "write a re-read", domain);
  }
  for (const OnReread& done : std::exchange(look.rereads, {})) done(row);
}

// One lookup of the look has ended; with the last one the look ends.
void Engine::lookup_ended(const std::string& domain) {
  Look& look = *looks_.at(domain);
  MXW_CHECK(look.open > 0);
  --look.open;
  const bool waits_for_routes = options_.answer_with_dane && look.routes_begun && !look.routes_done;
  if (look.concluded && !waits_for_routes) answer_wants(domain);
  const auto at = looks_.find(domain);  // an answer may have begun more
  if (at == looks_.end() || at->second->open > 0) return;
  if (at->second->own) --own_looks_;
  if (at->second->own && at->second->rank == Rank::hint) --hint_looks_;
  const std::vector<OnReread> later = std::move(at->second->later);
  looks_.erase(at);
  if (!later.empty()) {
    reread(domain, [later](const std::optional<rows::RereadRow>& row) {
      for (const OnReread& done : later) done(row);
    });
  }
  start_queued();
}

void Engine::answer_wants(const std::string& domain) {
  Look& look = *looks_.at(domain);
  if (look.wants.empty()) return;
  // The policy of this look holds for its questions even when its max_age is 0 (semantics 11).
  Stored stored{look.stored.domain, look.effective};
  const Time now = time();
  const Time when = stored.policy ? std::min(now, stored.policy->valid_until()) : now;
  Answer answer = answer_of(stored, when);
  if (look.routes_done) answer.dane = look.dane;
  for (const OnAnswer& done : std::exchange(look.wants, {})) done(answer);
}

// Spans that cannot be written now are told by a later look, from then on.
void Engine::note_failures(const std::string& domain, const Judgement& judgement) {
  if (judgement.scope == Judgement::Scope::nothing) return;
  const std::vector<rows::PolicyFailureRow> open = shelf_.open_failures(domain);
  const auto rows =
      failure_rows(open, judgement, shelf_.key(domain), options_.origin, clock_.wall());
  if (!rows.empty() && shelf_.save_failures(domain, rows)) commit();
}

void Engine::commit() {
  ++counters_.commits;
  if (committed_) committed_();
}

}  // namespace mxw::policyd
