#include "core/ipc/address.hpp"

#include <netinet/in.h>

#include <bit>
#include <cstddef>
#include <cstring>
#include <optional>

#include "core/base/ascii.hpp"
#include "core/base/check.hpp"

namespace mxw::ipc {
namespace {

std::unexpected<Error> wrong(std::string_view text, const char* what) {
  return fail(ErrorKind::usage,
              "socket address '" + std::string(text.substr(0, 200)) + "': " + what);
}

std::optional<std::uint16_t> parse_port(std::string_view text) {
  const auto port = ascii::parse_u64(text);
  if (!port || *port > 65'535) return std::nullopt;
  return static_cast<std::uint16_t>(*port);
}

Result<Address> parse_path(std::string_view text, std::string_view path) {
  if (path.empty()) return wrong(text, "no path");
  if (path.find('\0') != std::string_view::npos) return wrong(text, "a NUL in the path");
  if (path.size() > kPathBytes) return wrong(text, "the path is longer than unix sockets take");
  Address address;
  address.path = path;
  return address;
}

Result<Address> parse_inet(std::string_view text, std::string_view rest) {
  const std::size_t colon = rest.rfind(':');
  if (colon == std::string_view::npos) return wrong(text, "no port");
  const auto ip = IpAddress::parse(rest.substr(0, colon));
  if (!ip || !ip->v4()) return wrong(text, "no IPv4 address");
  const auto port = parse_port(rest.substr(colon + 1));
  if (!port) return wrong(text, "no port from 0 to 65535");
  return Address{.kind = Address::Kind::inet, .path = {}, .ip = *ip, .port = *port};
}

Result<Address> parse_inet6(std::string_view text, std::string_view rest) {
  const std::size_t bracket = rest.find("]:");
  if (!rest.starts_with('[') || bracket == std::string_view::npos)
    return wrong(text, "not of the form inet6:[ADDR]:PORT");
  const auto ip = IpAddress::parse(rest.substr(1, bracket - 1));
  if (!ip || ip->v4()) return wrong(text, "no IPv6 address");
  const auto port = parse_port(rest.substr(bracket + 2));
  if (!port) return wrong(text, "no port from 0 to 65535");
  return Address{.kind = Address::Kind::inet6, .path = {}, .ip = *ip, .port = *port};
}

std::uint16_t network_order(std::uint16_t value) {
  return std::endian::native == std::endian::little ? std::byteswap(value) : value;
}

}  // namespace

std::string Address::text() const {
  switch (kind) {
    case Kind::unix_path:
      return "unix:" + path;
    case Kind::inet:
      return "inet:" + ip.text() + ':' + std::to_string(port);
    case Kind::inet6:
      break;
  }
  return "inet6:[" + ip.text() + "]:" + std::to_string(port);
}

Result<Address> parse_address(std::string_view text) {
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos) return wrong(text, "not unix:, inet: or inet6:");
  const std::string_view kind = text.substr(0, colon), rest = text.substr(colon + 1);
  if (kind == "unix") return parse_path(text, rest);
  if (kind == "inet") return parse_inet(text, rest);
  if (kind == "inet6") return parse_inet6(text, rest);
  return wrong(text, "not unix:, inet: or inet6:");
}

const sockaddr* SystemAddress::get() const {
  return reinterpret_cast<const sockaddr*>(&storage);
}

SystemAddress unix_address(std::string_view path) {
  sockaddr_un un{};
  MXW_CHECK(path.size() < sizeof un.sun_path);
  un.sun_family = AF_UNIX;
  std::memcpy(un.sun_path, path.data(), path.size());
  SystemAddress address;
  std::memcpy(&address.storage, &un, sizeof un);
  address.length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size() + 1);
  return address;
}

SystemAddress system_address(const Address& from) {
  SystemAddress address;
  if (from.kind == Address::Kind::unix_path) return unix_address(from.path);
  if (from.kind == Address::Kind::inet) {
    sockaddr_in in{};
    in.sin_family = AF_INET;
    in.sin_port = network_order(from.port);
    std::memcpy(&in.sin_addr, from.ip.octets.data(), sizeof in.sin_addr);
    std::memcpy(&address.storage, &in, sizeof in);
    address.length = sizeof in;
    return address;
  }
  sockaddr_in6 in6{};
  in6.sin6_family = AF_INET6;
  in6.sin6_port = network_order(from.port);
  std::memcpy(&in6.sin6_addr, from.ip.octets.data(), sizeof in6.sin6_addr);
  std::memcpy(&address.storage, &in6, sizeof in6);
  address.length = sizeof in6;
  return address;
}

}  // namespace mxw::ipc
