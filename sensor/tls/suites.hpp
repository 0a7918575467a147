// What the numbers of TLS are called, and which suites show no certificate. Pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace mxw::tls {

// IANA's name (`TLS_AES_128_GCM_SHA256`), or `0x1234` for a suite not in the table.
[[nodiscard]] std::string suite_name(std::uint16_t suite);

// DH_anon and ECDH_anon (RFC 5246 appendix A.5, RFC 4492 section 2.5, and later ciphers of both):
// the server sends no certificate.
[[nodiscard]] bool is_anonymous(std::uint16_t suite);

// Suricata's spelling: `SSLv3`, `TLSv1`, `TLS 1.1`, `TLS 1.2`, `TLS 1.3`; else `0x7f1c`.
[[nodiscard]] std::string version_name(std::uint16_t version);

// `handshake_failure`, or `alert 99`.
[[nodiscard]] std::string alert_name(std::uint8_t description);

}  // namespace mxw::tls
