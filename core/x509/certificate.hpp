// Certificates by OpenSSL: what a chain says, whether it names a host, whether it led to a trusted
// root at the time of the packet. DER from the wire is hostile input: whatever OpenSSL cannot read
// gives an empty optional or Verify::not_checked, never an exception. Text is redacted (e-mail
// addresses).
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
  std::string common_name;   // last CN, lower case; empty when there is a dNSName, readable or not
  bool self_issued = false;  // subject equals issuer
  bool self_signed = false;  // and the signature verifies with its own key
};

enum class Verify : std::uint8_t {
  not_checked,
  ok,
  untrusted,
  self_signed,
  expired,
  not_yet_valid,
};
[[nodiscard]] std::string_view verify_name(Verify verify);

// One Certificate message, read once. Immutable, shared between sessions.
struct Chain {
  // Leaf first; those OpenSSL could read, but none at all when the leaf is not among them.
  std::vector<Summary> certificates;
  Sha256 sha256{};  // of all DER, the key of the cache
  // Hex SHA-256 of the key that signed the leaf, when a presented or trusted certificate holds it
  // (the signature is checked: a stranger's certificate sent along proves nothing); the leaf's own
  // key when self-issued; else empty.
  std::string issuer_spki;
  Verify trust = Verify::not_checked;  // ok, untrusted or self_signed; dates not considered
  Time valid_from, valid_until;  // intersection over the path built (over the chain when none was)

  // `trust`, and when that is ok the dates.
  [[nodiscard]] Verify verify(Time at) const;
};

[[nodiscard]] std::optional<Summary> summarize(Bytes der, const Redactor& redactor);

// RFC 6125 as RFC 8461 section 4.2 asks: dNSName with `*` for the whole left-most label, which
// stands for exactly one; the common name only when there is no dNSName. A final dot is ignored; an
// address literal never matches.
[[nodiscard]] bool matches_host(const Summary& leaf, std::string_view host);

// TLSA association (RFC 6698 section 2.1) of one certificate. False for selectors and matching
// types other than those of the RFC, and for data of the wrong length.
[[nodiscard]] bool tlsa_matches(Bytes der, std::uint8_t selector, std::uint8_t matching,
                                Bytes data);

// Trusted roots, and a bounded cache of chains already read (limits in the .cpp). One thread at a
// time. Verification asks only whether a path leads to a root: no network, no revocation, no dates,
// and any key size or digest the library still reads.
class TrustStore {
 public:
  // Error (usage) when the file cannot be read, holds no certificate or a damaged one.
  static Result<TrustStore> from_file(const std::string& pem_path);
  static Result<TrustStore> from_system();  // Debian's /etc/ssl/certs/ca-certificates.crt
  static TrustStore empty();                // every chain: not_checked
  TrustStore(TrustStore&&) noexcept;
  TrustStore& operator=(TrustStore&&) noexcept;
  ~TrustStore();

  [[nodiscard]] const std::string& sha256() const;  // hex, of the file; empty for empty()

  // Never null. REQUIRES: the same redactor at every call, since summaries are kept redacted.
  [[nodiscard]] std::shared_ptr<const Chain> read(
      const std::vector<std::vector<std::uint8_t>>& der_leaf_first, const Redactor& redactor);

 private:
  struct Impl;
  explicit TrustStore(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace mxw::x509
