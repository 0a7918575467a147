#include "cli/brake_call.hpp"

#include <utility>

#include "cli/complain.hpp"
#include "cli/duration.hpp"
#include "cli/settings.hpp"
#include "cli/wrap.hpp"
#include "core/operator/state.hpp"

namespace mxw::cli {
namespace {

constexpr std::int64_t kUsualBrake = 4 * kHour;

Result<std::optional<Time>> end_of(const Given& given, End end, Time now) {
  if (!given.has("for"))
    return end == End::needed ? std::optional(now + kUsualBrake) : std::nullopt;
  const std::string text = given.text("for");
  const auto length = parse_duration(text);
  if (!length)
    return fail(ErrorKind::usage,
                "--for " + printable(text) + ": a time such as 90s, 15m, 4h or 7d");
  if (end == End::needed && *length > operators::kLongestBrake)
    return fail(ErrorKind::usage, "--for " + printable(text) + ": at most 7d; renew it then");
  return now + *length;
}

// Whole seconds: files and people have no use for less.
Time whole_second(Time time) {
  return {time.ns - time.ns % kSecond};
}

}  // namespace

Result<BrakeCall> brake_call(const Given& given, End end) {
  BrakeCall call;
  call.now = whole_second(wall_clock());
  call.reason = printable(given.text("reason"));
  if (call.reason.empty() && end != End::none)
    return fail(ErrorKind::usage, "--reason TEXT is missing: others will want to know why");
  if (call.reason.size() > operators::kReasonBytes)
    return fail(ErrorKind::usage,
                "--reason: at most " + std::to_string(operators::kReasonBytes) + " octets");
  const auto until = end_of(given, end, call.now);
  if (!until) return std::unexpected(until.error());
  call.until = *until;
  auto dir = operator_dir(given);
  if (!dir) return std::unexpected(std::move(dir.error()));
  call.dir = std::move(*dir);
  call.who = printable(operators::who_calls()).substr(0, operators::kWhoBytes);
  return call;
}

operators::LogEntry log_entry(const BrakeCall& call, std::string action, std::string domain) {
  return {call.now, call.who, std::move(action), std::move(domain), call.until, {}, call.reason};
}

void log_brake(const BrakeCall& call, const operators::LogEntry& entry) {
  if (const auto logged = operators::append_log(call.dir, entry); !logged)
    warn("not logged: " + logged.error().message);
}

Result<void> log_first(const BrakeCall& call, const operators::LogEntry& entry) {
  auto logged = operators::append_log(call.dir, entry);
  if (logged) return {};
  return fail(logged.error().kind,
              "nothing was changed, for what makes enforcement stricter must "
              "be logged: " +
                  logged.error().message);
}

}  // namespace mxw::cli
