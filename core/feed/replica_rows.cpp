// Replica: rows that come and go.
#include <algorithm>
#include <utility>

#include "core/feed/replica.hpp"
#include "core/feed/replica_drop.hpp"

namespace mxw::feed {

// Whether there is room now, where `full` asks. Old rows go first while all is told anew.
template <typename Full>
bool Replica::room(Full full) {
  if (full() && resetting_ && !room_made_) {
    room_made_ = true;
    sweep(Keep::nothing);
  }
  if (!full()) return true;
  ++counters_.refused;
  return false;
}

DomainEntry* Replica::obtain(rows::Key domain) {
  const auto at = domains_.find(domain);
  if (at != domains_.end()) return &at->second;
  if (!room([this] { return domains_.size() >= bounds_.domains; })) {
    lacks_ = true;
    return nullptr;
  }
  const auto made = domains_.try_emplace(Name{domain.tenant, std::string(domain.name)}).first;
  sizes_.domains = domains_.size();
  return &made->second;
}

template <typename Row>
void Replica::put_single(Single<Row>& held, Row&& row) {
  held.round = round_;
  if (held.row && *held.row == row) return;
  touch_domain(place_of(row));
  held.row = std::make_unique<Row>(std::move(row));
}

// Makes room for one more domain without a policy.
void Replica::admit_other(rows::Key domain) {
  while (sizes_.domains - sizes_.policies >= bounds_.others && !others_.empty()) {
    const Name first = std::move(others_.front());
    others_.pop_front();
    const auto at = domains_.find(key_of(first));
    if (at == domains_.end() || at->second.policy_.row) continue;
    put(rows::Deletion{.table = rows::Table::domain, .tenant = first.tenant, .name = first.text});
    ++counters_.forgotten;
  }
  // Names whose rows came and went pile up only so far.
  if (others_.size() >= 2 * bounds_.others) {
    Names seen(0, hash_);
    std::erase_if(others_, [&](const Name& name) {
      return !domains_.contains(key_of(name)) || !seen.insert(name).second;
    });
  }
  others_.push_back({domain.tenant, std::string(domain.name)});
}

void Replica::put(rows::DomainRow&& row) {
  // Its TLSRPT row may have come before it.
  const DomainEntry* const known = find(row.name, row.tenant);
  if (row.state != rows::DomainState::policy && (known == nullptr || known->domain() == nullptr))
    admit_other(place_of(row));
  if (DomainEntry* entry = obtain(place_of(row))) put_single(entry->domain_, std::move(row));
}

bool Replica::drop_policy(DomainEntry& entry) {
  if (!entry.policy_.row) return false;
  --sizes_.policies;
  sizes_.body_bytes -= entry.policy_.row->body.size();
  entry.policy_.row = nullptr;
  return true;
}

// A policy that has an end in history is over: the current one is held and nothing else. Where the
// newer one has no room the older one goes all the same: it is known to hold no more.
void Replica::put(rows::PolicyRow&& row) {
  const rows::Key domain{row.tenant, row.domain};
  if (row.valid_to) {
    const auto at = domains_.find(domain);
    if (at == domains_.end() || !at->second.policy_.row) return;
    if (at->second.policy_.row->valid_from != row.valid_from) return;
    drop_policy(at->second);
    touch_domain(domain);
    return erase_if_empty(domain);
  }
  DomainEntry* entry = obtain(domain);
  if (entry == nullptr) return;
  Single<rows::PolicyRow>& held = entry->policy_;
  held.round = round_;
  if (held.row && *held.row == row) return;
  const bool had = drop_policy(*entry);
  const bool fits = room([&] { return sizes_.body_bytes + row.body.size() > bounds_.body_bytes; });
  // Making room may have swept away an entry that holds nothing of this round yet.
  entry = fits ? obtain(domain) : nullptr;
  lacks_ = lacks_ || !fits;
  if (had || entry != nullptr) touch_domain(domain);
  if (entry == nullptr) return erase_if_empty(domain);
  ++sizes_.policies;
  sizes_.body_bytes += row.body.size();
  entry->policy_.round = round_;
  entry->policy_.row = std::make_unique<rows::PolicyRow>(std::move(row));
}

void Replica::erase_if_empty(rows::Key domain) {
  const auto at = domains_.find(domain);
  if (at == domains_.end() || !at->second.empty()) return;
  domains_.erase(at);
  sizes_.domains = domains_.size();
}

void Replica::put(rows::TlsrptRow&& row) {
  const rows::Key domain{row.tenant, row.domain};
  if (row.valid_to) {
    const auto at = domains_.find(domain);
    if (at == domains_.end() || !at->second.tlsrpt_.row) return;
    if (at->second.tlsrpt_.row->valid_from != row.valid_from) return;
    drop_single(at->second.tlsrpt_);
    touch_domain(domain);
    erase_if_empty(domain);
  } else if (DomainEntry* entry = obtain(domain)) {
    put_single(entry->tlsrpt_, std::move(row));
  }
}

void Replica::put(rows::RereadRow&& row) {
  if (DomainEntry* entry = obtain(place_of(row))) put_single(entry->reread_, std::move(row));
}

void Replica::put(const rows::EventRow&) {}
void Replica::put(const rows::VerdictRow&) {}  // of another owner: core/feed/verdict_replica.hpp
void Replica::put(const rows::PolicyFailureRow&) {}  // reportd's: core/feed/failure_replica.hpp

void Replica::put(rows::RouteRow&& row) {
  const rows::Key domain{row.tenant, row.policy_domain};
  const auto held = domains_.find(domain);
  if (held != domains_.end()) {
    RowSet<rows::RouteRow>& set = held->second.routes_;
    const auto same = std::ranges::find_if(set.rows, [&](const rows::RouteRow& other) {
      return other.address == row.address && other.mx_host == row.mx_host;
    });
    if (same != set.rows.end()) {
      set.rounds[static_cast<std::size_t>(same - set.rows.begin())] = round_;
      if (*same == row) return;
      touch_domain(domain);
      *same = std::move(row);
      return;
    }
  }
  const auto full = [&] {
    const DomainEntry* entry = find(row.policy_domain, row.tenant);
    return sizes_.routes >= bounds_.routes ||
           (entry != nullptr && entry->routes_.rows.size() >= rows::kRoutesOfDomain);
  };
  if (!room(full)) {
    // What is over the bound of one domain would be so again.
    lacks_ = lacks_ || sizes_.routes >= bounds_.routes;
    return;
  }
  DomainEntry* const entry = obtain(domain);
  if (entry == nullptr) return;
  touch_domain(domain);
  ++sizes_.routes;
  ++hosts_[Name{row.tenant, row.mx_host}][row.policy_domain];
  entry->routes_.rows.push_back(std::move(row));
  entry->routes_.rounds.push_back(round_);
}

void Replica::unindex(const rows::RouteRow& row) {
  const auto host = hosts_.find(rows::Key{row.tenant, row.mx_host});
  if (host == hosts_.end()) return;
  const auto domain = host->second.find(row.policy_domain);
  if (domain != host->second.end() && --domain->second == 0) host->second.erase(domain);
  if (host->second.empty()) hosts_.erase(host);
}

void Replica::put(rows::TlsaRow&& row) {
  const rows::Key base{row.tenant, row.base};
  const auto held = tlsa_.find(base);
  if (held != tlsa_.end()) {
    RowSet<rows::TlsaRow>& set = held->second;
    const auto same = std::ranges::find(set.rows, row.rdata, &rows::TlsaRow::rdata);
    if (same != set.rows.end()) {
      set.rounds[static_cast<std::size_t>(same - set.rows.begin())] = round_;
      if (*same == row) return;
      touch_tlsa(base);
      *same = std::move(row);
      return;
    }
  }
  const auto full = [&] {
    return sizes_.tlsa >= bounds_.tlsa || tlsa(row.base, row.tenant).size() >= rows::kTlsaOfBase;
  };
  if (!room(full)) {
    lacks_ = lacks_ || sizes_.tlsa >= bounds_.tlsa;
    return;
  }
  auto& set = tlsa_[Name{row.tenant, row.base}];
  touch_tlsa(base);
  ++sizes_.tlsa;
  set.rows.push_back(std::move(row));
  set.rounds.push_back(round_);
}

// Tables go by their names: some are told before a build knows them as rows.
void Replica::put(const rows::Deletion& row) {
  const std::string_view table = name(row.table);
  const rows::Key key{row.tenant, row.name};
  if (table == "tlsa") {
    const auto at = tlsa_.find(key);
    if (at == tlsa_.end()) return;
    sizes_.tlsa -= at->second.rows.size();
    tlsa_.erase(at);
    return touch_tlsa(key);
  }
  const auto at = domains_.find(key);
  if (at == domains_.end()) return;
  DomainEntry& entry = at->second;
  const bool all = table == "domain";
  bool gone = all && drop_single(entry.domain_);
  if (all || table == "policy") gone |= drop_policy(entry);
  if (all || table == "tlsrpt") gone |= drop_single(entry.tlsrpt_);
  if (all || table == "reread") gone |= drop_single(entry.reread_);
  if (all || table == "mx_route")
    gone |= drop_routes(entry, [](const auto&, std::uint32_t) { return true; }) > 0;
  if (gone) touch_domain(key);
  erase_if_empty(key);
}

}  // namespace mxw::feed
