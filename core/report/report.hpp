// A TLS report (RFC 8460 section 4.4, erratum 6241) as a value, its JSON, and the names that go
// with it. Pure functions, thread-safe, total on any octets.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/ip.hpp"
#include "core/base/time.hpp"

namespace mxw::report {

// One entry of `failure-details`. Empty text or family 0: not known, the member is left out.
struct FailureDetail {
  std::string result_type;  // RFC 8460 section 4.3
  IpAddress sending_ip;
  std::string mx_hostname;  // receiving-mx-hostname
  std::string mx_helo;      // receiving-mx-helo: one line
  IpAddress receiving_ip;
  std::uint64_t count = 0;  // failed-session-count
  std::string additional;   // additional-information
  std::string reason;       // failure-reason-code

  friend bool operator==(const FailureDetail&, const FailureDetail&) = default;
};

struct PolicyReport {
  std::string type;                  // `tlsa`, `sts`, `no-policy-found`; as read it may be any text
  std::string domain;                // policy-domain, lower-case A-label
  std::vector<std::string> strings;  // policy-string
  std::vector<std::string> mx_hosts;  // mx-host: names and patterns
  std::uint64_t success = 0, failure = 0;
  std::vector<FailureDetail> details;

  friend bool operator==(const PolicyReport&, const PolicyReport&) = default;
};

struct Report {
  std::string organization;
  std::string contact;    // contact-info, a mailbox
  std::string report_id;  // without `<>`
  Time begin, end;        // as the report has them: the last second, or the first of the next day
  std::vector<PolicyReport> policies;

  friend bool operator==(const Report&, const Report&) = default;
};

// The JSON of what we report; the same value gives the same octets. Always valid to the letter:
// what has no valid form is left out or changed:
//   names become A-labels; a policy of another type or without a domain, an `mx_hosts` entry that
//   is no pattern, a TLSA string in another form and a detail that counts nothing are left out; a
//   result type that is not registered becomes `validation-failure` with the type as reason; of
//   `mx_helo`, `reason` and `additional` the first line stays, local parts redacted, cut at
//   kHeloBytes, kReasonBytes and kAdditionalBytes; counts end at 2^53 - 1.
// nullopt: no organization, report-id, contact address or policy is left, or begin > end.
[[nodiscard]] std::optional<std::string> write_json(const Report& report);

// What follows the last `@` of a contact or report-id, in lower case; empty without one.
[[nodiscard]] std::string domain_of(std::string_view address);

// Whose report of what: everything its names are made of.
struct Identity {
  std::string organization;
  std::string contact_domain;  // A-label
  std::string domain;          // the policy domain, A-label
  std::int32_t day = 0;        // UTC day since 1970-01-01, as store::Day
};

// First and last second of the day.
[[nodiscard]] Time begin_of(const Identity& identity);
[[nodiscard]] Time end_of(const Identity& identity);
// `YYYYMMDD.DOMAIN.HEX@CONTACT-DOMAIN`, HEX being the first 8 digits of the SHA-256 of
// `ORGANIZATION LF DOMAIN LF YYYYMMDD`.
[[nodiscard]] std::string report_id(const Identity& identity);
// `CONTACT-DOMAIN!DOMAIN!BEGIN!END!HEX.json.gz` (RFC 8460 section 5.1), times in seconds.
[[nodiscard]] std::string file_name(const Identity& identity);

}  // namespace mxw::report
