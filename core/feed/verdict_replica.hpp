// VerdictReplica: the sensor's verdicts as a reader of its feed holds them (semantics 6 and 7).
//
// What was told holds to its `expires`, and for kAfter behind it as one that has ended, whether the
// sensor is there or not. A cleared or void verdict is gone at once. An owner that tells everything
// anew ends what it does not tell again. Verdicts are short-lived: there is no cache file.
//
// Bounded: a verdict over a bound is refused and counted, so a flood of them holds up no mail. One
// thread writes; find functions may run in others at the same time as each other, not as a writer.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "core/base/ip.hpp"
#include "core/feed/observer.hpp"
#include "core/rows/verdict_rows.hpp"

namespace mxw::feed {

struct HeldVerdict {
  rows::VerdictRow row;
  // Since when it stands without a pause: first_seen, or last_seen where a bad session armed it
  // again after its end, or may have: new here, and seen for longer than it lives.
  Time since;
  std::uint32_t round = 0;  // reset to reset
};

class VerdictReplica final : public Observer {
 public:
  static constexpr std::int64_t kAfter = 5 * kMinute;  // semantics 7: single messages are probes

  struct Bounds {
    std::size_t verdicts = 200'000;  // as the sensor's store
    std::size_t of_subject = 1'024;  // of one MX address; one is enough to act
  };
  struct Counters {
    std::uint64_t changes = 0;
    std::uint64_t refused = 0;  // over a bound
    std::uint64_t swept = 0;    // gone because a reset did not bring them again
    std::uint64_t pruned = 0;   // gone with their time
  };

  VerdictReplica() : VerdictReplica(Bounds{}) {}
  explicit VerdictReplica(Bounds bounds) : bounds_(bounds) {}
  VerdictReplica(const VerdictReplica&) = delete;
  VerdictReplica& operator=(const VerdictReplica&) = delete;

  // A verdict that came to stand, or stands again: whose paths have to be looked at.
  void on_risen(std::function<void(const rows::VerdictRow&)> risen) { risen_ = std::move(risen); }

  void on_reset() override;
  void on_change(const rows::Change& change) override;
  void on_end(rows::Sequence head) override;
  void on_state(bool connected) override { connected_ = connected; }

  // Active and expired ones, borrowed until the next change.
  using Found = std::span<const HeldVerdict* const>;
  [[nodiscard]] Found of_path(const IpAddress& mx_ip, std::uint32_t tenant = 0) const;
  [[nodiscard]] Found of_domain(std::string_view domain, std::uint32_t tenant = 0) const;
  [[nodiscard]] Found of_session(const Endpoint& client, const Endpoint& server,
                                 std::uint32_t tenant = 0) const;

  // Drops what ended more than kAfter before `now`. Walks everything.
  std::size_t prune(Time now);

  [[nodiscard]] std::size_t size() const { return verdicts_.size(); }
  [[nodiscard]] bool connected() const { return connected_; }
  [[nodiscard]] bool complete() const { return complete_; }  // all was told at least once
  [[nodiscard]] rows::Sequence sequence() const { return resetting_ ? 0 : sequence_; }
  [[nodiscard]] const Counters& counters() const { return counters_; }

 private:
  using Identity = std::pair<std::string, std::string>;  // origin, id
  using PathKey = std::pair<std::uint32_t, IpAddress>;
  using SessionKey = std::tuple<std::uint32_t, Endpoint, Endpoint>;
  struct DomainKey {
    std::uint32_t tenant = 0;
    std::string name;
  };
  struct DomainLess {
    using is_transparent = void;
    using View = std::pair<std::uint32_t, std::string_view>;
    static View view(const DomainKey& key) { return {key.tenant, key.name}; }
    static View view(const View& key) { return key; }
    bool operator()(const auto& a, const auto& b) const { return view(a) < view(b); }
  };
  using List = std::vector<const HeldVerdict*>;
  // Ordered maps: nobody can choose names or addresses that make them slow.
  using Verdicts = std::map<Identity, HeldVerdict>;

  void put(const rows::VerdictRow& row);
  void add(Identity&& identity, const rows::VerdictRow& row);
  Verdicts::iterator erase(Verdicts::iterator at);
  template <typename Gone>
  std::size_t erase_if(Gone gone);
  List& list_of(const rows::VerdictRow& row);
  void unlist(const HeldVerdict& held);
  void sweep();

  Bounds bounds_;
  Verdicts verdicts_;
  std::map<PathKey, List> paths_;
  std::map<SessionKey, List> sessions_;
  std::map<DomainKey, List, DomainLess> domains_;
  std::function<void(const rows::VerdictRow&)> risen_;
  std::uint32_t round_ = 0;
  rows::Sequence sequence_ = 0;
  bool resetting_ = false, complete_ = false, connected_ = false, room_made_ = false;
  Counters counters_;
};

}  // namespace mxw::feed
