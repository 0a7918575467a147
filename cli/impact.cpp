#include "cli/impact.hpp"

#include <algorithm>
#include <fstream>
#include <set>

#include "core/ipc/json_message.hpp"
#include "core/policy/mta_sts.hpp"

namespace mxw::cli {
namespace {

constexpr std::size_t kLineBytes = 64 << 10;  // map writes at most some KiB

bool binds(std::string_view word) {
  return !word.empty() && word != "notfound";
}

void add_domain(const ipc::JsonMessage& json, std::uint64_t count, Impact& impact) {
  const std::string domain = json.text("domain", rows::kNameBytes);
  const std::string would_be = json.text("would_be", rows::kWordBytes);
  const std::string basis = json.text("basis", rows::kWordBytes);
  if (domain.empty() || (!binds(would_be) && basis != "testing")) return;
  if (!impact.domains.contains(domain) && impact.domains.size() >= kImpactDomains) return;
  DomainImpact& one = impact.domains[domain];
  one.lookups += count;
  const bool said = binds(json.text("answer", rows::kWordBytes));
  one.bound += said ? count : 0;
  one.would_bind += binds(would_be) && !said ? count : 0;
  one.testing += basis == "testing" ? count : 0;
  one.would_be = would_be;
  one.basis = basis;
  if (auto mx = json.texts("mx", 16); !mx.empty()) one.mx = std::move(mx);
}

}  // namespace

void add_line(std::string_view line, Time since, Impact& impact) {
  const auto json = ipc::JsonMessage::parse(line, kLineBytes);
  const auto begin = json ? parse_rfc3339(json->text("time", 64)) : std::nullopt;
  if (!begin) {
    ++impact.damaged;
    return;
  }
  const Time end =
      *begin +
      static_cast<std::int64_t>(std::min<std::uint64_t>(json->number("seconds"), 86'400)) * kSecond;
  if (end < since) return;
  if (impact.lines == 0 || *begin < impact.first) impact.first = *begin;
  impact.last = std::max(impact.last, end);
  ++impact.lines;
  const std::uint64_t count = json->number("count");
  impact.lookups += count;
  if (json->text("basis", rows::kWordBytes) == "other") {
    impact.uncounted += count;
    return;
  }
  const bool said = binds(json->text("answer", rows::kWordBytes));
  const bool would = binds(json->text("would_be", rows::kWordBytes));
  impact.bound += said ? count : 0;
  impact.would_bind += would && !said ? count : 0;
  impact.testing += json->text("basis", rows::kWordBytes) == "testing" ? count : 0;
  if (would && !said) impact.held[json->text("held", rows::kWordBytes)] += count;
  add_domain(*json, count, impact);
}

Result<Impact> read_answers(const std::string& folder, Time since) {
  Impact impact;
  bool any = false;
  for (const char* const name : {"/answers.ndjson.1", "/answers.ndjson"}) {
    std::ifstream in(folder + name);
    if (!in) continue;
    any = true;
    std::string line;
    while (std::getline(in, line)) add_line(line, since, impact);
  }
  if (!any)
    return fail(ErrorKind::environment,
                folder +
                    "/answers.ndjson: cannot be read; mxwarden-map writes it a minute after its "
                    "first answer, for root and its own user");
  return impact;
}

void compare_routes(const std::string& domain, NamedBy by, const std::vector<std::string>& names,
                    const std::vector<rows::RouteRow>& routes, ImpactRoutes& out) {
  if (routes.empty()) out.unknown.push_back(domain);
  for (const rows::RouteRow& route : routes)
    if (!policy::mx_matches(names, route.mx_host))
      out.strays.push_back(
          {domain, route.mx_host, route.address.family != 0 ? route.address.text() : "", by});
}

}  // namespace mxw::cli
