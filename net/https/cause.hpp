// Why a policy was not fetched: one word for logs and the store, and its RFC 8460 result type.
#pragma once

#include <cstdint>
#include <string_view>

namespace mxw::https {

enum class Cause : std::uint8_t {
  ok,
  // Nothing is known about the policy host, nothing is reported.
  busy,   // kWaitingFetches wait already
  local,  // our own trouble: no memory, the CA file
  // sts-policy-fetch-error: nothing that could be a policy arrived.
  no_address,         // the caller gave none
  address_refused,    // none of them is globally routable or allowed
  connect,            // refused or unreachable, all addresses
  timeout,            // of the connection or in all
  tls,                // no TLS 1.2 or later could be agreed on, or the handshake broke off
  redirect,           // 3xx, not followed
  status,             // any other than 200
  media_type,         // not text/plain
  headers_too_large,  // over kHeaderBytes
  too_large,          // the body is over limits::kPolicyBytes
  interrupted,        // the connection ended before the response did
  protocol,           // no HTTP/1
  // sts-webpki-invalid: the policy host could not be authenticated.
  certificate_expired,  // or not valid yet
  certificate_untrusted,
  certificate_name,   // no DNS-ID for the policy host
  certificate_other,  // purpose, constraints, weak key or digest
  // sts-policy-invalid
  empty_body,
};
[[nodiscard]] std::string_view cause_name(Cause cause);

// RFC 8460 section 4.3.2.2; empty for ok, busy and local.
[[nodiscard]] std::string_view result_type(Cause cause);

}  // namespace mxw::https
