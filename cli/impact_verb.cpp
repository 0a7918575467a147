// `mxwarden impact`: what enforcing would change, before it is switched on.
#include <cstdio>
#include <optional>

#include "cli/complain.hpp"
#include "cli/control.hpp"
#include "cli/duration.hpp"
#include "cli/impact.hpp"
#include "cli/milter_rows.hpp"
#include "cli/policy_pages.hpp"
#include "cli/settings.hpp"
#include "cli/verbs.hpp"
#include "core/policy/mta_sts.hpp"

namespace mxw::cli {
namespace {

constexpr std::int64_t kDefaultSince = 7 * kDay;

// MX hosts, of domains that are bound, that no pattern matches. Empty and false: policyd is silent.
bool find_strays(const Given& given, const Impact& impact, std::vector<StrayRoute>& strays) {
  const auto control = Control::of(given);
  if (!control) return false;
  const auto done =
      for_each_policy(*control, std::nullopt, [&](const PolicyAndRoutes& one) -> Result<void> {
        const std::string& domain = one.policy.domain;
        if (one.policy.mode == policy::Mode::none || !impact.domains.contains(domain)) return {};
        const auto body = control->body(domain, std::nullopt);
        if (!body) return std::unexpected(body.error());
        const auto parsed = policy::parse_sts_policy(*body);
        if (!parsed) return {};
        for (const rows::RouteRow& route : one.routes)
          if (!policy::mx_matches(parsed->mx, route.mx_host))
            strays.push_back({domain, route.mx_host, route.address.text()});
        return {};
      });
  return done.has_value();
}

std::optional<std::vector<MilterTally>> tally_of(const Given& given, Time from) {
  const auto control = MilterControl::of(given);
  if (!control) return std::nullopt;
  auto tally = control->tally(from);
  if (!tally) return std::nullopt;
  return std::move(*tally);
}

int impact(const Given& given) {
  std::int64_t since = kDefaultSince;
  if (given.has("since")) {
    const auto duration = parse_duration(given.text("since"));
    if (!duration) return complain("--since: no duration as 12h or 7d", kUsage);
    since = *duration;
  }
  const auto config = settings(given);
  if (!config) return complain(config.error());
  const std::string folder = given.text("answers", config->paths.state + "/map");
  const Time from = wall_clock() - since;
  const auto milter = tally_of(given, from);
  auto read = read_answers(folder, from);
  if (!read && !milter) return complain(read.error());
  const bool map = read.has_value();
  if (!map) read = Impact{};  // a host may have the milter alone
  std::vector<StrayRoute> strays;
  const bool known = find_strays(given, *read, strays);
  std::string out;
  if (given.has("json"))
    out = impact_json(*read, strays, known, milter ? &*milter : nullptr);
  else if (map)
    out = impact_text(*read, strays, known);
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
        "lookups, which domains would be bound, and which of their MX hosts the policy does not "
        "name. "
        "What mxwarden-milter decided in that time follows where it runs: with dry_run what it "
        "would have done. Whether a message would have been held nobody can say from this: that is "
        "said, too.",
    .options = kOptions,
    .exits =
        "0 printed; 2 usage or settings; 4 the map has written nothing yet and no "
        "milter answers",
    .run = impact,
};

}  // namespace mxw::cli
