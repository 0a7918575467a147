// The sensor's store: what was normal (baselines), which TLS attempts failed (retry pairs), and the
// verdicts it serves to others (semantics 7). A file of its own, opened by the sensor alone.
//
// Baselines and retry pairs are the judge's memory written behind it, once a second in one write():
// after kill -9 at most that second is learned again. A verdict is written by itself and stands
// when put_verdict() returns, before the feed tells it. Database gives durability, faults and
// threads.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/ip.hpp"
#include "core/base/time.hpp"
#include "core/rows/verdict_rows.hpp"
#include "core/store/rows.hpp"
#include "core/store/sqlite.hpp"

namespace mxw::store {

class Transaction;

// Counts of one baseline key (semantics 3); the key is the judge's text.
struct BaselineRow {
  std::uint32_t tenant = 0;
  std::string origin;
  std::string key;
  Time first, last;
  std::uint64_t sessions = 0;
  std::uint64_t complete_replies = 0, starttls_offered = 0;
  std::uint64_t first_greetings = 0, esmtp = 0;
  std::uint64_t tls_eligible = 0, tls = 0;
  std::uint64_t chains = 0, trusted = 0;

  friend bool operator==(const BaselineRow&, const BaselineRow&) = default;
};

// A value seen under a baseline key: kind `spki`, `issuer`, `version`. Of one kind the
// kValuesOfKind last seen are kept: a server that shows a new certificate each day stays bounded.
inline constexpr std::size_t kValuesOfKind = 64;
struct BaselineValue {
  std::uint32_t tenant = 0;
  std::string origin;
  std::string key, kind, value;
  std::uint64_t count = 0;
  Time last;

  friend bool operator==(const BaselineValue&, const BaselineValue&) = default;
};

// TLS that failed between the two sides a key names; `how` is a word of retry.prev_failure.
struct RetryRow {
  std::uint32_t tenant = 0;
  std::string origin;
  std::string key, how;
  std::uint64_t session = 0;  // flow_id
  Time at;
  std::uint64_t frame = 0;

  friend bool operator==(const RetryRow&, const RetryRow&) = default;
};

// What one UTC day added to a baseline. Rates are of the last kBaselineDays of these.
inline constexpr std::int32_t kBaselineDays = 30;  // semantics 9
struct BaselineCounts {
  std::uint64_t sessions = 0;
  std::uint64_t complete_replies = 0, starttls_offered = 0;
  std::uint64_t first_greetings = 0, esmtp = 0;
  std::uint64_t tls_eligible = 0, tls = 0;
  std::uint64_t chains = 0, trusted = 0;

  friend bool operator==(const BaselineCounts&, const BaselineCounts&) = default;
};
struct BaselineDay {
  std::uint32_t tenant = 0;
  std::string origin;
  std::string key;
  std::int32_t day = 0;  // since 1970-01-01
  BaselineCounts counts;

  friend bool operator==(const BaselineDay&, const BaselineDay&) = default;
};

// A latched level of a baseline key (semantics 9): once reached it stands, whatever the rates do,
// until it falls. Stands by itself: it outlives the baseline, since silence is no reason to fall.
struct LevelRow {
  std::uint32_t tenant = 0;
  std::string origin;
  std::string key, capability;        // the judge's word: `starttls`, `tls`, ...
  Time risen_at, shown_at;            // latched; last shown by a session
  std::optional<Time> absent_since;   // first session without it after shown_at
  std::uint64_t absent_sessions = 0;  // without it and without another finding, since then
  std::optional<Time> fallen_at;      // stands while empty
  std::string fallen_by;              // `operator` or `days`; empty while it stands

  friend bool operator==(const LevelRow&, const LevelRow&) = default;
};

// What a DNS name was last seen to hold on the wire: kind `tlsa` (the set of a base name) or
// `tlsrpt` (the record of a domain), as the judge's canonical text. For R26 and R27.
inline constexpr std::size_t kSeenBytes = 4'096;  // 64 TLSA records of SHA-256, or kTlsrptBytes
struct DnsSeenRow {
  std::uint32_t tenant = 0;
  std::string origin;
  std::string kind, name, value;
  bool ad = false;
  Time first, last;                // of this value
  std::uint64_t count = 0;         // answers with it
  std::optional<Time> gone_since;  // first denial after `last`

  friend bool operator==(const DnsSeenRow&, const DnsSeenRow&) = default;
};

struct VerdictChanges {
  bool reset = false;            // `from` is not of this store: rows begin with the first there is
  std::vector<VerdictRow> rows;  // ascending by sequence; nothing is ever deleted before its age
  Sequence head = 0;             // go on from here
};

struct SensorBounds {
  std::size_t baselines = 1'000'000;  // limits::kBaselineKeys
  std::size_t retries = 200'000;      // limits::kRetryKeys
  std::size_t verdicts = 200'000;
  std::size_t days = 10'000'000;   // about 1 GiB: ten days of each key; the oldest go first
  std::size_t levels = 1'000'000;  // limits::kBaselineKeys; fallen ones, then least recently shown
  std::size_t dns_seen = 200'000;  // limits::kMapEntries; least recently seen first
  std::int64_t baseline_age = 30 * kDay;  // semantics 6
  std::int64_t retry_age = 5 * kDay;      // limits::kRetryMemory
  std::int64_t verdict_age = 90 * kDay;
  std::int64_t fallen_age = 90 * kDay;  // as the verdict it may explain
  std::int64_t level_age = 400 * kDay;  // not shown: as the history of policies
  std::int64_t dns_seen_age = 90 * kDay;
  std::size_t per_call = 10'000;  // rows of each kind that one prune takes
};

class SensorStore {
 public:
  // `now` becomes the first sequence number of a store that is made here.
  [[nodiscard]] static Result<std::unique_ptr<SensorStore>> open(const std::string& path, Time now,
                                                                 const OpenOptions& options = {});
  [[nodiscard]] Database& database() { return database_; }

  // What the judge learned since the last write, in one transaction; rows replace those of their
  // key.
  struct Batch {
    std::vector<BaselineRow> baselines;
    std::vector<BaselineValue> values;
    std::vector<RetryRow> retries;
    std::vector<std::pair<std::uint32_t, std::string>> forgotten_retries;  // tenant, key
    std::vector<BaselineDay> days;  // of keys that have a baseline, here or before
    std::vector<LevelRow> levels;
    std::vector<DnsSeenRow> dns_seen;
  };
  Result<void> write(const Batch& batch);

  Result<std::optional<BaselineRow>> baseline(Key key);
  Result<std::vector<BaselineValue>> values(Key key);  // by kind, value
  // All of them, key by key in the order of (tenant, key), after the one given.
  Result<std::vector<BaselineRow>> baselines(Key after, std::size_t limit);
  Result<std::optional<RetryRow>> retry(Key key);
  Result<std::vector<RetryRow>> retries(Key after, std::size_t limit);

  Result<std::vector<BaselineDay>> days(Key key);  // oldest first
  // All of them in the order of (tenant, key, day), after the one given.
  Result<std::vector<BaselineDay>> days(Key after, std::int32_t after_day, std::size_t limit);
  // Their sum from `since` on.
  Result<BaselineCounts> counts(Key key, std::int32_t since);

  Result<std::vector<LevelRow>> levels(Key key);  // by capability, fallen ones included
  // All of them in the order of (tenant, key, capability), after the one given.
  Result<std::vector<LevelRow>> levels(Key after, std::string_view after_capability,
                                       std::size_t limit);

  Result<std::optional<DnsSeenRow>> dns_seen(std::string_view kind, Key name);
  // Those of one kind in the order of (tenant, name), after the one given.
  Result<std::vector<DnsSeenRow>> dns_seen(std::string_view kind, Key after, std::size_t limit);

  // Inserts or replaces the verdict of this origin and id.
  Result<void> put_verdict(const VerdictRow& row);
  Result<std::optional<VerdictRow>> verdict(std::string_view origin, std::string_view id);
  Result<std::vector<VerdictRow>> active_verdicts(Time now, std::size_t limit);  // not expired
  Result<VerdictChanges> verdicts_since(Sequence from, std::size_t limit);       // ascending
  // Verdicts whose time is over become `expired`, at most `limit`; gives how many.
  Result<std::size_t> expire(Time now, std::size_t limit);

  // By age, then by count, least recently seen first; gives the rows deleted (without those days
  // that went with their baseline).
  Result<std::size_t> prune(const SensorBounds& bounds, Time now);

 private:
  explicit SensorStore(Database database) : database_(std::move(database)) {}
  void prune_memory(Transaction& transaction, const SensorBounds& bounds, Time now,
                    std::size_t& gone);

  Database database_;
};

}  // namespace mxw::store
