// Rows of the reports others send about our domains (RFC 8460), as reportd keeps them. Value types;
// domains are lower-case A-labels, days UTC days. Texts are those of strangers: cut by the writer.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/digest.hpp"
#include "core/store/report_rows.hpp"

namespace mxw::store {

enum class IntakeState : std::uint8_t {
  counted,      // in the trends
  quarantined,  // came by LMTP without a valid aligned signature: kept, not in the trends
  changed,      // a report of this key is counted, and this one says something else
};
[[nodiscard]] std::string_view name(IntakeState state);

struct IntakeFailure {
  std::string result_type, sending_ip, mx_host, receiving_ip, reason;
  std::uint64_t count = 0;

  friend bool operator==(const IntakeFailure&, const IntakeFailure&) = default;
};

struct IntakePolicy {
  std::string type;      // `sts`, `tlsa`, `no-policy-found`, or what the report has
  std::string domain;    // one of ours
  std::string mx_hosts;  // one per line
  std::uint64_t success = 0, failure = 0;
  std::vector<IntakeFailure> failures;

  friend bool operator==(const IntakePolicy&, const IntakePolicy&) = default;
};

struct IntakeRow {
  std::uint32_t tenant = 0;
  std::string origin;     // `lmtp`, `import`
  std::string submitter;  // TLS-Report-Submitter, else the domain of contact-info
  std::string report_id;
  Time begin, end;
  std::string organisation, contact;
  std::string dkim;  // pass, fail, none, no-key
  IntakeState state = IntakeState::counted;
  Sha256 digest{};  // of the JSON text
  Time received;
  std::string deviations;  // words of docs/deviations.md, blanks between
  std::vector<IntakePolicy> policies;

  friend bool operator==(const IntakeRow&, const IntakeRow&) = default;
};

// What the reports of one domain and day say, of all reporters together.
struct IntakeDay {
  Day day = 0;
  std::string domain;
  std::uint64_t reports = 0;
  std::uint64_t sessions = 0, failure = 0;  // each report's largest sum over one policy-type

  friend bool operator==(const IntakeDay&, const IntakeDay&) = default;
};

struct IntakeCause {
  std::string domain, result_type, mx_host, reason;
  std::uint64_t count = 0, reporters = 0;
  Day first = 0, last = 0;

  friend bool operator==(const IntakeCause&, const IntakeCause&) = default;
};

struct IntakeReporter {
  std::string submitter, organisation;
  std::string dkim;  // the weakest there was: fail before none before no-key before pass
  std::uint64_t reports = 0, sessions = 0, failure = 0;
  Day last = 0;

  friend bool operator==(const IntakeReporter&, const IntakeReporter&) = default;
};

}  // namespace mxw::store
