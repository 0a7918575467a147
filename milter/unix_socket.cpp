#include "milter/unix_socket.hpp"

#include <grp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string_view>

#include "core/base/fd.hpp"
#include "core/ipc/address.hpp"

namespace mxw::milter {
namespace {

std::unexpected<Error> cannot(const std::string& what) {
  return fail(ErrorKind::environment, what + ": " + std::strerror(errno));
}

}  // namespace

std::string unix_path(const std::string& socket) {
  for (const std::string_view prefix : {"local:", "unix:"})
    if (socket.starts_with(prefix)) return socket.substr(prefix.size());
  return socket.starts_with('/') ? socket : std::string();
}

bool answers(const std::string& path) {
  if (path.size() > ipc::kPathBytes) return false;
  const ipc::SystemAddress address = ipc::unix_address(path);
  const Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  return fd && (::connect(fd.get(), address.get(), address.length) == 0 || errno == EAGAIN);
}

Result<void> set_access(const std::string& path, const std::string& group, unsigned mode) {
  if (!group.empty()) {
    const auto* const found = ::getgrnam(group.c_str());
    if (found == nullptr)
      return fail(ErrorKind::usage, "milter.socket_group: there is no group " + group);
    if (::lchown(path.c_str(), static_cast<uid_t>(-1), found->gr_gid) != 0) return cannot(path);
  }
  if (::chmod(path.c_str(), mode) != 0) return cannot(path);
  return {};
}

}  // namespace mxw::milter
