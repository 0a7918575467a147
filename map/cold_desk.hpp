// ColdDesk: puts Waiting, HintGate and an Asker together with the timers of a loop. Runs in the
// loop's thread; the loop and the asker outlive it.
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>

#include "core/base/event_loop.hpp"
#include "core/feed/hint_gate.hpp"
#include "map/asker.hpp"
#include "map/waiting.hpp"

namespace mxw::map {

class ColdDesk {
 public:
  using Ticket = Waiting::Ticket;
  // A question has waited; `known` is what policyd said, null when it said nothing in time. Called
  // from the loop, never from within wait().
  using Ready = std::function<void(Ticket ticket, const Known* known)>;

  struct Counters {
    std::uint64_t waited = 0, merged = 0, refused = 0;  // refused: answered at once although cold
    std::uint64_t answered = 0, in_vain = 0;
    std::uint64_t hints = 0, hints_dropped = 0, pings = 0;
  };

  ColdDesk(EventLoop& loop, Asker& asker, Waiting::Settings settings, Ready ready);

  // Whether the question waits; ready() follows then, unless it is forgotten. `hash` is the
  // domain's.
  bool wait(std::string_view domain, std::uint64_t hash, Ticket ticket);
  void forget(Ticket ticket, std::string_view domain) { waiting_.forget(ticket, domain); }
  void hint(std::string_view domain, std::uint64_t hash);

  [[nodiscard]] const Counters& counters() const { return counters_; }
  [[nodiscard]] std::size_t waiting() const { return waiting_.size(); }
  [[nodiscard]] bool asleep() const { return waiting_.asleep(); }

 private:
  void answered(std::string_view domain, const Known& known);
  void on_deadline();
  void on_ping();
  void arm();

  Asker& asker_;
  Waiting waiting_;
  Ready ready_;
  feed::HintGate gate_;
  Counters counters_;
  Timer deadline_, ping_;
};

}  // namespace mxw::map
