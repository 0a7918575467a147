#include "core/dkim/verify.hpp"

#include <openssl/x509.h>

#include <algorithm>
#include <deque>

#include "core/base/ascii.hpp"
#include "core/dkim/key_record.hpp"
#include "core/dkim/message.hpp"
#include "core/dkim/openssl.hpp"
#include "core/dkim/signature_field.hpp"

namespace mxw::dkim {
namespace {

constexpr int kVerifyingRsaBits = 1'024;  // RFC 8301 section 3.2

// The body is hashed once for all signatures that want it in the same way.
class BodyHashes {
 public:
  struct Hash {
    Form form = Form::simple;
    std::size_t length = 0;  // asked for
    std::size_t size = 0;    // there is
    Sha256 value{};
  };

  explicit BodyHashes(std::string_view body) : body_(body) {}

  const Hash& of(Form form, std::size_t length) {
    for (const Hash& hash : hashes_) {
      if (hash.form == form && hash.length == length) return hash;
    }
    Hash& hash = hashes_.emplace_back();
    hash.form = form;
    hash.length = length;
    hash.value = body_hash(body_, form, length, &hash.size);
    return hash;
  }

 private:
  std::string_view body_;
  std::deque<Hash> hashes_;
};

struct Finding {
  Status status = Status::permerror;
  std::string_view reason;
};

std::string with_line_ends(std::string_view message) {
  std::string out;
  for (const char c : message) {
    if (c == '\n') out += '\r';
    out += c;
  }
  return out;
}

// The message as it went over the wire; `kept` holds it where it had to be changed.
std::string_view on_the_wire(std::string_view message, std::string& kept) {
  const bool of_a_file = message.size() <= kMessageBytes &&
                         message.find("\r\n") == std::string_view::npos &&
                         message.find('\n') != std::string_view::npos;
  if (!of_a_file) return message;
  kept = with_line_ends(message);
  return kept;
}

std::vector<const Field*> signatures_of(const Message& message) {
  std::vector<const Field*> out;
  for (const Field& field : message.fields) {
    if (ascii::iequals(field.name, "dkim-signature")) out.push_back(&field);
  }
  return out;
}

// RFC 6376 asks for a SubjectPublicKeyInfo; its own section 3.6.1 once said RSAPublicKey, which
// verifiers take, too.
KeyPtr rsa_key(const std::vector<std::uint8_t>& octets) {
  const unsigned char* at = octets.data();
  const auto size = static_cast<long>(octets.size());
  KeyPtr key(d2i_PUBKEY(nullptr, &at, size));
  if (key) return EVP_PKEY_get_base_id(key.get()) == EVP_PKEY_RSA ? std::move(key) : nullptr;
  at = octets.data();
  return KeyPtr(d2i_PublicKey(EVP_PKEY_RSA, nullptr, &at, size));
}

bool signature_holds(EVP_PKEY* key, const EVP_MD* digest, Bytes signature, Bytes octets) {
  const DigestPtr context(EVP_MD_CTX_new());
  return context && EVP_DigestVerifyInit(context.get(), nullptr, digest, nullptr, key) == 1 &&
         EVP_DigestVerify(context.get(), signature.data(), signature.size(), octets.data(),
                          octets.size()) == 1;
}

Finding check_rsa(const KeyRecord& record, const SignatureField& field, Bytes octets) {
  const KeyPtr key = rsa_key(record.key);
  if (!key) return {Status::permerror, "key-value"};
  const int bits = EVP_PKEY_get_bits(key.get());
  if (bits < kVerifyingRsaBits || bits > kRsaBitsMost) return {Status::permerror, "key-size"};
  const bool holds = signature_holds(key.get(), EVP_sha256(), field.signature, octets);
  return holds ? Finding{Status::pass, {}} : Finding{Status::fail, "signature"};
}

// RFC 8463 section 3: what is signed by Ed25519 is the SHA-256 of the octets.
Finding check_ed25519(const KeyRecord& record, const SignatureField& field, Bytes octets) {
  const KeyPtr key(
      EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, record.key.data(), record.key.size()));
  if (!key) return {Status::permerror, "key-value"};
  const bool holds = signature_holds(key.get(), nullptr, field.signature, sha256(octets));
  return holds ? Finding{Status::pass, {}} : Finding{Status::fail, "signature"};
}

// The one key of an answer. Records of another kind at the name are passed over.
std::expected<KeyRecord, Finding> key_of(const KeyAnswer& answer) {
  if (answer.records.empty()) return std::unexpected(Finding{Status::no_key, "no-key"});
  std::vector<KeyRecord> keys;
  std::string_view reason;
  for (const std::string& text : answer.records) {
    auto record = parse_key_record(text);
    if (record) {
      keys.push_back(std::move(*record));
    } else if (reason.empty()) {
      reason = record.error();
    }
  }
  if (keys.empty()) return std::unexpected(Finding{Status::permerror, reason});
  if (keys.size() > 1) return std::unexpected(Finding{Status::permerror, "several-keys"});
  if (keys[0].key.empty()) return std::unexpected(Finding{Status::no_key, "revoked"});
  return std::move(keys[0]);
}

Finding check_by_key(const Message& message, BodyHashes& bodies, const SignatureField& field,
                     const KeyRecord& record) {
  const bool rsa = field.algorithm == Algorithm::rsa_sha256;
  if (rsa != (record.type == KeyRecord::Type::rsa)) return {Status::permerror, "key-type"};
  if (!record.sha256) return {Status::permerror, "key-hash"};
  if (record.same_domain && field.identity_below) return {Status::permerror, "identity"};
  const std::size_t length =
      field.length ? static_cast<std::size_t>(*field.length) : std::string_view::npos;
  const BodyHashes::Hash& hash = bodies.of(field.body, length);
  if (field.length && *field.length > hash.size) return {Status::permerror, "length"};
  if (!std::ranges::equal(hash.value, field.body_hash)) return {Status::fail, "body-hash"};
  const std::string octets = signed_octets(message, field.names, field.header, field.unsigned_raw);
  return rsa ? check_rsa(record, field, as_bytes(octets))
             : check_ed25519(record, field, as_bytes(octets));
}

bool names(const SignatureField& field, std::string_view wanted) {
  return std::ranges::any_of(
      field.names, [wanted](const std::string& name) { return ascii::iequals(name, wanted); });
}

Finding judge(const Message& message, BodyHashes& bodies, const SignatureField& field,
              const KeyLookup& keys, Time now, Signature& out) {
  if (!field.reason.empty()) return {Status::permerror, field.reason};
  if (field.expires && now.ns / kSecond > static_cast<std::int64_t>(*field.expires))
    return {Status::fail, "expired"};
  const KeyAnswer answer = keys(key_name(field.selector, field.domain));
  out.unavailable = !answer.known;
  if (!answer.known) return {Status::no_key, "unavailable"};
  const auto record = key_of(answer);
  if (!record) return record.error();
  out.testing = record->testing;
  out.key_for_tlsrpt = record->for_tlsrpt;
  return check_by_key(message, bodies, field, *record);
}

Signature check(const Message& message, BodyHashes& bodies, const Field& raw, const KeyLookup& keys,
                Time now) {
  const SignatureField field = read_signature(raw.raw);
  Signature out;
  out.domain = field.domain;
  out.selector = field.selector;
  out.algorithm = field.algorithm_text;
  out.length = field.length.has_value();
  out.covers_report = names(field, "tls-report-domain") && names(field, "tls-report-submitter");
  const Finding finding = judge(message, bodies, field, keys, now, out);
  out.status = finding.status;
  out.reason = finding.reason;
  return out;
}

}  // namespace

std::string_view status_name(Status status) {
  switch (status) {
    case Status::none:
      return "none";
    case Status::permerror:
      return "permerror";
    case Status::no_key:
      return "no-key";
    case Status::fail:
      return "fail";
    case Status::pass:
      return "pass";
  }
  return "none";
}

bool good_for_report(const Signature& signature) {
  return signature.status == Status::pass && !signature.length && !signature.testing &&
         signature.key_for_tlsrpt;
}

std::string key_name(std::string_view selector, std::string_view domain) {
  return ascii::to_lower(selector) + "._domainkey." + ascii::to_lower(domain);
}

std::vector<std::string> key_names(std::string_view message) {
  std::string kept;
  Message parts;
  std::vector<std::string> out;
  if (!split(on_the_wire(message, kept), parts)) return out;
  const auto fields = signatures_of(parts);
  for (std::size_t i = 0; i < std::min(fields.size(), kSignatures); ++i) {
    const SignatureField field = read_signature(fields[i]->raw);
    if (!field.reason.empty()) continue;
    const std::string name = key_name(field.selector, field.domain);
    if (std::ranges::find(out, name) == out.end()) out.push_back(name);
  }
  return out;
}

Verification verify(std::string_view message, const KeyLookup& keys, Time now) {
  const ErrorQueueGuard errors;
  std::string kept;
  Message parts;
  Verification out;
  out.too_large = !split(on_the_wire(message, kept), parts);
  if (out.too_large) return out;
  BodyHashes bodies(parts.body);
  const auto fields = signatures_of(parts);
  const std::size_t judged = std::min(fields.size(), kSignatures);
  out.passed_over = fields.size() - judged;
  for (std::size_t i = 0; i < judged; ++i) {
    out.signatures.push_back(check(parts, bodies, *fields[i], keys, now));
    out.status = std::max(out.status, out.signatures.back().status);
  }
  return out;
}

}  // namespace mxw::dkim
