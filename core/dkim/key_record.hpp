// The TXT record of a DKIM key at SELECTOR._domainkey.DOMAIN (RFC 6376 section 3.6.1, RFC 8463).
// Pure function over bytes; invalid input is data.
#pragma once

#include <cstdint>
#include <expected>
#include <string_view>
#include <vector>

namespace mxw::dkim {

inline constexpr std::size_t kKeyRecordBytes = 4'096;  // RSA of 4096 bits takes 736 in base64

struct KeyRecord {
  enum class Type : std::uint8_t { rsa, ed25519 };
  Type type = Type::rsa;
  std::vector<std::uint8_t> key;  // of p=; empty: revoked
  bool sha256 = true;             // h= has it, or there is no h=
  bool for_email = true;          // s= has `email` or `*`, or there is no s=
  bool for_tlsrpt = true;         // s= has `tlsrpt` or `*`, or there is no s= (RFC 8460 section 3)
  bool testing = false;           // t=y
  bool same_domain = false;       // t=s: the domain of i= is that of d=
};

// Reasons: `key-too-large`, `key-syntax`, `key-version`, `key-type`, `key-without-p`.
[[nodiscard]] std::expected<KeyRecord, std::string_view> parse_key_record(std::string_view txt);

}  // namespace mxw::dkim
