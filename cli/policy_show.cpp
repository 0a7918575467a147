// `mxwarden policy show | history DOMAIN`, `mxwarden policy list`: what policyd knows.
#include <cstdio>

#include "cli/complain.hpp"
#include "cli/control.hpp"
#include "cli/domain_operand.hpp"
#include "cli/duration.hpp"
#include "cli/operator_read.hpp"
#include "cli/operator_status.hpp"
#include "cli/policy_pages.hpp"
#include "cli/policy_view.hpp"
#include "cli/settings.hpp"
#include "cli/verbs.hpp"
#include "cli/wrap.hpp"

namespace mxw::cli {
namespace {

void print(const rows::Change& row) {
  std::string line;
  feed::append_line(line, row);
  std::fputs(line.c_str(), stdout);
}

int show(const Given& given) {
  const auto domain = domain_operand(given);
  if (!domain) return complain(domain.error());
  const auto control = Control::of(given);
  if (!control) return complain(control.error());
  const auto answer = control->ask(
      "policy-show", [&](JsonWriter& json) { json.member("domain", std::string_view(*domain)); });
  if (!answer) return complain(answer.error());
  const Time now = wall_clock();
  DomainView view{
      *domain, rows_of(*answer), {}, answer->boolean("cut"), read_operator(given, now).state};
  if (given.has("json")) {
    std::fputs(domain_status_rows(*view.said, *domain, now).c_str(), stdout);
    for (const rows::Change& row : view.rows) print(row);
    return kOk;
  }
  for (const rows::Change& row : view.rows) {
    if (!std::holds_alternative<rows::PolicyRow>(row)) continue;
    auto body = control->body(*domain, std::nullopt);
    if (!body) return complain(body.error());
    view.body = std::move(*body);
  }
  std::fputs(view_text(view, now).c_str(), stdout);
  return kOk;
}

int history(const Given& given) {
  const auto domain = domain_operand(given);
  if (!domain) return complain(domain.error());
  const auto control = Control::of(given);
  if (!control) return complain(control.error());
  const auto answer = control->ask("policy-history", [&](JsonWriter& json) {
    json.member("domain", std::string_view(*domain));
  });
  if (!answer) return complain(answer.error());
  std::size_t policies = 0;
  for (const rows::Change& row : rows_of(*answer)) {
    const auto* const policy = std::get_if<rows::PolicyRow>(&row);
    if (policy == nullptr) continue;
    ++policies;
    const std::string until = policy->valid_to ? moment_text(*policy->valid_to) : "now";
    std::printf("%s to %s  %s  id %s\n", moment_text(policy->valid_from).c_str(), until.c_str(),
                std::string(policy::mode_name(policy->mode)).c_str(),
                policy->id.empty() ? "not known" : printable(policy->id).c_str());
  }
  if (policies == 0)
    std::fprintf(stderr, "policyd never had a policy of %s; `mxwarden policy show %s` says more\n",
                 domain->c_str(), domain->c_str());
  return kOk;
}

int list(const Given& given) {
  const auto control = Control::of(given);
  if (!control) return complain(control.error());
  const Time now = wall_clock();
  std::size_t policies = 0;
  const auto done = for_each_policy(*control, std::nullopt, [&](const PolicyAndRoutes& one) {
    ++policies;
    if (given.has("json"))
      print(one.policy);
    else
      std::fputs(policy_line(one.policy, now).c_str(), stdout);
    return Result<void>{};
  });
  if (!done) return complain(done.error());
  if (!given.has("json"))
    std::fprintf(stderr, "%zu %s\n", policies, policies == 1 ? "policy" : "policies");
  return kOk;
}

constexpr Option kJson{"json", nullptr, "rows as policyd's feed tells them, one a line"};
constexpr Option kShowOptions[] = {
    {"json", nullptr,
     "rows as policyd's feed tells them, one a line; brakes in front as table `operator`"},
    kConfigOption,
    kSocketOption,
    kOperatorDirOption};
constexpr Option kOptions[] = {kJson, kConfigOption, kSocketOption};
constexpr Option kPlainOptions[] = {kConfigOption, kSocketOption};
constexpr char kExits[] = "0 printed; 2 usage or settings; 4 policyd does not answer";

}  // namespace

const Verb kPolicyShow{
    .words = "policy show",
    .operands = "DOMAIN",
    .least = 1,
    .most = 1,
    .summary = "what policyd knows of a domain",
    .about =
        "The first line says what holds now, then brakes and pins that overrule it, with their "
        "end, "
        "who set them and why. Then the policy as it was fetched, the MX hosts and "
        "whether the policy names them, DANE, the TLS-RPT record, and the last events. Nothing is "
        "looked up: `policy refresh` asks for that, `policy check` looks without policyd.",
    .options = kShowOptions,
    .exits = kExits,
    .run = show,
};

const Verb kPolicyHistory{
    .words = "policy history",
    .operands = "DOMAIN",
    .least = 1,
    .most = 1,
    .summary = "all policies of a domain that policyd has seen",
    .about = "Oldest first; each with the time it was the newest one known.",
    .options = kPlainOptions,
    .exits = kExits,
    .run = history,
};

const Verb kPolicyList{
    .words = "policy list",
    .operands = "",
    .least = 0,
    .most = 0,
    .summary = "all domains with a stored policy",
    .about = "One line each, in the order in which they last changed.",
    .options = kOptions,
    .exits = kExits,
    .run = list,
};

}  // namespace mxw::cli
