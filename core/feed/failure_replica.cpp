#include "core/feed/failure_replica.hpp"

#include <algorithm>

namespace mxw::feed {
namespace {

using rows::PolicyFailureRow;

// One span: the same trouble again begins another one.
bool same_span(const PolicyFailureRow& a, const PolicyFailureRow& b) {
  return a.from == b.from && a.result == b.result && a.mx_host == b.mx_host;
}

Time end_of(const PolicyFailureRow& row) {
  return row.to.value_or(row.seen);
}

}  // namespace

template <typename Gone>
std::size_t FailureReplica::erase_if(Gone gone) {
  std::size_t count = 0;
  for (auto& [name, spans] : domains_) count += std::erase_if(spans, gone);
  std::erase_if(domains_, [](const auto& entry) { return entry.second.empty(); });
  size_ -= count;
  return count;
}

void FailureReplica::on_reset() {
  ++round_;
  resetting_ = true;
  room_made_ = false;
}

void FailureReplica::on_change(const rows::Change& change) {
  ++counters_.changes;
  if (const auto* const row = std::get_if<PolicyFailureRow>(&change)) put(*row);
  if (const auto* const gone = std::get_if<rows::Deletion>(&change);
      gone != nullptr && gone->table == rows::Table::domain) {
    const auto at = domains_.find({gone->tenant, gone->name});
    if (at != domains_.end()) {
      size_ -= at->second.size();
      domains_.erase(at);
    }
  }
  if (!resetting_) sequence_ = std::max(sequence_, sequence_of(change));
}

void FailureReplica::on_end(rows::Sequence head) {
  if (!resetting_) return;
  sweep();
  resetting_ = false;
  complete_ = true;
  sequence_ = head;
}

void FailureReplica::put(const PolicyFailureRow& row) {
  const auto known = domains_.find({row.tenant, row.domain});
  if (known != domains_.end()) {
    for (Held& held : known->second) {
      if (!same_span(held.row, row)) continue;
      held = {row, round_};
      return;
    }
  }
  // Old ones go first while all is told anew.
  if (size_ >= bounds_.failures && resetting_ && !room_made_) {
    room_made_ = true;
    sweep();
  }
  if (size_ >= bounds_.failures) {
    ++counters_.refused;
    return;
  }
  std::vector<Held>& spans = domains_[{row.tenant, row.domain}];
  const auto place =
      std::ranges::upper_bound(spans, row.from, {}, [](const Held& held) { return held.row.from; });
  spans.insert(place, {row, round_});
  ++size_;
  if (spans.size() <= bounds_.of_domain) return;
  spans.erase(spans.begin());  // as the store does
  --size_;
  ++counters_.pruned;
}

void FailureReplica::sweep() {
  counters_.swept += erase_if([this](const Held& held) { return held.round != round_; });
}

bool FailureReplica::holds(const PolicyFailureRow& row, Time time) {
  if (time < row.from) return false;
  if (row.to) return time < *row.to;
  // The times are whatever a line had: nothing may overflow.
  std::int64_t since = 0;
  return !__builtin_sub_overflow(time.ns, row.seen.ns, &since) && since <= kHolds;
}

std::vector<const PolicyFailureRow*> FailureReplica::at(std::string_view domain,
                                                        std::string_view mx_host, Time time,
                                                        std::uint32_t tenant) const {
  std::vector<const PolicyFailureRow*> found;
  const auto known = domains_.find({tenant, std::string(domain)});
  if (known == domains_.end()) return found;
  for (const Held& held : known->second) {
    const bool meant = held.row.mx_host.empty() || held.row.mx_host == mx_host;
    if (meant && holds(held.row, time)) found.push_back(&held.row);
  }
  return found;
}

std::size_t FailureReplica::prune(Time now) {
  const std::size_t gone = erase_if(
      [before = now - bounds_.age](const Held& held) { return end_of(held.row) < before; });
  counters_.pruned += gone;
  return gone;
}

}  // namespace mxw::feed
