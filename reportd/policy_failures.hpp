// PolicyFailures: what policyd saw fail (a policy not fetched, DNS in error) is added to the
// sessions that took place meanwhile (semantics 8). A session whose own event tells a fetch or DNS
// failure knows better and gets none. Without a session nothing is reported.
//
// Adding = one more failure detail with the number of sessions; whether these succeeded or failed
// is what their own events said. A span counts by whole minutes, and a minute once for each
// (domain, result type): spans that touch or overlap do not count a session twice.
//
// Memory: the sessions of each (source, domain, policy) and minute of the current and the previous
// day, two or three octets a minute with a session, at most Options::bytes; what is beyond is not
// remembered and counted. A restart loses them: failures of a span then reach only the sessions
// after it. A span is held back until kSettle after its end, for sessions that are not committed.
//
// All methods from any thread. No clock: `now` comes from the caller.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/base/time.hpp"
#include "core/policy/tlsrpt.hpp"
#include "core/store/report_rows.hpp"
#include "reportd/tally.hpp"

namespace mxw::reportd {

struct PolicyFailure {
  std::string domain;  // policy domain
  policy::ResultType result = policy::ResultType::sts_policy_fetch_error;
  std::string reason;  // cut at store::kWordBytes
  Time from, to;       // [from, to)
};

class PolicyFailures {
 public:
  struct Options {
    std::size_t bytes = 48 << 20;   // 10 M sessions over 10,000 domains a day take 15 MB
    std::size_t waiting = 100'000;  // spans not due yet
  };

  struct Counters {
    std::uint64_t spans = 0;           // taken
    std::uint64_t spans_dropped = 0;   // more than Options::waiting
    std::uint64_t sessions_added = 0;  // counts of the details made
    std::uint64_t not_remembered = 0;  // sessions beyond Options::bytes, or of older days
  };

  static constexpr std::int64_t kSettle = 5 * kSecond;

  PolicyFailures();
  explicit PolicyFailures(Options options);
  ~PolicyFailures();
  PolicyFailures(const PolicyFailures&) = delete;
  PolicyFailures& operator=(const PolicyFailures&) = delete;

  // Whether sessions with this failure of their own are left alone.
  [[nodiscard]] static bool is_policy_type(policy::ResultType type);

  void note(const TallyBatch& batch);  // its sessions, once they are committed
  void add(PolicyFailure failure);
  // The counts of the spans that are settled; for Tally::add().
  [[nodiscard]] std::vector<store::TallyAdd> due(Time now);

  [[nodiscard]] Counters counters() const;
  [[nodiscard]] std::size_t bytes() const;

 private:
  struct Work;
  std::unique_ptr<Work> work_;
};

}  // namespace mxw::reportd
