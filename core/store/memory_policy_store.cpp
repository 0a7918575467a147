#include "core/store/memory_policy_store.hpp"

#include <algorithm>
#include <tuple>

#include "core/store/eviction.hpp"
#include "core/store/statement.hpp"

namespace mxw::store {
namespace {

constexpr std::string_view kPath = "memory";

StoreError refusal(Fault fault, std::string_view what) {
  return make_error(fault, kPath, what);
}

template <typename Row>
Result<void> check_set(Key key, std::span<const Row> rows, std::size_t most,
                       std::string Row::* name) {
  if (rows.size() > most)
    return std::unexpected(refusal(Fault::limit, "too many rows of one name"));
  for (const Row& row : rows) {
    if (row.tenant != key.tenant || row.*name != key.name)
      return std::unexpected(refusal(Fault::constraint, "a row of another name in the set"));
    if (const auto over = over_limit(row)) return std::unexpected(refusal(Fault::limit, *over));
  }
  return {};
}

auto order_of(const RouteRow& row) {
  return std::pair(std::string_view(row.mx_host), address_blob(row.address));
}
const std::vector<std::uint8_t>& order_of(const TlsaRow& row) {
  return row.rdata;
}

// The rows by their key, of equal keys the last one, as the table would keep them.
template <typename Row>
std::vector<Row> as_set(std::span<const Row> rows) {
  std::vector<Row> set;
  for (const Row& row : rows) {
    std::erase_if(set, [&](const Row& old) { return order_of(old) == order_of(row); });
    set.push_back(row);
  }
  std::ranges::sort(set, [](const Row& a, const Row& b) { return order_of(a) < order_of(b); });
  return set;
}

template <typename Row>
bool shrinks(const std::vector<Row>& before, const std::vector<Row>& after) {
  return std::ranges::any_of(before, [&](const Row& old) {
    return std::ranges::none_of(after,
                                [&](const Row& row) { return order_of(row) == order_of(old); });
  });
}

template <typename Map>
auto rows_of(const Map& map, Key key) -> typename Map::mapped_type {
  const auto at = map.find({key.tenant, std::string(key.name)});
  return at == map.end() ? typename Map::mapped_type{} : at->second;
}

template <typename Map>
std::size_t rows_in(const Map& map) {
  std::size_t rows = 0;
  for (const auto& [name, set] : map) rows += set.size();
  return rows;
}

// Drops what has been over for longer than the grace, then whole sets, the first to end first.
template <typename Map, typename Gone>
std::size_t prune_sets(Map& map, Time until, std::size_t bound, Gone gone) {
  std::size_t erased = 0;
  for (auto& [name, set] : map)
    erased += std::erase_if(set, [&](const auto& row) { return row.until < until; });
  std::erase_if(map, [](const auto& entry) { return entry.second.empty(); });
  const auto end_of = [](const auto& entry) {
    return std::ranges::min_element(entry.second, {}, [](const auto& r) { return r.until; })->until;
  };
  while (rows_in(map) > bound) {
    const auto first = std::ranges::min_element(map, {}, end_of);
    erased += first->second.size();
    gone(first->first);
    map.erase(first);
  }
  return erased;
}

template <typename Row>
Result<std::vector<Row>> first_of(std::vector<Row> rows, std::size_t limit) {
  if (rows.size() > limit)
    rows.erase(rows.begin() + static_cast<std::ptrdiff_t>(limit), rows.end());
  return rows;
}

}  // namespace

MemoryPolicyStore::MemoryPolicyStore(Time now)
    : head_(static_cast<Sequence>(std::max<std::int64_t>(now.ns / kMicrosecond, 1))),
      oldest_(head_) {}

PolicyRow* MemoryPolicyStore::open_policy(const Name& name) {
  const auto at = policies_.find(name);
  if (at == policies_.end() || at->second.empty() || at->second.back().valid_to) return nullptr;
  return &at->second.back();
}

void MemoryPolicyStore::write_domain(DomainRow row) {
  const auto [at, fresh] = domains_.try_emplace({row.tenant, row.name}, row);
  DomainRow& held = at->second;
  if (!fresh) {
    row.last_asked = std::max(row.last_asked, held.last_asked);
    held.last_asked = row.last_asked;
    row.seq = held.seq;
    if (row == held) return;
    held = std::move(row);
  }
  held.seq = ++head_;
}

void MemoryPolicyStore::write_event(const EventRow* event) {
  if (!event) return;
  events_.push_back(*event);
  events_.back().detail.resize(std::min(event->detail.size(), kDetailBytes));
  events_.back().seq = ++head_;
}

void MemoryPolicyStore::write_deletion(Table table, const Name& name) {
  deletions_[{table, name}] = ++head_;
}

Result<void> MemoryPolicyStore::put_domain(const DomainRow& given, const EventRow* event) {
  if (const auto over = over_limit(given)) return std::unexpected(refusal(Fault::limit, *over));
  if (event) {
    if (const auto over = over_limit(*event)) return std::unexpected(refusal(Fault::limit, *over));
  }
  DomainRow row = given;
  if (open_policy({row.tenant, row.name}))
    row.state = DomainState::policy;
  else if (row.state == DomainState::policy)
    row.state = DomainState::unknown;
  write_domain(std::move(row));
  write_event(event);
  return {};
}

Result<void> MemoryPolicyStore::touch(std::span<const Key> names, Time now) {
  for (const Key& key : names) {
    const auto at = domains_.find({key.tenant, std::string(key.name)});
    if (at != domains_.end()) at->second.last_asked = std::max(at->second.last_asked, now);
  }
  return {};
}

Result<PolicyChange> MemoryPolicyStore::put_policy(const DomainRow& domain, const PolicyRow& policy,
                                                   const EventRow* event) {
  if (const auto over = over_limit(domain)) return std::unexpected(refusal(Fault::limit, *over));
  if (const auto over = over_limit(policy)) return std::unexpected(refusal(Fault::limit, *over));
  if (event) {
    if (const auto over = over_limit(*event)) return std::unexpected(refusal(Fault::limit, *over));
  }
  if (domain.tenant != policy.tenant || domain.name != policy.domain)
    return std::unexpected(refusal(Fault::constraint, "domain and policy of different names"));

  const Name name{policy.tenant, policy.domain};
  PolicyRow* held = open_policy(name);
  const PolicyChange change = compare(held, policy);
  DomainRow row = domain;
  row.state = DomainState::policy;
  write_domain(std::move(row));
  if (change == PolicyChange::renewed) {
    held->fetched_at = std::max(held->fetched_at, policy.fetched_at);
    held->origin = policy.origin;
    held->source = policy.source;
    held->seq = ++head_;
  } else {
    auto& history = policies_[name];
    PolicyRow next = policy;
    next.valid_from = policy.fetched_at;
    next.valid_to.reset();
    for (const PolicyRow& old : history)
      next.valid_from = std::max(next.valid_from, old.valid_to.value_or(old.valid_from));
    if (held) held->valid_to = next.valid_from;
    next.seq = ++head_;
    history.push_back(std::move(next));
  }
  write_event(event);
  return change;
}

Result<bool> MemoryPolicyStore::end_policy(Key domain, Time at, const EventRow* event) {
  if (event) {
    if (const auto over = over_limit(*event)) return std::unexpected(refusal(Fault::limit, *over));
  }
  const Name name{domain.tenant, std::string(domain.name)};
  PolicyRow* held = open_policy(name);
  if (!held) return false;
  held->valid_to = std::max(held->valid_from, at);
  write_deletion(Table::policy, name);
  if (const auto row = domains_.find(name); row != domains_.end()) {
    DomainRow next = row->second;
    next.state = DomainState::unknown;
    write_domain(std::move(next));
  }
  write_event(event);
  return true;
}

Result<void> MemoryPolicyStore::replace_routes(Key domain, std::span<const RouteRow> rows) {
  auto fits = check_set(domain, rows, kRoutesOfDomain, &RouteRow::policy_domain);
  if (!fits) return fits;
  const Name name{domain.tenant, std::string(domain.name)};
  auto set = as_set(rows);
  if (shrinks(routes_[name], set)) write_deletion(Table::mx_route, name);
  for (RouteRow& row : set) row.seq = ++head_;
  routes_[name] = std::move(set);
  if (routes_[name].empty()) routes_.erase(name);
  return {};
}

Result<void> MemoryPolicyStore::replace_tlsa(Key base, std::span<const TlsaRow> rows) {
  auto fits = check_set(base, rows, kTlsaOfBase, &TlsaRow::base);
  if (!fits) return fits;
  const Name name{base.tenant, std::string(base.name)};
  auto set = as_set(rows);
  if (shrinks(tlsa_[name], set)) write_deletion(Table::tlsa, name);
  for (TlsaRow& row : set) row.seq = ++head_;
  tlsa_[name] = std::move(set);
  if (tlsa_[name].empty()) tlsa_.erase(name);
  return {};
}

Result<void> MemoryPolicyStore::append_event(const EventRow& event) {
  if (const auto over = over_limit(event)) return std::unexpected(refusal(Fault::limit, *over));
  write_event(&event);
  return {};
}

Result<std::optional<DomainRow>> MemoryPolicyStore::domain(Key name) {
  const auto at = domains_.find({name.tenant, std::string(name.name)});
  if (at == domains_.end()) return std::nullopt;
  return at->second;
}

Result<std::optional<PolicyRow>> MemoryPolicyStore::current_policy(Key domain) {
  const PolicyRow* held = open_policy({domain.tenant, std::string(domain.name)});
  if (!held) return std::nullopt;
  return *held;
}

Result<std::optional<PolicyRow>> MemoryPolicyStore::policy_at(Key domain, Time at) {
  for (const PolicyRow& row : rows_of(policies_, domain)) {
    if (row.valid_from <= at && (!row.valid_to || at < *row.valid_to)) return row;
  }
  return std::nullopt;
}

Result<std::vector<PolicyRow>> MemoryPolicyStore::policy_history(Key domain) {
  return rows_of(policies_, domain);
}

Result<std::vector<RouteRow>> MemoryPolicyStore::routes(Key domain) {
  return rows_of(routes_, domain);
}

Result<std::vector<TlsaRow>> MemoryPolicyStore::tlsa(Key base) {
  return rows_of(tlsa_, base);
}

Result<std::vector<EventRow>> MemoryPolicyStore::events(Key domain, std::size_t limit) {
  std::vector<EventRow> rows;
  std::ranges::copy_if(events_, std::back_inserter(rows), [&](const EventRow& row) {
    return row.tenant == domain.tenant && row.domain == domain.name;
  });
  std::ranges::reverse(rows);
  return first_of(std::move(rows), limit);
}

Result<std::vector<DomainRow>> MemoryPolicyStore::due(std::uint32_t tenant, Time before,
                                                      const DuePlace& after, std::size_t limit) {
  const auto place = [](const DomainRow& row) { return DuePlace{*row.refresh_at, row.name}; };
  std::vector<DomainRow> rows;
  for (const auto& [name, row] : domains_) {
    if (row.tenant == tenant && row.refresh_at && *row.refresh_at <= before && place(row) > after)
      rows.push_back(row);
  }
  std::ranges::sort(rows, {}, place);
  return first_of(std::move(rows), limit);
}

Result<Sequence> MemoryPolicyStore::head() {
  return head_;
}

std::vector<Change> MemoryPolicyStore::live_rows(Sequence after) const {
  std::vector<Change> rows;
  const auto add = [&](const auto& row) {
    if (row.seq > after) rows.emplace_back(row);
  };
  for (const auto& [name, row] : domains_) add(row);
  for (const auto& [name, history] : policies_) {
    if (!history.back().valid_to) add(history.back());
  }
  for (const auto& [name, set] : routes_) std::ranges::for_each(set, add);
  for (const auto& [name, set] : tlsa_) std::ranges::for_each(set, add);
  for (const auto& [name, history] : tlsrpt_) {
    if (!history.back().valid_to) add(history.back());
  }
  for (const auto& [name, row] : rereads_) add(row);
  for (const auto& [name, set] : failures_) std::ranges::for_each(set, add);
  std::ranges::sort(rows, {}, sequence_of);
  return rows;
}

Result<std::vector<Change>> MemoryPolicyStore::current(Sequence after, std::size_t limit) {
  return first_of(live_rows(after), limit);
}

Result<Changes> MemoryPolicyStore::changes_since(Sequence from, std::size_t limit) {
  Changes changes{.reset = from < oldest_ || from > head_, .rows = {}, .head = head_};
  if (changes.reset) return changes;
  changes.rows = live_rows(from);
  for (const EventRow& row : events_) {
    if (row.seq > from) changes.rows.emplace_back(row);
  }
  for (const auto& [key, seq] : deletions_) {
    if (seq > from)
      changes.rows.emplace_back(Deletion{
          .table = key.first, .tenant = key.second.first, .name = key.second.second, .seq = seq});
  }
  std::ranges::sort(changes.rows, {}, sequence_of);
  changes.rows = *first_of(std::move(changes.rows), limit);
  if (changes.rows.size() == limit && limit > 0) changes.head = sequence_of(changes.rows.back());
  return changes;
}

void MemoryPolicyStore::evict(const Name& name) {
  policies_.erase(name);
  routes_.erase(name);
  tlsrpt_.erase(name);
  rereads_.erase(name);
  failures_.erase(name);
  domains_.erase(name);
  write_deletion(Table::domain, name);
}

void MemoryPolicyStore::prune_idle(const PolicyBounds& bounds, Time now, const Pinned& pinned,
                                   Pruned& pruned) {
  std::vector<Name> idle;
  for (const auto& [name, row] : domains_) {
    const PolicyRow* held = open_policy(name);
    if (row.last_asked < now - bounds.idle_age && !(held && held->valid_until() >= now) &&
        !pinned.contains(name))
      idle.push_back(name);
  }
  for (const Name& name : idle) {
    ++(open_policy(name) ? pruned.policies : pruned.others);
    evict(name);
  }
}

void MemoryPolicyStore::prune_domains(const PolicyBounds& bounds, Time now, const Pinned& pinned,
                                      Pruned& pruned) {
  struct Candidate {
    bool guarded = false;
    Time last_asked;
    Eviction::Victim victim;
  };
  std::vector<Candidate> with, without;
  std::size_t bytes = 0;
  for (const auto& [name, row] : domains_) {
    const PolicyRow* held = open_policy(name);
    Candidate candidate{
        .guarded = held && held->mode == policy::Mode::enforce && held->valid_until() >= now,
        .last_asked = row.last_asked,
        .victim = {name.first, name.second, held ? held->body.size() : 0}};
    bytes += candidate.victim.bytes;
    (held ? with : without).push_back(std::move(candidate));
  }
  const auto shrink = [&](std::vector<Candidate>& all, Eviction eviction) {
    std::ranges::stable_sort(all, [](const Candidate& a, const Candidate& b) {
      return std::tie(a.guarded, a.last_asked) < std::tie(b.guarded, b.last_asked);
    });
    for (Candidate& candidate : all) eviction.offer(std::move(candidate.victim));
    const auto victims = eviction.finish();
    for (const auto& victim : victims) evict({victim.tenant, victim.name});
    if (eviction.more()) pruned.more = true;
    return victims.size();
  };
  pruned.others +=
      shrink(without, Eviction(excess(without.size(), bounds.others), 0, bounds.per_call, pinned));
  pruned.policies +=
      shrink(with, Eviction(excess(with.size(), bounds.policies), excess(bytes, bounds.body_bytes),
                            bounds.per_call, pinned));
}

void MemoryPolicyStore::prune_history(const PolicyBounds& bounds, Time now, Pruned& pruned) {
  std::vector<std::pair<Time, Name>> closed;
  for (auto& [name, rows] : policies_) {
    pruned.history += std::erase_if(rows, [&](const PolicyRow& row) {
      return row.valid_to && *row.valid_to < now - bounds.history_age;
    });
    for (const PolicyRow& row : rows) {
      if (row.valid_to) closed.emplace_back(*row.valid_to, name);
    }
  }
  std::ranges::stable_sort(closed, {}, [](const auto& row) { return row.first; });
  closed.resize(excess(closed.size(), bounds.history));
  for (const auto& [end, name] : closed) {
    policies_[name].erase(policies_[name].begin());
    ++pruned.history;
  }
  std::erase_if(policies_, [](const auto& entry) { return entry.second.empty(); });

  pruned.events +=
      std::erase_if(events_, [&](const EventRow& e) { return e.time < now - bounds.event_age; });
  const std::size_t over = excess(events_.size(), bounds.events);
  events_.erase(events_.begin(), events_.begin() + static_cast<std::ptrdiff_t>(over));
  pruned.events += over;
}

void MemoryPolicyStore::prune_deletions(const PolicyBounds& bounds, Pruned& pruned) {
  std::vector<Sequence> sequences;
  for (const auto& [key, seq] : deletions_) sequences.push_back(seq);
  std::ranges::sort(sequences);
  const std::size_t over = excess(sequences.size(), bounds.deletions);
  if (over == 0) return;
  oldest_ = sequences[over - 1];
  std::erase_if(deletions_, [&](const auto& entry) { return entry.second <= oldest_; });
  pruned.deletions = over;
}

Result<Pruned> MemoryPolicyStore::prune(const PolicyBounds& bounds, Time now,
                                        const Pinned& pinned) {
  Pruned pruned;
  prune_idle(bounds, now, pinned, pruned);
  prune_domains(bounds, now, pinned, pruned);
  prune_history(bounds, now, pruned);
  const Time until = now - bounds.route_grace;
  pruned.routes += prune_sets(routes_, until, bounds.routes,
                              [&](const Name& name) { write_deletion(Table::mx_route, name); });
  pruned.tlsa += prune_sets(tlsa_, until, bounds.tlsa,
                            [&](const Name& name) { write_deletion(Table::tlsa, name); });
  prune_tlsrpt(bounds, now, pruned);
  prune_rereads(bounds, now, pruned);
  prune_failures(bounds, now, pruned);
  prune_deletions(bounds, pruned);
  return pruned;
}

Result<PolicyStatistics> MemoryPolicyStore::statistics() {
  PolicyStatistics statistics;
  for (const auto& [name, row] : domains_) {
    if (row.state == DomainState::policy) ++statistics.policies;
    if (row.state == DomainState::none) ++statistics.none;
    if (row.state == DomainState::unknown) ++statistics.unknown;
  }
  for (const auto& [name, rows] : policies_) {
    for (const PolicyRow& row : rows)
      row.valid_to ? ++statistics.history : statistics.body_bytes += row.body.size();
  }
  statistics.routes = rows_in(routes_);
  statistics.tlsa = rows_in(tlsa_);
  statistics.events = events_.size();
  statistics.deletions = deletions_.size();
  for (const auto& [name, rows] : tlsrpt_) {
    for (const TlsrptRow& row : rows)
      ++(row.valid_to ? statistics.tlsrpt_history : statistics.tlsrpt);
  }
  statistics.rereads = rereads_.size();
  statistics.failures = rows_in(failures_);
  statistics.head = head_;
  return statistics;
}

}  // namespace mxw::store
