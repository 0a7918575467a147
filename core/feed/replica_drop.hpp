// How rows leave a Replica: the templates its two files share. Private to core/feed.
#pragma once

#include <utility>

#include "core/feed/replica.hpp"

namespace mxw::feed {

template <typename Row>
bool Replica::drop_single(Single<Row>& held) {
  return std::exchange(held.row, nullptr) != nullptr;
}

// Drops rows for which gone(row, round) says so and gives their number. The order is not kept.
template <typename Row, typename Gone>
std::size_t Replica::drop_rows(RowSet<Row>& set, Gone gone) {
  std::size_t dropped = 0;
  for (std::size_t i = 0; i < set.rows.size();) {
    if (!gone(set.rows[i], set.rounds[i])) {
      ++i;
      continue;
    }
    std::swap(set.rows[i], set.rows.back());
    std::swap(set.rounds[i], set.rounds.back());
    set.rows.pop_back();
    set.rounds.pop_back();
    ++dropped;
  }
  return dropped;
}

template <typename Gone>
std::size_t Replica::drop_routes(DomainEntry& entry, Gone gone) {
  const std::size_t dropped =
      drop_rows(entry.routes_, [&](const rows::RouteRow& row, std::uint32_t round) {
        if (!gone(row, round)) return false;
        unindex(row);
        return true;
      });
  sizes_.routes -= dropped;
  return dropped;
}

}  // namespace mxw::feed
