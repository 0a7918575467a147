#include "core/report/compose.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <map>

#include "core/base/ascii.hpp"
#include "core/base/digest.hpp"
#include "core/mail/name.hpp"
#include "core/report/forms.hpp"
#include "core/report/gzip.hpp"
#include "core/report/read.hpp"

namespace mxw::report {
namespace {

constexpr std::size_t kMailboxBytes = 254;   // RFC 5321 section 4.5.3.1.3, without `<>`
constexpr std::size_t kLocalBytes = 64;      // RFC 5321 section 4.5.3.1.1
constexpr std::size_t kEncodedLine = 76;     // RFC 2045 section 6.8
constexpr std::size_t kIdBytes = 600;        // two names and what stands between them
constexpr std::size_t kPoliciesInText = 20;  // for people; the attachment has all
constexpr std::string_view kEnd = "\r\n";

bool is_a_label_name(std::string_view text) {
  const auto name = canonical_name(text);
  return name && *name == text;
}

bool is_report_id(std::string_view text) {
  const std::size_t at = text.find('@');
  return text.size() <= kIdBytes && at != std::string_view::npos &&
         is_dot_atom(text.substr(0, at)) && is_a_label_name(text.substr(at + 1));
}

bool is_file_name(std::string_view text) {
  return !text.empty() && text.size() <= kIdBytes &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return ascii::is_alnum(c) || std::string_view("!.-_").contains(c);
         });
}

// RFC 5322 section 3.3.
std::string mail_date(Time time) {
  using namespace std::chrono;
  const sys_seconds at{seconds(time.ns / kSecond)};
  const auto day = floor<days>(at);
  const year_month_day date(day);
  const hh_mm_ss clock(at - day);
  constexpr const char* kDays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  constexpr const char* kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  char text[64];
  std::snprintf(text, sizeof text, "%s, %02u %s %04d %02d:%02d:%02d +0000",
                kDays[weekday(day).c_encoding()], static_cast<unsigned>(date.day()),
                kMonths[static_cast<unsigned>(date.month()) - 1], static_cast<int>(date.year()),
                static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
                static_cast<int>(clock.seconds().count()));
  return text;
}

// Lines of at most 76 octets; in quoted-printable a line may go on behind a `=`.
std::string quoted_printable(std::string_view text) {
  std::string out;
  std::size_t width = 0;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    if (c == '\n') {
      out += kEnd;
      width = 0;
      continue;
    }
    const bool last = at + 1 == text.size() || text[at + 1] == '\n';
    const bool plain = c >= ' ' && c < 0x7f && c != '=' && !(c == ' ' && last);
    const std::string piece =
        plain ? std::string(1, c) : '=' + ascii::to_upper(ascii::hex(std::string_view(&c, 1)));
    if (width + piece.size() > kEncodedLine - 1) {
      out.append("=").append(kEnd);
      width = 0;
    }
    out += piece;
    width += piece.size();
  }
  return out;
}

std::string base64_lines(std::string_view octets) {
  const std::string text = base64(as_bytes(octets));
  std::string out;
  for (std::size_t at = 0; at < text.size(); at += kEncodedLine)
    out.append(text, at, kEncodedLine).append(kEnd);
  return out;
}

std::string policy_text(const PolicyReport& policy) {
  std::string text = policy.domain + ", " + policy.type + ": " + std::to_string(policy.success) +
                     " sessions succeeded, " + std::to_string(policy.failure) + " failed\n";
  std::map<std::string, std::uint64_t> causes;
  for (const FailureDetail& detail : policy.details) causes[detail.result_type] += detail.count;
  for (const auto& [type, count] : causes)
    text += "  " + type + ": " + std::to_string(count) + '\n';
  return text;
}

// For people. The report is our own, read back from what is sent.
std::string summary(const Report& report, const MailParts& parts) {
  std::string text = "This is an aggregate TLS report (RFC 8460) from " + report.organization +
                     "\nabout mail to " + std::string(parts.domain) + "\nfrom " +
                     format_rfc3339(report.begin) + " to " + format_rfc3339(report.end) + ".\n\n";
  const std::size_t shown = std::min(report.policies.size(), kPoliciesInText);
  for (std::size_t i = 0; i < shown; ++i) text += policy_text(report.policies[i]);
  if (shown < report.policies.size())
    text += "and " + std::to_string(report.policies.size() - shown) + " more policies\n";
  return text + "\nThe report itself is attached as gzipped JSON.\nContact: " + report.contact +
         '\n';
}

std::string headers(const MailParts& parts, std::string_view boundary) {
  std::string out;
  const auto add = [&](std::string_view name, std::string_view value) {
    out.append(name).append(": ").append(value).append(kEnd);
  };
  const std::string id = '<' + parts.report_id + '>';
  add("From", parts.from);
  add("To", parts.to);
  add("Date", mail_date(parts.date));
  add("Message-ID", id);
  add("Subject", "Report Domain: " + parts.domain + "\r\n Submitter: " + parts.submitter +
                     "\r\n Report-ID: " + id);
  add("TLS-Report-Domain", parts.domain);
  add("TLS-Report-Submitter", parts.submitter);
  add("TLS-Required", "No");
  add("Auto-Submitted", "auto-generated");
  add("MIME-Version", "1.0");
  add("Content-Type",
      "multipart/report; report-type=\"tlsrpt\";\r\n boundary=\"" + std::string(boundary) + '"');
  return out;
}

std::string bodies(const MailParts& parts, const Report& report, std::string_view boundary) {
  const std::string line = "--" + std::string(boundary);
  std::string out = "\r\nThis is a message in MIME format.\r\n\r\n";
  out += line +
         "\r\nContent-Type: text/plain; charset=\"utf-8\"\r\n"
         "Content-Transfer-Encoding: quoted-printable\r\n\r\n";
  out += quoted_printable(summary(report, parts));
  out += "\r\n" + line +
         "\r\nContent-Type: application/tlsrpt+gzip\r\nContent-Transfer-Encoding: base64\r\n"
         "Content-Disposition: attachment;\r\n filename=\"" +
         parts.file_name + "\"\r\n\r\n";
  out += base64_lines(parts.gzip);
  return out + "\r\n" + line + "--\r\n";
}

}  // namespace

bool is_mailbox(std::string_view text) {
  const std::size_t at = text.find('@');
  if (at == std::string_view::npos || text.size() > kMailboxBytes || at > kLocalBytes) return false;
  const auto host = mail::HostName::parse(text.substr(at + 1));
  return is_dot_atom(text.substr(0, at)) && host &&
         ascii::iequals(host->text(), text.substr(at + 1));
}

std::optional<std::string> compose_mail(const MailParts& parts) {
  if (!is_mailbox(parts.from) || !is_mailbox(parts.to) || !is_a_label_name(parts.domain) ||
      !is_a_label_name(parts.submitter) || !is_report_id(parts.report_id) ||
      !is_file_name(parts.file_name))
    return std::nullopt;
  const auto json = gunzip(parts.gzip);
  if (!json) return std::nullopt;
  const auto read = read_report(*json);
  if (!read) return std::nullopt;
  const Sha256 digest = sha256(as_bytes(parts.gzip));
  // No line of base64 or quoted-printable holds `=_` (RFC 2045 section 6.7).
  const std::string boundary = "=_mxwarden_" + hex(Bytes(digest).first(8));
  return headers(parts, boundary) + bodies(parts, read->report, boundary);
}

}  // namespace mxw::report
