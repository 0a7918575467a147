#include "reportd/failure_feed.hpp"

#include <algorithm>

namespace mxw::reportd {

void FailureFeed::on_change(const rows::Change& change) {
  const auto* const row = std::get_if<rows::PolicyFailureRow>(&change);
  if (row == nullptr) return;
  const Key key{row->domain, row->mx_host, row->result};
  const auto found = open_.find(key);
  const Time from = found == open_.end() ? row->from : std::max(row->from, found->second.told);
  if (row->to) {
    tell(key, row->reason, from, *row->to);
    if (found != open_.end()) open_.erase(found);
  } else if (found != open_.end() || open_.size() < kOpen) {
    open_[key] = {.reason = row->reason, .told = from, .seen = row->seen};
  }
}

void FailureFeed::tick(Time now) {
  for (auto at = open_.begin(); at != open_.end();) {
    Open& open = at->second;
    const Time to = std::min(now, open.seen + kHolds);
    tell(at->first, open.reason, open.told, to);
    open.told = std::max(open.told, to);
    at = now > open.seen + kHolds ? open_.erase(at) : std::next(at);
  }
}

void FailureFeed::tell(const Key& key, const std::string& reason, Time from, Time to) {
  const auto type = policy::parse_result_type(std::get<2>(key));
  if (!type || from >= to) return;
  failures_.add(
      {.domain = std::get<0>(key), .result = *type, .reason = reason, .from = from, .to = to});
}

}  // namespace mxw::reportd
