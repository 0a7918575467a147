// The sensor's store: what was normal (baselines), which TLS attempts failed (retry pairs), and the
// verdicts it serves to others (design section 5). A file of its own, opened by the sensor alone.
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
#include <variant>
#include <vector>

#include "core/base/ip.hpp"
#include "core/base/time.hpp"
#include "core/store/rows.hpp"
#include "core/store/sqlite.hpp"

namespace mxw::store {

// Counts of one baseline key (semantics 3 and 4); the key is the judge's text.
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

// `voided`: its policy was outdated when re-read (semantics 7); the word is `void`.
enum class VerdictState : std::uint8_t { active, cleared, expired, voided };
[[nodiscard]] std::string_view name(VerdictState state);

struct PathSubject {
  IpAddress egress_ip, mx_ip;
  std::string mx_host;  // empty: not known
  friend bool operator==(const PathSubject&, const PathSubject&) = default;
};
struct SessionSubject {
  Endpoint client, server;
  Time start;
  friend bool operator==(const SessionSubject&, const SessionSubject&) = default;
};
struct DomainSubject {
  std::string domain;
  friend bool operator==(const DomainSubject&, const DomainSubject&) = default;
};
using Subject = std::variant<PathSubject, SessionSubject, DomainSubject>;

struct VerdictRow {
  std::string id;  // unique for its origin
  std::string origin;
  std::uint32_t tenant = 0;
  std::string rule;      // `R02`
  std::string severity;  // word of core/rules
  Subject subject;
  std::string policy_domain, domain_basis, policy_id;  // empty: none
  Time first_seen, last_seen, expires;
  std::uint64_t count = 0;  // distinct sessions
  VerdictState state = VerdictState::active;
  std::string evidence_ref;
  Sequence seq = 0;  // set by the store

  friend bool operator==(const VerdictRow&, const VerdictRow&) = default;
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
  std::int64_t baseline_age = 30 * kDay;  // design section 10
  std::int64_t retry_age = 5 * kDay;      // limits::kRetryMemory
  std::int64_t verdict_age = 90 * kDay;
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
  };
  Result<void> write(const Batch& batch);

  Result<std::optional<BaselineRow>> baseline(Key key);
  Result<std::vector<BaselineValue>> values(Key key);  // by kind, value
  // All of them, key by key in the order of (tenant, key), after the one given.
  Result<std::vector<BaselineRow>> baselines(Key after, std::size_t limit);
  Result<std::optional<RetryRow>> retry(Key key);
  Result<std::vector<RetryRow>> retries(Key after, std::size_t limit);

  // Inserts or replaces the verdict of this origin and id.
  Result<void> put_verdict(const VerdictRow& row);
  Result<std::optional<VerdictRow>> verdict(std::string_view origin, std::string_view id);
  Result<std::vector<VerdictRow>> active_verdicts(Time now, std::size_t limit);  // not expired
  Result<VerdictChanges> verdicts_since(Sequence from, std::size_t limit);       // ascending
  // Verdicts whose time is over become `expired`, at most `limit`; gives how many.
  Result<std::size_t> expire(Time now, std::size_t limit);

  // By age, then by count, least recently seen first; gives the rows deleted.
  Result<std::size_t> prune(const SensorBounds& bounds, Time now);

 private:
  explicit SensorStore(Database database) : database_(std::move(database)) {}

  Database database_;
};

}  // namespace mxw::store
