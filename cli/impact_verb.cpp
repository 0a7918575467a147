// `mxwarden impact`: what enforcing would change, before it is switched on.
#include <cstdio>
#include <optional>

#include "cli/complain.hpp"
#include "cli/control.hpp"
#include "cli/duration.hpp"
#include "cli/impact.hpp"
#include "cli/milter_rows.hpp"
#include "cli/operator_read.hpp"
#include "cli/policy_pages.hpp"
#include "cli/settings.hpp"
#include "cli/verbs.hpp"
#include "core/policy/mta_sts.hpp"

namespace mxw::cli {
namespace {

constexpr std::int64_t kDefaultSince = 7 * kDay;

// The names of a pin come before those of the policy; nullptr: it has none of its own.
const std::vector<std::string>* pinned(const operators::OperatorState& said,
                                       const std::string& domain, Time now) {
  const operators::DomainBrake* const brake = said.find(domain, now);
  const bool names =
      brake != nullptr && brake->action == operators::Action::pin && !brake->mx.empty();
  return names ? &brake->mx : nullptr;
}

Result<void> compare_policies(const Control& control, const Impact& impact,
                              const operators::OperatorState& said, Time now, ImpactRoutes& out) {
  return for_each_policy(control, std::nullopt, [&](const PolicyAndRoutes& one) -> Result<void> {
    const std::string& domain = one.policy.domain;
    if (one.policy.mode == policy::Mode::none || !impact.domains.contains(domain)) return {};
    if (pinned(said, domain, now) != nullptr) return {};
    const auto body = control.body(domain, std::nullopt);
    if (!body) return std::unexpected(body.error());
    if (const auto parsed = policy::parse_sts_policy(*body))
      compare_routes(domain, NamedBy::policy, parsed->mx, one.routes, out);
    return {};
  });
}

// A pinned domain may have no policy, so it is asked for by its name.
Result<void> compare_pins(const Control& control, const Impact& impact,
                          const operators::OperatorState& said, Time now, ImpactRoutes& out) {
  for (const auto& [domain, brake] : said.brakes()) {
    const std::vector<std::string>* const names = pinned(said, domain, now);
    if (names == nullptr || !impact.domains.contains(domain)) continue;
    const auto answer = control.ask(
        "policy-show", [&](JsonWriter& json) { json.member("domain", std::string_view(domain)); });
    if (!answer) return std::unexpected(answer.error());
    std::vector<rows::RouteRow> routes;
    for (const rows::Change& row : rows_of(*answer))
      if (const auto* const route = std::get_if<rows::RouteRow>(&row)) routes.push_back(*route);
    compare_routes(domain, NamedBy::pin, *names, routes, out);
  }
  return {};
}

// Of the domains that are or would be bound.
ImpactRoutes routes_of(const Given& given, const Impact& impact) {
  ImpactRoutes out;
  const Time now = wall_clock();
  const auto control = Control::of(given);
  if (!control) {
    out.trouble = control.error().message;
    return out;
  }
  const auto said = read_operator(given, now).state;
  auto done = compare_policies(*control, impact, *said, now, out);
  if (done) done = compare_pins(*control, impact, *said, now, out);
  if (!done) out.trouble = done.error().message;
  return out;
}

// Nothing where no milter answers, unless one was named.
Result<std::optional<std::vector<MilterTally>>> tally_of(const Given& given, Time from) {
  const auto control = MilterControl::of(given);
  if (!control) return std::unexpected(control.error());
  const bool named = given.has(kMilterInstanceOption.name) || given.has(kMilterSocketOption.name);
  auto tally = control->tally(from);
  if (tally) return std::move(*tally);
  if (named) return std::unexpected(std::move(tally.error()));
  return std::nullopt;
}

int impact(const Given& given) {
  std::int64_t since = kDefaultSince;
  if (given.has("since")) {
    const auto duration = parse_duration(given.text("since"));
    if (!duration) return complain("--since: a time such as 12h or 7d is expected", kUsage);
    since = *duration;
  }
  const auto config = settings(given);
  if (!config) return complain(config.error());
  const std::string folder = given.text("answers", config->paths.state + "/map");
  const Time from = wall_clock() - since;
  const auto told = tally_of(given, from);
  if (!told) return complain(told.error());
  const auto& milter = *told;
  auto read = read_answers(folder, from);
  if (!read && !milter) return complain(read.error());
  const bool map = read.has_value();
  if (!map) read = Impact{};  // a host may have the milter alone
  const ImpactRoutes routes = routes_of(given, *read);
  std::string out;
  if (given.has("json"))
    out = impact_json(*read, routes, milter ? &*milter : nullptr);
  else if (map)
    out = impact_text(*read, routes);
  if (!given.has("json") && milter) out += tally_text(*milter);
  std::fputs(out.c_str(), stdout);
  return kOk;
}

constexpr Option kOptions[] = {
    {"since", "TIME", "how far back, as 12h or 7d (default: 7d)"},
    {"answers", "DIR", "where answers.ndjson stands (default: <paths.state>/map)"},
    {"json", nullptr, "one JSON object"},
    kConfigOption,
    kSocketOption,
    kOperatorDirOption,
    kMilterInstanceOption,
    kMilterSocketOption};

}  // namespace

const Verb kImpact{
    .words = "impact",
    .operands = "",
    .least = 0,
    .most = 0,
    .summary = "what enforcing would have changed",
    .about =
        "Reads what mxwarden-map answered and what it would have answered when enforcing: how many "
        "lookups, which domains would be bound, and which of their MX hosts the policy, or "
        "your pin, does not name. What mxwarden-milter decided in that time follows where it runs: "
        "with dry_run what it would have done. Whether a message would have been held nobody can "
        "say from this: that is said, too.",
    .options = kOptions,
    .exits =
        "0 printed; 2 usage or settings; 4 the map has written nothing yet and no "
        "milter answers, or one that was named does not",
    .run = impact,
};

}  // namespace mxw::cli
