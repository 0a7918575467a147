// The trusted roots, and the cache of chains already read: a mail server shows the same chain in
// every session, and reading one costs a signature or three.
#include <openssl/pem.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <list>
#include <unordered_map>

#include "core/base/check.hpp"
#include "core/x509/certificate.hpp"
#include "core/x509/chain.hpp"
#include "core/x509/openssl.hpp"

namespace mxw::x509 {
namespace {

constexpr const char* kSystemBundle = "/etc/ssl/certs/ca-certificates.crt";
constexpr std::size_t kBundleBytes = 16 << 20;  // Debian's has 220 KiB

constexpr std::size_t kCachedChains = 4'096;    // the servers a site meets between two renewals
constexpr std::size_t kCachedBytes = 64 << 20;  // hostile chains are far larger than honest ones

Result<std::string> read_bundle(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return fail(ErrorKind::usage, path + ": " + std::strerror(errno));
  std::string text(kBundleBytes + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (file.bad()) return fail(ErrorKind::usage, path + ": cannot be read");
  text.resize(static_cast<std::size_t>(file.gcount()));
  if (text.size() > kBundleBytes) return fail(ErrorKind::usage, path + ": larger than 16 MiB");
  return text;
}

struct Added {
  std::size_t count = 0;
  bool damaged = false;  // the certificate after those counted
};

Added add_certificates(X509_STORE* store, const std::string& pem) {
  const ErrorQueueGuard guard;
  const BioPtr in(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  MXW_CHECK(in != nullptr);
  Added added;
  while (const CertPtr certificate{PEM_read_bio_X509_AUX(in.get(), nullptr, nullptr, nullptr)}) {
    if (X509_STORE_add_cert(store, certificate.get()) != 1) return {added.count, true};
    ++added.count;
  }
  const unsigned long last = ERR_peek_last_error();
  added.damaged = ERR_GET_LIB(last) != ERR_LIB_PEM || ERR_GET_REASON(last) != PEM_R_NO_START_LINE;
  return added;
}

// Lengths keep two chains with the same octets cut elsewhere apart.
Sha256 key_of(const DerChain& chain) {
  Sha256Stream stream;
  for (const auto& der : chain) {
    std::array<std::uint8_t, 8> length{};
    for (std::size_t i = 0; i < length.size(); ++i) {
      length[i] = static_cast<std::uint8_t>(std::uint64_t{der.size()} >> (56 - 8 * i));
    }
    stream.update(length);
    stream.update(der);
  }
  return stream.finish();
}

std::size_t size_of(const Chain& chain) {
  std::size_t bytes = sizeof(Chain);
  for (const Summary& one : chain.certificates) {
    bytes += sizeof(Summary) + one.subject.size() + one.issuer.size() + one.serial.size() +
             one.sha1.size() + one.common_name.size();
    for (const std::string& name : one.dns_names) bytes += sizeof(name) + name.size();
  }
  return bytes;
}

struct KeyHash {  // a SHA-256 is its own hash
  std::size_t operator()(const Sha256& key) const {
    std::size_t value = 0;
    std::memcpy(&value, key.data(), sizeof(value));
    return value;
  }
};

// Chains by their digest; the one not asked for longest leaves first.
class ChainCache {
 public:
  std::shared_ptr<const Chain> find(const Sha256& key) {
    const auto found = index_.find(key);
    if (found == index_.end()) return nullptr;
    order_.splice(order_.begin(), order_, found->second);
    return order_.front();
  }

  void insert(std::shared_ptr<const Chain> chain) {
    bytes_ += size_of(*chain);
    order_.push_front(std::move(chain));
    index_[order_.front()->sha256] = order_.begin();
    while (order_.size() > kCachedChains || (bytes_ > kCachedBytes && order_.size() > 1)) {
      bytes_ -= size_of(*order_.back());
      index_.erase(order_.back()->sha256);
      order_.pop_back();
    }
  }

 private:
  using Order = std::list<std::shared_ptr<const Chain>>;  // most recently asked for first
  Order order_;
  std::unordered_map<Sha256, Order::iterator, KeyHash> index_;
  std::size_t bytes_ = 0;
};

}  // namespace

struct TrustStore::Impl {
  StorePtr roots;  // null: nothing is verified
  std::string file_sha256;
  ChainCache cache;
};

TrustStore::TrustStore(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
TrustStore::TrustStore(TrustStore&&) noexcept = default;
TrustStore& TrustStore::operator=(TrustStore&&) noexcept = default;
TrustStore::~TrustStore() = default;

TrustStore TrustStore::empty() {
  return TrustStore(std::make_unique<Impl>());
}

Result<TrustStore> TrustStore::from_file(const std::string& pem_path) {
  Result<std::string> pem = read_bundle(pem_path);
  if (!pem) return std::unexpected(pem.error());
  auto impl = std::make_unique<Impl>();
  impl->roots.reset(X509_STORE_new());
  MXW_CHECK(impl->roots != nullptr);
  const Added added = add_certificates(impl->roots.get(), *pem);
  if (added.damaged) {
    return fail(ErrorKind::usage,
                pem_path + ": certificate " + std::to_string(added.count + 1) + " cannot be read");
  }
  if (added.count == 0) return fail(ErrorKind::usage, pem_path + ": holds no certificate");
  impl->file_sha256 = hex(mxw::sha256(as_bytes(*pem)));
  return TrustStore(std::move(impl));
}

Result<TrustStore> TrustStore::from_system() {
  return from_file(kSystemBundle);
}

const std::string& TrustStore::sha256() const {
  return impl_->file_sha256;
}

std::shared_ptr<const Chain> TrustStore::read(const DerChain& der_leaf_first,
                                              const Redactor& redactor) {
  const Sha256 key = key_of(der_leaf_first);
  if (auto known = impl_->cache.find(key)) return known;
  auto chain = std::make_shared<Chain>(read_chain(impl_->roots.get(), der_leaf_first, redactor));
  chain->sha256 = key;
  impl_->cache.insert(chain);
  return chain;
}

}  // namespace mxw::x509
