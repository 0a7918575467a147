// SipHash-1-3: the keyed hash of every table an outsider can fill (Aumasson, Bernstein 2012; the
// reduced rounds are what Rust's and Python's tables use). The key is drawn at start; no output may
// depend on it.
#pragma once

#include <cstdint>

#include "core/base/bytes.hpp"

namespace mxw {

struct HashKey {
  std::uint64_t k0 = 0, k1 = 0;
};

[[nodiscard]] std::uint64_t siphash(HashKey key, Bytes bytes);

// The variant of 128 bits: for octets known again by their hash alone.
struct Hash128 {
  std::uint64_t first = 0, second = 0;
  friend bool operator==(const Hash128&, const Hash128&) = default;
};
[[nodiscard]] Hash128 siphash128(HashKey key, Bytes bytes);

// A key from the system's random source.
[[nodiscard]] HashKey random_hash_key();

}  // namespace mxw
