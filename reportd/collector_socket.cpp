#include "reportd/collector_socket.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>

#include "core/ipc/address.hpp"
#include "reportd/datagram.hpp"

namespace mxw::reportd {
namespace {

// One octet more than is taken, and the buffers do not begin at the same place of a page, where
// they would share few lines of the cache.
constexpr std::size_t kRoom = kDatagramBytes + 1;
constexpr std::size_t kStride = kDatagramBytes + 4'096 + 576;

std::unexpected<Error> system_error(const std::string& what) {
  return fail(ErrorKind::environment, what + ": " + std::strerror(errno));
}

// Nothing where the path is free or holds a socket nobody reads any more.
Result<void> check_free(const std::string& path) {
  struct stat there{};
  if (::lstat(path.c_str(), &there) != 0)
    return errno == ENOENT ? Result<void>() : Result<void>(system_error(path));
  if (!S_ISSOCK(there.st_mode))
    return fail(ErrorKind::environment, path + ": there is a file that is no socket");
  const Fd probe(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!probe) return system_error("socket");
  const ipc::SystemAddress address = ipc::unix_address(path);
  if (::connect(probe.get(), address.get(), address.length) != 0 &&
      (errno == ECONNREFUSED || errno == ENOENT))
    return {};
  return fail(ErrorKind::environment, path + ": another process reads there");
}

Result<void> bind_beside(int fd, const std::string& path, const DatagramSocketOptions& options) {
  const std::string beside = path + ".new";
  if (::unlink(beside.c_str()) != 0 && errno != ENOENT) return system_error(beside);
  const ipc::SystemAddress address = ipc::unix_address(beside);
  if (::bind(fd, address.get(), address.length) != 0) return system_error("bind to " + beside);
  Result<void> done;
  if (options.group && ::chown(beside.c_str(), static_cast<uid_t>(-1), *options.group) != 0)
    done = system_error("group of " + beside);
  if (done && ::chmod(beside.c_str(), options.mode) != 0) done = system_error("mode of " + beside);
  if (done && ::rename(beside.c_str(), path.c_str()) != 0) done = system_error("rename to " + path);
  if (!done) ::unlink(beside.c_str());
  return done;
}

}  // namespace

Result<Fd> bind_datagram(const std::string& path, const DatagramSocketOptions& options) {
  if (path.empty() || path.size() > ipc::kPathBytes)
    return fail(ErrorKind::usage, path + ": a socket's path has at most " +
                                      std::to_string(ipc::kPathBytes) + " octets");
  if (auto free = check_free(path); !free) return std::unexpected(std::move(free.error()));
  Fd fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) return system_error("socket");
  const int on = 1;
  if (::setsockopt(fd.get(), SOL_SOCKET, SO_PASSCRED, &on, sizeof on) != 0)
    return system_error("SO_PASSCRED");
  // What the kernel grants is enough: it bounds the octets of a datagram, not their number.
  ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUF, &options.receive_buffer,
               sizeof options.receive_buffer);
  // Nobody is to send before the mode stands: bind() gives the file that of the socket.
  if (::fchmod(fd.get(), 0) != 0) return system_error("mode of a socket");
  if (auto bound = bind_beside(fd.get(), path, options); !bound)
    return std::unexpected(std::move(bound.error()));
  return fd;
}

std::optional<int> read_sysctl(const std::string& file) {
  std::ifstream in(file);
  int value = 0;
  if (!(in >> value)) return std::nullopt;
  return value;
}

DatagramBatch::DatagramBatch()
    : buffer_(std::make_unique_for_overwrite<char[]>(kBatch * kStride)),
      messages_(kBatch),
      pieces_(kBatch),
      controls_(kBatch) {}

int DatagramBatch::receive(int fd) {
  for (std::size_t i = 0; i < used_; ++i) {
    pieces_[i] = {buffer_.get() + i * kStride, kRoom};
    msghdr& header = messages_[i].msg_hdr;
    header = {};
    header.msg_iov = &pieces_[i];
    header.msg_iovlen = 1;
    header.msg_control = controls_[i].octets;
    header.msg_controllen = sizeof controls_[i].octets;
  }
  const int count =
      ::recvmmsg(fd, messages_.data(), kBatch, MSG_DONTWAIT | MSG_CMSG_CLOEXEC, nullptr);
  used_ = count > 0 ? static_cast<std::size_t>(count) : 0;
  return count;
}

DatagramBatch::Datagram DatagramBatch::at(std::size_t index) const {
  const mmsghdr& message = messages_[index];
  Datagram out;
  out.text = {static_cast<const char*>(pieces_[index].iov_base), message.msg_len};
  out.truncated = (message.msg_hdr.msg_flags & MSG_TRUNC) != 0 || message.msg_len >= kRoom;
  const cmsghdr* const control = CMSG_FIRSTHDR(&message.msg_hdr);
  if (control != nullptr && control->cmsg_level == SOL_SOCKET &&
      control->cmsg_type == SCM_CREDENTIALS && control->cmsg_len == CMSG_LEN(sizeof(ucred))) {
    ucred sender{};
    std::memcpy(&sender, CMSG_DATA(control), sizeof sender);
    out.sender = sender;
  }
  return out;
}

}  // namespace mxw::reportd
