#include "core/ipc/listener.hpp"

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <bit>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string>

#include "core/ipc/connect.hpp"

namespace mxw::ipc {
namespace {

std::unexpected<Error> system_error(const std::string& what) {
  return fail(ErrorKind::environment, what + ": " + std::strerror(errno));
}

int system_type(SocketType type) {
  return type == SocketType::stream ? SOCK_STREAM : SOCK_SEQPACKET;
}

// Nothing where the path is free or holds a socket nobody listens on any more.
Result<void> check_free(const std::string& path, SocketType type) {
  struct stat there{};
  if (::lstat(path.c_str(), &there) != 0) {
    if (errno == ENOENT) return {};
    return system_error(path);
  }
  if (!S_ISSOCK(there.st_mode))
    return fail(ErrorKind::environment, path + ": there is a file that is no socket");
  // A socket without a listener refuses whatever the type; any other outcome means that somebody is
  // there, or that we cannot know.
  const auto answer = connect_unix(path, type);
  if (!answer && (answer.error().code == ECONNREFUSED || answer.error().code == ENOENT)) return {};
  return fail(ErrorKind::environment, path + ": another process listens there");
}

Result<void> set_owner(const std::string& path, const ListenOptions& options) {
  if (options.group && ::chown(path.c_str(), static_cast<uid_t>(-1), *options.group) != 0)
    return system_error("group of " + path);
  if (::chmod(path.c_str(), options.mode) != 0) return system_error("mode of " + path);
  return {};
}

// Nobody can connect before listen(), and the name others know comes after that.
Result<void> bind_beside(int fd, const std::string& path, const ListenOptions& options) {
  const std::string beside = path + ".new";
  if (::unlink(beside.c_str()) != 0 && errno != ENOENT) return system_error(beside);
  const SystemAddress address = unix_address(beside);
  if (::bind(fd, address.get(), address.length) != 0) return system_error("bind to " + beside);
  Result<void> done = set_owner(beside, options);
  if (done && ::listen(fd, options.backlog) != 0) done = system_error("listen on " + beside);
  if (done && ::rename(beside.c_str(), path.c_str()) != 0) done = system_error("rename to " + path);
  if (!done) ::unlink(beside.c_str());
  return done;
}

Result<Fd> listen_unix(const Address& address, const ListenOptions& options) {
  if (auto free = check_free(address.path, options.type); !free)
    return std::unexpected(std::move(free.error()));
  Fd fd(::socket(AF_UNIX, system_type(options.type) | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) return system_error("socket");
  if (auto bound = bind_beside(fd.get(), address.path, options); !bound)
    return std::unexpected(std::move(bound.error()));
  return fd;
}

Result<Fd> listen_tcp(const Address& address, const ListenOptions& options) {
  if (options.type != SocketType::stream)
    return fail(ErrorKind::usage, address.text() + ": packets only go over unix sockets");
  const int family = address.kind == Address::Kind::inet ? AF_INET : AF_INET6;
  Fd fd(::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) return system_error("socket");
  const int on = 1;
  ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  // `::` means IPv6 alone whatever the host's default, so that both can be listened on.
  if (family == AF_INET6) ::setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
  const SystemAddress system = system_address(address);
  if (::bind(fd.get(), system.get(), system.length) != 0)
    return system_error("bind to " + address.text());
  if (::listen(fd.get(), options.backlog) != 0) return system_error("listen on " + address.text());
  return fd;
}

std::optional<int> socket_option(int fd, int option) {
  int value = 0;
  socklen_t length = sizeof value;
  if (::getsockopt(fd, SOL_SOCKET, option, &value, &length) != 0) return std::nullopt;
  return value;
}

}  // namespace

Result<Fd> listen_on(const Address& address, const ListenOptions& options) {
  return address.kind == Address::Kind::unix_path ? listen_unix(address, options)
                                                  : listen_tcp(address, options);
}

Result<Fd> listen_on(std::string_view address, const ListenOptions& options) {
  const auto parsed = parse_address(address);
  if (!parsed) return std::unexpected(parsed.error());
  return listen_on(*parsed, options);
}

Result<Fd> adopt(int inherited, SocketType type) {
  Fd fd(inherited);
  const std::string name = "inherited descriptor " + std::to_string(inherited);
  const auto kind = socket_option(fd.get(), SO_TYPE);
  if (!kind) return system_error(name);
  if (*kind != system_type(type))
    return fail(ErrorKind::environment, name + ": a socket of another type");
  if (socket_option(fd.get(), SO_ACCEPTCONN) != 1)
    return fail(ErrorKind::environment, name + ": no listening socket");
  const int flags = ::fcntl(fd.get(), F_GETFL);
  if (flags < 0 || ::fcntl(fd.get(), F_SETFL, flags | O_NONBLOCK) != 0 ||
      ::fcntl(fd.get(), F_SETFD, FD_CLOEXEC) != 0)
    return system_error(name);
  return fd;
}

std::uint16_t bound_port(int fd) {
  sockaddr_storage storage{};
  socklen_t length = sizeof storage;
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&storage), &length) != 0) return 0;
  std::uint16_t port = 0;
  if (storage.ss_family == AF_INET) {
    port = reinterpret_cast<const sockaddr_in&>(storage).sin_port;
  } else if (storage.ss_family == AF_INET6) {
    port = reinterpret_cast<const sockaddr_in6&>(storage).sin6_port;
  }
  return std::endian::native == std::endian::little ? std::byteswap(port) : port;
}

}  // namespace mxw::ipc
