// Message digests by OpenSSL. Values are raw octets; hex() of core/base/ascii.hpp prints them.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/bytes.hpp"

namespace mxw {

using Sha256 = std::array<std::uint8_t, 32>;

[[nodiscard]] Sha256 sha256(Bytes bytes);
[[nodiscard]] std::array<std::uint8_t, 20> sha1(Bytes bytes);
[[nodiscard]] std::array<std::uint8_t, 16> md5(
    Bytes bytes);  // only for JA3, which is defined by it
[[nodiscard]] Sha256 hmac_sha256(Bytes key, Bytes message);

[[nodiscard]] std::string hex(Bytes bytes);
[[nodiscard]] std::string base64(Bytes bytes);
// Padded, without blanks or line breaks; else nullopt.
[[nodiscard]] std::optional<std::vector<std::uint8_t>> from_base64(std::string_view text);

// SHA-256 of a stream, fed in any pieces.
class Sha256Stream {
 public:
  Sha256Stream();
  ~Sha256Stream();
  Sha256Stream(Sha256Stream&&) noexcept;
  Sha256Stream& operator=(Sha256Stream&&) noexcept;

  void update(Bytes bytes);
  [[nodiscard]] Sha256 finish();  // REQUIRES: called once

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace mxw
