// The milter's store: what was decided for which mail and why (semantics 12). A file of its own per
// milter process (`--instance NAME`), opened by it alone. The milter's writing thread owns the
// object; callbacks never wait for it.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/time.hpp"
#include "core/store/sqlite.hpp"

namespace mxw::store {

class Transaction;

// One decision for one recipient domain of one transaction. Words are the milter's; no local parts.
struct DecisionRow {
  std::uint32_t tenant = 0;
  std::string origin;
  Time time;
  std::string session;   // the milter's own name of the connection
  std::string queue_id;  // empty until DATA or end of message; a sole deferred RCPT never has one
  std::string listener, role, domain, verdict_id, action, code, reason;
  bool dry_run = false;
  Time began;        // of the transaction (MAIL); 0: kept by a version that did not know it
  std::string rule;  // of the verdict; empty: none, or kept by such a version

  friend bool operator==(const DecisionRow&, const DecisionRow&) = default;
};

// When a mail was first deferred (semantics 12): `key` is HMAC-SHA256 over client prefix, sender
// and recipient, so that no address is kept. The milter's memory comes first; these rows bring it
// back after a start.
struct DeferralRow {
  std::uint32_t tenant = 0;
  std::string origin;
  std::array<std::uint8_t, 32> key{};
  Time first, last;
  std::uint64_t count = 0;  // deferrals so far

  friend bool operator==(const DeferralRow&, const DeferralRow&) = default;
};

// A mail by its queue id, which mail servers use again: one session's transaction.
struct QueuedMail {
  std::string session;
  Time began;  // as in its rows
  Time start;  // `began`, or the time of its first row where that is not known

  friend bool operator==(const QueuedMail&, const QueuedMail&) = default;
};

// How often something was decided, and for how many domains.
struct DecisionTally {
  std::string role, action, reason;
  bool dry_run = false;
  std::uint64_t count = 0, domains = 0;

  friend bool operator==(const DecisionTally&, const DecisionTally&) = default;
};

struct MilterBounds {
  std::size_t decisions = 5'000'000;      // 14 days of 4 a second
  std::int64_t decision_age = 14 * kDay;  // semantics 6
  std::size_t deferrals = 100'000;        // semantics 12
  std::int64_t deferral_age = 5 * kDay;   // since the last: queue lifetime of an MTA
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

  // The mails that had this queue id, the newest first.
  Result<std::vector<QueuedMail>> mails(std::string_view queue_id, std::size_t limit);
  // The decisions for one of them, oldest first.
  Result<std::vector<DecisionRow>> by_mail(std::string_view queue_id, const QueuedMail& mail,
                                           std::size_t limit);
  // Decisions for a domain in [from, to), oldest first.
  Result<std::vector<DecisionRow>> by_domain(std::uint32_t tenant, std::string_view domain,
                                             Time from, Time to, std::size_t limit);
  // The `limit` newest ones for a domain before `before`, oldest first.
  Result<std::vector<DecisionRow>> latest(std::uint32_t tenant, std::string_view domain,
                                          Time before, std::size_t limit);
  // Of all decisions from `since` on, the most frequent first. Reads them all.
  Result<std::vector<DecisionTally>> tally(Time since);
  Result<std::size_t> count();

  // One transaction. `first` never moves on and `last` and `count` never go back, whatever comes
  // late from a queue.
  Result<void> put_deferrals(std::span<const DeferralRow> rows);
  // The `limit` most recent ones, most recent first: all there are at the default bound are 8 MB.
  Result<std::vector<DeferralRow>> deferrals(std::size_t limit);

  // By age, then by count, oldest first; gives the rows deleted.
  Result<std::size_t> prune(const MilterBounds& bounds, Time now);

 private:
  explicit MilterStore(Database database);
  std::size_t erase_oldest(Transaction& transaction, const std::string& table,
                           const std::string& column, std::size_t bound, Time since,
                           std::size_t most);

  Database database_;
  std::string select_;  // all columns, as the version of the file has them
};

}  // namespace mxw::store
