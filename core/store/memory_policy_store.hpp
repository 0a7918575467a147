// PolicyStore in memory, for tests of what stands on it: same results, nothing kept, nothing fast.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "core/store/policy_store.hpp"

namespace mxw::store {

class MemoryPolicyStore final : public PolicyStore {
 public:
  explicit MemoryPolicyStore(Time now);  // as SqlitePolicyStore::open

  Result<void> put_domain(const DomainRow& row, const EventRow* event) override;
  Result<void> touch(std::span<const Key> domains, Time now) override;
  Result<PolicyChange> put_policy(const DomainRow& domain, const PolicyRow& policy,
                                  const EventRow* event) override;
  Result<bool> retime_policy(Key domain, Time fetched_at) override;
  Result<bool> end_policy(Key domain, Time at, const EventRow* event) override;
  Result<void> replace_routes(Key domain, std::span<const RouteRow> rows) override;
  Result<void> replace_tlsa(Key base, std::span<const TlsaRow> rows) override;
  Result<void> append_event(const EventRow& event) override;
  Result<PolicyChange> put_tlsrpt(const TlsrptRow& row, const EventRow* event) override;
  Result<void> put_reread(const RereadRow& row) override;
  Result<void> put_failures(std::span<const PolicyFailureRow> rows) override;

  Result<std::optional<DomainRow>> domain(Key name) override;
  Result<std::optional<PolicyRow>> current_policy(Key domain) override;
  Result<std::optional<PolicyRow>> policy_at(Key domain, Time at) override;
  Result<std::vector<PolicyRow>> policy_history(Key domain) override;
  Result<std::vector<RouteRow>> routes(Key domain) override;
  Result<std::vector<TlsaRow>> tlsa(Key base) override;
  Result<std::vector<EventRow>> events(Key domain, std::size_t limit) override;
  Result<std::optional<TlsrptRow>> tlsrpt(Key domain) override;
  Result<std::optional<TlsrptRow>> tlsrpt_at(Key domain, Time at) override;
  Result<std::vector<TlsrptRow>> tlsrpt_history(Key domain) override;
  Result<std::optional<RereadRow>> reread(Key domain) override;
  Result<std::vector<PolicyFailureRow>> failures(Key domain) override;
  Result<std::vector<PolicyFailureRow>> open_failures(Key domain) override;
  Result<std::vector<DomainRow>> due(std::uint32_t tenant, Time before, const DuePlace& after,
                                     std::size_t limit) override;

  Result<Sequence> head() override;
  Result<std::vector<Change>> current(Sequence after, std::size_t limit) override;
  Result<Changes> changes_since(Sequence from, std::size_t limit) override;
  Result<Pruned> prune(const PolicyBounds& bounds, Time now, const Pinned& pinned) override;
  Result<PolicyStatistics> statistics() override;

 private:
  using Name = std::pair<std::uint32_t, std::string>;  // tenant, name

  [[nodiscard]] PolicyRow* open_policy(const Name& name);
  [[nodiscard]] TlsrptRow* open_tlsrpt(const Name& name);
  void write_domain(DomainRow row);
  void write_event(const EventRow* event);
  void write_deletion(Table table, const Name& name);
  void evict(const Name& name);
  void trim_history(const Name& name);
  [[nodiscard]] std::vector<Change> live_rows(Sequence after) const;
  void prune_idle(const PolicyBounds& bounds, Time now, const Pinned& pinned, Pruned& pruned);
  void prune_domains(const PolicyBounds& bounds, Time now, const Pinned& pinned, Pruned& pruned);
  void prune_history(const PolicyBounds& bounds, Time now, Pruned& pruned);
  void prune_history_bytes(const PolicyBounds& bounds, Pruned& pruned);
  void prune_tlsrpt(const PolicyBounds& bounds, Time now, Pruned& pruned);
  void prune_rereads(const PolicyBounds& bounds, Time now, Pruned& pruned);
  void prune_failures(const PolicyBounds& bounds, Time now, Pruned& pruned);
  void prune_deletions(const PolicyBounds& bounds, Pruned& pruned);

  Sequence head_, oldest_;
  std::map<Name, DomainRow> domains_;
  std::map<Name, std::vector<PolicyRow>> policies_;  // oldest first
  std::map<Name, std::vector<RouteRow>> routes_;
  std::map<Name, std::vector<TlsaRow>> tlsa_;
  std::map<Name, std::vector<TlsrptRow>> tlsrpt_;  // oldest first
  std::map<Name, RereadRow> rereads_;
  std::map<Name, std::vector<PolicyFailureRow>> failures_;  // oldest first
  std::vector<EventRow> events_;
  std::map<std::pair<Table, Name>, Sequence> deletions_;
};

}  // namespace mxw::store
