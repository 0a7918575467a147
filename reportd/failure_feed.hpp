// FailureFeed: policyd's failures (core/rows PolicyFailureRow) as spans for PolicyFailures
// (semantics 8): each span of time once, as far as it is known to last. One thread, the loop's.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <tuple>

#include "core/feed/observer.hpp"
#include "reportd/policy_failures.hpp"

namespace mxw::reportd {

class FailureFeed final : public feed::Observer {
 public:
  static constexpr std::int64_t kHolds = 1 * kDay;  // behind the last look that failed
  static constexpr std::size_t kOpen = 100'000;     // as policyd's store

  explicit FailureFeed(PolicyFailures& failures) : failures_(failures) {}
  FailureFeed(const FailureFeed&) = delete;
  FailureFeed& operator=(const FailureFeed&) = delete;

  void on_reset() override {}
  void on_change(const rows::Change& change) override;
  void on_end(rows::Sequence) override {}
  void on_state(bool connected) override { connected_ = connected; }

  // About every minute: failures that go on are told up to now.
  void tick(Time now);

  [[nodiscard]] bool connected() const { return connected_; }
  [[nodiscard]] std::size_t open() const { return open_.size(); }

 private:
  using Key = std::tuple<std::string, std::string, std::string>;  // domain, mx host, result
  struct Open {
    std::string reason;
    Time told;  // up to here
    Time seen;
  };
  void tell(const Key& key, const std::string& reason, Time from, Time to);

  PolicyFailures& failures_;
  std::map<Key, Open> open_;
  bool connected_ = false;
};

}  // namespace mxw::reportd
