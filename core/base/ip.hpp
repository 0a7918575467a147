// IP addresses, prefixes and endpoints as values. No name resolution.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/bytes.hpp"

namespace mxw {

// An IPv4 or IPv6 address in network order; an IPv4 address fills the first four octets.
// IPv4-mapped IPv6 stays IPv6: on the wire they are different packets.
struct IpAddress {
  std::array<std::uint8_t, 16> octets{};
  std::uint8_t family = 0;  // 4 or 6; 0 = none

  [[nodiscard]] bool v4() const { return family == 4; }
  [[nodiscard]] std::size_t size() const { return family == 4 ? 4 : 16; }
  [[nodiscard]] Bytes bytes() const { return Bytes(octets).first(size()); }
  [[nodiscard]] std::string text() const;  // dotted quad, or RFC 5952

  static IpAddress from_v4(Bytes four);     // REQUIRES: four.size() >= 4
  static IpAddress from_v6(Bytes sixteen);  // REQUIRES: sixteen.size() >= 16
  static std::optional<IpAddress> parse(std::string_view text);

  friend auto operator<=>(const IpAddress&, const IpAddress&) = default;
};

// The address with all bits after `bits` cleared.
[[nodiscard]] IpAddress masked(const IpAddress& address, unsigned bits);

struct Cidr {
  IpAddress network;
  unsigned bits = 0;

  // `192.0.2.0/24`, `2001:db8::/32`, or a bare address (all bits). Host bits are cleared.
  static std::optional<Cidr> parse(std::string_view text);
  [[nodiscard]] bool contains(const IpAddress& address) const;
  [[nodiscard]] std::string text() const;
};

struct Endpoint {
  IpAddress address;
  std::uint16_t port = 0;
  friend auto operator<=>(const Endpoint&, const Endpoint&) = default;
};

}  // namespace mxw
