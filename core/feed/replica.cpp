// Replica: what is looked up, what a reset leaves and what is told to the listener.
#include "core/feed/replica.hpp"

#include <algorithm>
#include <utility>

#include "core/feed/replica_drop.hpp"

namespace mxw::feed {
namespace {

// std::erase_if() of a map shows its values as const.
template <typename Map, typename Gone>
void erase_where(Map& map, Gone gone) {
  for (auto at = map.begin(); at != map.end();) {
    if (gone(*at)) {
      at = map.erase(at);
    } else {
      ++at;
    }
  }
}

}  // namespace

const rows::PolicyRow* DomainEntry::policy_at(Time now) const {
  const rows::PolicyRow* row = policy();
  return row != nullptr && now <= row->valid_until() ? row : nullptr;
}

std::vector<const rows::RouteRow*> DomainEntry::routes_at(Time now) const {
  std::vector<const rows::RouteRow*> valid;
  for (const rows::RouteRow& row : routes_.rows) {
    if (now <= row.until) valid.push_back(&row);
  }
  return valid;
}

std::size_t Replica::Hash::operator()(rows::Key name) const {
  return siphash({key.k0 ^ name.tenant, key.k1}, as_bytes(name.name));
}

Replica::Replica(Bounds bounds)
    : bounds_(bounds),
      hash_{random_hash_key()},
      domains_(0, hash_),
      tlsa_(0, hash_),
      hosts_(0, hash_),
      dirty_domains_(0, hash_),
      dirty_tlsa_(0, hash_) {}

Replica::~Replica() = default;

void Replica::on_reset() {
  ++round_;
  resetting_ = true;
  room_made_ = false;
  lacks_ = false;
}

void Replica::on_change(const rows::Change& change) {
  ++counters_.changes;
  std::visit([this](auto row) { put(std::move(row)); }, change);
  if (!resetting_) sequence_ = std::max(sequence_, sequence_of(change));
}

void Replica::on_end(rows::Sequence head) {
  if (!resetting_) return;
  sweep(Keep::policies);
  resetting_ = false;
  sequence_ = head;
  complete_ = changed_ = true;
  tell();
}

void Replica::on_batch() {
  tell();
}

const DomainEntry* Replica::find(std::string_view domain, std::uint32_t tenant) const {
  const auto at = domains_.find(rows::Key{tenant, domain});
  return at == domains_.end() ? nullptr : &at->second;
}

std::span<const rows::TlsaRow> Replica::tlsa(std::string_view base, std::uint32_t tenant) const {
  const auto at = tlsa_.find(rows::Key{tenant, base});
  if (at == tlsa_.end()) return {};
  return at->second.rows;
}

std::vector<const rows::TlsaRow*> Replica::tlsa_at(std::string_view base, Time now,
                                                   std::uint32_t tenant) const {
  std::vector<const rows::TlsaRow*> valid;
  for (const rows::TlsaRow& row : tlsa(base, tenant)) {
    if (now <= row.until) valid.push_back(&row);
  }
  return valid;
}

std::vector<std::string> Replica::domains_over(std::string_view mx_host,
                                               std::uint32_t tenant) const {
  std::vector<std::string> domains;
  const auto at = hosts_.find(rows::Key{tenant, mx_host});
  if (at == hosts_.end()) return domains;
  for (const auto& [domain, routes] : at->second) domains.push_back(domain);
  return domains;
}

bool Replica::has_room() const {
  const auto some_free = [](std::size_t used, std::size_t bound) {
    return used < bound - bound / 16;
  };
  return some_free(sizes_.domains, bounds_.domains) && some_free(sizes_.routes, bounds_.routes) &&
         some_free(sizes_.tlsa, bounds_.tlsa) && some_free(sizes_.body_bytes, bounds_.body_bytes);
}

void Replica::for_each_domain(
    const std::function<void(std::uint32_t, std::string_view, const DomainEntry&)>& visit) const {
  for (const auto& [name, entry] : domains_) visit(name.tenant, name.text, entry);
}

// Drops what did not come in this round; with Keep::policies, nothing of a domain whose policy did
// not: an owner that lost its store has forgotten it, which does not end it (semantics 11).
std::size_t Replica::sweep(DomainEntry& entry, Keep keep) {
  if (keep == Keep::policies && entry.policy_.row && entry.policy_.round != round_) return 0;
  std::size_t gone = 0;
  if (entry.domain_.round != round_ && drop_single(entry.domain_)) ++gone;
  if (entry.policy_.round != round_ && drop_policy(entry)) ++gone;
  if (entry.tlsrpt_.round != round_ && drop_single(entry.tlsrpt_)) ++gone;
  if (entry.reread_.round != round_ && drop_single(entry.reread_)) ++gone;
  gone += drop_routes(entry, [this](const auto&, std::uint32_t round) { return round != round_; });
  return gone;
}

// Walks everything: of_entry() drops what it wants of a domain, gone() says which TLSA rows go.
template <typename OfEntry, typename Gone>
std::size_t Replica::drop_everywhere(OfEntry of_entry, Gone gone) {
  std::size_t all = 0;
  erase_where(domains_, [&](auto& item) {
    const std::size_t dropped = of_entry(item.second);
    all += dropped;
    if (dropped > 0) touch_domain(key_of(item.first));
    return item.second.empty();
  });
  sizes_.domains = domains_.size();
  erase_where(tlsa_, [&](auto& item) {
    const std::size_t dropped = drop_rows(item.second, gone);
    all += dropped;
    sizes_.tlsa -= dropped;
    if (dropped > 0) touch_tlsa(key_of(item.first));
    return item.second.rows.empty();
  });
  return all;
}

void Replica::sweep(Keep keep) {
  counters_.swept +=
      drop_everywhere([this, keep](DomainEntry& entry) { return sweep(entry, keep); },
                      [this](const auto&, std::uint32_t round) { return round != round_; });
}

// A policy the owner has forgotten goes with its time, and with it what stands beside it.
template <typename Over>
std::size_t Replica::prune(DomainEntry& entry, Time before, Over over) {
  const rows::PolicyRow* const policy = entry.policy();
  if (policy != nullptr && entry.policy_.round != round_ && policy->valid_until() < before)
    return sweep(entry, Keep::nothing);
  return drop_routes(entry, over);
}

std::size_t Replica::prune(Time now) {
  const Time before = now - bounds_.grace;
  const auto over = [before](const auto& row, std::uint32_t) { return row.until < before; };
  const std::size_t all =
      drop_everywhere([&](DomainEntry& entry) { return prune(entry, before, over); }, over);
  counters_.pruned += all;
  tell();
  return all;
}

void Replica::touch_domain(rows::Key domain) {
  changed_ = true;
  if (listener_.domain && !loading_ && !dirty_domains_.contains(domain))
    dirty_domains_.insert({domain.tenant, std::string(domain.name)});
}

void Replica::touch_tlsa(rows::Key base) {
  changed_ = true;
  if (listener_.tlsa && !loading_ && !dirty_tlsa_.contains(base))
    dirty_tlsa_.insert({base.tenant, std::string(base.name)});
}

void Replica::tell() {
  if (dirty_domains_.empty() && dirty_tlsa_.empty()) return;
  const Names domains = std::exchange(dirty_domains_, Names(0, hash_));
  const Names bases = std::exchange(dirty_tlsa_, Names(0, hash_));
  for (const Name& name : bases) listener_.tlsa(name.tenant, name.text);
  for (const Name& name : domains) listener_.domain(name.tenant, name.text);
}

void Replica::tell_all() {
  if (listener_.tlsa) {
    for (const auto& [name, set] : tlsa_) listener_.tlsa(name.tenant, name.text);
  }
  if (listener_.domain) {
    for (const auto& [name, entry] : domains_) listener_.domain(name.tenant, name.text);
  }
}

void Replica::clear() {
  domains_.clear();
  tlsa_.clear();
  hosts_.clear();
  dirty_domains_.clear();
  dirty_tlsa_.clear();
  sizes_ = {};
  sequence_ = 0;
  lacks_ = false;
}

}  // namespace mxw::feed
