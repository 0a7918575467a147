// MemoryPolicyStore: what leaves the store, by age and by count, and what is in it.
#include <algorithm>
#include <tuple>

#include "core/store/eviction.hpp"
#include "core/store/memory_policy_store.hpp"

namespace mxw::store {
namespace {

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

}  // namespace

void MemoryPolicyStore::trim_history(const Name& name) {
  auto& rows = policies_[name];
  const auto closed = static_cast<std::size_t>(
      std::ranges::count_if(rows, [](const PolicyRow& row) { return row.valid_to.has_value(); }));
  const auto over = static_cast<std::ptrdiff_t>(excess(closed, kClosedOfDomain));
  rows.erase(rows.begin(), rows.begin() + over);
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
    std::size_t size = 0;  // where that decides
    bool guarded = false;
    Time last_asked;
    Eviction::Victim victim;
  };
  std::vector<Candidate> with, without;
  for (const auto& [name, row] : domains_) {
    const PolicyRow* held = open_policy(name);
    Candidate candidate{
        .guarded = held && held->mode == policy::Mode::enforce && held->valid_until() >= now,
        .last_asked = row.last_asked,
        .victim = {name.first, name.second, held ? held->body.size() : 0}};
    (held ? with : without).push_back(std::move(candidate));
  }
  const auto shrink = [&](std::vector<Candidate>& all, Eviction eviction) {
    std::ranges::stable_sort(all, [](const Candidate& a, const Candidate& b) {
      return std::tie(b.size, a.guarded, a.last_asked) < std::tie(a.size, b.guarded, b.last_asked);
    });
    for (const Candidate& candidate : all) eviction.offer(candidate.victim);
    const auto victims = eviction.finish();
    for (const auto& victim : victims) evict({victim.tenant, victim.name});
    if (eviction.more()) pruned.more = true;
    return victims.size();
  };
  pruned.others +=
      shrink(without, Eviction(excess(without.size(), bounds.others), 0, bounds.per_call, pinned));
  pruned.policies +=
      shrink(with, Eviction(excess(with.size(), bounds.policies), 0, bounds.per_call, pinned));
  std::size_t bytes = 0;
  std::vector<Candidate> large;
  for (Candidate& candidate : with) {
    if (!open_policy({candidate.victim.tenant, candidate.victim.name})) continue;
    candidate.size = candidate.victim.bytes;
    bytes += candidate.size;
    if (candidate.size > kLargeBody) large.push_back(candidate);
  }
  pruned.policies +=
      shrink(large, Eviction(0, excess(bytes, bounds.body_bytes), bounds.per_call, pinned));
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
  prune_history_bytes(bounds, pruned);
  std::erase_if(policies_, [](const auto& entry) { return entry.second.empty(); });

  pruned.events +=
      std::erase_if(events_, [&](const EventRow& e) { return e.time < now - bounds.event_age; });
  const std::size_t over = excess(events_.size(), bounds.events);
  events_.erase(events_.begin(), events_.begin() + static_cast<std::ptrdiff_t>(over));
  pruned.events += over;
}

void MemoryPolicyStore::prune_history_bytes(const PolicyBounds& bounds, Pruned& pruned) {
  struct Closed {
    bool small;
    Time end;
    Name name;
    std::size_t bytes;
    Sequence seq;
  };
  std::vector<Closed> closed;
  std::size_t bytes = 0;
  for (const auto& [name, rows] : policies_) {
    for (const PolicyRow& row : rows) {
      if (!row.valid_to) continue;
      bytes += row.body.size();
      closed.push_back(
          {row.body.size() <= kLargeBody, *row.valid_to, name, row.body.size(), row.seq});
    }
  }
  std::ranges::stable_sort(closed, [](const Closed& a, const Closed& b) {
    return std::tie(a.small, a.end) < std::tie(b.small, b.end);
  });
  std::size_t over = excess(bytes, bounds.history_bytes);
  if (closed.size() > bounds.per_call) closed.resize(bounds.per_call);
  for (const Closed& one : closed) {
    if (over == 0) return;
    std::erase_if(policies_[one.name], [&](const PolicyRow& row) { return row.seq == one.seq; });
    over -= std::min(over, one.bytes);
    ++pruned.history;
  }
  if (over > 0) pruned.more = true;
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
