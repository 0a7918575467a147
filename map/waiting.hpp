// Cold questions: which of them wait for policyd, and for how long. Pure logic, time is injected
// (nanoseconds of one clock that never runs back); cold_desk.hpp puts timers to it.
//
// Questions for one domain are merged: the first is sent, all share its deadline. At most
// `max_waiting` questions wait. A domain that waited in vain is not waited for again for 60 s;
// after 3 vain waits in a row nobody waits until policyd answers a ping, one every 5 s (semantics
// 11). So whatever policyd does, a domain costs its mail at most one cold_wait a minute.
//
// Memory is bounded by max_waiting and limits::kVainDomains: when as many domains as that have
// lately waited or waited in vain, no further one waits. Not thread-safe.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "map/limits.hpp"

namespace mxw::map {

class Waiting {
 public:
  using Ticket = std::uint64_t;  // names one question; the caller's, never used twice

  struct Settings {
    std::size_t max_waiting = 1'000;
    std::int64_t cold_wait = 3 * kSecond;
    std::size_t vain_domains = limits::kVainDomains;
  };
  enum class Turn : std::uint8_t {
    first,   // it waits when policyd can be asked: ask, or take it back with withdraw()
    merged,  // it waits for what was asked already
    no,      // it is answered at once from what is known
  };

  explicit Waiting(Settings settings) : settings_(settings) {}

  Turn ask(std::string_view domain, Ticket ticket, std::int64_t now);
  // The domain's questions wait no longer, for no fault of policyd's and without memory: it could
  // not be asked. Returns them.
  std::vector<Ticket> withdraw(std::string_view domain);
  // Policyd answered: its questions in the order they came. Empty when none waits any more.
  std::vector<Ticket> answered(std::string_view domain, std::int64_t now);
  // The one who asked is gone.
  void forget(Ticket ticket, std::string_view domain);

  struct Vain {
    std::string domain;
    std::vector<Ticket> tickets;
  };
  // All whose deadline has come.
  std::vector<Vain> expired(std::int64_t now);
  [[nodiscard]] std::optional<std::int64_t> next_deadline() const;

  // While asleep() nobody waits. ping_due() tells once every 5 s to ping, from the first call on.
  [[nodiscard]] bool asleep() const { return vain_in_row_ >= limits::kVainInRow; }
  bool ping_due(std::int64_t now);
  void pong() { vain_in_row_ = 0; }

  [[nodiscard]] std::size_t size() const { return questions_; }

 private:
  struct Domain {
    std::int64_t deadline = 0;
    std::vector<Ticket> tickets;
  };
  using Domains = std::map<std::string, Domain, std::less<>>;
  using Deadline = std::pair<std::int64_t, std::string>;

  std::vector<Ticket> take(Domains::iterator at);
  [[nodiscard]] bool is_waiting(const Deadline& deadline) const;
  void remember_vain(const std::string& domain, std::int64_t now);
  void forget_old_vain(std::int64_t now);

  Settings settings_;
  std::size_t questions_ = 0;
  unsigned vain_in_row_ = 0;
  std::int64_t next_ping_ = 0;
  Domains domains_;
  // Deadlines in the order of asking, which is their order; an entry whose domain was answered in
  // between is skipped.
  std::deque<Deadline> deadlines_;
  std::map<std::string, std::int64_t, std::less<>> vain_;  // domain -> until
  std::deque<Deadline> vain_order_;
};

}  // namespace mxw::map
