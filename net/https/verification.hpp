// What OpenSSL has to check beyond what libcurl asks of it. Private to net/https.
#pragma once

#include <string>

#include "net/https/cause.hpp"

namespace mxw::https {

// For CURLOPT_SSL_CTX_FUNCTION: the handshake succeeds only with a DNS-ID for `host`. libcurl by
// itself takes the common name of a certificate without one; RFC 8461 section 3.3 does not.
// False when out of memory.
[[nodiscard]] bool require_dns_id(void* ssl_ctx, const std::string& host);

// Of CURLINFO_SSL_VERIFYRESULT, an X509_V_ERR_ number; 0 (libcurl found the trouble by itself) is a
// wrong name.
[[nodiscard]] Cause cause_of_verify_result(long result);
[[nodiscard]] std::string verify_result_text(long result);

}  // namespace mxw::https
