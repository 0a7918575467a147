#include "map/cold_desk.hpp"

#include <utility>

namespace mxw::map {

ColdDesk::ColdDesk(EventLoop& loop, Asker& asker, Waiting::Settings settings, Ready ready)
    : asker_(asker),
      waiting_(settings),
      ready_(std::move(ready)),
      deadline_(loop, [this] { on_deadline(); }),
      ping_(loop, [this] { on_ping(); }) {
  asker_.set_callbacks(
      {[this](std::string_view domain, const Known& known) { answered(domain, known); },
       [this] { waiting_.pong(); }});
}

bool ColdDesk::wait(std::string_view domain, std::uint64_t hash, Ticket ticket) {
  switch (waiting_.ask(domain, ticket, EventLoop::now())) {
    case Waiting::Turn::merged:
      ++counters_.merged;
      return true;
    case Waiting::Turn::first:
      if (asker_.want(domain)) {
        ++counters_.waited;
        arm();
        return true;
      }
      waiting_.withdraw(domain);
      break;
    case Waiting::Turn::no:
      hint(domain, hash);
      break;
  }
  ++counters_.refused;
  return false;
}

void ColdDesk::hint(std::string_view domain, std::uint64_t hash) {
  if (!gate_.pass(hash, EventLoop::now()) || !asker_.hint(domain)) {
    ++counters_.hints_dropped;
    return;
  }
  ++counters_.hints;
}

void ColdDesk::answered(std::string_view domain, const Known& known) {
  for (const Ticket ticket : waiting_.answered(domain, EventLoop::now())) {
    ++counters_.answered;
    ready_(ticket, &known);
  }
}

void ColdDesk::end_waits() {
  while (const auto next = waiting_.next_deadline()) expire(*next);
}

void ColdDesk::expire(std::int64_t now) {
  for (const Waiting::Vain& vain : waiting_.expired(now)) {
    for (const Ticket ticket : vain.tickets) {
      ++counters_.in_vain;
      ready_(ticket, nullptr);
    }
  }
}

void ColdDesk::on_deadline() {
  expire(EventLoop::now());
  arm();
  on_ping();
}

void ColdDesk::on_ping() {
  if (!waiting_.asleep()) return;
  if (waiting_.ping_due(EventLoop::now())) {
    ++counters_.pings;
    asker_.ping();
  }
  if (!ping_.running()) ping_.start(limits::kPing);
}

// The earliest deadline only moves away, so a running timer is early enough.
void ColdDesk::arm() {
  const auto next = waiting_.next_deadline();
  if (next && !deadline_.running()) deadline_.start(*next - EventLoop::now());
}

}  // namespace mxw::map
