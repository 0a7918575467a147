#include "core/base/digest.hpp"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "core/base/ascii.hpp"
#include "core/base/check.hpp"

namespace mxw {
namespace {

template <std::size_t N>
std::array<std::uint8_t, N> digest(const EVP_MD* type, Bytes bytes) {
  std::array<std::uint8_t, N> out{};
  unsigned length = 0;
  MXW_CHECK(EVP_Digest(bytes.data(), bytes.size(), out.data(), &length, type, nullptr) == 1);
  MXW_CHECK(length == N);
  return out;
}

// Fetched once: an implicit fetch for every digest costs more than the digest of a short message.
const EVP_MD* fetched(const char* name) {
  return EVP_MD_fetch(nullptr, name, nullptr);
}

}  // namespace

Sha256 sha256(Bytes bytes) {
  static const EVP_MD* const type = fetched("SHA256");
  return digest<32>(type, bytes);
}

std::array<std::uint8_t, 20> sha1(Bytes bytes) {
  static const EVP_MD* const type = fetched("SHA1");
  return digest<20>(type, bytes);
}

std::array<std::uint8_t, 16> md5(Bytes bytes) {
  static const EVP_MD* const type = fetched("MD5");
  return digest<16>(type, bytes);
}

Sha256 hmac_sha256(Bytes key, Bytes message) {
  Sha256 out{};
  unsigned length = 0;
  MXW_CHECK(HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), message.data(),
                 message.size(), out.data(), &length) != nullptr);
  return out;
}

std::string hex(Bytes bytes) {
  return ascii::hex(as_text(bytes));
}

std::string base64(Bytes bytes) {
  std::string out((bytes.size() + 2) / 3 * 4 + 1, '\0');
  const int n = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()), bytes.data(),
                                static_cast<int>(bytes.size()));
  out.resize(static_cast<std::size_t>(n));
  return out;
}

std::optional<std::vector<std::uint8_t>> from_base64(std::string_view text) {
  std::vector<std::uint8_t> out(text.size() / 4 * 3);
  if (text.empty()) return out;
  // EVP_DecodeBlock skips blanks at either end and counts padding as octets.
  const bool odd = text.size() % 4 != 0 || ascii::trim_line(text).size() != text.size();
  const int n =
      odd ? -1 : EVP_DecodeBlock(out.data(), as_bytes(text).data(), static_cast<int>(text.size()));
  if (n < 0) return std::nullopt;
  const std::size_t padding = text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0;
  out.resize(static_cast<std::size_t>(n) - padding);
  return out;
}

struct Sha256Stream::State {
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  State() = default;
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() { EVP_MD_CTX_free(context); }
};

Sha256Stream::Sha256Stream() : state_(std::make_unique<State>()) {
  MXW_CHECK(state_->context != nullptr);
  MXW_CHECK(EVP_DigestInit_ex(state_->context, EVP_sha256(), nullptr) == 1);
}
Sha256Stream::~Sha256Stream() = default;
Sha256Stream::Sha256Stream(Sha256Stream&&) noexcept = default;
Sha256Stream& Sha256Stream::operator=(Sha256Stream&&) noexcept = default;

void Sha256Stream::update(Bytes bytes) {
  MXW_CHECK(EVP_DigestUpdate(state_->context, bytes.data(), bytes.size()) == 1);
}

Sha256 Sha256Stream::finish() {
  Sha256 out{};
  MXW_CHECK(EVP_DigestFinal_ex(state_->context, out.data(), nullptr) == 1);
  return out;
}

}  // namespace mxw
