#include "core/ipc/connect.hpp"

#include <sys/socket.h>

#include <cerrno>
#include <cstring>

namespace mxw::ipc {

std::expected<Fd, ConnectError> connect_unix(const std::string& path, SocketType type) {
  const auto failed = [&] {
    const int error = errno;
    return std::unexpected(ConnectError{error, "connect to " + path + ": " + std::strerror(error)});
  };
  if (path.size() >= sizeof(sockaddr_un::sun_path)) {
    errno = ENAMETOOLONG;
    return failed();
  }
  const int kind = type == SocketType::stream ? SOCK_STREAM : SOCK_SEQPACKET;
  Fd fd(::socket(AF_UNIX, kind | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) return failed();
  const SystemAddress address = unix_address(path);
  if (::connect(fd.get(), address.get(), address.length) != 0) return failed();
  return fd;
}

}  // namespace mxw::ipc
