#include "map/waiting.hpp"

#include <algorithm>
#include <utility>

namespace mxw::map {

Waiting::Turn Waiting::ask(std::string_view domain, Ticket ticket, std::int64_t now) {
  if (asleep() || questions_ >= settings_.max_waiting) return Turn::no;
  if (const auto at = domains_.find(domain); at != domains_.end()) {
    at->second.tickets.push_back(ticket);
    ++questions_;
    return Turn::merged;
  }
  forget_old_vain(now);
  if (vain_.contains(domain) || vain_.size() + deadlines_.size() >= settings_.vain_domains) {
    return Turn::no;
  }
  const std::int64_t deadline = now + settings_.cold_wait;
  domains_.emplace(domain, Domain{deadline, {ticket}});
  deadlines_.emplace_back(deadline, domain);
  ++questions_;
  return Turn::first;
}

std::vector<Waiting::Ticket> Waiting::take(Domains::iterator at) {
  std::vector<Ticket> tickets = std::move(at->second.tickets);
  questions_ -= tickets.size();
  domains_.erase(at);
  return tickets;
}

std::vector<Waiting::Ticket> Waiting::withdraw(std::string_view domain) {
  const auto at = domains_.find(domain);
  std::vector<Ticket> tickets = at == domains_.end() ? std::vector<Ticket>{} : take(at);
  // No timer runs for what was never asked: its deadline goes with it.
  while (!deadlines_.empty() && !is_waiting(deadlines_.back())) deadlines_.pop_back();
  return tickets;
}

std::vector<Waiting::Ticket> Waiting::answered(std::string_view domain, std::int64_t now) {
  vain_in_row_ = 0;
  forget_old_vain(now);
  std::vector<Ticket> tickets = withdraw(domain);
  while (!deadlines_.empty() && !is_waiting(deadlines_.front())) deadlines_.pop_front();
  return tickets;
}

bool Waiting::is_waiting(const Deadline& deadline) const {
  const auto at = domains_.find(deadline.second);
  return at != domains_.end() && at->second.deadline == deadline.first;
}

// The domain keeps its place and deadline without questions: what was asked is still awaited, and a
// vain wait is one also when nobody was left to see it.
void Waiting::forget(Ticket ticket, std::string_view domain) {
  const auto at = domains_.find(domain);
  if (at != domains_.end()) questions_ -= std::erase(at->second.tickets, ticket);
}

std::vector<Waiting::Vain> Waiting::expired(std::int64_t now) {
  std::vector<Vain> out;
  while (!deadlines_.empty() && deadlines_.front().first <= now) {
    const Deadline due = std::move(deadlines_.front());
    deadlines_.pop_front();
    if (!is_waiting(due)) continue;
    out.push_back({due.second, take(domains_.find(due.second))});
    remember_vain(due.second, now);
    if (!asleep() && ++vain_in_row_ == limits::kVainInRow) next_ping_ = now;
  }
  return out;
}

std::optional<std::int64_t> Waiting::next_deadline() const {
  if (deadlines_.empty()) return std::nullopt;
  return deadlines_.front().first;
}

bool Waiting::ping_due(std::int64_t now) {
  if (!asleep() || now < next_ping_) return false;
  next_ping_ = now + limits::kPing;
  return true;
}

void Waiting::remember_vain(const std::string& domain, std::int64_t now) {
  const std::int64_t until = now + limits::kVainMemory;
  vain_.insert_or_assign(domain, until);
  vain_order_.emplace_back(until, domain);
}

void Waiting::forget_old_vain(std::int64_t now) {
  while (!vain_order_.empty() && vain_order_.front().first <= now) {
    const auto at = vain_.find(vain_order_.front().second);
    if (at != vain_.end() && at->second == vain_order_.front().first) vain_.erase(at);
    vain_order_.pop_front();
  }
}

}  // namespace mxw::map
