// `mxwarden policy bypass | pin | report-only | release DOMAIN`: what the operator says of one
// domain.
#include <algorithm>
#include <cstdio>
#include <string>

#include "cli/brake_call.hpp"
#include "cli/complain.hpp"
#include "cli/domain_operand.hpp"
#include "cli/duration.hpp"
#include "cli/settings.hpp"
#include "cli/verbs.hpp"
#include "cli/wrap.hpp"
#include "core/mail/name.hpp"
#include "core/operator/read.hpp"
#include "core/operator/write.hpp"

namespace mxw::cli {
namespace {

using operators::Action;
using operators::DomainBrake;

Result<std::vector<std::string>> mx_of(const Given& given) {
  std::vector<std::string> out;
  for (const std::string& text : given.all("mx")) {
    const bool wildcard = text.starts_with("*.");
    const auto name = mail::HostName::parse(wildcard ? text.substr(2) : text);
    if (!name)
      return fail(ErrorKind::usage,
                  "--mx " + printable(text) + ": no host name, as mx.example.org or *.example.org");
    out.push_back((wildcard ? "*." : "") + name->text());
  }
  if (out.size() > operators::kMxNames)
    return fail(ErrorKind::usage,
                "--mx: at most " + std::to_string(operators::kMxNames) + " names");
  return out;
}

void tell(const std::string& domain, const DomainBrake& brake) {
  const std::string end =
      brake.until ? "until " + moment_text(*brake.until) : "until it is released";
  switch (brake.action) {
    case Action::bypass:
      std::printf("%s is bypassed %s: it is treated as if it had no policy\n", domain.c_str(),
                  end.c_str());
      return;
    case Action::report_only:
      std::printf("%s is report-only %s: nothing is enforced, all is recorded\n", domain.c_str(),
                  end.c_str());
      return;
    case Action::pin:
      std::printf("%s is pinned %s\n", domain.c_str(), end.c_str());
      break;
  }
  if (!brake.mx.empty()) {
    std::string names;
    for (const std::string& name : brake.mx) names += (names.empty() ? "" : " ") + name;
    std::fputs(wrapped("its MX must be authenticated as one of ", names, 2).c_str(), stdout);
    return;
  }
  std::fputs(wrapped({},
                     "without --mx the names of its stored policy are required; while there is "
                     "none, TLS is required without a name, and only Postfix does that (Sendmail "
                     "is told nothing)",
                     0)
                 .c_str(),
             stdout);
}

int set(const Given& given, Action action) {
  const bool pin = action == Action::pin;
  const auto call = brake_call(given, pin ? End::allowed : End::needed);
  if (!call) return complain(call.error());
  const auto domain = domain_operand(given);
  if (!domain) return complain(domain.error());
  auto mx = mx_of(given);
  if (!mx) return complain(mx.error());
  const DomainBrake brake{action, call->until, call->reason, call->who, std::move(*mx)};

  operators::LogEntry entry = log_entry(*call, std::string(operators::name(action)), *domain);
  entry.mx = brake.mx;
  if (pin)
    if (const auto logged = log_first(*call, entry); !logged) return complain(logged.error());
  const auto before = operators::read_operator_state(call->dir, call->now);
  if (const auto written = operators::write_brake(call->dir, *domain, brake); !written)
    return complain(written.error());
  if (!pin) log_brake(*call, entry);

  tell(*domain, brake);
  const DomainBrake* const old = before->find(*domain, call->now);
  if (old != nullptr && old->action != action)
    std::printf("this takes the place of %s, by %s\n",
                std::string(operators::name(old->action)).c_str(), old->who.c_str());
  if (before->enforcement_off(call->now))
    std::printf("enforcement is off until %s, which comes first\n",
                moment_text(before->enforcement().until).c_str());
  return kOk;
}

int bypass(const Given& given) {
  return set(given, Action::bypass);
}
int pin(const Given& given) {
  return set(given, Action::pin);
}
int report_only(const Given& given) {
  return set(given, Action::report_only);
}

int release(const Given& given) {
  const auto call = brake_call(given, End::none);
  if (!call) return complain(call.error());
  const auto domain = domain_operand(given);
  if (!domain) return complain(domain.error());
  const auto before = operators::read_operator_state(call->dir, call->now);
  const DomainBrake* const old = before->find(*domain, call->now);
  // The end of a pin lets more mail through, that of a brake may hold some.
  const bool stricter = old != nullptr && old->action != Action::pin;
  const operators::LogEntry entry = log_entry(*call, "release", *domain);
  if (stricter)
    if (const auto logged = log_first(*call, entry); !logged) return complain(logged.error());
  const auto removed = operators::remove_brake(call->dir, *domain);
  if (!removed) return complain(removed.error());
  if (!*removed) {
    std::printf("%s has neither a brake nor a pin\n", domain->c_str());
    return kOk;
  }
  if (!stricter) log_brake(*call, entry);
  std::printf("%s is released: its own policy holds again\n", domain->c_str());
  return kOk;
}

constexpr Option kBrakeOptions[] = {kForOption, kReasonOption, kConfigOption, kOperatorDirOption};
constexpr Option kPinOptions[] = {
    {"mx", "HOST", "a name its MX must be authenticated as; `*.` in front stands for one label",
     true},
    {"for", "TIME", "how long, as 90s, 15m, 4h or 7d (default: until it is released)"},
    kReasonOption,
    kConfigOption,
    kOperatorDirOption};
constexpr Option kReleaseOptions[] = {kReasonOption, kConfigOption, kOperatorDirOption};
constexpr char kBrakeExits[] = "0 done; 2 usage or settings; 4 the file cannot be written";

}  // namespace

const Verb kPolicyBypass{
    .words = "policy bypass",
    .operands = "DOMAIN",
    .least = 1,
    .most = 1,
    .summary = "treat one domain as if it had no policy, for a limited time",
    .about =
        "Mail to DOMAIN goes out as it would without MTA-STS and DANE of ours, and nothing is "
        "deferred for it. --reason is required. Also works without any daemon or store.",
    .options = kBrakeOptions,
    .exits = kBrakeExits,
    .run = bypass,
};

const Verb kPolicyPin{
    .words = "policy pin",
    .operands = "DOMAIN",
    .least = 1,
    .most = 1,
    .summary = "require authenticated TLS for one domain, whatever it publishes",
    .about =
        "Mail to DOMAIN is held until its MX authenticates as one of the names. With a wrong "
        "name all mail to it is held: `mxwarden policy check DOMAIN` shows its MX. --reason is "
        "required. Refused when operator.log cannot be written.",
    .options = kPinOptions,
    .exits = "0 done; 2 usage or settings; 4 refused, or the file cannot be written",
    .run = pin,
};

const Verb kPolicyReportOnly{
    .words = "policy report-only",
    .operands = "DOMAIN",
    .least = 1,
    .most = 1,
    .summary = "record for one domain what enforcing would do, for a limited time",
    .about =
        "As `policy bypass`, but failures go on to be recorded and reported. --reason is "
        "required.",
    .options = kBrakeOptions,
    .exits = kBrakeExits,
    .run = report_only,
};

const Verb kPolicyRelease{
    .words = "policy release",
    .operands = "DOMAIN",
    .least = 1,
    .most = 1,
    .summary = "end a bypass, report-only or pin",
    .about =
        "DOMAIN's own policy holds again. The end of a bypass or report-only is refused when "
        "operator.log cannot be written, for it may hold mail.",
    .options = kReleaseOptions,
    .exits =
        "0 done, also when there was nothing to end; 2 usage or settings; 4 refused, or the "
        "file cannot be removed",
    .run = release,
};

}  // namespace mxw::cli
