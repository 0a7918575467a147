#include "reportd/builder.hpp"

#include <algorithm>
#include <map>
#include <tuple>
#include <utility>

namespace mxw::reportd {
namespace {

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    if (!line.empty()) lines.emplace_back(line);
  }
  return lines;
}

auto order(const store::FailureKey& key) {
  return std::tie(key.result_type, key.mx_host, key.receiving_ip, key.sending_ip, key.mx_helo,
                  key.reason);
}
struct Before {
  bool operator()(const store::FailureKey& a, const store::FailureKey& b) const {
    return order(a) < order(b);
  }
};

// One entry of `policies` in the making.
struct Policy {
  std::uint64_t success = 0, failure = 0;
  std::map<store::FailureKey, std::uint64_t, Before> failures;
};
using PolicyKey = std::tuple<std::string, std::string, std::string>;  // type, strings, mx-hosts

bool is_policy(const store::TallyRow& row) {
  return row.key.type != store::kNoRecord && row.key.type != store::kOverflow;
}

report::PolicyReport entry(const std::string& domain, const PolicyKey& key, const Policy& policy) {
  report::PolicyReport out;
  out.domain = domain;
  out.type = std::get<0>(key);
  out.strings = lines_of(std::get<1>(key));
  out.mx_hosts = lines_of(std::get<2>(key));
  out.success = policy.success;
  out.failure = policy.failure;
  for (const auto& [failure, count] : policy.failures)
    out.details.push_back({.result_type = failure.result_type,
                           .sending_ip = failure.sending_ip,
                           .mx_hostname = failure.mx_host,
                           .mx_helo = failure.mx_helo,
                           .receiving_ip = failure.receiving_ip,
                           .count = count,
                           .additional = {},
                           .reason = failure.reason});
  // The most frequent first: a reader sees what matters, whatever the sources' order was.
  std::ranges::stable_sort(out.details, std::greater<>(), &report::FailureDetail::count);
  return out;
}

}  // namespace

std::optional<BuiltReport> build_report(const BuildSettings& settings, const store::ReportKey& key,
                                        const std::vector<CountedTally>& tallies) {
  const auto of_sensor = [&](const CountedTally& one) {
    return settings.sensor_sources.contains(one.row.key.source);
  };
  const auto counts = [](const CountedTally& one) {
    return is_policy(one.row) && one.row.success + one.row.failure > 0;
  };
  BuiltReport built;
  built.sensor_only = !settings.sensor && std::ranges::none_of(tallies, [&](const auto& one) {
    return counts(one) && !of_sensor(one);
  });
  std::map<PolicyKey, Policy> policies;
  std::map<std::string, std::uint64_t> sessions;
  for (const CountedTally& one : tallies) {
    built.undetermined += one.row.undetermined;
    if (!counts(one) || (of_sensor(one) && !settings.sensor && !built.sensor_only)) continue;
    const store::TallyKey& tally = one.row.key;
    Policy& policy = policies[{tally.type, tally.strings, tally.mx_hosts}];
    policy.success += one.row.success;
    policy.failure += one.row.failure;
    sessions[tally.type] += one.row.success + one.row.failure;
    for (const store::FailureRow& failure : one.failures)
      policy.failures[failure.key] += failure.count;
  }
  if (policies.empty()) return std::nullopt;
  for (const auto& [type, count] : sessions) built.sessions = std::max(built.sessions, count);
  const report::Identity identity = settings.identity(key);
  built.report = {.organization = settings.organisation,
                  .contact = settings.contact,
                  .report_id = report::report_id(identity),
                  .begin = report::begin_of(identity),
                  .end = report::end_of(identity),
                  .policies = {}};
  for (const auto& [policy_key, policy] : policies)
    built.report.policies.push_back(entry(key.domain, policy_key, policy));
  return built;
}

}  // namespace mxw::reportd
