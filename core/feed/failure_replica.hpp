// FailureReplica: what policyd saw fail about a domain's policies, as a reader of its feed holds it
// (semantics 8): whose sessions count as failed although the sessions themselves do not say so.
//
// A row holds from its first failed look to the first that did not fail so; one that is open holds
// up to kHolds behind its last failed look, whether policyd is there or not: a look older than that
// says nothing about now (RFC 8461 section 3.3 looks once a day). What policyd does not tell again
// after a reset is gone. Bounded; what is over a bound is refused and counted. One thread.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/feed/observer.hpp"

namespace mxw::feed {

class FailureReplica final : public Observer {
 public:
  static constexpr std::int64_t kHolds = 1 * kDay;

  struct Bounds {
    std::size_t failures = 100'000;                   // as the store's
    std::size_t of_domain = rows::kFailuresOfDomain;  // the oldest go
    std::int64_t age = 7 * kDay;                      // since closed: as the store's
  };
  struct Counters {
    std::uint64_t changes = 0;
    std::uint64_t refused = 0;  // over a bound
    std::uint64_t swept = 0;    // gone because a reset did not bring them again
    std::uint64_t pruned = 0;   // gone with their time
  };

  FailureReplica() : FailureReplica(Bounds{}) {}
  explicit FailureReplica(Bounds bounds) : bounds_(bounds) {}
  FailureReplica(const FailureReplica&) = delete;
  FailureReplica& operator=(const FailureReplica&) = delete;

  void on_reset() override;
  void on_change(const rows::Change& change) override;
  void on_end(rows::Sequence head) override;
  void on_state(bool connected) override { connected_ = connected; }

  // What failed at that time for a session of `domain` with `mx_host`: failures of the domain as a
  // whole and those of this host, oldest first. Borrowed until the next change.
  [[nodiscard]] std::vector<const rows::PolicyFailureRow*> at(std::string_view domain,
                                                              std::string_view mx_host, Time time,
                                                              std::uint32_t tenant = 0) const;
  [[nodiscard]] static bool holds(const rows::PolicyFailureRow& row, Time time);

  // Drops what ended more than Bounds::age before `now`. Walks everything.
  std::size_t prune(Time now);

  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] bool connected() const { return connected_; }
  [[nodiscard]] bool complete() const { return complete_; }  // all was told at least once
  [[nodiscard]] rows::Sequence sequence() const { return resetting_ ? 0 : sequence_; }
  [[nodiscard]] const Counters& counters() const { return counters_; }

 private:
  struct Held {
    rows::PolicyFailureRow row;
    std::uint32_t round = 0;  // reset to reset
  };
  // Ordered: nobody can choose names that make it slow.
  using Name = std::pair<std::uint32_t, std::string>;

  void put(const rows::PolicyFailureRow& row);
  void sweep();
  template <typename Gone>
  std::size_t erase_if(Gone gone);

  Bounds bounds_;
  std::map<Name, std::vector<Held>> domains_;
  std::size_t size_ = 0;
  std::uint32_t round_ = 0;
  rows::Sequence sequence_ = 0;
  bool resetting_ = false, complete_ = false, connected_ = false, room_made_ = false;
  Counters counters_;
};

}  // namespace mxw::feed
