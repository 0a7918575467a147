// `mxwarden explain QUEUEID | DOMAIN`: what the milter decided about a mail, and why.
#include <cstdio>
#include <optional>
#include <string>
#include <utility>

#include "cli/complain.hpp"
#include "cli/duration.hpp"
#include "cli/milter_rows.hpp"
#include "cli/settings.hpp"
#include "cli/verbs.hpp"
#include "cli/wrap.hpp"
#include "core/mail/name.hpp"

namespace mxw::cli {
namespace {

constexpr std::int64_t kAround = 10 * kMinute;  // of a time a customer remembers
constexpr std::size_t kQueueIdBytes = 128;

// Queue ids have no dot, and the domains mail is sent to have one.
bool is_domain(const std::string& text) {
  return text.find('.') != std::string::npos;
}

// A time as people write it stands for all that have the same digits.
struct Moment {
  Time first, last;
};

// RFC 3339, or as moment_text() prints it, with or without UTC, seconds.
std::optional<Moment> moment(std::string text) {
  if (text.ends_with(" UTC")) text.resize(text.size() - 4);
  std::int64_t unit = text.find('.') == std::string::npos ? kSecond : 1;
  auto time = parse_rfc3339(text);
  if (!time) {
    if (text.size() > 10 && text[10] == ' ') text[10] = 'T';
    if (text.size() == 16) {
      text += ":00";
      unit = kMinute;
    }
    time = parse_rfc3339(text + 'Z');
  }
  if (!time) return std::nullopt;
  return Moment{*time, *time + (unit - 1)};
}

Result<MilterControl::Decisions> find(const Given& given, const MilterControl& control) {
  const std::string& what = given.operands.front();
  const auto at = given.has("at") ? moment(given.text("at")) : std::nullopt;
  if (given.has("at") && !at)
    return fail(ErrorKind::usage, "--at: no time as 2026-11-21T08:00:00Z");
  if (what.find('@') != std::string::npos)
    return fail(ErrorKind::usage, "the milter keeps no addresses: give the domain or a queue id");
  if (!is_domain(what)) {
    if (what.size() > kQueueIdBytes) return fail(ErrorKind::usage, "no queue id or domain name");
    return control.by_queue_id(what, at ? &at->last : nullptr);
  }
  const auto host = mail::HostName::parse(what);
  if (!host) return fail(ErrorKind::usage, printable(what) + ": no domain name");
  if (!at) return control.by_domain(host->text(), nullptr);
  const MilterControl::Span span{at->first - kAround, at->first + kAround};
  return control.by_domain(host->text(), &span);
}

std::string nothing(const std::string& what, bool at) {
  std::string out = "the milter has decided nothing about " + printable(what);
  if (!at) return out;
  return out + (is_domain(what) ? " within ten minutes of that time" : " that had begun by then");
}

int explain(const Given& given) {
  const auto control = MilterControl::of(given);
  if (!control) return complain(control.error());
  const auto found = find(given, *control);
  if (!found) return complain(found.error());
  bool first = true;
  for (const MilterDecision& decision : found->rows) {
    if (!given.has("json") && !std::exchange(first, false)) std::puts("");
    const std::string text = given.has("json") ? decision_json(decision) : decision_text(decision);
    std::fputs(text.c_str(), stdout);
  }
  const std::string& what = given.operands.front();
  if (found->cut)
    warn(is_domain(what) ? "there are more: --at TIME shows those of another time"
                         : "there are more decisions for that mail");
  if (found->rows.empty()) complain(nothing(what, given.has("at")), kFound);
  if (const std::string others = others_text(*found); !others.empty()) warn(others);
  return found->rows.empty() ? kFound : kOk;
}

constexpr Option kOptions[] = {
    {"at", "TIME",
     "of a domain: decisions within ten minutes of it; of a queue id: for the newest mail that had "
     "begun by then (RFC 3339; UTC without a zone)"},
    {"json", nullptr, "one JSON object a line"},
    kConfigOption,
    kMilterInstanceOption,
    kMilterSocketOption};

}  // namespace

const Verb kExplain{
    .words = "explain",
    .operands = "QUEUEID|DOMAIN",
    .least = 1,
    .most = 1,
    .summary = "what the milter decided about a mail, and why",
    .about =
        "Prints a paragraph for each decision, to be sent to whoever asks as it is. A mail whose "
        "only recipient was told to wait has no queue id yet: look for the recipient's domain and "
        "the time. For a domain without --at the newest decisions are shown. Mail servers use "
        "queue "
        "ids again: without --at the newest mail that had it is shown, and how many others had it "
        "is said. The milter keeps decisions for 14 days, and no addresses.",
    .options = kOptions,
    .exits = "0 printed; 1 nothing is known; 2 usage or settings; 4 the milter does not answer",
    .run = explain,
};

}  // namespace mxw::cli
