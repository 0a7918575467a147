#include "core/x509/tlsa.hpp"

#include <openssl/x509_vfy.h>

#include <algorithm>

#include "core/base/check.hpp"
#include "core/base/limits.hpp"
#include "core/dns/tlsa.hpp"
#include "core/x509/certificate.hpp"
#include "core/x509/chain.hpp"
#include "core/x509/openssl.hpp"

namespace mxw::x509 {
namespace {

using StackPtr = std::unique_ptr<STACK_OF(X509), Free<[](STACK_OF(X509) * s) { sk_X509_free(s); }>>;
constexpr std::uint8_t kDaneEe = 3, kFull = 0, kCert = 0;

// RFC 7672 section 3.1.2: valid at the time, for a server, with the constraints of every
// certificate above; how strong a key must be is not asked (as in chain.cpp).
void configure(X509_STORE_CTX* context, Time at) {
  X509_VERIFY_PARAM* param = X509_STORE_CTX_get0_param(context);
  X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_PARTIAL_CHAIN);
  X509_VERIFY_PARAM_set_purpose(param, X509_PURPOSE_SSL_SERVER);
  X509_VERIFY_PARAM_set_auth_level(param, 0);
  X509_VERIFY_PARAM_set_depth(param, static_cast<int>(limits::kTlsCertificates));
  X509_VERIFY_PARAM_set_time(param, static_cast<time_t>(at.ns / kSecond));
}

// Empty when a path leads from the leaf to `anchor`, else what OpenSSL says.
std::string path_problem(const std::vector<CertPtr>& presented, X509* anchor, Time at) {
  const StorePtr store(X509_STORE_new());
  const StoreContextPtr context(X509_STORE_CTX_new());
  const StackPtr others(sk_X509_new_null());
  MXW_CHECK(store != nullptr && context != nullptr && others != nullptr);
  for (std::size_t i = 1; i < presented.size(); ++i) sk_X509_push(others.get(), presented[i].get());
  if (X509_STORE_add_cert(store.get(), anchor) != 1 ||
      X509_STORE_CTX_init(context.get(), store.get(), presented[0].get(), others.get()) != 1) {
    return "the certificate cannot be verified";
  }
  configure(context.get(), at);
  if (X509_verify_cert(context.get()) == 1) return {};
  return X509_verify_cert_error_string(X509_STORE_CTX_get_error(context.get()));
}

class Matcher {
 public:
  Matcher(const DerChain& leaf_first, std::span<const std::string> references, Time at)
      : ders_(leaf_first), references_(references), at_(at) {
    const std::size_t count = std::min(ders_.size(), limits::kTlsCertificates);
    for (std::size_t i = 0; i < count; ++i) {
      CertPtr certificate = parse_der(ders_[i]);
      if (!certificate && i == 0) return;  // without its leaf a chain is none
      if (!certificate) continue;
      places_.push_back(i);
      presented_.push_back(std::move(certificate));
    }
  }

  [[nodiscard]] bool readable() const { return !presented_.empty(); }

  // Empty when the record holds.
  [[nodiscard]] std::string problem(const dns::Tlsa& record) const {
    if (record.usage != kDaneEe) return anchor_problem(record);
    if (tlsa_matches(ders_[0], record.selector, record.matching, record.data)) return {};
    return "no record matches the chain";
  }

 private:
  [[nodiscard]] std::string anchor_problem(const dns::Tlsa& record) const {
    std::string why = "no record matches the chain";
    for (std::size_t i = 1; i < presented_.size(); ++i) {
      if (!tlsa_matches(ders_[places_[i]], record.selector, record.matching, record.data)) continue;
      why = path_problem(presented_, presented_[i].get(), at_);
      if (why.empty()) return name_problem();
    }
    if (record.selector != kCert || record.matching != kFull) return why;
    const CertPtr from_dns = parse_der(record.data);
    if (!from_dns) return why;
    why = path_problem(presented_, from_dns.get(), at_);
    return why.empty() ? name_problem() : why;
  }

  [[nodiscard]] std::string name_problem() const {
    const std::optional<Summary> leaf = summarize(ders_[0], Redactor());
    const bool named = leaf && std::ranges::any_of(references_, [&](const std::string& name) {
                         return matches_host(*leaf, name);
                       });
    return named ? "" : "the certificate is for another name";
  }

  const DerChain& ders_;
  std::span<const std::string> references_;
  Time at_;
  std::vector<CertPtr> presented_;   // those OpenSSL could read
  std::vector<std::size_t> places_;  // of each in ders_
};

}  // namespace

std::string_view tlsa_match_name(TlsaMatch match) {
  switch (match) {
    case TlsaMatch::authenticated:
      return "authenticated";
    case TlsaMatch::no_match:
      return "no match";
    case TlsaMatch::unusable:
      return "unusable";
  }
  return {};
}

TlsaResult match_tlsa(const DerChain& leaf_first, std::span<const dns::Tlsa> records,
                      std::span<const std::string> references, Time at) {
  const ErrorQueueGuard guard;
  const std::vector<std::size_t> usable = dns::applicable(records);
  if (usable.empty()) return {TlsaMatch::unusable, std::nullopt, "no usable TLSA record"};
  const Matcher matcher(leaf_first, references, at);
  if (!matcher.readable()) {
    return {TlsaMatch::no_match, std::nullopt, "no certificate that can be read"};
  }
  TlsaResult result;
  for (const std::size_t place : usable) {
    std::string why = matcher.problem(records[place]);
    if (why.empty()) return {TlsaMatch::authenticated, place, {}};
    // A record that matched and failed by date or name says more than one that did not match.
    if (result.reason.empty() || !why.starts_with("no record")) result.reason = std::move(why);
  }
  return result;
}

}  // namespace mxw::x509
