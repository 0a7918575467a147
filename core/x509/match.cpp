// Does a certificate stand for a host name (RFC 6125), or for a TLSA record (RFC 6698)?
#include <openssl/evp.h>

#include <algorithm>
#include <array>

#include "core/base/ascii.hpp"
#include "core/base/ip.hpp"
#include "core/x509/certificate.hpp"
#include "core/x509/openssl.hpp"

namespace mxw::x509 {
namespace {

std::string_view without_final_dot(std::string_view name) {
  if (name.ends_with('.')) name.remove_suffix(1);
  return name;
}

bool is_address(std::string_view host) {
  return host.starts_with('[') || IpAddress::parse(host).has_value();
}

// RFC 6125 section 6.4.3; `pattern` and `host` are lower case without a final dot.
bool name_matches(std::string_view pattern, std::string_view host) {
  if (!pattern.starts_with("*.")) return !pattern.contains('*') && pattern == host;
  const std::string_view parent = pattern.substr(1);  // with its leading dot
  if (parent.size() < 2 || parent.contains('*')) return false;
  const std::size_t dot = host.find('.');
  return dot != std::string_view::npos && dot > 0 && host.substr(dot) == parent;
}

bool digest_matches(const EVP_MD* type, Bytes content, Bytes data) {
  std::array<std::uint8_t, EVP_MAX_MD_SIZE> digest{};
  unsigned length = 0;
  if (EVP_Digest(content.data(), content.size(), digest.data(), &length, type, nullptr) != 1) {
    return false;
  }
  return std::ranges::equal(Bytes(digest).first(length), data);
}

}  // namespace

bool matches_host(const Summary& leaf, std::string_view host) {
  const std::string wanted = ascii::to_lower(without_final_dot(host));
  if (wanted.empty() || wanted.contains('*') || is_address(wanted)) return false;
  if (leaf.dns_names.empty()) {
    return name_matches(without_final_dot(leaf.common_name), wanted);
  }
  return std::ranges::any_of(leaf.dns_names, [&](const std::string& name) {
    return name_matches(without_final_dot(name), wanted);
  });
}

bool tlsa_matches(Bytes der, std::uint8_t selector, std::uint8_t matching, Bytes data) {
  if (selector > 1 || matching > 2 || data.empty()) return false;
  const ErrorQueueGuard guard;
  const CertPtr certificate = parse_der(der);
  if (!certificate) return false;
  std::vector<std::uint8_t> spki;
  if (selector == 1) spki = spki_der(certificate.get());
  const Bytes content = selector == 1 ? Bytes(spki) : der;
  if (content.empty()) return false;
  switch (matching) {
    case 0:
      return std::ranges::equal(content, data);
    case 1:
      return digest_matches(EVP_sha256(), content, data);
    default:
      return digest_matches(EVP_sha512(), content, data);
  }
}

}  // namespace mxw::x509
