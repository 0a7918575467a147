// Certificates made on the spot for tests: keys, names, dates and extensions as asked for.
#pragma once

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace mxw::test {

using Key = std::shared_ptr<EVP_PKEY>;
using Cert = std::shared_ptr<X509>;
using Octets = std::vector<std::uint8_t>;

inline Key ec_key() {
  return {EVP_EC_gen("P-256"), EVP_PKEY_free};
}
inline Key rsa_key(unsigned bits) {
  return {EVP_RSA_gen(bits), EVP_PKEY_free};
}

struct CertSpec {
  std::string common_name = "mx.example.net";
  std::string email;             // emailAddress of the subject, when not empty
  std::vector<std::string> dns;  // subjectAltName dNSName, any octets
  std::string san_email;         // subjectAltName rfc822Name
  bool ca = false;
  std::string extended_usage = "serverAuth";
  std::string not_before = "20250101000000Z", not_after = "20350101000000Z";
  long serial = 4242;
  const EVP_MD* digest = EVP_sha256();
};

inline void add_text(X509_NAME* name, const char* field, const std::string& value) {
  if (value.empty()) return;
  ASSERT_EQ(X509_NAME_add_entry_by_txt(name, field, MBSTRING_UTF8,
                                       reinterpret_cast<const unsigned char*>(value.data()),
                                       static_cast<int>(value.size()), -1, 0),
            1);
}

inline void add_extension(X509* certificate, int nid, const std::string& value) {
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, nullptr, nid, value.c_str());
  ASSERT_NE(extension, nullptr) << value;
  X509_add_ext(certificate, extension, -1);
  X509_EXTENSION_free(extension);
}

inline void add_alternative_names(X509* certificate, const CertSpec& spec) {
  GENERAL_NAMES* names = GENERAL_NAMES_new();
  const auto add = [&](int type, const std::string& value) {
    ASN1_IA5STRING* text = ASN1_IA5STRING_new();
    ASN1_STRING_set(text, value.data(), static_cast<int>(value.size()));
    GENERAL_NAME* name = GENERAL_NAME_new();
    GENERAL_NAME_set0_value(name, type, text);
    sk_GENERAL_NAME_push(names, name);
  };
  for (const std::string& dns : spec.dns) add(GEN_DNS, dns);
  if (!spec.san_email.empty()) add(GEN_EMAIL, spec.san_email);
  if (sk_GENERAL_NAME_num(names) > 0) {
    X509_add1_ext_i2d(certificate, NID_subject_alt_name, names, 0, 0);
  }
  GENERAL_NAMES_free(names);
}

// Signed by `issuer_key` under the issuer's name; self-signed when issuer is null.
inline Cert make_cert(const CertSpec& spec, const Key& key, const Cert& issuer = nullptr,
                      const Key& issuer_key = nullptr) {
  Cert certificate(X509_new(), X509_free);
  X509_set_version(certificate.get(), X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), spec.serial);
  ASN1_TIME_set_string_X509(X509_getm_notBefore(certificate.get()), spec.not_before.c_str());
  ASN1_TIME_set_string_X509(X509_getm_notAfter(certificate.get()), spec.not_after.c_str());
  X509_set_pubkey(certificate.get(), key.get());
  X509_NAME* name = X509_get_subject_name(certificate.get());
  add_text(name, "C", "XX");
  add_text(name, "O", "Example, Inc");
  add_text(name, "CN", spec.common_name);
  add_text(name, "emailAddress", spec.email);
  X509_set_issuer_name(certificate.get(), issuer ? X509_get_subject_name(issuer.get()) : name);
  add_alternative_names(certificate.get(), spec);
  add_extension(certificate.get(), NID_basic_constraints,
                spec.ca ? "critical,CA:TRUE" : "CA:FALSE");
  if (!spec.ca && !spec.extended_usage.empty()) {
    add_extension(certificate.get(), NID_ext_key_usage, spec.extended_usage);
  }
  EXPECT_GT(X509_sign(certificate.get(), (issuer_key ? issuer_key : key).get(), spec.digest), 0);
  return certificate;
}

inline Octets der_of(const Cert& certificate) {
  unsigned char* der = nullptr;
  const int length = i2d_X509(certificate.get(), &der);
  Octets out(der, der + length);
  OPENSSL_free(der);
  return out;
}

inline std::string pem_of(const std::vector<Cert>& certificates) {
  BIO* out = BIO_new(BIO_s_mem());
  for (const Cert& one : certificates) PEM_write_bio_X509(out, one.get());
  char* data = nullptr;
  const long length = BIO_get_mem_data(out, &data);
  std::string text(data, static_cast<std::size_t>(length));
  BIO_free(out);
  return text;
}

}  // namespace mxw::test
