// Certificates by OpenSSL: what a chain says, whether it names a host, whether it led to a trusted root
// at the time of the packet. DER from the wire is hostile input: whatever OpenSSL cannot read gives an
// empty optional or Verify::not_checked, never an exception. Text is redacted (e-mail addresses).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/bytes.hpp"
#include "core/base/digest.hpp"
#include "core/base/redact.hpp"
#include "core/base/result.hpp"
#include "core/base/time.hpp"

namespace mxw::x509 {

struct Summary {
  std::string subject, issuer;  // RFC 2253 order and escaping, redacted
  std::string serial;           // hex octets with colons, as EVE writes them
  std::string sha1;             // fingerprint with colons
  Sha256 sha256{};              // of the DER
  Sha256 spki_sha256{};         // of SubjectPublicKeyInfo (RFC 7469 style, TLSA selector 1)
  Time not_before, not_after;
  std::vector<std::string> dns_names;  // subjectAltName dNSName, lower case, at most 100
  std::string common_name;             // last CN, only used when dns_names is empty
  bool self_issued = false;            // subject equals issuer
  bool self_signed = false;            // and the signature verifies with its own key
};

enum class Verify : std::uint8_t {
  not_checked, ok, untrusted, self_signed, expired, not_yet_valid,
};
[[nodiscard]] std::string_view verify_name(Verify verify);

// One Certificate message, read once. Immutable, shared between sessions.
struct Chain {
  std::vector<Summary> certificates;  // leaf first; those OpenSSL could read
  Sha256 sha256{};                    // of all DER, the key of the cache
  std::string issuer_spki;            // hex SHA-256 of the certificate above the leaf, or the leaf's own
                                      // when self-issued, else empty
  Verify trust = Verify::not_checked;  // ok, untrusted or self_signed; dates not considered
  Time valid_from, valid_until;  // intersection over the path built (over the chain when none was)

  // `trust` and the dates together.
  [[nodiscard]] Verify verify(Time at) const;
};

[[nodiscard]] std::optional<Summary> summarize(Bytes der, const Redactor& redactor);

// RFC 6125 as RFC 8461 section 4.2 asks: dNSName with `*` for the whole left-most label; the common name
// only when there is no dNSName.
[[nodiscard]] bool matches_host(const Summary& leaf, std::string_view host);

// TLSA association (RFC 6698 section 2.1) of one certificate.
[[nodiscard]] bool tlsa_matches(Bytes der, std::uint8_t selector, std::uint8_t matching, Bytes data);

// Trusted roots, and a bounded cache of chains already read (limits in the .cpp). One thread at a time.
class TrustStore {
 public:
  static Result<TrustStore> from_file(const std::string& pem_path);
  static Result<TrustStore> from_system();  // Debian's /etc/ssl/certs/ca-certificates.crt
  static TrustStore empty();                // every chain: not_checked
  TrustStore(TrustStore&&) noexcept;
  TrustStore& operator=(TrustStore&&) noexcept;
  ~TrustStore();

  [[nodiscard]] const std::string& sha256() const;  // hex, of the file; empty for empty()

  [[nodiscard]] std::shared_ptr<const Chain> read(
      const std::vector<std::vector<std::uint8_t>>& der_leaf_first, const Redactor& redactor);

 private:
  struct Impl;
  explicit TrustStore(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace mxw::x509
