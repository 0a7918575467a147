// TallyEvent: one session (or attempt) as its results stand, whoever told it: a datagram of a mail
// server or a message of a sensor. What the tally counts (RFC 8460 sections 4.3, 4.4).
//
// All texts are borrowed from whoever made the event and good until that makes the next one. They
// are canonical: names are lower-case A-labels without a final dot, lines are valid UTF-8 without
// control characters, and nothing in them can be a local part or a message id.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "core/base/ip.hpp"
#include "core/policy/tlsrpt.hpp"

namespace mxw::reportd {

inline constexpr std::string_view kSts = "sts", kTlsa = "tlsa";  // policy-type
inline constexpr std::string_view kNoPolicyFound = "no-policy-found";

struct EventFailure {
  policy::ResultType type = policy::ResultType::validation_failure;
  IpAddress sending_ip, receiving_ip;  // family 0: not told
  std::string_view mx_host, mx_helo;   // empty: not told
  std::string_view reason;             // at most store::kWordBytes

  friend bool operator==(const EventFailure&, const EventFailure&) = default;
};

enum class Final : std::uint8_t { success, failure, undetermined };

struct EventPolicy {
  std::string_view type;      // kSts, kTlsa or kNoPolicyFound
  std::string_view domain;    // policy-domain: the recipient domain, or the TLSA base domain
  std::string_view strings;   // policy-string, one per line, in canonical order
  std::string_view mx_hosts;  // mx-host patterns, one per line, ascending
  Final final = Final::success;
  std::span<const EventFailure> failures;  // independent of `final` (libtlsrpt: f and t)
};

struct TallyEvent {
  std::string_view domain;  // whose TLSRPT record asked for reports
  std::string_view record;  // that record, unparsed; of a sensor empty: it does not know it
  bool record_told = false;
  std::span<const EventPolicy> policies;
};

}  // namespace mxw::reportd
