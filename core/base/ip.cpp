#include "core/base/ip.hpp"

#include <arpa/inet.h>

#include <algorithm>

#include "core/base/ascii.hpp"
#include "core/base/check.hpp"

namespace mxw {

std::string IpAddress::text() const {
  if (family == 0) return "-";
  char buffer[INET6_ADDRSTRLEN];
  const char* out =
      inet_ntop(family == 4 ? AF_INET : AF_INET6, octets.data(), buffer, sizeof buffer);
  return out != nullptr ? out : "-";
}

IpAddress IpAddress::from_v4(Bytes four) {
  MXW_CHECK(four.size() >= 4);
  IpAddress address;
  std::copy_n(four.begin(), 4, address.octets.begin());
  address.family = 4;
  return address;
}

IpAddress IpAddress::from_v6(Bytes sixteen) {
  MXW_CHECK(sixteen.size() >= 16);
  IpAddress address;
  std::copy_n(sixteen.begin(), 16, address.octets.begin());
  address.family = 6;
  return address;
}

std::optional<IpAddress> IpAddress::parse(std::string_view text) {
  const std::string copy(text);
  IpAddress address;
  if (inet_pton(AF_INET, copy.c_str(), address.octets.data()) == 1) {
    address.family = 4;
  } else if (inet_pton(AF_INET6, copy.c_str(), address.octets.data()) == 1) {
    address.family = 6;
  } else {
    return std::nullopt;
  }
  return address;
}

IpAddress masked(const IpAddress& address, unsigned bits) {
  IpAddress out = address;
  for (std::size_t i = 0; i < out.octets.size(); ++i) {
    const unsigned first = static_cast<unsigned>(i) * 8;
    if (bits >= first + 8) continue;
    const unsigned keep = bits > first ? bits - first : 0;
    out.octets[i] = static_cast<std::uint8_t>(out.octets[i] & (0xff00U >> keep));
  }
  return out;
}

std::optional<Cidr> Cidr::parse(std::string_view text) {
  const auto slash = text.find('/');
  const auto address = IpAddress::parse(text.substr(0, slash));
  if (!address) return std::nullopt;
  const auto all = static_cast<unsigned>(address->size() * 8);
  unsigned bits = all;
  if (slash != std::string_view::npos) {
    const auto n = ascii::parse_u64(text.substr(slash + 1));
    if (!n || *n > all) return std::nullopt;
    bits = static_cast<unsigned>(*n);
  }
  return Cidr{masked(*address, bits), bits};
}

bool Cidr::contains(const IpAddress& address) const {
  return address.family == network.family && masked(address, bits) == network;
}

std::string Cidr::text() const {
  return network.text() + '/' + std::to_string(bits);
}

}  // namespace mxw
