// The result types of TLS-RPT (RFC 8460 section 4.3): the words in which a policy failure is
// reported. Pure functions, thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace mxw::policy {

enum class ResultType : std::uint8_t {
  starttls_not_supported,
  certificate_host_mismatch,
  certificate_expired,
  certificate_not_trusted,
  validation_failure,  // anything else; needs a failure-reason-code (section 4.3.3)
  tlsa_invalid,
  dnssec_invalid,
  dane_required,
  sts_policy_fetch_error,
  sts_policy_invalid,
  sts_webpki_invalid,
};

// As written in a report: `starttls-not-supported`.
[[nodiscard]] std::string_view name(ResultType type);

// Exactly as written; nullopt for a word the RFC does not list.
[[nodiscard]] std::optional<ResultType> parse_result_type(std::string_view text);

}  // namespace mxw::policy
