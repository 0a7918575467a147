#include "core/feed/verdict_replica.hpp"

#include <algorithm>

namespace mxw::feed {
namespace {

using rows::VerdictRow;
using rows::VerdictState;

bool stands(const VerdictRow& row) {
  return row.state == VerdictState::active || row.state == VerdictState::expired;
}

// After this one's end, so not its continuation.
bool after_its_end(const VerdictRow& next, const VerdictRow& before) {
  return before.state != VerdictState::active || next.last_seen > before.expires;
}

// A row told for the first time says when it first stood, not whether it ended in between; longer
// than its own life it may have. The times are whatever a line had: nothing may overflow.
Time since_of(const VerdictRow& row) {
  std::int64_t stood = 0, life = 0;
  if (__builtin_sub_overflow(row.last_seen.ns, row.first_seen.ns, &stood) ||
      __builtin_sub_overflow(row.expires.ns, row.last_seen.ns, &life))
    return row.last_seen;
  return stood > life ? row.last_seen : row.first_seen;
}

template <typename Map, typename Key>
VerdictReplica::Found found(const Map& map, const Key& key) {
  const auto at = map.find(key);
  if (at == map.end()) return {};
  return at->second;
}

}  // namespace

void VerdictReplica::on_reset() {
  ++round_;
  resetting_ = true;
  room_made_ = false;
}

void VerdictReplica::on_change(const rows::Change& change) {
  ++counters_.changes;
  if (const auto* const row = std::get_if<VerdictRow>(&change)) put(*row);
  if (!resetting_) sequence_ = std::max(sequence_, sequence_of(change));
}

void VerdictReplica::on_end(rows::Sequence head) {
  if (!resetting_) return;
  sweep();
  resetting_ = false;
  complete_ = true;
  sequence_ = head;
}

void VerdictReplica::sweep() {
  counters_.swept += erase_if([this](const HeldVerdict& held) { return held.round != round_; });
}

std::size_t VerdictReplica::prune(Time now) {
  const std::size_t gone = erase_if(
      [before = now - kAfter](const HeldVerdict& held) { return held.row.expires < before; });
  counters_.pruned += gone;
  return gone;
}

VerdictReplica::List& VerdictReplica::list_of(const VerdictRow& row) {
  if (const auto* const path = std::get_if<rows::PathSubject>(&row.subject))
    return paths_[{row.tenant, path->mx_ip}];
  if (const auto* const session = std::get_if<rows::SessionSubject>(&row.subject))
    return sessions_[{row.tenant, session->client, session->server}];
  return domains_[{row.tenant, std::get<rows::DomainSubject>(row.subject).domain}];
}

void VerdictReplica::put(const VerdictRow& row) {
  Identity identity{row.origin, row.id};
  const auto at = verdicts_.find(identity);
  if (!stands(row)) {
    if (at != verdicts_.end()) erase(at);
    return;
  }
  // An id whose subject is another is another verdict.
  if (at == verdicts_.end() || at->second.row.subject != row.subject ||
      at->second.row.tenant != row.tenant) {
    if (at != verdicts_.end()) erase(at);
    return add(std::move(identity), row);
  }
  HeldVerdict& held = at->second;
  held.round = round_;
  const bool again = row.state == VerdictState::active && after_its_end(row, held.row);
  if (again) held.since = row.last_seen;
  held.row = row;
  if (again && risen_) risen_(held.row);
}

void VerdictReplica::add(Identity&& identity, const VerdictRow& row) {
  // Old ones go first while all is told anew.
  if (verdicts_.size() >= bounds_.verdicts && resetting_ && !room_made_) {
    room_made_ = true;
    sweep();
  }
  List* const list = verdicts_.size() < bounds_.verdicts ? &list_of(row) : nullptr;
  if (list == nullptr || list->size() >= bounds_.of_subject) {
    ++counters_.refused;
    return;
  }
  HeldVerdict& held = verdicts_[std::move(identity)];
  held = {.row = row, .since = since_of(row), .round = round_};
  list->push_back(&held);
  if (row.state == VerdictState::active && risen_) risen_(held.row);
}

void VerdictReplica::unlist(const HeldVerdict& held) {
  const VerdictRow& row = held.row;
  List& list = list_of(row);
  std::erase(list, &held);
  if (!list.empty()) return;
  if (const auto* const path = std::get_if<rows::PathSubject>(&row.subject))
    paths_.erase({row.tenant, path->mx_ip});
  else if (const auto* const session = std::get_if<rows::SessionSubject>(&row.subject))
    sessions_.erase({row.tenant, session->client, session->server});
  else
    domains_.erase({row.tenant, std::get<rows::DomainSubject>(row.subject).domain});
}

VerdictReplica::Verdicts::iterator VerdictReplica::erase(Verdicts::iterator at) {
  unlist(at->second);
  return verdicts_.erase(at);
}

template <typename Gone>
std::size_t VerdictReplica::erase_if(Gone gone) {
  std::size_t count = 0;
  for (auto at = verdicts_.begin(); at != verdicts_.end();) {
    if (!gone(at->second)) {
      ++at;
      continue;
    }
    at = erase(at);
    ++count;
  }
  return count;
}

VerdictReplica::Found VerdictReplica::of_path(const IpAddress& mx_ip, std::uint32_t tenant) const {
  return found(paths_, PathKey{tenant, mx_ip});
}

VerdictReplica::Found VerdictReplica::of_domain(std::string_view domain,
                                                std::uint32_t tenant) const {
  return found(domains_, DomainLess::View{tenant, domain});
}

VerdictReplica::Found VerdictReplica::of_session(const Endpoint& client, const Endpoint& server,
                                                 std::uint32_t tenant) const {
  return found(sessions_, SessionKey{tenant, client, server});
}

}  // namespace mxw::feed
