// `mxwarden report list | show`: the reports we make, and how their sending stands.
#include <cstdio>

#include "cli/complain.hpp"
#include "cli/report_control.hpp"
#include "cli/settings.hpp"
#include "cli/verbs.hpp"
#include "cli/wrap.hpp"

namespace mxw::cli {
namespace {

constexpr std::size_t kDays = 200;
constexpr std::size_t kText = 4'096;

std::string word(const ipc::JsonMessage& json, const char* name) {
  return printable(json.text(name, kText));
}

std::string day_line(const ipc::JsonMessage& day) {
  const bool built = day.has("built"), frozen = day.has("frozen");
  std::string out = word(day, "day") + "  ";
  out += built ? "built" : frozen ? "complete, not built" : "goes on";
  out += ", policies counted: " + std::to_string(day.number("tallies"));
  for (const char* const what : {"late", "overflow"})
    if (day.number(what) > 0)
      out += ", " + std::string(what) + ": " + std::to_string(day.number(what));
  return out;
}

std::string states_of(const std::string& element) {
  // An object of counts: `{"accepted":3}` as `; accepted: 3`.
  constexpr const char* kStates[] = {"queued", "sending", "accepted",
                                     "retry",  "expired", "suppressed"};
  std::string out;
  const std::size_t at = element.find("\"reports\":{");
  if (at == std::string::npos) return out;
  for (const char* const state : kStates) {
    const std::string key = '"' + std::string(state) + "\":";
    const std::size_t found = element.find(key, at);
    if (found == std::string::npos) continue;
    const std::size_t begin = found + key.size();
    out += "; " + std::string(state) + ": " +
           element.substr(begin, element.find_first_not_of("0123456789", begin) - begin);
  }
  return out;
}

// What stands in the way of reports, where something does.
int say_state(const ReportControl& control) {
  const auto status = control.ask("status", [](JsonWriter&) {});
  if (!status) return complain(status.error());
  if (const std::string why = word(*status, "no_reports_because"); !why.empty())
    warn("no reports are built: " + why);
  else if (!status->boolean("sending"))
    warn("sending is off (tlsrpt.send.enabled)");
  if (const std::string why = word(*status, "waits_because"); !why.empty())
    warn("sending waits: " + why);
  if (!status->boolean("policyd")) warn("policyd cannot be asked");
  return kOk;
}

int list_days(const ReportControl& control, bool json) {
  if (const int code = json ? kOk : say_state(control); code != kOk) return code;
  const auto answer = control.ask("days", [](JsonWriter&) {});
  if (!answer) return complain(answer.error());
  for (const std::string& element : answer->elements("days", kDays)) {
    if (json) {
      std::puts(element.c_str());
      continue;
    }
    const auto day = ipc::JsonMessage::parse(element, 64 << 10);
    if (day) std::puts((day_line(*day) + states_of(element)).c_str());
  }
  return kOk;
}

void print_report(const ipc::JsonMessage& row) {
  std::string line = word(row, "domain") + "  " + word(row, "state");
  if (row.has("next")) line += ", next try " + word(row, "next");
  if (row.number("tries") > 0) line += ", tries: " + std::to_string(row.number("tries"));
  if (!row.text("uri", kText).empty()) line += "  " + word(row, "uri");
  if (!row.text("detail", kText).empty()) line += "  (" + word(row, "detail") + ")";
  std::puts(line.c_str());
}

int list(const Given& given) {
  const auto control = ReportControl::of(given);
  if (!control) return complain(control.error());
  if (given.operands.empty()) return list_days(*control, given.has("json"));
  const auto day = day_operand(given, 0);
  if (!day) return complain(day.error());
  const auto listed = control->pages("list", "rows", *day, [&](const std::string& element) {
    const auto row = ipc::JsonMessage::parse(element, 64 << 10);
    if (!row) return std::string();
    if (given.has("json"))
      std::puts(element.c_str());
    else
      print_report(*row);
    return row->text("domain", kText);
  });
  return listed ? kOk : complain(listed.error());
}

int show(const Given& given) {
  const auto day = day_operand(given, 0);
  if (!day) return complain(day.error());
  const auto domain = domain_at(given, 1);
  if (!domain) return complain(domain.error());
  const auto control = ReportControl::of(given);
  if (!control) return complain(control.error());
  const auto text = control->text("report", *day, *domain);
  if (!text) return complain(text.error());
  if (!given.has("json")) {
    const auto answer = control->ask("show", [&](JsonWriter& json) {
      json.member("day", std::string_view(*day)).member("domain", std::string_view(*domain));
    });
    if (!answer) return complain(answer.error());
    std::fprintf(stderr, "goes by: %s\n", word(*answer, "record").c_str());
    for (const std::string& element : answer->elements("deliveries", kDays))
      std::fprintf(stderr, "%s\n", printable(element).c_str());
  }
  std::puts(text->c_str());
  return kOk;
}

constexpr Option kOptions[] = {
    {"json", nullptr, "JSON, a line each"}, kConfigOption, kReportSocketOption};
constexpr Option kShowOptions[] = {{"json", nullptr, "the report alone, nothing on standard error"},
                                   kConfigOption,
                                   kReportSocketOption};

}  // namespace

const Verb kReportList{
    .words = "report list",
    .operands = "[DAY]",
    .least = 0,
    .most = 1,
    .summary = "the days counted, or the reports of a day",
    .about =
        "Without DAY (a UTC day, as 2026-11-26) a line for each day: whether its reports are built "
        "and how their sending stands. With DAY a line for each report. `late` are sessions told "
        "after the day was frozen at 00:30 UTC of the next one, `overflow` those beyond the "
        "policies kept of a day; neither is in a report.",
    .options = kOptions,
    .exits = "0 printed; 2 usage or settings; 4 reportd does not answer",
    .run = list,
};

const Verb kReportShow{
    .words = "report show",
    .operands = "DAY DOMAIN",
    .least = 2,
    .most = 2,
    .summary = "a report as it is stored and sent",
    .about =
        "Prints the JSON (RFC 8460 section 4.4) as it was built; the record it goes by and what "
        "became of each address stand on standard error.",
    .options = kShowOptions,
    .exits = "0 printed; 2 usage, settings, or there is no such report; 4 reportd does not answer",
    .run = show,
};

}  // namespace mxw::cli
