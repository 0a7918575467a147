// `mxwarden report inbox`: what others report about our domains, for a postmaster.
#include <algorithm>
#include <cstdio>
#include <map>

#include "cli/complain.hpp"
#include "cli/duration.hpp"
#include "cli/report_control.hpp"
#include "cli/report_words.hpp"
#include "cli/settings.hpp"
#include "cli/verbs.hpp"
#include "cli/wrap.hpp"
#include "core/ipc/request.hpp"

namespace mxw::cli {
namespace {

constexpr std::size_t kRows = 1'000;
constexpr std::int64_t kDefaultSince = 30 * kDay;

int inbox(const Given& given) {
  std::int64_t since = kDefaultSince;
  if (given.has("since")) {
    const auto duration = parse_duration(given.text("since"));
    if (!duration) return complain("--since: a time such as 7d is expected", kUsage);
    since = *duration;
  }
  std::string domain;
  if (!given.operands.empty()) {
    const auto named = domain_at(given, 0);
    if (!named) return complain(named.error());
    domain = *named;
  }
  const auto control = ReportControl::of(given);
  if (!control) return complain(control.error());
  const std::string from = format_date(wall_clock() - since);
  const auto answer = control->ask("inbox", [&](JsonWriter& json) {
    json.member("from", std::string_view(from));
    if (!domain.empty()) json.member("domain", std::string_view(domain));
  });
  if (!answer) return complain(answer.error());
  Inbox rows;
  rows.quarantined = answer->number("quarantined");
  rows.cut = answer->boolean("cut");
  rows.days = answer->elements("days", kRows);
  rows.causes = answer->elements("causes", kRows);
  rows.reporters = answer->elements("reporters", kRows);
  const std::string out = given.has("json") ? inbox_json(rows) : inbox_text(rows);
  std::fputs(out.c_str(), stdout);
  return kOk;
}

constexpr Option kOptions[] = {{"since", "TIME", "how far back, as 7d (default: 30d)"},
                               {"json", nullptr, "one JSON object"},
                               kConfigOption,
                               kReportSocketOption};

}  // namespace

const Verb kReportInbox{
    .words = "report inbox",
    .operands = "[DOMAIN]",
    .least = 0,
    .most = 1,
    .summary = "what others report about our domains",
    .about =
        "For each of our domains: how many sessions the reporters had, how many failed and whether "
        "that grows; why they failed, at which mail server and what to look at; and who said so, "
        "with what is known of their signature. A report without a valid signature may be forged: "
        "no policy should be weakened by its word alone.",
    .options = kOptions,
    .exits = "0 printed; 2 usage or settings; 4 reportd does not answer",
    .run = inbox,
};

}  // namespace mxw::cli
