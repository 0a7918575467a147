// policyd's store as one SQLite file (core/store/sqlite.hpp on durability and threads). Memory is
// the page cache and one page of rows, whatever the number of domains.
#pragma once

#include <memory>

#include "core/store/policy_store.hpp"
#include "core/store/sqlite.hpp"
#include "core/store/transaction.hpp"

namespace mxw::store {

class SqlitePolicyStore final : public PolicyStore {
 public:
  // `now` becomes the first sequence number of a store that is made here.
  [[nodiscard]] static Result<std::unique_ptr<SqlitePolicyStore>> open(
      const std::string& path, Time now, const OpenOptions& options = {});

  [[nodiscard]] Database& database() { return database_; }

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
  explicit SqlitePolicyStore(Database database) : database_(std::move(database)) {}

  Database database_;
};

}  // namespace mxw::store
