// Listening sockets: made from an address, or inherited from the service manager.
//
// All are non-blocking and close-on-exec. A unix socket has its mode and group before anybody can
// connect: it is made under a name beside the path, listens there and is moved onto the path. A
// socket left by an earlier process goes that way, but never one on which somebody answers, and
// never a file of another kind. Nothing is removed at the end: a client sees a refused connection.
// May block (a start, not a loop). Errors: usage (address), environment (the system's word).
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string_view>

#include "core/base/fd.hpp"
#include "core/base/result.hpp"
#include "core/ipc/address.hpp"

namespace mxw::ipc {

enum class SocketType : std::uint8_t { stream, seqpacket };

struct ListenOptions {
  SocketType type = SocketType::stream;  // seqpacket: only on unix paths
  mode_t mode = 0600;                    // of a unix socket; connecting needs write permission
  std::optional<gid_t> group;            // of a unix socket; none: as the process makes files
  int backlog = 128;                     // what systemd's units use at most before SOMAXCONN
};

[[nodiscard]] Result<Fd> listen_on(const Address& address, const ListenOptions& options);
[[nodiscard]] Result<Fd> listen_on(std::string_view address, const ListenOptions& options);

// Takes over a descriptor handed down at start (sd_listen_fds). Error (environment) when it is no
// listening socket of that type; it is closed then.
[[nodiscard]] Result<Fd> adopt(int fd, SocketType type);

// The port a TCP socket is bound to, 0 for any other.
[[nodiscard]] std::uint16_t bound_port(int fd);

}  // namespace mxw::ipc
