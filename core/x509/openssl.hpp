// The few OpenSSL objects of core/x509 as owning pointers. Private to core/x509.
#pragma once

#include <openssl/asn1.h>
#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <memory>
#include <optional>
#include <vector>

#include "core/base/bytes.hpp"
#include "core/base/time.hpp"

namespace mxw::x509 {

template <auto kFree>
struct Free {
  template <typename T>
  void operator()(T* object) const {
    kFree(object);
  }
};

using BioPtr = std::unique_ptr<BIO, Free<BIO_free>>;
using CertPtr = std::unique_ptr<X509, Free<X509_free>>;
using OctetsPtr = std::unique_ptr<unsigned char, Free<[](void* memory) { OPENSSL_free(memory); }>>;
using NamesPtr = std::unique_ptr<GENERAL_NAMES, Free<GENERAL_NAMES_free>>;
using StorePtr = std::unique_ptr<X509_STORE, Free<X509_STORE_free>>;
using StoreContextPtr = std::unique_ptr<X509_STORE_CTX, Free<X509_STORE_CTX_free>>;

// OpenSSL leaves what it could not read on the thread's error queue, where the next caller would
// take it for its own failure.
class ErrorQueueGuard {
 public:
  ErrorQueueGuard() { ERR_set_mark(); }
  ~ErrorQueueGuard() { ERR_pop_to_mark(); }
  ErrorQueueGuard(const ErrorQueueGuard&) = delete;
  ErrorQueueGuard& operator=(const ErrorQueueGuard&) = delete;
};

// One certificate that fills `der` exactly; null when it does not, or is larger than any handshake.
[[nodiscard]] CertPtr parse_der(Bytes der);

// Empty when it is no time; what Time cannot hold (before 1678, after 2261) is clamped.
[[nodiscard]] std::optional<Time> time_of(const ASN1_TIME* value);

// SubjectPublicKeyInfo as DER; empty when OpenSSL cannot write it.
[[nodiscard]] std::vector<std::uint8_t> spki_der(X509* certificate);

}  // namespace mxw::x509
