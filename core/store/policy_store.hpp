// PolicyStore: the cached knowledge of policyd, kept with history and told onward as changes.
//
// Two implementations, one set of tests: SqlitePolicyStore (the file) and MemoryPolicyStore. Every
// write is one transaction and returns after its commit; after an error nothing of it stands. Pure
// storage: no clock, no lookups, no policy decisions; `now` comes from the caller, and a caller
// whose clock is in doubt does not prune (semantics 11, Clock).
//
// Invariants the store itself keeps:
//   - a domain's state is `policy` exactly while it has a current policy row;
//   - at most one policy row of a domain is current, and the spans of its rows do not overlap; its
//     TLSRPT rows likewise;
//   - every change of a row that readers hold gets a new, higher sequence number.
// One thread per object.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/store/error.hpp"
#include "core/store/rows.hpp"

namespace mxw::store {

// Defaults of semantics 11 and what follows from it. `per_call` bounds one prune: ask again while
// it says `more`, so that mail is never held by one long transaction.
struct PolicyBounds {
  std::size_t policies = 100'000;  // domains with a current policy
  std::size_t others = 200'000;    // domains known to have none, or not known
  // Of current policies: 100,000 of 64 KiB would be 6 GiB. Only those over kLargeBody go for it, so
  // small ones alone may come to 400 MiB.
  std::size_t body_bytes = 256 << 20;
  // Closed policies: 200,000 of usual size are 60 MB, of 64 KiB they would be 13 GB.
  std::size_t history = 200'000, history_bytes = 128 << 20;
  std::size_t events = 500'000;
  std::size_t routes = 1'000'000, tlsa = 500'000;
  // Current TLSRPT records and re-reads: of all domains above, and of 100,000 names without a
  // domain row (TLSA base domains are asked for their own record, semantics 8). The latter go.
  std::size_t tlsrpt = 400'000, rereads = 400'000;
  std::size_t tlsrpt_history = 200'000;  // closed TLSRPT records
  std::size_t failures = 100'000;        // as many as policies
  std::size_t deletions = 100'000;       // told to readers that come back; older ones get a reset
  // Since closed, policies and TLSRPT records: a replay of last year's captures.
  std::int64_t history_age = 400 * kDay;
  std::int64_t event_age = 90 * kDay;
  std::int64_t idle_age = 30 * kDay;  // without unexpired policy and not asked for
  std::int64_t route_grace =
      kDay;  // after `until`: the join takes rows of up to 24 h (semantics 7)
  std::int64_t reread_age = 7 * kDay;  // no verdict lives as long (semantics 7)
  // Since closed, or seen last: a day's report is built half an hour after its end (semantics 8).
  std::int64_t failure_age = 7 * kDay;
  std::size_t per_call = 10'000;
};

// Closed policies a domain keeps, the newest: a month of one that changes every day. The store
// keeps to it with every write.
inline constexpr std::size_t kClosedOfDomain = 32;

// A text larger than this is a large one: hardly any owner needs so much (256 MX of 16 octets), so
// these go first where octets are short.
inline constexpr std::size_t kLargeBody = 4'096;

// Domains an operator has pinned, (tenant, name): they go last.
using Pinned = std::set<std::pair<std::uint32_t, std::string>>;

struct Pruned {
  std::size_t policies = 0, others = 0;  // domains
  std::size_t history = 0, events = 0, routes = 0, tlsa = 0, deletions = 0;
  std::size_t tlsrpt = 0, rereads = 0;  // history of records included
  std::size_t failures = 0;
  bool more = false;

  [[nodiscard]] std::size_t total() const {
    return policies + others + history + events + routes + tlsa + deletions + tlsrpt + rereads +
           failures;
  }
};

struct PolicyStatistics {
  std::size_t policies = 0, none = 0, unknown = 0;  // domains by state
  std::size_t body_bytes = 0;                       // of current policies
  std::size_t history = 0, routes = 0, tlsa = 0, events = 0, deletions = 0;
  std::size_t tlsrpt = 0, tlsrpt_history = 0, rereads = 0;  // current, closed
  std::size_t failures = 0;
  Sequence head = 0;
};

// `reset`: `from` is not of this store or too old; nothing else is filled: the reader begins with
// current(). `head`: go on from here.
struct Changes {
  bool reset = false;
  std::vector<Change> rows;  // ascending by sequence
  Sequence head = 0;
};

// A place in the order of due(): that of the last row of the page before; by default its begin.
struct DuePlace {
  Time refresh_at{INT64_MIN};
  std::string name;

  friend auto operator<=>(const DuePlace&, const DuePlace&) = default;
};

class PolicyStore {
 public:
  virtual ~PolicyStore() = default;

  // Inserts or replaces the row of a domain, with an event where one belongs to it. last_asked
  // never goes back. A state of `policy` without a current policy is stored as `unknown`, any other
  // state with one as `policy`.
  virtual Result<void> put_domain(const DomainRow& row, const EventRow* event = nullptr) = 0;

  // Somebody asked for these domains. Those without a row are passed over; not a change to readers.
  virtual Result<void> touch(std::span<const Key> domains, Time now) = 0;

  // Stores what was fetched, with its domain row and an event, in one transaction.
  // policy.valid_from and valid_to are the store's to set: a renewed policy keeps its row, another
  // one closes the row before at its own fetched_at (never before that row's begin, should a clock
  // have stepped back). fetched_at is as given, earlier than before, too: after a step back it is
  // in the new scale. Of closed rows the newest kClosedOfDomain stay.
  virtual Result<PolicyChange> put_policy(const DomainRow& domain, const PolicyRow& policy,
                                          const EventRow* event = nullptr) = 0;

  // The current policy was fetched at this time by another clock than the one it was written by;
  // told to readers. Nothing else of it changes. False: there is none.
  virtual Result<bool> retime_policy(Key domain, Time fetched_at) = 0;

  // Closes the current policy without another; false: there was none. The domain row is kept, as
  // `unknown`.
  virtual Result<bool> end_policy(Key domain, Time at, const EventRow* event = nullptr) = 0;

  // The whole set of one name. Rows of another tenant or name than `key` are refused.
  virtual Result<void> replace_routes(Key domain, std::span<const RouteRow> rows) = 0;
  virtual Result<void> replace_tlsa(Key base, std::span<const TlsaRow> rows) = 0;
  virtual Result<void> append_event(const EventRow& event) = 0;

  // Stores what `_smtp._tls` said, with an event where one belongs to it. valid_from and valid_to
  // are the store's to set: the same record as the current one only moves confirmed_at (never
  // back), another one closes the row before at its own confirmed_at. A domain row is not needed.
  virtual Result<PolicyChange> put_tlsrpt(const TlsrptRow& row,
                                          const EventRow* event = nullptr) = 0;

  // Inserts or replaces the re-read of a domain.
  virtual Result<void> put_reread(const RereadRow& row) = 0;

  // Inserts or replaces spans of failures, each known by (domain, mx_host, result, from). Of a
  // domain the newest kFailuresOfDomain stay.
  virtual Result<void> put_failures(std::span<const PolicyFailureRow> rows) = 0;

  virtual Result<std::optional<DomainRow>> domain(Key name) = 0;
  virtual Result<std::optional<PolicyRow>> current_policy(Key domain) = 0;
  // The newest policy known at that time, expired or not: core/policy decides with the same time.
  virtual Result<std::optional<PolicyRow>> policy_at(Key domain, Time at) = 0;
  virtual Result<std::vector<PolicyRow>> policy_history(Key domain) = 0;  // oldest first
  virtual Result<std::vector<RouteRow>> routes(Key domain) = 0;           // by MX host, address
  virtual Result<std::vector<TlsaRow>> tlsa(Key base) = 0;                // by rdata
  virtual Result<std::vector<EventRow>> events(Key domain, std::size_t limit) = 0;  // newest first

  virtual Result<std::optional<TlsrptRow>> tlsrpt(Key domain) = 0;  // the current one
  virtual Result<std::optional<TlsrptRow>> tlsrpt_at(Key domain, Time at) = 0;
  virtual Result<std::vector<TlsrptRow>> tlsrpt_history(Key domain) = 0;  // oldest first
  virtual Result<std::optional<RereadRow>> reread(Key domain) = 0;
  virtual Result<std::vector<PolicyFailureRow>> failures(Key domain) = 0;  // oldest first
  virtual Result<std::vector<PolicyFailureRow>> open_failures(
      Key domain) = 0;  // of them without `to`

  // Domains of one tenant with refresh_at <= before, most overdue first, behind `after`.
  virtual Result<std::vector<DomainRow>> due(std::uint32_t tenant, Time before,
                                             const DuePlace& after, std::size_t limit) = 0;

  // The feed: head() first, then current() page by page (after = sequence of the last row, 0 to
  // begin) until a page is empty, then changes_since() that head: what changed meanwhile comes
  // twice, nothing is missed. Rows of current() are domains, current policies, routes, TLSA,
  // current TLSRPT records, re-reads and failures, no events.
  virtual Result<Sequence> head() = 0;
  virtual Result<std::vector<Change>> current(Sequence after, std::size_t limit) = 0;
  // At most `limit` changes after `from`, deletions and events included. What prune() takes because
  // its own time is over is not told: readers age it themselves.
  virtual Result<Changes> changes_since(Sequence from, std::size_t limit) = 0;

  // By age, then by count: expired and unasked first, then the least recently asked; unexpired
  // enforce policies after all others, pinned domains last of all. For too many octets the largest
  // policies go first, whatever they are, and those up to kLargeBody never. An evicted domain takes
  // its routes, its TLSRPT record, its re-read, its failures and all history with it. A current
  // TLSRPT record without a domain row leaves `idle_age` after it was last confirmed. Of closed
  // policies the oldest go; where there are too many octets of them, large ones before small ones.
  virtual Result<Pruned> prune(const PolicyBounds& bounds, Time now, const Pinned& pinned) = 0;

  virtual Result<PolicyStatistics> statistics() = 0;
};

}  // namespace mxw::store
