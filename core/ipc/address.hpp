// Addresses of sockets as settings write them: `unix:PATH`, `inet:ADDR:PORT`, `inet6:[ADDR]:PORT`.
// Values; no name resolution: ADDR is numeric.
#pragma once

#include <sys/socket.h>
#include <sys/un.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "core/base/ip.hpp"
#include "core/base/result.hpp"

namespace mxw::ipc {

// sun_path with its final NUL (unix(7)), less what a name beside it needs while a socket is made.
inline constexpr std::size_t kPathBytes = sizeof(sockaddr_un::sun_path) - 1 - 8;

struct Address {
  enum class Kind : std::uint8_t { unix_path, inet, inet6 };
  Kind kind = Kind::unix_path;
  std::string path;        // unix_path; absolute or relative, no NUL, at most kPathBytes
  IpAddress ip;            // inet, inet6
  std::uint16_t port = 0;  // 0: the kernel chooses one

  [[nodiscard]] std::string text() const;
};

// Error (usage) names the text and what is wrong with it.
[[nodiscard]] Result<Address> parse_address(std::string_view text);

// What the system calls take.
struct SystemAddress {
  sockaddr_storage storage{};
  socklen_t length = 0;
  [[nodiscard]] const sockaddr* get() const;
};
[[nodiscard]] SystemAddress system_address(const Address& address);
// REQUIRES: the path fits sun_path.
[[nodiscard]] SystemAddress unix_address(std::string_view path);

}  // namespace mxw::ipc
