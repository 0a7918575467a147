// The milter's store: what was decided for which mail and why (semantics 12). A file of its own per
// milter process (`--instance NAME`), opened by it alone. The milter's writing thread owns the
// object; callbacks never wait for it.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/time.hpp"
#include "core/store/sqlite.hpp"

namespace mxw::store {

// One decision for one recipient domain of one transaction. Words are the milter's; no local parts.
struct DecisionRow {
  std::uint32_t tenant = 0;
  std::string origin;
  Time time;
  std::string session;   // the milter's own name of the connection
  std::string queue_id;  // empty until DATA or end of message; a sole deferred RCPT never has one
  std::string listener, role, domain, verdict_id, action, code, reason;
  bool dry_run = false;

  friend bool operator==(const DecisionRow&, const DecisionRow&) = default;
};

struct MilterBounds {
  std::size_t decisions = 5'000'000;      // 14 days of 4 a second
  std::int64_t decision_age = 14 * kDay;  // design section 10
  std::size_t per_call = 10'000;
};

class MilterStore {
 public:
  [[nodiscard]] static Result<std::unique_ptr<MilterStore>> open(const std::string& path,
                                                                 const OpenOptions& options = {});
  [[nodiscard]] Database& database() { return database_; }

  // One transaction: all of them or none.
  Result<void> append(std::span<const DecisionRow> rows);
  // The queue id of the transaction that began at `since` became known: fills it into the rows of
  // the session from then on that have none. Gives how many.
  Result<std::size_t> set_queue_id(std::string_view session, Time since, std::string_view queue_id);

  Result<std::vector<DecisionRow>> by_queue_id(std::string_view queue_id, std::size_t limit);
  // Decisions for a domain in [from, to), oldest first.
  Result<std::vector<DecisionRow>> by_domain(std::uint32_t tenant, std::string_view domain,
                                             Time from, Time to, std::size_t limit);
  Result<std::size_t> count();

  // By age, then by count, oldest first; gives the rows deleted.
  Result<std::size_t> prune(const MilterBounds& bounds, Time now);

 private:
  explicit MilterStore(Database database) : database_(std::move(database)) {}

  Database database_;
};

}  // namespace mxw::store
