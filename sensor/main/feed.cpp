#include "sensor/main/feed.hpp"

#include <algorithm>
#include <utility>

#include "core/base/digest.hpp"
#include "core/feed/snapshot.hpp"
#include "core/policy/mta_sts.hpp"

namespace mxw::sensor {
namespace {

void add_policy(const rows::PolicyRow& row, std::vector<policy::CachedPolicy>& out) {
  auto parsed = policy::parse_sts_policy(row.body);
  if (!parsed) return;
  policy::CachedPolicy cached;
  cached.domain = row.domain;
  cached.policy = std::move(*parsed);
  cached.id = row.id;
  cached.fetched_at = row.fetched_at;
  cached.valid_until = row.valid_until();
  cached.source = row.source;
  cached.sha256 = hex(sha256(as_bytes(row.body)));
  out.push_back(std::move(cached));
}

void add_route(const rows::RouteRow& row, std::vector<judge::FileEntry>& out) {
  if (row.address.family == 0) return;
  // An MX host keeps its connections longer than a TTL: as the milter joins them (semantics 7).
  const Time until = std::max(row.until, row.seen + kDay);
  out.push_back(
      {row.policy_domain, row.mx_host, row.address, row.seen, until, judge::DomainBasis::mx_route});
}

}  // namespace

Result<void> load_feed(const std::string& socket_path, judge::Config& config) {
  feed::Replica replica;
  if (auto read = feed::read_all(socket_path, replica, kFeedTimeout); !read) return read;
  replica.for_each_domain(
      [&config](std::uint32_t, std::string_view, const feed::DomainEntry& entry) {
        if (const rows::PolicyRow* const row = entry.policy()) add_policy(*row, config.policies);
        for (const rows::RouteRow& row : entry.routes()) add_route(row, config.mx_map);
      });
  // The replica has no order of its own; the output must not depend on it.
  std::ranges::sort(config.policies, {}, &policy::CachedPolicy::domain);
  std::ranges::sort(config.mx_map, {}, [](const judge::FileEntry& e) {
    return std::tie(e.domain, e.mx_host, e.address);
  });
  return {};
}

}  // namespace mxw::sensor
