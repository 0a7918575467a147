// Reading the reports of others: as lenient as reports in the wild need, every leniency noted as a
// Deviation, everything bounded by limits.hpp. Hostile input is data: the functions are total on
// any octets and throw nothing. Pure, thread-safe.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/bytes.hpp"
#include "core/report/deviation.hpp"
#include "core/report/report.hpp"

namespace mxw::report {

// What was read, normalised: names are lower-case A-labels where they can be, `mx: ` before a host,
// an array within a string and lines within a string are resolved, control characters are `?`,
// missing counts are 0. Types that are not registered stay as they are.
struct ReadReport {
  Report report;
  Deviations deviations;
};

// JSON text as it is, not compressed.
[[nodiscard]] std::expected<ReadReport, Refusal> read_report(std::string_view json);

// What the headers of a mail say; texts are unfolded, without control characters, and cut at
// kTextBytes. From the outermost message, not from one forwarded within.
struct MailFacts {
  std::string from_domain;  // lower case; empty unless there is one From with one address
  std::string report_domain, submitter;  // TLS-Report-Domain, TLS-Report-Submitter, lower case
  std::string subject, subject_id;       // subject_id: the Report-ID in it, without `<>`
  std::string message_id;                // without `<>`
  std::string file_name;                 // of the part taken
  bool tls_required_no = false;
  bool signed_mail = false;  // there is a DKIM-Signature; nothing was verified
};

// A report and how it came. Where `report` is a Refusal, `deviations` are those of the mail alone.
struct AnyReport {
  enum class Kind : std::uint8_t { json, gzip, mail };
  Kind kind = Kind::json;
  MailFacts mail;  // empty unless Kind::mail
  std::expected<Report, Refusal> report = std::unexpected(Refusal::no_report);
  Deviations deviations;
};
[[nodiscard]] std::string_view name(AnyReport::Kind kind);

// A message (RFC 5322), lines ended by CRLF or LF. The report is the first part that is one,
// however encoded, nested or typed; a message that is itself the report counts.
[[nodiscard]] AnyReport read_mail(std::string_view message);

// JSON, gzipped JSON or a message, by their first octets. A mailbox of many messages is not split.
[[nodiscard]] AnyReport read_any(std::string_view octets);

}  // namespace mxw::report
