// `mxwarden enforcement off | on | status`: the brake for everything.
#include <cstdio>
#include <string>

#include "cli/brake_call.hpp"
#include "cli/complain.hpp"
#include "cli/duration.hpp"
#include "cli/operator_status.hpp"
#include "cli/settings.hpp"
#include "cli/verbs.hpp"
#include "core/operator/read.hpp"
#include "core/operator/write.hpp"

namespace mxw::cli {
namespace {

int switch_off(const Given& given) {
  const auto call = brake_call(given, End::needed);
  if (!call) return complain(call.error());
  const operators::Enforcement off{true, false, *call->until, call->reason, call->who};
  if (const auto written = operators::write_enforcement_off(call->dir, off); !written)
    return complain(written.error());
  log_brake(*call, log_entry(*call, "enforcement-off"));
  std::printf("enforcement is off until %s\n", moment_text(off.until).c_str());
  std::puts("map, milter and policyd obey within a second; `mxwarden enforcement on` ends it");
  return kOk;
}

int switch_on(const Given& given) {
  const auto call = brake_call(given, End::allowed);
  if (!call) return complain(call.error());
  if (const auto logged = log_first(*call, log_entry(*call, "enforcement-on")); !logged)
    return complain(logged.error());
  const auto removed = operators::remove_enforcement_off(call->dir);
  if (!removed) return complain(removed.error());
  std::puts(*removed ? "enforcement is no longer off" : "enforcement was not off");
  const auto state = operators::read_operator_state(call->dir, call->now);
  std::puts("what mxwarden.toml says holds again (map.enforcement)");
  if (!state->brakes().empty())
    std::puts("brakes on single domains stay: `mxwarden enforcement status` lists them");
  return kOk;
}

int show(const Given& given) {
  const auto dir = operator_dir(given);
  if (!dir) return complain(dir.error());
  const Time now = wall_clock();
  const auto state = operators::read_operator_state(*dir, now);
  const std::string out = given.has("json") ? status_json(*state, now) : status_text(*state, now);
  std::fputs(out.c_str(), stdout);
  return state->notes().unread ? kTrouble : kOk;
}

constexpr Option kOffOptions[] = {kForOption, kReasonOption, kConfigOption, kOperatorDirOption};
constexpr Option kOnOptions[] = {kReasonOption, kConfigOption, kOperatorDirOption};
constexpr Option kStatusOptions[] = {
    {"json", nullptr, "one JSON object"}, kConfigOption, kOperatorDirOption};

}  // namespace

const Verb kEnforcementOff{
    .words = "enforcement off",
    .operands = "",
    .least = 0,
    .most = 0,
    .summary = "stop enforcing, for all domains and a limited time",
    .about =
        "Nothing is enforced until the time is over: map answers as if no domain had a policy, "
        "the milter defers nothing. It works by a file alone, so it works when every daemon's "
        "store is lost, and needs no restart. --reason is required.",
    .options = kOffOptions,
    .exits = "0 done; 2 usage or settings; 4 the file cannot be written",
    .run = switch_off,
};

const Verb kEnforcementOn{
    .words = "enforcement on",
    .operands = "",
    .least = 0,
    .most = 0,
    .summary = "end `enforcement off` before its time",
    .about =
        "What the settings say holds again; this does not make an observing map enforce. "
        "Refused when operator.log cannot be written. --reason is required.",
    .options = kOnOptions,
    .exits =
        "0 done, also when it was not off; 2 usage or settings; 4 refused, or the file cannot "
        "be removed",
    .run = switch_on,
};

const Verb kEnforcementStatus{
    .words = "enforcement status",
    .operands = "",
    .least = 0,
    .most = 0,
    .summary = "what the operator's files say now",
    .about =
        "Says whether enforcement is off, lists the brakes and pins on domains, and the files "
        "that have no effect with the reason.",
    .options = kStatusOptions,
    .exits = "0 told; 2 usage or settings; 4 the files cannot be read",
    .run = show,
};

}  // namespace mxw::cli
