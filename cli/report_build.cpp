// `mxwarden report build | send | fetcher`: making reports, and handing our counts to another tool.
#include <cstdio>

#include "cli/complain.hpp"
#include "cli/duration.hpp"
#include "cli/report_control.hpp"
#include "cli/settings.hpp"
#include "cli/verbs.hpp"
#include "cli/wrap.hpp"

namespace mxw::cli {
namespace {

constexpr std::size_t kText = 4'096;
constexpr std::size_t kAddresses = 16;

// What reportd's words (reportd/day_run.hpp) mean for who reads them.
struct Meaning {
  std::string_view word, text;
};
constexpr Meaning kMeanings[] = {
    {"stored", "this is what would be stored"},
    {"no-record", "it would not be stored: no TLSRPT record asks for it"},
    {"same-rua",
     "it would not be stored: this is a mail server whose sessions the reports about its recipient "
     "domains tell to the same addresses"},
    {"guarded",
     "it would not be stored: no more sessions than reports we mailed there on that day, so it "
     "would report on reports"},
    {"unwritable", "it would not be stored: it has no valid form"},
};

void explain(const ipc::JsonMessage& answer) {
  const std::string built = answer.text("built", kText);
  for (const Meaning& meaning : kMeanings)
    if (meaning.word == built) std::fprintf(stderr, "%s\n", std::string(meaning.text).c_str());
  if (const std::string record = printable(answer.text("record", kText)); !record.empty())
    std::fprintf(stderr, "goes by: %s\n", record.c_str());
  if (const std::uint64_t count = answer.number("undetermined"); count > 0)
    std::fprintf(stderr, "undetermined, not in it: %llu sessions\n",
                 static_cast<unsigned long long>(count));
  if (answer.boolean("sensor_only"))
    std::fputs("counted by the sensor alone: not sent without tlsrpt.send.sensor\n", stderr);
}

// `--day DAY [DOMAIN]` is `DAY [DOMAIN]`.
Given with_day(Given given) {
  if (given.has("day")) given.operands.insert(given.operands.begin(), given.text("day"));
  return given;
}

int build(const Given& asked) {
  const Given given = with_day(asked);
  if (given.operands.size() > 2)
    return complain("report build DAY [DOMAIN] is expected (--day DAY is DAY)", kUsage);
  const auto day = day_operand(given, 0);
  if (!day) return complain(day.error());
  const auto control = ReportControl::of(given);
  if (!control) return complain(control.error());
  if (given.operands.size() == 2) {
    const auto domain = domain_at(given, 1);
    if (!domain) return complain(domain.error());
    const auto text = control->text("build", *day, *domain, explain);
    if (!text) return complain(text.error());
    std::puts(text->c_str());
    return kOk;
  }
  if (given.has("partial") || given.has("dry-run")) {
    const auto listed = control->pages("domains", "domains", *day, [](const std::string& element) {
      std::string name = element.substr(1, element.size() - 2);  // a JSON text without escapes
      std::puts(printable(name).c_str());
      return name;
    });
    return listed ? kOk : complain(listed.error());
  }
  const auto answer =
      control->ask("build", [&](JsonWriter& json) { json.member("day", std::string_view(*day)); });
  if (!answer) return complain(answer.error());
  std::printf("what is missing of %s is built; `mxwarden report list %s` tells\n", day->c_str(),
              day->c_str());
  return kOk;
}

int send(const Given& given) {
  const auto day = day_operand(given, 0);
  if (!day) return complain(day.error());
  const auto domain = domain_at(given, 1);
  if (!domain) return complain(domain.error());
  const auto control = ReportControl::of(given);
  if (!control) return complain(control.error());
  const auto answer = control->ask("send", [&](JsonWriter& json) {
    json.member("day", std::string_view(*day)).member("domain", std::string_view(*domain));
    json.member("dry_run", given.has("dry-run"));
  });
  if (!answer) return complain(answer.error());
  std::puts(answer->boolean("queued")
                ? "queued to be sent now, to the first of these that takes it:"
                : "it would go to the first of these that takes it:");
  for (const std::string& element : answer->elements("rua", kAddresses)) {
    const auto rua = ipc::JsonMessage::parse(element, 64 << 10);
    if (rua)
      std::printf("  %s%s\n", printable(rua->text("uri", kText)).c_str(),
                  rua->boolean("suppressed") ? "  (bounced: nothing goes there)" : "");
  }
  return kOk;
}

// The text protocol of tlsrpt-fetcher, version v1devel-c: sys4's reportd reads it.
int fetcher(const Given& given) {
  const auto day = day_operand(given, 0);
  if (!day) return complain(day.error());
  const auto control = ReportControl::of(given);
  if (!control) return complain(control.error());
  const auto status = control->ask("status", [](JsonWriter&) {});
  if (!status) return complain(status.error());
  if (status->boolean("sending"))
    return complain("our own delivery is on (tlsrpt.send.enabled): two would report the same",
                    kUsage);
  if (given.operands.size() == 2) {
    const auto domain = domain_at(given, 1);
    if (!domain) return complain(domain.error());
    const auto text = control->text("fetcher", *day, *domain);
    if (!text) return complain(text.error());
    std::puts(text->c_str());
    return kOk;
  }
  const Time now = wall_clock();
  std::printf("TLSRPT FETCHER v1devel-c domain list\n%s\n%s\n", format_human(now).c_str(),
              format_date(now - 30 * kMinute - kDay).c_str());
  const auto listed = control->pages("domains", "domains", *day, [](const std::string& element) {
    std::string name = element.substr(1, element.size() - 2);
    std::puts(name.c_str());
    return name;
  });
  if (!listed) return complain(listed.error());
  std::puts(".");
  return kOk;
}

constexpr Option kBuildOptions[] = {
    {"day", "DAY", "the day, instead of the first operand"},
    {"partial", nullptr, "of a day that goes on; nothing is stored"},
    {"dry-run", nullptr, "nothing is stored"},
    kConfigOption,
    kReportSocketOption};
constexpr Option kSendOptions[] = {
    {"dry-run", nullptr, "only say where it would go"}, kConfigOption, kReportSocketOption};
constexpr Option kFetcherOptions[] = {kConfigOption, kReportSocketOption};

}  // namespace

const Verb kReportBuild{
    .words = "report build",
    .operands = "DAY [DOMAIN]",
    .least = 0,
    .most = 2,
    .summary = "build what is missing of a day, or show what a report would be",
    .about =
        "reportd builds the reports of a day by itself at 00:30 UTC of the next one. With DAY "
        "alone "
        "it looks at all of a complete day again and stores what is not stored yet; a report that "
        "is stored never changes.\n"
        "\n"
        "With DOMAIN the report is printed as it would be from what is counted, also of today: "
        "nothing is stored and nothing is sent. With --partial or --dry-run and no DOMAIN the "
        "domains of the day are listed.",
    .options = kBuildOptions,
    .exits = "0 done; 2 usage, settings, or nothing to report; 4 reportd does not answer",
    .run = build,
};

const Verb kReportSend{
    .words = "report send",
    .operands = "DAY DOMAIN",
    .least = 2,
    .most = 2,
    .summary = "send a report that was kept, or has expired",
    .about =
        "For a report built while sending was off, or one that nobody took within 24 hours. The "
        "octets, the report-id and the file name are those it was built with. A report that was "
        "accepted is not sent again.",
    .options = kSendOptions,
    .exits =
        "0 queued; 2 usage, settings, no such report, or sending is off; 4 reportd does not "
        "answer",
    .run = send,
};

const Verb kReportFetcher{
    .words = "report fetcher",
    .operands = "DAY [DOMAIN]",
    .least = 1,
    .most = 2,
    .summary = "what tlsrpt-fetcher would print, for sys4's tlsrpt-reportd",
    .about =
        "The text protocol v1devel-c of tlsrpt-fetcher from what reportd counted: the domains of a "
        "day, or the counts of one as JSON. Refused while our own delivery is on, since both would "
        "report the same sessions.",
    .options = kFetcherOptions,
    .exits = "0 printed; 2 usage, settings, or our own delivery is on; 4 reportd does not answer",
    .run = fetcher,
};

}  // namespace mxw::cli
