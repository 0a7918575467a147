#include "core/x509/certificate.hpp"

#include <algorithm>
#include <ctime>
#include <limits>

#include "core/base/ascii.hpp"
#include "core/base/limits.hpp"
#include "core/x509/openssl.hpp"

namespace mxw::x509 {
namespace {

// A distinguished name is short (RFC 5280 appendix A: at most 200 octets a value); a longer text
// comes from somebody who wants it kept many times.
constexpr std::size_t kNameText = 2'048;
constexpr std::size_t kDnsNames = 100;     // as the header says; Let's Encrypt issues no more
constexpr std::size_t kSerialOctets = 64;  // RFC 5280 section 4.1.2.2 allows 20

std::string with_colons(Bytes octets, std::string_view digits) {
  std::string out;
  out.reserve(octets.size() * 3);
  for (const std::uint8_t octet : octets) {
    if (!out.empty()) out += ':';
    out += digits[octet >> 4];
    out += digits[octet & 15];
  }
  return out;
}

// A name as evidence and as something to compare: an octet that cannot stand in a host name (NUL,
// control, above ASCII) becomes `\xx`, which no host name contains, so it never matches.
std::string printable_name(Bytes octets) {
  std::string out;
  for (const std::uint8_t octet : octets) {
    if (octet >= 0x20 && octet < 0x7f && octet != '\\') {
      out += ascii::lower(static_cast<char>(octet));
    } else {
      out += '\\' + hex(Bytes(&octet, 1));
    }
  }
  return out;
}

Bytes octets_of(const ASN1_STRING* text) {
  const int length = ASN1_STRING_length(text);
  return {ASN1_STRING_get0_data(text), length > 0 ? static_cast<std::size_t>(length) : 0};
}

std::string name_text(const X509_NAME* name, const Redactor& redactor) {
  const BioPtr out(BIO_new(BIO_s_mem()));
  if (!out || X509_NAME_print_ex(out.get(), name, 0, XN_FLAG_RFC2253) < 0) return {};
  char* data = nullptr;
  const long length = BIO_get_mem_data(out.get(), &data);
  if (length <= 0) return {};
  const std::string_view text(data, static_cast<std::size_t>(length));
  return redactor.text(text.substr(0, kNameText));
}

std::string serial_text(const X509* certificate) {
  // The content octets of the INTEGER with their leading zero, as Suricata prints them.
  unsigned char* der = nullptr;
  const int length = i2d_ASN1_INTEGER(X509_get0_serialNumber(certificate), &der);
  if (length <= 2) return {};
  const OctetsPtr owned(der);
  const std::size_t size = static_cast<std::size_t>(length);
  const std::size_t header = der[1] < 0x80 ? 2 : 2u + (der[1] & 0x7fu);
  if (header >= size) return {};
  const Bytes content = Bytes(der, size).subspan(header);
  return with_colons(content.first(std::min(content.size(), kSerialOctets)), "0123456789ABCDEF");
}

// Fills dns_names. False when the certificate has a dNSName, or may have one that cannot be read:
// then the common name must not stand in for it.
bool read_alternative_names(const X509* certificate, const Redactor& redactor, Summary& out) {
  int critical = 0;
  const NamesPtr names(static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate, NID_subject_alt_name, &critical, nullptr)));
  constexpr int kNoSuchExtension = -1;
  if (!names) return critical == kNoSuchExtension;
  bool without_dns_name = true;
  for (int i = 0; i < sk_GENERAL_NAME_num(names.get()) && out.dns_names.size() < kDnsNames; ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names.get(), i);
    if (name->type != GEN_DNS) continue;
    without_dns_name = false;
    const Bytes octets = octets_of(name->d.dNSName);
    if (octets.size() > limits::kDnsNameBytes) continue;
    out.dns_names.push_back(redactor.text(printable_name(octets)));
  }
  return without_dns_name;
}

std::string last_common_name(const X509_NAME* subject, const Redactor& redactor) {
  int last = -1;
  for (int at = -1; (at = X509_NAME_get_index_by_NID(subject, NID_commonName, at)) >= 0;) last = at;
  if (last < 0) return {};
  unsigned char* utf8 = nullptr;
  const int length =
      ASN1_STRING_to_UTF8(&utf8, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, last)));
  if (length < 0) return {};
  const OctetsPtr owned(utf8);
  if (static_cast<std::size_t>(length) > limits::kDnsNameBytes) return {};
  return redactor.text(printable_name(Bytes(utf8, static_cast<std::size_t>(length))));
}

bool self_signed(X509* certificate) {
  EVP_PKEY* key = X509_get0_pubkey(certificate);
  return key != nullptr && X509_verify(certificate, key) == 1;
}

}  // namespace

CertPtr parse_der(Bytes der) {
  if (der.empty() || der.size() > limits::kTlsHandshakeBytes) return nullptr;
  const std::uint8_t* at = der.data();
  CertPtr certificate(d2i_X509(nullptr, &at, static_cast<long>(der.size())));
  if (at != der.data() + der.size()) return nullptr;
  return certificate;
}

std::optional<Time> time_of(const ASN1_TIME* value) {
  std::tm fields{};
  if (value == nullptr || ASN1_TIME_to_tm(value, &fields) != 1) return std::nullopt;
  const std::int64_t seconds = timegm(&fields);
  constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max() / kSecond;
  return Time{std::clamp(seconds, -kMax, kMax) * kSecond};
}

std::vector<std::uint8_t> spki_der(X509* certificate) {
  unsigned char* der = nullptr;
  const int length = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &der);
  if (length <= 0) return {};
  const OctetsPtr owned(der);
  return {der, der + length};
}

std::string_view verify_name(Verify verify) {
  switch (verify) {
    case Verify::not_checked:
      return "not_checked";
    case Verify::ok:
      return "ok";
    case Verify::untrusted:
      return "untrusted";
    case Verify::self_signed:
      return "self_signed";
    case Verify::expired:
      return "expired";
    case Verify::not_yet_valid:
      return "not_yet_valid";
  }
  return "not_checked";
}

Verify Chain::verify(Time at) const {
  if (trust != Verify::ok) return trust;
  if (at < valid_from) return Verify::not_yet_valid;
  if (at > valid_until) return Verify::expired;
  return Verify::ok;
}

std::optional<Summary> summarize(Bytes der, const Redactor& redactor) {
  const ErrorQueueGuard guard;
  const CertPtr certificate = parse_der(der);
  if (!certificate) return std::nullopt;
  const std::optional<Time> not_before = time_of(X509_get0_notBefore(certificate.get()));
  const std::optional<Time> not_after = time_of(X509_get0_notAfter(certificate.get()));
  const std::vector<std::uint8_t> spki = spki_der(certificate.get());
  if (!not_before || !not_after || spki.empty()) return std::nullopt;

  Summary out;
  const X509_NAME* subject = X509_get_subject_name(certificate.get());
  const X509_NAME* issuer = X509_get_issuer_name(certificate.get());
  out.subject = name_text(subject, redactor);
  out.issuer = name_text(issuer, redactor);
  out.serial = serial_text(certificate.get());
  out.sha1 = with_colons(sha1(der), "0123456789abcdef");
  out.sha256 = sha256(der);
  out.spki_sha256 = sha256(spki);
  out.not_before = *not_before;
  out.not_after = *not_after;
  const bool may_use_common_name = read_alternative_names(certificate.get(), redactor, out);
  if (may_use_common_name) out.common_name = last_common_name(subject, redactor);
  out.self_issued = X509_NAME_cmp(subject, issuer) == 0;
  out.self_signed = out.self_issued && self_signed(certificate.get());
  return out;
}

}  // namespace mxw::x509
