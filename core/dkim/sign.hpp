// DKIM signatures of our own mail (RFC 6376, RFC 8301, RFC 8463): relaxed/relaxed, never with l=.
//
// The same message, key and request give the same octets: both algorithms are deterministic, and
// the time is the caller's. A SigningKey holds a private key; it is moved, never copied.
// Thread-safe once made.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.hpp"
#include "core/base/time.hpp"

namespace mxw::dkim {

enum class Algorithm : std::uint8_t { rsa_sha256, ed25519_sha256 };
[[nodiscard]] std::string_view algorithm_name(Algorithm algorithm);  // the word of a=

// RFC 8301 section 3.2: signers use at least 1024 bits and should use 2048; ours must. Larger than
// 4096 need not be verifiable by anybody.
inline constexpr int kSigningRsaBits = 2'048;
inline constexpr int kRsaBitsMost = 4'096;

struct SignRequest;

class SigningKey {
 public:
  // The first private key of a PEM text, not encrypted. Error (usage) names what is wrong with it:
  // unreadable, neither RSA nor Ed25519, RSA of under kSigningRsaBits or over kRsaBitsMost.
  [[nodiscard]] static Result<SigningKey> from_pem(std::string_view pem);
  ~SigningKey();
  SigningKey(SigningKey&&) noexcept;
  SigningKey& operator=(SigningKey&&) noexcept;

  [[nodiscard]] Algorithm algorithm() const;
  // What the TXT record at SELECTOR._domainkey.DOMAIN has to hold, with s=tlsrpt (RFC 8460
  // section 3).
  [[nodiscard]] std::string record() const;

 private:
  friend Result<std::string> sign(const SigningKey&, const SignRequest&, std::string_view);
  struct Key;
  explicit SigningKey(std::unique_ptr<Key> key);
  std::unique_ptr<Key> key_;
};

struct SignRequest {
  std::string domain;    // d=, an A-label
  std::string selector;  // s=
  Time at;               // t=
  // h= in this order; a field that is not there, or not so often, is signed as absent.
  std::vector<std::string> headers;
};

// What report mail is signed over (semantics 8): From twice, so that no second one can be added.
[[nodiscard]] std::vector<std::string> report_headers();

// The field `DKIM-Signature: ...` with its final CRLF, to be put before `message`, whose lines end
// with CRLF. Error (environment) when OpenSSL fails, (usage) for a message without From or beyond
// the limits of core/dkim/message.hpp.
[[nodiscard]] Result<std::string> sign(const SigningKey& key, const SignRequest& request,
                                       std::string_view message);

}  // namespace mxw::dkim
