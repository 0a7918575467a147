// Numbers in network order inside frames, and the sizes of the headers the benchmark plays.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "core/base/bytes.hpp"

namespace mxw::bench {

// Octets of the headers without options.
inline constexpr std::size_t kEthernet = 14, kIpv4 = 20, kIpv6 = 40, kTcpHeader = 20,
                             kUdpHeader = 8;

// REQUIRES, for all: the octets are there.
inline std::uint32_t get(Bytes from, std::size_t at, std::size_t n) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < n; ++i) value = value << 8 | from[at + i];
  return value;
}
inline std::uint32_t get16(Bytes from, std::size_t at) {
  return get(from, at, 2);
}
inline std::uint32_t get24(Bytes from, std::size_t at) {
  return get(from, at, 3);
}
inline std::uint32_t get32(Bytes from, std::size_t at) {
  return get(from, at, 4);
}

inline void set(std::span<std::uint8_t> to, std::size_t at, std::size_t value, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i)
    to[at + i] = static_cast<std::uint8_t>(value >> (8 * (n - 1 - i)));
}
inline void set16(std::span<std::uint8_t> to, std::size_t at, std::size_t value) {
  set(to, at, value, 2);
}
inline void set32(std::span<std::uint8_t> to, std::size_t at, std::size_t value) {
  set(to, at, value, 4);
}
inline void append(std::vector<std::uint8_t>& to, std::size_t value, std::size_t n) {
  to.resize(to.size() + n);
  set(to, to.size() - n, value, n);
}

}  // namespace mxw::bench
