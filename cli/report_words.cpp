#include "cli/report_words.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <utility>

#include "cli/wrap.hpp"
#include "core/base/json_writer.hpp"
#include "core/ipc/json_message.hpp"
#include "core/ipc/request.hpp"

namespace mxw::cli {
namespace {

constexpr std::size_t kText = 1'024;
constexpr std::string_view kOther =
    "a reason RFC 8460 does not list: ask the reporter what it means";

constexpr std::array<std::pair<std::string_view, std::string_view>, 11> kMeanings = {{
    {"starttls-not-supported",
     "the server offered no STARTTLS. If yours does, something between the reporter and you takes "
     "it away: a firewall that rewrites SMTP, or an attacker"},
    {"certificate-host-mismatch",
     "the certificate does not name the server: check the names in it against your MX records"},
    {"certificate-expired", "the certificate had run out: check that renewals reach the server"},
    {"certificate-not-trusted",
     "the certificate is not of an authority the reporter trusts: check that the server sends the "
     "whole chain and is not self-signed"},
    {"validation-failure",
     "TLS failed in another way: the reason beside it tells, often a server that is not in your "
     "policy, or a handshake that was cut"},
    {"tlsa-invalid",
     "no TLSA record fits the certificate: publish the new record before you change keys"},
    {"dnssec-invalid", "your zone could not be validated: check signatures and DS records"},
    {"dane-required", "the reporter insists on DANE, and there was no secure TLSA record"},
    {"sts-policy-fetch-error",
     "your MTA-STS policy could not be fetched: check the web server of mta-sts.DOMAIN"},
    {"sts-policy-invalid", "your MTA-STS policy has a mistake: mxwarden policy lint --body FILE"},
    {"sts-webpki-invalid", "the certificate of mta-sts.DOMAIN is not valid for it"},
}};

struct Sums {
  std::uint64_t reports = 0, sessions = 0, failed = 0;
  std::uint64_t early = 0, early_failed = 0, late = 0, late_failed = 0;  // halves of the time
};

std::string per_cent(std::uint64_t part, std::uint64_t whole) {
  if (whole == 0) return "0 %";
  const std::uint64_t tenths = (part * 1'000 + whole / 2) / whole;
  if (part > 0 && tenths == 0) return "below 0.1 %";
  return std::to_string(tenths / 10) + '.' + std::to_string(tenths % 10) + " %";
}

std::optional<ipc::JsonMessage> row_of(const std::string& element) {
  return ipc::JsonMessage::parse(element, ipc::kAnswerBytes);
}

std::string word(const ipc::JsonMessage& json, const char* name) {
  return printable(json.text(name, kText));
}

std::string trend(const Sums& sums) {
  if (sums.early == 0 || sums.late == 0) return {};
  // As products: early_failed/early against late_failed/late.
  const std::uint64_t before = sums.early_failed * sums.late, after = sums.late_failed * sums.early;
  if (after > before + before / 2) return ", and that grows";
  return before > after + after / 2 ? ", and that becomes less" : "";
}

std::map<std::string, Sums> sums_of(const Inbox& inbox) {
  std::vector<ipc::JsonMessage> rows;
  std::string first, last;
  for (const std::string& element : inbox.days) {
    auto row = row_of(element);
    if (!row) continue;
    const std::string day = row->text("day", kText);
    if (first.empty() || day < first) first = day;
    last = std::max(last, day);
    rows.push_back(std::move(*row));
  }
  std::vector<std::string> days;
  for (const ipc::JsonMessage& row : rows) days.push_back(row.text("day", kText));
  std::ranges::sort(days);
  const std::string middle = days.empty() ? "" : days[days.size() / 2];
  std::map<std::string, Sums> sums;
  for (const ipc::JsonMessage& row : rows) {
    Sums& sum = sums[word(row, "domain")];
    const std::uint64_t sessions = row.number("sessions"), failed = row.number("failed");
    sum.reports += row.number("reports");
    sum.sessions += sessions;
    sum.failed += failed;
    const bool early = row.text("day", kText) < middle;
    (early ? sum.early : sum.late) += sessions;
    (early ? sum.early_failed : sum.late_failed) += failed;
  }
  return sums;
}

void add_causes(std::string& out, const Inbox& inbox, const std::string& domain) {
  for (const std::string& element : inbox.causes) {
    const auto row = row_of(element);
    if (!row || word(*row, "domain") != domain) continue;
    const std::string type = word(*row, "result_type");
    std::string text = std::to_string(row->number("count")) + " times " + type;
    if (const std::string host = word(*row, "mx_host"); !host.empty()) text += " at " + host;
    if (const std::string reason = word(*row, "reason"); !reason.empty())
      text += " (" + reason + ")";
    text += ", " + word(*row, "first");
    if (word(*row, "last") != word(*row, "first")) text += " to " + word(*row, "last");
    text += ", told by " + std::to_string(row->number("reporters")) +
            (row->number("reporters") == 1 ? " reporter: " : " reporters: ");
    out += wrapped("  ", text + std::string(result_meaning(type)), 4);
  }
}

void add_reporters(std::string& out, const Inbox& inbox) {
  if (inbox.reporters.empty()) return;
  out += "\nwho says so:\n";
  for (const std::string& element : inbox.reporters) {
    const auto row = row_of(element);
    if (!row) continue;
    const std::string dkim = word(*row, "dkim");
    out += "  " + word(*row, "submitter") + ": reports: " + std::to_string(row->number("reports")) +
           ", sessions: " + std::to_string(row->number("sessions")) +
           ", failed: " + std::to_string(row->number("failed")) + ", last day " +
           word(*row, "last") +
           (dkim == "pass" ? ", signed\n" : ", not proved to be theirs (DKIM " + dkim + ")\n");
  }
}

}  // namespace

std::string_view result_meaning(std::string_view result_type) {
  const auto at = std::ranges::find(kMeanings, result_type,
                                    &std::pair<std::string_view, std::string_view>::first);
  return at == kMeanings.end() ? kOther : at->second;
}

std::string inbox_text(const Inbox& inbox) {
  std::string out;
  const auto sums = sums_of(inbox);
  if (sums.empty()) out += "no reports about our domains in this time\n";
  for (const auto& [domain, sum] : sums) {
    out += domain + ": " + std::to_string(sum.sessions) + " sessions in " +
           std::to_string(sum.reports) + (sum.reports == 1 ? " report, " : " reports, ") +
           std::to_string(sum.failed) + " failed (" + per_cent(sum.failed, sum.sessions) + ")" +
           trend(sum) + '\n';
    add_causes(out, inbox, domain);
  }
  add_reporters(out, inbox);
  if (inbox.quarantined > 0)
    out += "\n" + std::to_string(inbox.quarantined) +
           " reports came by mail without a valid signature and are not counted\n";
  if (inbox.cut) out += "\nthere is more: name a domain, or take less time (--since)\n";
  return out;
}

std::string inbox_json(const Inbox& inbox) {
  std::string out;
  JsonWriter json(out);
  json.begin_object().member("quarantined", inbox.quarantined).member("cut", inbox.cut);
  for (const auto& [name, list] :
       {std::pair("days", &inbox.days), std::pair("causes", &inbox.causes),
        std::pair("reporters", &inbox.reporters)}) {
    json.key(name).begin_array();
    for (const std::string& element : *list) json.raw(element);
    json.end_array();
  }
  json.end_object();
  return out + '\n';
}

}  // namespace mxw::cli
