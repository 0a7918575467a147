#include "core/base/siphash.hpp"

#include <bit>
#include <cstring>
#include <random>

namespace mxw {
namespace {

struct Sip {
  std::uint64_t v0, v1, v2, v3;
  void round() {
    v0 += v1;
    v1 = std::rotl(v1, 13) ^ v0;
    v0 = std::rotl(v0, 32);
    v2 += v3;
    v3 = std::rotl(v3, 16) ^ v2;
    v0 += v3;
    v3 = std::rotl(v3, 21) ^ v0;
    v2 += v1;
    v1 = std::rotl(v1, 17) ^ v2;
    v2 = std::rotl(v2, 32);
  }
  void take(std::uint64_t word) {
    v3 ^= word;
    round();
    v0 ^= word;
  }
  void take(Bytes bytes);
  std::uint64_t finish() {
    round();
    round();
    round();
    return v0 ^ v1 ^ v2 ^ v3;
  }
};

Sip begin(HashKey key) {
  return {key.k0 ^ 0x736f6d6570736575ULL, key.k1 ^ 0x646f72616e646f6dULL,
          key.k0 ^ 0x6c7967656e657261ULL, key.k1 ^ 0x7465646279746573ULL};
}

void Sip::take(Bytes bytes) {
  const std::size_t whole = bytes.size() / 8 * 8;
  for (std::size_t i = 0; i < whole; i += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes.data() + i,
                8);  // host order: only little-endian hosts agree on values
    take(word);
  }
  std::uint64_t last = static_cast<std::uint64_t>(bytes.size()) << 56;
  for (std::size_t i = whole; i < bytes.size(); ++i)
    last |= static_cast<std::uint64_t>(bytes[i]) << (8 * (i - whole));
  take(last);
}

}  // namespace

std::uint64_t siphash(HashKey key, Bytes bytes) {
  Sip s = begin(key);
  s.take(bytes);
  s.v2 ^= 0xff;
  return s.finish();
}

Hash128 siphash128(HashKey key, Bytes bytes) {
  Sip s = begin(key);
  s.v1 ^= 0xee;
  s.take(bytes);
  s.v2 ^= 0xee;
  Hash128 out;
  out.first = s.finish();
  s.v1 ^= 0xdd;
  out.second = s.finish();
  return out;
}

HashKey random_hash_key() {
  std::random_device device;
  const auto word = [&device] {
    return static_cast<std::uint64_t>(device()) << 32 | static_cast<std::uint64_t>(device());
  };
  return {word(), word()};
}

}  // namespace mxw
