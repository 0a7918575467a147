#include "tests/bench/chains.hpp"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <array>
#include <memory>

#include "core/base/check.hpp"
#include "tests/bench/wire.hpp"

namespace mxw::bench {
namespace {

template <auto Free>
struct Freer {
  template <typename T>
  void operator()(T* object) const {
    Free(object);
  }
};
using Key = std::unique_ptr<EVP_PKEY, Freer<EVP_PKEY_free>>;
using KeyContext = std::unique_ptr<EVP_PKEY_CTX, Freer<EVP_PKEY_CTX_free>>;
using Number = std::unique_ptr<BIGNUM, Freer<BN_free>>;
using Cert = std::unique_ptr<X509, Freer<X509_free>>;
using Params = std::unique_ptr<OSSL_PARAM, Freer<OSSL_PARAM_free>>;
using ParamsBuilder = std::unique_ptr<OSSL_PARAM_BLD, Freer<OSSL_PARAM_BLD_free>>;

constexpr std::size_t kIntermediates = 20;

Key signing_key(Random& random) {
  std::array<std::uint8_t, 32> secret;
  random.fill(secret);
  Key key(EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, secret.data(), secret.size()));
  MXW_CHECK(key != nullptr);
  return key;
}

Key public_key(const char* type, OSSL_PARAM_BLD* builder) {
  const Params params(OSSL_PARAM_BLD_to_param(builder));
  const KeyContext context(EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr));
  EVP_PKEY* key = nullptr;
  MXW_CHECK(EVP_PKEY_fromdata_init(context.get()) == 1);
  MXW_CHECK(EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, params.get()) == 1);
  return Key(key);
}

Key rsa_key(Random& random) {
  std::array<std::uint8_t, 256> octets;
  random.fill(octets);
  octets.front() |= 0x80;
  octets.back() |= 1;
  const Number modulus(BN_bin2bn(octets.data(), static_cast<int>(octets.size()), nullptr));
  const Number exponent(BN_new());
  const ParamsBuilder builder(OSSL_PARAM_BLD_new());
  MXW_CHECK(BN_set_word(exponent.get(), 65'537) == 1);
  MXW_CHECK(OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, modulus.get()) == 1);
  MXW_CHECK(OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, exponent.get()) == 1);
  return public_key("RSA", builder.get());
}

Key ec_key(Random& random) {
  const std::unique_ptr<EC_GROUP, Freer<EC_GROUP_free>> group(
      EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1));
  const std::unique_ptr<EC_POINT, Freer<EC_POINT_free>> point(EC_POINT_new(group.get()));
  std::array<std::uint8_t, 31> octets;  // below the order of the curve
  random.fill(octets);
  const Number secret(BN_bin2bn(octets.data(), static_cast<int>(octets.size()), nullptr));
  std::array<std::uint8_t, 65> open;  // uncompressed point
  MXW_CHECK(EC_POINT_mul(group.get(), point.get(), secret.get(), nullptr, nullptr, nullptr) == 1);
  MXW_CHECK(EC_POINT_point2oct(group.get(), point.get(), POINT_CONVERSION_UNCOMPRESSED, open.data(),
                               open.size(), nullptr) == open.size());
  const ParamsBuilder builder(OSSL_PARAM_BLD_new());
  MXW_CHECK(OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1",
                                            0) == 1);
  MXW_CHECK(OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, open.data(),
                                             open.size()) == 1);
  return public_key("EC", builder.get());
}

struct Authority {
  Cert certificate;
  Key key;
};

void add_extension(X509* certificate, int nid, const char* value) {
  const std::unique_ptr<X509_EXTENSION, Freer<X509_EXTENSION_free>> extension(
      X509V3_EXT_conf_nid(nullptr, nullptr, nid, value));
  MXW_CHECK(extension != nullptr);
  MXW_CHECK(X509_add_ext(certificate, extension.get(), -1) == 1);
}

Cert draft(const std::string& name, EVP_PKEY* key, std::uint64_t serial) {
  Cert certificate(X509_new());
  MXW_CHECK(X509_set_version(certificate.get(), X509_VERSION_3) == 1);
  MXW_CHECK(ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate.get()), serial) == 1);
  MXW_CHECK(ASN1_TIME_set_string_X509(X509_getm_notBefore(certificate.get()), "20261001000000Z"));
  MXW_CHECK(ASN1_TIME_set_string_X509(X509_getm_notAfter(certificate.get()), "20270331000000Z"));
  MXW_CHECK(X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate.get()), "CN", MBSTRING_ASC,
                                       reinterpret_cast<const unsigned char*>(name.data()),
                                       static_cast<int>(name.size()), -1, 0) == 1);
  MXW_CHECK(X509_set_pubkey(certificate.get(), key) == 1);
  return certificate;
}

void sign(X509* certificate, X509* issuer, EVP_PKEY* key) {
  MXW_CHECK(X509_set_issuer_name(certificate, X509_get_subject_name(issuer)) == 1);
  MXW_CHECK(X509_sign(certificate, key, nullptr) > 0);
}

Authority make_authority(const std::string& name, Random& random, const Authority* issuer) {
  Authority made{nullptr, signing_key(random)};
  made.certificate = draft(name, made.key.get(), random.next() >> 1);
  add_extension(made.certificate.get(), NID_basic_constraints, "critical,CA:TRUE");
  add_extension(made.certificate.get(), NID_key_usage, "critical,keyCertSign,cRLSign");
  const Authority& by = issuer != nullptr ? *issuer : made;
  sign(made.certificate.get(), by.certificate.get(), by.key.get());
  return made;
}

Cert make_leaf(std::size_t number, Random& random, const Authority& issuer) {
  const Key key = number % 2 == 0 ? ec_key(random) : rsa_key(random);
  Cert leaf = draft("mx1.example.org", key.get(), random.next() >> 1);
  add_extension(leaf.get(), NID_key_usage, "critical,digitalSignature");
  add_extension(leaf.get(), NID_ext_key_usage, "serverAuth");
  add_extension(leaf.get(), NID_basic_constraints, "critical,CA:FALSE");
  add_extension(leaf.get(), NID_subject_alt_name, "DNS:mx1.example.org,DNS:mx2.example.org");
  sign(leaf.get(), issuer.certificate.get(), issuer.key.get());
  return leaf;
}

std::vector<std::uint8_t> der_of(X509* certificate) {
  unsigned char* out = nullptr;
  const int length = i2d_X509(certificate, &out);
  MXW_CHECK(length > 0);
  std::vector<std::uint8_t> der(out, out + length);
  OPENSSL_free(out);
  return der;
}

std::vector<std::uint8_t> message_of(X509* leaf, X509* intermediate) {
  std::vector<std::uint8_t> list;
  for (X509* certificate : {leaf, intermediate}) {
    const std::vector<std::uint8_t> der = der_of(certificate);
    append(list, der.size(), 3);
    list.insert(list.end(), der.begin(), der.end());
  }
  std::vector<std::uint8_t> message;
  append(message, list.size(), 3);
  message.insert(message.end(), list.begin(), list.end());
  return message;
}

std::string pem_of(X509* certificate) {
  const std::unique_ptr<BIO, Freer<BIO_free>> bio(BIO_new(BIO_s_mem()));
  MXW_CHECK(PEM_write_bio_X509(bio.get(), certificate) == 1);
  char* text = nullptr;
  const long length = BIO_get_mem_data(bio.get(), &text);
  return {text, static_cast<std::size_t>(length)};
}

}  // namespace

Chains make_chains(std::size_t count, Random& random) {
  const Authority root = make_authority("mxwarden bench root", random, nullptr);
  std::vector<Authority> intermediates;
  for (std::size_t i = 0; i < kIntermediates; ++i)
    intermediates.push_back(
        make_authority("mxwarden bench intermediate " + std::to_string(i), random, &root));
  Chains chains;
  chains.root_pem = pem_of(root.certificate.get());
  for (std::size_t i = 0; i < count; ++i) {
    const Authority& issuer = intermediates[i % kIntermediates];
    const Cert leaf = make_leaf(i, random, issuer);
    chains.messages.push_back(message_of(leaf.get(), issuer.certificate.get()));
  }
  return chains;
}

}  // namespace mxw::bench
