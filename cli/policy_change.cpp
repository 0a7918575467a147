// `mxwarden policy refresh | remove DOMAIN`: what an operator has policyd do.
#include <cstdio>

#include "cli/brake_call.hpp"
#include "cli/complain.hpp"
#include "cli/control.hpp"
#include "cli/domain_operand.hpp"
#include "cli/settings.hpp"
#include "cli/verbs.hpp"
#include "cli/wrap.hpp"

namespace mxw::cli {
namespace {

int refresh(const Given& given) {
  const auto domain = domain_operand(given);
  if (!domain) return complain(domain.error());
  const auto control = Control::of(given);
  if (!control) return complain(control.error());
  const auto answer = control->ask("policy-refresh", [&](JsonWriter& json) {
    json.member("domain", std::string_view(*domain));
  });
  if (!answer) return complain(answer.error());
  std::printf("policyd looks at %s again; `mxwarden policy show %s` tells what it finds\n",
              domain->c_str(), domain->c_str());
  return kOk;
}

int remove(const Given& given) {
  const auto domain = domain_operand(given);
  if (!domain) return complain(domain.error());
  const std::string reason = given.text("reason");
  if (reason.empty()) return complain("--reason TEXT is needed: it is kept with the event", kUsage);
  const auto control = Control::of(given);
  if (!control) return complain(control.error());
  const auto answer = control->ask("policy-remove", [&](JsonWriter& json) {
    json.member("domain", std::string_view(*domain)).member("reason", std::string_view(reason));
  });
  if (!answer) return complain(answer.error());
  std::fputs(wrapped({},
                     "the stored policy of " + *domain +
                         " is ended; if the domain still publishes one, the next look brings it "
                         "back (`mxwarden policy bypass` does not let it bind)",
                     0)
                 .c_str(),
             stdout);
  return kOk;
}

constexpr Option kRefreshOptions[] = {kConfigOption, kSocketOption};
constexpr Option kRemoveOptions[] = {kReasonOption, kConfigOption, kSocketOption};

}  // namespace

const Verb kPolicyRefresh{
    .words = "policy refresh",
    .operands = "DOMAIN",
    .least = 1,
    .most = 1,
    .summary = "have policyd look at a domain now",
    .about =
        "TXT record, policy, MX hosts and TLSA are looked up as soon as there is a place; a policy "
        "that is stored stays in force meanwhile, and also when the look fails.",
    .options = kRefreshOptions,
    .exits = "0 asked for; 2 usage or settings; 4 policyd does not answer",
    .run = refresh,
};

const Verb kPolicyRemove{
    .words = "policy remove",
    .operands = "DOMAIN",
    .least = 1,
    .most = 1,
    .summary = "end the stored policy of a domain",
    .about =
        "For a policy that should never have been stored, an imported one for instance. The "
        "history "
        "keeps it. A domain that still publishes a policy gets it back with the next look.",
    .options = kRemoveOptions,
    .exits = "0 done; 2 usage, settings, or nothing is stored; 4 policyd does not answer",
    .run = remove,
};

}  // namespace mxw::cli
