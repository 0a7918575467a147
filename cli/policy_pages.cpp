#include "cli/policy_pages.hpp"

#include <utility>

#include "core/mail/name.hpp"

namespace mxw::cli {
namespace {

// A policy stands before the routes of its domain.
std::vector<PolicyAndRoutes> grouped(std::vector<rows::Change> rows) {
  std::vector<PolicyAndRoutes> out;
  for (rows::Change& row : rows) {
    // policyd faces the network; what it says becomes file names of whoever asks.
    if (auto* const policy = std::get_if<rows::PolicyRow>(&row)) {
      if (const auto name = mail::HostName::parse(policy->domain);
          name && name->text() == policy->domain)
        out.push_back({std::move(*policy), {}});
    } else if (auto* const route = std::get_if<rows::RouteRow>(&row);
               route != nullptr && !out.empty() && route->policy_domain == out.back().policy.domain)
      out.back().routes.push_back(std::move(*route));
  }
  return out;
}

}  // namespace

Result<void> for_each_policy(const Control& control, std::optional<Time> at,
                             const TakePolicy& take) {
  std::uint64_t after = 0;
  for (;;) {
    const auto page = control.ask("policy-list", [&](JsonWriter& json) {
      json.member("after", after);
      if (at) json.member("at", at->ns);
    });
    if (!page) return std::unexpected(page.error());
    for (const PolicyAndRoutes& one : grouped(rows_of(*page)))
      if (auto taken = take(one); !taken) return taken;
    const std::uint64_t next = page->number("next");
    if (next <= after) return {};
    after = next;
  }
}

}  // namespace mxw::cli
