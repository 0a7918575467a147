#include "core/store/memory_policy_store.hpp"

#include <algorithm>

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
    held->fetched_at = policy.fetched_at;
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
    trim_history(name);
  }
  write_event(event);
  return change;
}

Result<bool> MemoryPolicyStore::retime_policy(Key domain, Time fetched_at) {
  PolicyRow* held = open_policy({domain.tenant, std::string(domain.name)});
  if (!held) return false;
  held->fetched_at = fetched_at;
  held->seq = ++head_;
  return true;
}

Result<bool> MemoryPolicyStore::end_policy(Key domain, Time at, const EventRow* event) {
  if (event) {
    if (const auto over = over_limit(*event)) return std::unexpected(refusal(Fault::limit, *over));
  }
  const Name name{domain.tenant, std::string(domain.name)};
  PolicyRow* held = open_policy(name);
  if (!held) return false;
  held->valid_to = std::max(held->valid_from, at);
  trim_history(name);
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

}  // namespace mxw::store
