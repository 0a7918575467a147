// TLS bytes by hand.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string_view>
#include <vector>

#include "core/base/bytes.hpp"

namespace mxw::test {

using Octets = std::vector<std::uint8_t>;

inline void put(Octets& out, Bytes bytes) {
  out.insert(out.end(), bytes.begin(), bytes.end());
}

inline void put_number(Octets& out, std::size_t value, int octets) {
  for (int shift = 8 * (octets - 1); shift >= 0; shift -= 8) {
    out.push_back(static_cast<std::uint8_t>(value >> shift));
  }
}

// `length` in so many octets, then the content.
inline Octets counted(int octets, Bytes content) {
  Octets out;
  put_number(out, content.size(), octets);
  put(out, content);
  return out;
}

inline Octets join(std::initializer_list<Octets> parts) {
  Octets out;
  for (const Octets& part : parts) put(out, part);
  return out;
}

inline Octets text(std::string_view characters) {
  return {characters.begin(), characters.end()};
}

inline Octets u16s(std::initializer_list<std::uint16_t> values) {
  Octets out;
  for (const std::uint16_t value : values) put_number(out, value, 2);
  return out;
}

inline Octets record(std::uint8_t type, Bytes body, std::uint16_t version = 0x0303) {
  Octets out{type};
  put_number(out, version, 2);
  put(out, counted(2, body));
  return out;
}

inline Octets message(std::uint8_t type, Bytes body) {
  Octets out{type};
  put(out, counted(3, body));
  return out;
}

inline Octets hello_extension(std::uint16_t type, Bytes content) {
  Octets out;
  put_number(out, type, 2);
  put(out, counted(2, content));
  return out;
}

// A ClientHello message body; `extensions` without the length of the block.
inline Octets client_hello(std::initializer_list<std::uint16_t> suites, Bytes extensions,
                           std::uint16_t version = 0x0303) {
  Octets out = u16s({version});
  out.insert(out.end(), 32, 0xc1);
  put(out, join({counted(1, {}), counted(2, u16s(suites)), counted(1, Octets{0})}));
  if (!extensions.empty()) put(out, counted(2, extensions));
  return out;
}

inline Octets server_hello(std::uint16_t suite, Bytes extensions = {},
                           std::uint16_t version = 0x0303) {
  Octets out = u16s({version});
  out.insert(out.end(), 32, 0x5e);
  put(out, join({counted(1, text("session")), u16s({suite}), Octets{0}}));
  if (!extensions.empty()) put(out, counted(2, extensions));
  return out;
}

// supported_versions of a ServerHello that selects TLS 1.3.
inline Octets selects_13() {
  return hello_extension(43, u16s({0x0304}));
}

}  // namespace mxw::test
