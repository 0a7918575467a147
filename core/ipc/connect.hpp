// One attempt to connect to a unix socket, without waiting.
#pragma once

#include <expected>
#include <string>

#include "core/base/fd.hpp"
#include "core/base/result.hpp"
#include "core/ipc/listener.hpp"

namespace mxw::ipc {

// A connected, non-blocking, close-on-exec socket. A unix socket connects at once or not at all; a
// full backlog is an error like any other (EAGAIN): come again.
struct ConnectError {
  int code = 0;  // errno
  std::string message;
};
[[nodiscard]] std::expected<Fd, ConnectError> connect_unix(const std::string& path,
                                                           SocketType type);

}  // namespace mxw::ipc
