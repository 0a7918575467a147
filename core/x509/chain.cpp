#include "core/x509/chain.hpp"

#include <openssl/x509_vfy.h>

#include <algorithm>
#include <limits>
#include <span>

#include "core/base/check.hpp"
#include "core/base/limits.hpp"

namespace mxw::x509 {
namespace {

using Path = std::vector<X509*>;  // borrowed, leaf first
using StackPtr = std::unique_ptr<STACK_OF(X509), Free<[](STACK_OF(X509) * s) { sk_X509_free(s); }>>;

struct Verdict {
  Verify trust = Verify::not_checked;
  std::vector<CertPtr> path;  // leaf to root; empty unless trust is ok
};

// Flags of a verification that asks for a path and nothing else. Level 0: how strong a key must be
// is a matter for rules, and old mail servers are what there is to judge.
void configure(X509_STORE_CTX* context) {
  X509_VERIFY_PARAM* param = X509_STORE_CTX_get0_param(context);
  X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_NO_CHECK_TIME);
  X509_VERIFY_PARAM_set_purpose(param, X509_PURPOSE_SSL_SERVER);
  X509_VERIFY_PARAM_set_trust(param, X509_TRUST_SSL_SERVER);
  X509_VERIFY_PARAM_set_auth_level(param, 0);
  X509_VERIFY_PARAM_set_depth(param, static_cast<int>(limits::kTlsCertificates));
}

std::vector<CertPtr> owned_path(X509_STORE_CTX* context) {
  std::vector<CertPtr> out;
  STACK_OF(X509)* path = X509_STORE_CTX_get0_chain(context);
  for (int i = 0; i < sk_X509_num(path); ++i) {
    X509* certificate = sk_X509_value(path, i);
    X509_up_ref(certificate);
    out.emplace_back(certificate);
  }
  return out;
}

Verdict verify_path(X509_STORE* roots, std::span<const CertPtr> presented) {
  const StoreContextPtr context(X509_STORE_CTX_new());
  const StackPtr others(sk_X509_new_null());
  MXW_CHECK(context != nullptr && others != nullptr);
  for (const CertPtr& one : presented.subspan(1)) sk_X509_push(others.get(), one.get());
  if (X509_STORE_CTX_init(context.get(), roots, presented[0].get(), others.get()) != 1) return {};
  configure(context.get());
  if (X509_verify_cert(context.get()) == 1) return {Verify::ok, owned_path(context.get())};
  const bool alone =
      X509_STORE_CTX_get_error(context.get()) == X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT;
  return {alone ? Verify::self_signed : Verify::untrusted, {}};
}

bool signed_by(X509* leaf, X509* issuer) {
  if (X509_NAME_cmp(X509_get_issuer_name(leaf), X509_get_subject_name(issuer)) != 0) return false;
  EVP_PKEY* key = X509_get0_pubkey(issuer);
  return key != nullptr && X509_verify(leaf, key) == 1;
}

std::string issuer_spki(const Summary& leaf, std::span<const CertPtr> presented,
                        std::span<const CertPtr> path) {
  if (leaf.self_issued) return hex(leaf.spki_sha256);
  X509* signer = nullptr;
  if (path.size() > 1) {
    signer = path[1].get();
  } else {
    const auto above = presented.subspan(1);
    const auto found = std::ranges::find_if(above, [&](const CertPtr& candidate) {
      return signed_by(presented[0].get(), candidate.get());
    });
    if (found != above.end()) signer = found->get();
  }
  if (signer == nullptr) return {};
  const std::vector<std::uint8_t> spki = spki_der(signer);
  return spki.empty() ? std::string{} : hex(sha256(spki));
}

constexpr Time kFirstTime{std::numeric_limits<std::int64_t>::min()};
constexpr Time kLastTime{std::numeric_limits<std::int64_t>::max()};

void narrow(Chain& chain, Time from, Time until) {
  chain.valid_from = std::max(chain.valid_from, from);
  chain.valid_until = std::min(chain.valid_until, until);
}

void set_dates(Chain& chain, std::span<const CertPtr> path) {
  chain.valid_from = kFirstTime;
  chain.valid_until = kLastTime;
  if (path.empty()) {
    for (const Summary& one : chain.certificates) narrow(chain, one.not_before, one.not_after);
  }
  for (const CertPtr& one : path) {
    const std::optional<Time> from = time_of(X509_get0_notBefore(one.get()));
    const std::optional<Time> until = time_of(X509_get0_notAfter(one.get()));
    // A root of the store with dates nobody can read is never valid.
    narrow(chain, from.value_or(kLastTime), until.value_or(kFirstTime));
  }
}

}  // namespace

Chain read_chain(X509_STORE* roots, const DerChain& leaf_first, const Redactor& redactor) {
  const ErrorQueueGuard guard;
  Chain chain;
  std::vector<CertPtr> presented;
  const std::size_t count = std::min(leaf_first.size(), limits::kTlsCertificates);
  for (const auto& der : std::span(leaf_first).first(count)) {
    std::optional<Summary> summary = summarize(der, redactor);
    CertPtr certificate = summary ? parse_der(der) : nullptr;
    if (!certificate) {
      if (presented.empty()) return chain;  // the leaf
      continue;
    }
    chain.certificates.push_back(std::move(*summary));
    presented.push_back(std::move(certificate));
  }
  if (presented.empty()) return chain;

  Verdict verdict;
  if (roots != nullptr) verdict = verify_path(roots, presented);
  const Summary& leaf = chain.certificates.front();
  // Same names alone do not make it self-signed: anybody can write them.
  const bool forged = verdict.trust == Verify::self_signed && !leaf.self_signed;
  chain.trust = forged ? Verify::untrusted : verdict.trust;
  chain.issuer_spki = issuer_spki(leaf, presented, verdict.path);
  set_dates(chain, verdict.path);
  return chain;
}

}  // namespace mxw::x509
