#include "core/dkim/sign.hpp"

#include <openssl/pem.h>
#include <openssl/x509.h>

#include <algorithm>
#include <utility>

#include "core/base/ascii.hpp"
#include "core/base/digest.hpp"
#include "core/dkim/message.hpp"
#include "core/dkim/openssl.hpp"
#include "core/dkim/self_test.hpp"
#include "core/dkim/signature_field.hpp"

namespace mxw::dkim {
namespace {

constexpr std::size_t kLine = 72;  // of folded lines, below the 78 of RFC 5322 section 2.1.1

// No prompt: an encrypted key is an error, not a question.
int no_passphrase(char* /*buffer*/, int /*size*/, int /*writing*/, void* /*user*/) {
  return -1;
}

std::vector<std::uint8_t> sign_octets(EVP_PKEY* key, const EVP_MD* digest, Bytes octets) {
  const DigestPtr context(EVP_MD_CTX_new());
  std::size_t size = 0;
  if (!context || EVP_DigestSignInit(context.get(), nullptr, digest, nullptr, key) != 1 ||
      EVP_DigestSign(context.get(), nullptr, &size, octets.data(), octets.size()) != 1)
    return {};
  std::vector<std::uint8_t> out(size);
  if (EVP_DigestSign(context.get(), out.data(), &size, octets.data(), octets.size()) != 1)
    return {};
  out.resize(size);
  return out;
}

// `h=From:To:...`, folded between names.
std::string folded_names(const std::vector<std::string>& names) {
  std::string out = "h=";
  std::size_t line = out.size();
  for (std::size_t i = 0; i < names.size(); ++i) {
    const std::string piece = names[i] + (i + 1 < names.size() ? ":" : ";");
    if (line + piece.size() > kLine) {
      out += "\r\n\t ";
      line = 0;
    }
    out += piece;
    line += piece.size();
  }
  return out;
}

std::string folded(std::string_view base64) {
  std::string out;
  for (std::size_t at = 0; at < base64.size(); at += kLine) {
    if (at > 0) out += "\r\n\t ";
    out += base64.substr(at, kLine);
  }
  return out;
}

}  // namespace

std::string_view algorithm_name(Algorithm algorithm) {
  return algorithm == Algorithm::rsa_sha256 ? "rsa-sha256" : "ed25519-sha256";
}

struct SigningKey::Key {
  KeyPtr pkey;
  Algorithm algorithm = Algorithm::rsa_sha256;
};

SigningKey::SigningKey(std::unique_ptr<Key> key) : key_(std::move(key)) {}
SigningKey::~SigningKey() = default;
SigningKey::SigningKey(SigningKey&&) noexcept = default;
SigningKey& SigningKey::operator=(SigningKey&&) noexcept = default;

Result<SigningKey> SigningKey::from_pem(std::string_view pem) {
  const ErrorQueueGuard errors;
  const BioPtr in(BIO_new_mem_buf(pem.data(), static_cast<int>(std::min(pem.size(), 1UL << 20))));
  auto key = std::make_unique<Key>();
  if (in) key->pkey.reset(PEM_read_bio_PrivateKey(in.get(), nullptr, no_passphrase, nullptr));
  if (!key->pkey) return fail(ErrorKind::usage, "no private key in PEM that is not encrypted");
  switch (EVP_PKEY_get_base_id(key->pkey.get())) {
    case EVP_PKEY_ED25519:
      key->algorithm = Algorithm::ed25519_sha256;
      break;
    case EVP_PKEY_RSA: {
      const int bits = EVP_PKEY_get_bits(key->pkey.get());
      if (bits < kSigningRsaBits || bits > kRsaBitsMost)
        return fail(ErrorKind::usage, "an RSA key of " + std::to_string(bits) +
                                          " bits; DKIM needs 2048 to 4096 here");
      break;
    }
    default:
      return fail(ErrorKind::usage, "a key that is neither RSA nor Ed25519");
  }
  return SigningKey(std::move(key));
}

Algorithm SigningKey::algorithm() const {
  return key_->algorithm;
}

std::string SigningKey::record() const {
  const ErrorQueueGuard errors;
  std::vector<std::uint8_t> octets;
  if (key_->algorithm == Algorithm::ed25519_sha256) {
    std::size_t size = 32;
    octets.resize(size);
    EVP_PKEY_get_raw_public_key(key_->pkey.get(), octets.data(), &size);
  } else {
    unsigned char* der = nullptr;
    const int size = i2d_PUBKEY(key_->pkey.get(), &der);
    if (size > 0) octets.assign(der, der + size);
    OPENSSL_free(der);
  }
  const bool rsa = key_->algorithm == Algorithm::rsa_sha256;
  return std::string("v=DKIM1; k=") + (rsa ? "rsa" : "ed25519") +
         "; h=sha256; s=tlsrpt; p=" + base64(octets);
}

std::vector<std::string> report_headers() {
  return {
      "From",        "From",         "To",           "Subject",           "Date",
      "Message-ID",  "MIME-Version", "Content-Type", "TLS-Report-Domain", "TLS-Report-Submitter",
      "TLS-Required"};
}

Result<std::string> sign(const SigningKey& key, const SignRequest& request, std::string_view text) {
  const ErrorQueueGuard errors;
  Message message;
  if (!split(text, message)) return fail(ErrorKind::usage, "a message too large to be signed");
  const auto is_from = [](std::string_view name) { return ascii::iequals(name, "from"); };
  if (std::ranges::none_of(message.fields, is_from, &Field::name) ||
      std::ranges::none_of(request.headers, is_from))
    return fail(ErrorKind::usage, "a message without From cannot be signed");
  const std::string field =
      "DKIM-Signature: v=1; a=" + std::string(algorithm_name(key.algorithm())) +
      "; c=relaxed/relaxed;\r\n\td=" + request.domain + ";\r\n\ts=" + request.selector +
      "; t=" + std::to_string(request.at.ns / kSecond) + ";\r\n\t" + folded_names(request.headers) +
      "\r\n\tbh=" + base64(body_hash(message.body, Form::relaxed)) + ";\r\n\tb=";
  const std::string octets = signed_octets(message, request.headers, Form::relaxed, field + "\r\n");
  const bool rsa = key.algorithm() == Algorithm::rsa_sha256;
  const auto signature = rsa ? sign_octets(key.key_->pkey.get(), EVP_sha256(), as_bytes(octets))
                             : sign_octets(key.key_->pkey.get(), nullptr, sha256(as_bytes(octets)));
  if (signature.empty()) return fail(ErrorKind::environment, "OpenSSL does not sign");
  return field + folded(base64(signature)) + "\r\n";
}

Result<void> self_test(const SigningKey& key, const std::string& domain,
                       const std::string& selector, const KeyAnswer& answer, Time now) {
  const std::string name = key_name(selector, domain);
  const std::string message = "From: <self-test@" + domain + ">\r\nTLS-Report-Domain: " + domain +
                              "\r\nTLS-Report-Submitter: " + domain + "\r\n\r\nself-test\r\n";
  const auto field =
      sign(key, {.domain = domain, .selector = selector, .at = now, .headers = report_headers()},
           message);
  if (!field) return std::unexpected(field.error());
  const Verification result =
      verify(*field + message, [&answer](const std::string&) { return answer; }, now);
  const Signature& own = result.signatures.front();
  if (own.unavailable)
    return fail(ErrorKind::environment, "the key record at " + name + " cannot be looked up");
  if (own.status != Status::pass)
    return fail(ErrorKind::usage, "our signatures do not verify by the key record at " + name +
                                      ": " + std::string(own.reason));
  if (own.testing) return fail(ErrorKind::usage, "the key record at " + name + " is in test mode");
  if (!own.key_for_tlsrpt)
    return fail(ErrorKind::usage, "the key record at " + name + " is not for tlsrpt (s=)");
  return {};
}

}  // namespace mxw::dkim
