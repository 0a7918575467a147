// `mxwarden report import`: reports others sent, from files and mailboxes.
#include <cstdio>
#include <map>

#include "cli/complain.hpp"
#include "cli/report_control.hpp"
#include "cli/report_files.hpp"
#include "cli/settings.hpp"
#include "cli/verbs.hpp"
#include "cli/wrap.hpp"
#include "core/report/limits.hpp"

namespace mxw::cli {
namespace {

constexpr std::size_t kText = 4'096;

// What reportd's words (reportd/intake.hpp) mean.
std::string_view outcome(std::string_view taken) {
  constexpr std::pair<std::string_view, std::string_view> kOutcomes[] = {
      {"counted", "taken"},
      {"quarantined", "kept apart, not counted: no valid signature"},
      {"duplicate", "known already"},
      {"changed", "kept, not counted: the same report was here with other contents"},
      {"no-report", "no report"},
      {"refused", "a report that cannot be read"},
      {"foreign", "about none of our domains"},
      {"not-stored", "not stored: try again"}};
  for (const auto& [word, text] : kOutcomes)
    if (word == taken) return text;
  return taken;
}

struct Import {
  const ReportControl& control;
  bool json = false, dry_run = false, quarantine = false;
  std::map<std::string, std::size_t> outcomes;

  Result<void> take(const std::string& name, std::string_view octets);
};

Result<void> Import::take(const std::string& name, std::string_view octets) {
  if (octets.empty() || octets.size() > report::kInputBytes) {
    warn(printable(name) + ": " + (octets.empty() ? "empty" : "too large"));
    ++outcomes["refused"];
    return {};
  }
  const auto answer = control.import(octets, dry_run, quarantine);
  if (!answer) return std::unexpected(answer.error());
  const std::string taken = answer->text("taken", kText);
  ++outcomes[taken];
  const std::string deviations = answer->text("deviations", kText);
  const std::string reason = answer->text("reason", kText);
  if (json) {
    std::string out;
    JsonWriter writer(out);
    writer.begin_object().member("file", std::string_view(name));
    for (const char* const key : {"taken", "reason", "dkim", "submitter", "report_id"})
      if (const std::string text = answer->text(key, kText); !text.empty())
        writer.member(key, std::string_view(text));
    writer.member("deviations", std::string_view(deviations)).end_object();
    std::puts(out.c_str());
    return {};
  }
  std::string line = printable(name) + ": " + std::string(outcome(taken));
  if (!reason.empty()) line += " (" + printable(reason) + ")";
  const bool read = taken == "counted" || taken == "duplicate" || taken == "changed";
  if (read)
    line += ", of " + printable(answer->text("submitter", kText)) + ", DKIM " +
            printable(answer->text("dkim", kText));
  if (!deviations.empty()) line += "; deviations: " + printable(deviations);
  std::puts(line.c_str());
  return {};
}

int import(const Given& given) {
  const auto control = ReportControl::of(given);
  if (!control) return complain(control.error());
  Import import{*control, given.has("json"), given.has("dry-run"), given.has("quarantine"), {}};
  for (const std::string& path : given.operands) {
    const auto done = for_each_mail(path, [&](const std::string& name, std::string_view octets) {
      return import.take(name, octets);
    });
    if (!done) return complain(done.error());
  }
  if (import.outcomes["not-stored"] > 0) return kTrouble;
  for (const char* const bad : {"refused", "no-report", "foreign", "changed"})
    if (import.outcomes[bad] > 0) return kFound;
  return kOk;
}

constexpr Option kOptions[] = {{"dry-run", nullptr, "store nothing, say what would be"},
                               {"quarantine", nullptr,
                                "what has no valid signature is kept apart and not counted, as "
                                "what comes by LMTP: for a pipe of the mail server"},
                               {"json", nullptr, "a JSON object for each mail"},
                               kConfigOption,
                               kReportSocketOption};

}  // namespace

const Verb kReportImport{
    .words = "report import",
    .operands = "FILE...",
    .least = 1,
    .most = 1'000,
    .summary = "take in reports that others sent about our domains",
    .about =
        "Takes reports as JSON, as gzipped JSON and in mails: single files, mailboxes (mbox), "
        "folders of mails (maildir), or standard input (-). What is wrong with them is told and "
        "kept; only policies of `intake.domains` and `intake.mx_hosts` are taken.\n"
        "\n"
        "The DKIM signature of a mail is verified and the outcome kept: what is imported counts "
        "either way, since who imports vouches for it.",
    .options = kOptions,
    .exits =
        "0 all were taken, or known already; 1 some were not; 2 usage or settings; 3 a file "
        "cannot be read; 4 reportd does not answer",
    .run = import,
};

}  // namespace mxw::cli
