// Keys and messages of the DKIM tests.
#pragma once

#include <gtest/gtest.h>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/dkim/self_test.hpp"
#include "core/dkim/sign.hpp"
#include "core/dkim/verify.hpp"

namespace mxw::dkim::test {

using Evp = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;

inline std::string pem_of(EVP_PKEY* key) {
  const std::unique_ptr<BIO, decltype(&BIO_free)> out(BIO_new(BIO_s_mem()), BIO_free);
  PEM_write_bio_PrivateKey(out.get(), key, nullptr, nullptr, 0, nullptr, nullptr);
  char* data = nullptr;
  const long size = BIO_get_mem_data(out.get(), &data);
  return {data, static_cast<std::size_t>(size)};
}

inline std::string rsa_pem(unsigned bits) {
  return pem_of(Evp(EVP_RSA_gen(bits), EVP_PKEY_free).get());
}
inline std::string ed25519_pem() {
  return pem_of(Evp(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"), EVP_PKEY_free).get());
}

inline std::vector<std::uint8_t> rsa_public(unsigned bits) {
  const Evp key(EVP_RSA_gen(bits), EVP_PKEY_free);
  unsigned char* der = nullptr;
  const int size = i2d_PUBKEY(key.get(), &der);
  std::vector<std::uint8_t> out(der, der + size);
  OPENSSL_free(der);
  return out;
}

// Made once: an RSA key takes a tenth of a second.
inline const std::string& rsa_2048() {
  static const std::string pem = rsa_pem(2'048);
  return pem;
}

inline const Time kNow{1'795'000'000 * kSecond};

inline const std::string kReport =
    "From: Example Reports <tlsrpt@reports.example.net>\r\n"
    "To: <tls@example.org>\r\n"
    "Subject: Report Domain: example.org Submitter: reports.example.net\r\n"
    " Report-ID: <20261118.example.org.0a1b2c3d@reports.example.net>\r\n"
    "Date: Thu, 19 Nov 2026 01:02:03 +0000\r\n"
    "Message-ID: <20261118.example.org.0a1b2c3d@reports.example.net>\r\n"
    "MIME-Version: 1.0\r\n"
    "Content-Type: multipart/report; report-type=\"tlsrpt\"; boundary=\"b\"\r\n"
    "TLS-Report-Domain: example.org\r\n"
    "TLS-Report-Submitter: reports.example.net\r\n"
    "TLS-Required: No\r\n"
    "\r\n"
    "--b\r\n"
    "Content-Type: text/plain\r\n"
    "\r\n"
    "  A report. \t\r\n"
    "\r\n"
    "--b--\r\n"
    "\r\n";

inline SignRequest request() {
  return {.domain = "reports.example.net",
          .selector = "s2026",
          .at = kNow,
          .headers = report_headers()};
}

inline KeyLookup gives(std::string record) {
  return [record = std::move(record)](const std::string&) {
    return KeyAnswer{.known = true, .records = {record}};
  };
}

inline std::string replaced(std::string text, std::string_view from, std::string_view to) {
  const std::size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  if (at != std::string::npos) text.replace(at, from.size(), to);
  return text;
}

}  // namespace mxw::dkim::test
