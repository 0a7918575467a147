// MemoryPolicyStore: TLSRPT records with their history, re-reads and failures.
#include <algorithm>

#include "core/store/eviction.hpp"
#include "core/store/memory_policy_store.hpp"

namespace mxw::store {
namespace {

template <typename Row>
Result<void> within_limits(const Row& row) {
  if (const auto over = over_limit(row))
    return std::unexpected(make_error(Fault::limit, "memory", *over));
  return {};
}

}  // namespace

TlsrptRow* MemoryPolicyStore::open_tlsrpt(const Name& name) {
  const auto at = tlsrpt_.find(name);
  if (at == tlsrpt_.end() || at->second.back().valid_to) return nullptr;
  return &at->second.back();
}

Result<PolicyChange> MemoryPolicyStore::put_tlsrpt(const TlsrptRow& row, const EventRow* event) {
  if (auto fits = within_limits(row); !fits) return std::unexpected(fits.error());
  if (event) {
    if (auto fits = within_limits(*event); !fits) return std::unexpected(fits.error());
  }
  const Name name{row.tenant, row.domain};
  TlsrptRow* held = open_tlsrpt(name);
  const PolicyChange change = compare(held, row);
  if (change == PolicyChange::renewed) {
    held->confirmed_at = std::max(held->confirmed_at, row.confirmed_at);
    held->origin = row.origin;
    held->seq = ++head_;
  } else {
    auto& history = tlsrpt_[name];
    TlsrptRow next = row;
    next.valid_from = row.confirmed_at;
    next.valid_to.reset();
    for (const TlsrptRow& old : history)
      next.valid_from = std::max(next.valid_from, old.valid_to.value_or(old.valid_from));
    if (held) held->valid_to = next.valid_from;
    next.seq = ++head_;
    history.push_back(std::move(next));
  }
  write_event(event);
  return change;
}

Result<void> MemoryPolicyStore::put_reread(const RereadRow& row) {
  if (auto fits = within_limits(row); !fits) return fits;
  RereadRow& held = rereads_[{row.tenant, row.domain}];
  held = row;
  held.seq = ++head_;
  return {};
}

Result<void> MemoryPolicyStore::put_failures(std::span<const PolicyFailureRow> rows) {
  for (const PolicyFailureRow& row : rows) {
    if (auto fits = within_limits(row); !fits) return fits;
  }
  for (const PolicyFailureRow& row : rows) {
    std::vector<PolicyFailureRow>& spans = failures_[{row.tenant, row.domain}];
    std::erase_if(spans, [&](const PolicyFailureRow& old) {
      return old.from == row.from && old.result == row.result && old.mx_host == row.mx_host;
    });
    spans.push_back(row);
    spans.back().seq = ++head_;
    std::ranges::sort(spans, {},
                      [](const PolicyFailureRow& one) { return std::pair(one.from, one.seq); });
    if (spans.size() > kFailuresOfDomain) spans.erase(spans.begin());
  }
  return {};
}

Result<std::vector<PolicyFailureRow>> MemoryPolicyStore::failures(Key domain) {
  const auto at = failures_.find({domain.tenant, std::string(domain.name)});
  return at == failures_.end() ? std::vector<PolicyFailureRow>{} : at->second;
}

Result<std::vector<PolicyFailureRow>> MemoryPolicyStore::open_failures(Key domain) {
  auto rows = failures(domain);
  std::erase_if(*rows, [](const PolicyFailureRow& row) { return row.to.has_value(); });
  return rows;
}

Result<std::optional<TlsrptRow>> MemoryPolicyStore::tlsrpt(Key domain) {
  const TlsrptRow* held = open_tlsrpt({domain.tenant, std::string(domain.name)});
  if (!held) return std::nullopt;
  return *held;
}

Result<std::optional<TlsrptRow>> MemoryPolicyStore::tlsrpt_at(Key domain, Time at) {
  const auto history = tlsrpt_history(domain);
  for (const TlsrptRow& row : *history) {
    if (row.valid_from <= at && (!row.valid_to || at < *row.valid_to)) return row;
  }
  return std::nullopt;
}

Result<std::vector<TlsrptRow>> MemoryPolicyStore::tlsrpt_history(Key domain) {
  const auto at = tlsrpt_.find({domain.tenant, std::string(domain.name)});
  return at == tlsrpt_.end() ? std::vector<TlsrptRow>{} : at->second;
}

Result<std::optional<RereadRow>> MemoryPolicyStore::reread(Key domain) {
  const auto at = rereads_.find({domain.tenant, std::string(domain.name)});
  if (at == rereads_.end()) return std::nullopt;
  return at->second;
}

void MemoryPolicyStore::prune_tlsrpt(const PolicyBounds& bounds, Time now, Pruned& pruned) {
  std::vector<std::pair<Time, Name>> closed, alone;
  std::size_t current = 0;
  for (auto& [name, rows] : tlsrpt_) {
    pruned.tlsrpt += std::erase_if(rows, [&](const TlsrptRow& row) {
      return row.valid_to && *row.valid_to < now - bounds.history_age;
    });
    for (const TlsrptRow& row : rows) {
      if (row.valid_to) closed.emplace_back(*row.valid_to, name);
    }
    if (rows.empty() || rows.back().valid_to) continue;
    ++current;
    if (!domains_.contains(name)) alone.emplace_back(rows.back().confirmed_at, name);
  }
  std::ranges::stable_sort(closed, {}, [](const auto& row) { return row.first; });
  closed.resize(excess(closed.size(), bounds.tlsrpt_history));
  for (const auto& [end, name] : closed) tlsrpt_[name].erase(tlsrpt_[name].begin());
  pruned.tlsrpt += closed.size();
  std::erase_if(tlsrpt_, [](const auto& entry) { return entry.second.empty(); });

  std::ranges::sort(alone);
  for (const auto& [confirmed, name] : alone) {
    if (confirmed >= now - bounds.idle_age && current <= bounds.tlsrpt) break;
    --current;
    pruned.tlsrpt += tlsrpt_[name].size();
    tlsrpt_.erase(name);
    write_deletion(Table::tlsrpt, name);
  }
}

void MemoryPolicyStore::prune_failures(const PolicyBounds& bounds, Time now, Pruned& pruned) {
  const auto end_of = [](const PolicyFailureRow& row) { return row.to.value_or(row.seen); };
  std::vector<Time> ends;
  for (auto& [name, rows] : failures_) {
    pruned.failures += std::erase_if(
        rows, [&](const PolicyFailureRow& row) { return end_of(row) < now - bounds.failure_age; });
    for (const PolicyFailureRow& row : rows) ends.push_back(end_of(row));
  }
  std::size_t over = excess(ends.size(), bounds.failures);
  std::ranges::sort(ends);
  const Time last = over > 0 ? ends[over - 1] : Time{INT64_MIN};
  for (auto& [name, rows] : failures_) {
    std::erase_if(rows, [&](const PolicyFailureRow& row) {
      if (over == 0 || end_of(row) > last) return false;
      --over;
      ++pruned.failures;
      return true;
    });
  }
  std::erase_if(failures_, [](const auto& entry) { return entry.second.empty(); });
}

void MemoryPolicyStore::prune_rereads(const PolicyBounds& bounds, Time now, Pruned& pruned) {
  pruned.rereads += std::erase_if(
      rereads_, [&](const auto& entry) { return entry.second.at < now - bounds.reread_age; });
  std::vector<std::pair<Time, Name>> alone;
  for (const auto& [name, row] : rereads_) {
    if (!domains_.contains(name)) alone.emplace_back(row.at, name);
  }
  std::ranges::sort(alone);
  alone.resize(std::min(alone.size(), excess(rereads_.size(), bounds.rereads)));
  for (const auto& [at, name] : alone) {
    rereads_.erase(name);
    write_deletion(Table::reread, name);
  }
  pruned.rereads += alone.size();
}

}  // namespace mxw::store
