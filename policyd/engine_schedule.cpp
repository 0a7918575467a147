// Engine: what is done by the second: due domains, routes, the walk over the store, pruning.
#include <algorithm>
#include <iterator>
#include <utility>
#include <variant>

#include "policyd/engine.hpp"
#include "policyd/event_kind.hpp"

namespace mxw::policyd {
namespace {

constexpr std::int64_t kTick = 1 * kSecond;
constexpr std::int64_t kPinnedEvery = 1 * kMinute;
constexpr std::int64_t kBehind = 1 * kHour;  // semantics 11, Clock

}  // namespace

void Engine::tick() {
  const Time now = time();
  expire_rereads();
  const std::size_t held = shelf_.held();
  shelf_.retry();
  if (shelf_.held() < held) commit();
  shelf_.flush_touched(now);
  if (walking_) walk();
  queue_pinned();
  queue_due();
  queue_routes();
  start_queued();
  prune();
  tick_->start(kTick);
}

void Engine::observe_clock() {
  const std::optional<std::int64_t> step = scale_.observe(clock_.wall(), clock_.boot());
  if (!step) return;
  ++counters_.clock_steps;
  scale_.stepped(*step, shelf_.head());
  observer_.on_clock_step(*step);
  stepped_at_ = clock_.boot();
  rows::EventRow event;
  event.tenant = options_.tenant;
  event.origin = options_.origin;
  event.time = clock_.wall();
  event.kind = name(EventKind::clock_step);
  event.detail = "by " + std::to_string(*step / kSecond) + " s";
  shelf_.append(event);
  // Every domain row and policy is written anew in the new scale, page by page. Routes and TLSA are
  // looked up again within ten minutes instead.
  walking_ = true;
  walked_ = 0;
  routes_due_.clear();
  for (auto& [domain, at] : routes_at_) {
    const double chance = options_.random ? options_.random() : 0.5;
    at = clock_.boot() + static_cast<std::int64_t>(static_cast<double>(10 * kMinute) * chance);
    routes_due_.emplace(at, domain);
  }
}

void Engine::expire_rereads() {
  while (!waiting_rereads_.empty() && waiting_rereads_.front().deadline <= clock_.boot()) {
    const std::string domain = waiting_rereads_.front().domain;
    waiting_rereads_.pop_front();
    const auto look = looks_.find(domain);
    if (look != looks_.end()) finish_reread(domain, *look->second, false);
  }
}

// What waits at a lower rank is overtaken.
bool Engine::enqueue(Rank rank, const std::string& domain, Part part, bool asked, bool force) {
  const auto waiting = queued_.find({domain, part});
  if (waiting != queued_.end() && waiting->second <= rank) return true;
  if (const auto look = looks_.find(domain); look != looks_.end() && !force) {
    const bool same = part == Part::policy ? look->second->policy : look->second->routes_begun;
    if (same) return true;
  }
  std::deque<Queued>& queue = queues_[static_cast<std::size_t>(rank)];
  if (queue.size() >= kQueue) return false;
  queue.push_back({domain, part, asked, force});
  queued_[{domain, part}] = rank;
  return true;
}

bool Engine::has_place(Rank rank) const {
  const std::size_t kept = rank == Rank::hint ? options_.parallel / kKeepShare : 0;
  return own_looks_ < options_.parallel && (kept == 0 || hint_looks_ < options_.parallel - kept);
}

void Engine::start_queued() {
  start_queued(Rank::keep);
  start_queued(Rank::hint);
}

// Domains that are being looked at already are passed over once: their turn comes when that ends.
void Engine::start_queued(Rank rank) {
  std::deque<Queued>& queue = queues_[static_cast<std::size_t>(rank)];
  for (std::size_t left = queue.size(); left > 0 && !queue.empty() && has_place(rank); --left) {
    Queued next = std::move(queue.front());
    queue.pop_front();
    const auto waiting = queued_.find({next.domain, next.part});
    if (waiting == queued_.end() || waiting->second != rank) continue;
    if (looks_.contains(next.domain)) {
      queue.push_back(std::move(next));
      continue;
    }
    queued_.erase(waiting);
    start(std::move(next), rank);
  }
}

// REQUIRES: no look at the domain runs.
void Engine::start(Queued next, Rank rank) {
  Look& look = begin(next.domain, rank);
  look.asked = next.asked;
  if (next.part == Part::policy) {
    look.reread = next.force;
    begin_policy(next.domain, look);
  } else {
    begin_routes(next.domain, look);
  }
}

void Engine::queue_due() {
  const std::size_t waiting = queues_[static_cast<std::size_t>(Rank::keep)].size();
  if (!has_place(Rank::keep) || waiting >= kQueue / 2) return;
  const Time now = clock_.wall();
  const std::vector<rows::DomainRow> page = shelf_.due(now, due_after_, kDuePerSecond);
  // Rows stay due whatever was learned while writes fail, and while they wait behind hints: the
  // next page is of those behind them.
  due_after_ = {};
  if (page.size() == kDuePerSecond) due_after_ = {*page.back().refresh_at, page.back().name};
  for (const rows::DomainRow& row : page) {
    if (looks_.contains(row.name)) continue;
    // What is held in memory, or was written before the clock stepped, may say another time.
    const Stored stored = shelf_.load(row.name);
    if (!stored.domain.refresh_at || *stored.domain.refresh_at > now) {
      if (stored.domain.seq != 0 && scale_.correction(stored.domain.seq) != 0)
        shelf_.save_row(stored.domain);
      continue;
    }
    // Where nothing is to be lost it is as a hint: whoever asks can make up such names.
    const Rank rank = is_live(stored.policy, now) ? Rank::keep : Rank::hint;
    if (queued_.contains({row.name, Part::policy}) && rank == Rank::hint) continue;
    if (enqueue(rank, row.name, Part::policy)) ++counters_.due;
  }
}

void Engine::queue_routes() {
  const std::int64_t boot = clock_.boot();
  for (std::size_t i = 0; i < kDuePerSecond && !routes_due_.empty(); ++i) {
    const auto first = routes_due_.begin();
    if (first->first > boot) return;
    const std::string domain = first->second;
    routes_due_.erase(first);
    routes_at_.erase(domain);
    if (const auto rank = needs_routes(domain)) enqueue(*rank, domain, Part::routes);
  }
}

// Nobody needs the routes of a domain that is neither protected nor asked for any more.
std::optional<Engine::Rank> Engine::needs_routes(const std::string& domain) {
  if (pinned_.contains(domain)) return Rank::keep;
  const Stored stored = load(domain, false);
  const Time now = clock_.wall();
  if (now - stored.domain.last_asked > kIdle) return std::nullopt;
  const bool protects = is_live(stored.policy, now) && stored.policy->mode != policy::Mode::none;
  if (protects || !shelf_.routes(domain).empty()) return Rank::keep;
  const auto known = memories_.find(domain);
  if (known != memories_.end() && known->second.mx_failures > 0 &&
      now - stored.domain.last_asked <= kColdRetry)
    return Rank::hint;
  return std::nullopt;
}

void Engine::set_pinned(std::set<std::string> domains) {
  pinned_ = std::move(domains);
  pinned_at_ = 0;
  pinned_after_.clear();
}

// In slices: a list of 100,000 must not hold up the loop.
void Engine::queue_pinned() {
  if (pinned_after_.empty()) {
    if (clock_.boot() < pinned_at_) return;
    pinned_at_ = clock_.boot() + kPinnedEvery;
  }
  const Time now = clock_.wall();
  auto at = pinned_.upper_bound(pinned_after_);
  for (std::size_t i = 0; i < kPinnedPerSecond && at != pinned_.end(); ++i, ++at) {
    const std::string& domain = *at;
    shelf_.touch(domain);
    if (is_stale(load(domain, false), now)) enqueue(Rank::keep, domain, Part::policy);
    if (!routes_are_fresh(domain)) enqueue(Rank::keep, domain, Part::routes);
  }
  pinned_after_ = at == pinned_.end() || at == pinned_.begin() ? "" : *std::prev(at);
}

// Once over all rows, at start and after a step of the clock: which routes there are, what is the
// newest time stored, and which rows are to be written in the new scale.
void Engine::walk() {
  const Time now = clock_.wall();
  const std::vector<rows::Change> page = shelf_.current(walked_, kWalkRows);
  bool wrote = false;
  for (const rows::Change& change : page) wrote = walk_row(change, now) || wrote;
  if (wrote) commit();
  if (!page.empty()) {
    walked_ = rows::sequence_of(page.back());
    return;
  }
  walking_ = false;
  clock_behind_ = !scale_.ever_stepped() && now < newest_stored_ - kBehind;
  if (clock_behind_) observer_.on_clock_behind(newest_stored_);
}

bool Engine::walk_row(const rows::Change& change, Time now) {
  if (const auto* domain = std::get_if<rows::DomainRow>(&change)) {
    if (domain->checked_at) newest_stored_ = std::max(newest_stored_, *domain->checked_at);
    if (domain->tenant == options_.tenant && scale_.correction(domain->seq) != 0)
      return shelf_.save_row(shelf_.load(domain->name).domain);
  } else if (const auto* policy = std::get_if<rows::PolicyRow>(&change)) {
    newest_stored_ = std::max(newest_stored_, policy->fetched_at);
    return policy->tenant == options_.tenant && shelf_.retime(*policy);
  } else if (const auto* route = std::get_if<rows::RouteRow>(&change)) {
    if (route->tenant != options_.tenant || routes_at_.contains(route->policy_domain)) return false;
    // Those that ran out while we were away are spread over ten minutes.
    const double chance = options_.random ? options_.random() : 0.5;
    const auto spread = static_cast<std::int64_t>(static_cast<double>(10 * kMinute) * chance);
    follow_routes(route->policy_domain, route->until > now ? route->until : now + spread);
  }
  return false;
}

store::PolicyBounds Engine::bounds() const {
  store::PolicyBounds bounds = options_.bounds;
  if (settled()) return bounds;
  bounds.idle_age = bounds.history_age = bounds.event_age = kNeverAged;
  bounds.route_grace = bounds.reread_age = bounds.failure_age = kNeverAged;
  return bounds;
}

// A clock in doubt prunes nothing: it must not be the reason why a policy is lost. One that may be
// ahead since the start ages nothing: then only what there is too much of goes.
void Engine::prune() {
  const bool much = shelf_.body_bytes() - pruned_bytes_ >= kPruneBytes;
  const bool due = (clock_.boot() >= prune_at_ || much) && !walking_;
  if (clock_behind_ && clock_.wall() >= newest_stored_ - kBehind) clock_behind_ = false;
  const bool healing = scale_.ever_stepped() && clock_.boot() - stepped_at_ < kStepHealing;
  if ((!due && !pruning_) || clock_behind_ || healing) return;
  prune_at_ = clock_.boot() + kPruneEvery;
  pruned_bytes_ = shelf_.body_bytes();
  store::Pinned pinned;
  for (const std::string& domain : pinned_) pinned.emplace(options_.tenant, domain);
  pruning_ = shelf_.prune(bounds(), clock_.wall(), pinned);
}

}  // namespace mxw::policyd
