// `mxwarden report lint`: a report file, judged. Offline.
#include <cstdio>

#include "cli/complain.hpp"
#include "cli/report_files.hpp"
#include "cli/verbs.hpp"
#include "cli/wrap.hpp"
#include "core/base/json_writer.hpp"
#include "core/report/read.hpp"

namespace mxw::cli {
namespace {

using report::AnyReport;

std::string as_json(const std::string& path, const AnyReport& any) {
  std::string out;
  JsonWriter json(out);
  json.begin_object().member("file", std::string_view(path));
  json.member("kind", name(any.kind)).member("read", any.report.has_value());
  if (!any.report) json.member("refused", word(any.report.error()));
  if (any.report) {
    json.member("organization", std::string_view(any.report->organization));
    json.member("report_id", std::string_view(any.report->report_id));
    json.member("begin", std::string_view(format_rfc3339(any.report->begin)));
    json.member("end", std::string_view(format_rfc3339(any.report->end)));
    json.member("policies", any.report->policies.size());
  }
  json.key("deviations").begin_array();
  for (const report::Deviation one : any.deviations.list()) json.string(word(one));
  json.end_array().end_object();
  return out + '\n';
}

std::string as_text(const std::string& path, const AnyReport& any) {
  std::string out = printable(path) + ": ";
  if (any.report) {
    std::uint64_t success = 0, failure = 0;
    for (const report::PolicyReport& policy : any.report->policies) {
      success += policy.success;
      failure += policy.failure;
    }
    out += "a report of " + printable(any.report->organization) + ", " +
           format_human(any.report->begin) + " to " + format_human(any.report->end) +
           ", policies: " + std::to_string(any.report->policies.size()) +
           ", sessions: " + std::to_string(success) + " good, " + std::to_string(failure) +
           " failed\n";
    if (any.deviations.empty()) out += "  as RFC 8460 has it\n";
  } else {
    out += "no report that can be read: " + std::string(meaning(any.report.error())) + " (" +
           std::string(word(any.report.error())) + ")\n";
  }
  for (const report::Deviation one : any.deviations.list())
    out += wrapped("  " + std::string(word(one)) + ": ", meaning(one), 4);
  return out;
}

int lint(const Given& given) {
  bool clean = true;
  for (const std::string& path : given.operands) {
    const auto octets = read_report_file(path);
    if (!octets) return complain(octets.error());
    const AnyReport any = report::read_any(*octets);
    const std::string text = given.has("json") ? as_json(path, any) : as_text(path, any);
    std::fputs(text.c_str(), stdout);
    clean = clean && any.report && any.deviations.empty();
  }
  return clean ? kOk : kFound;
}

constexpr Option kOptions[] = {{"json", nullptr, "a JSON object for each file"}};

}  // namespace

const Verb kReportLint{
    .words = "report lint",
    .operands = "FILE...",
    .least = 1,
    .most = 1'000,
    .summary = "say where a report is not as RFC 8460 has it; offline",
    .about =
        "FILE is a report as JSON, as gzipped JSON, or in a mail (- is standard input). Each way "
        "in "
        "which it differs from RFC 8460 is told by a word of docs/deviations.md. No signature is "
        "verified and nothing is stored: mxwarden report import --dry-run does the former.",
    .options = kOptions,
    .exits =
        "0 as the RFC has it; 1 it deviates, or cannot be read as a report; 2 usage; 3 FILE "
        "cannot be read",
    .run = lint,
};

}  // namespace mxw::cli
