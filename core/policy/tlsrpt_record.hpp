// The TXT record of `_smtp._tls.DOMAIN`: where a domain wants its TLS reports (RFC 8460 section 3).
// Pure functions over bytes, thread-safe. Strict as the grammar; invalid input is data.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "core/policy/mta_sts.hpp"

namespace mxw::policy {

struct TlsrptUri {
  enum class Scheme : std::uint8_t { mailto, https };
  Scheme scheme = Scheme::mailto;
  std::string text;  // as written, with the scheme

  friend bool operator==(const TlsrptUri&, const TlsrptUri&) = default;
};

// A record of more octets is invalid (`too large`): as long as the row of the store may be.
inline constexpr std::size_t kTlsrptRecordBytes = 4'096;

struct TlsrptRecord {
  std::vector<TlsrptUri> rua;     // in the order of the record, at least one
  std::size_t other_schemes = 0;  // URIs of neither mailto nor https, left out
};

// Reasons: `not-tlsrpt`, `not-ascii`, `too large`, `syntax`, `no-rua`, `rua` (no URI of RFC 3986,
// `!` not encoded), `no usable rua` (neither mailto nor https). Of several `rua` the first counts.
[[nodiscard]] std::expected<TlsrptRecord, Invalid> parse_tlsrpt_record(std::string_view txt);

// The records of one TXT answer, each joined: exactly one that begins with `v=TLSRPTv1;` (blanks
// before the semicolon allowed, as the grammar has it), else the reason `no record`.
[[nodiscard]] std::expected<std::string, Invalid> select_tlsrpt_record(
    const std::vector<std::string>& txts);

}  // namespace mxw::policy
