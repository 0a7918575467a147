#include "core/ipc/acceptor.hpp"

#include <sys/socket.h>

#include <cerrno>
#include <utility>

namespace mxw::ipc {

Acceptor::Acceptor(EventLoop& loop, int listen_fd, PeerCheck peers, Room room, Take take)
    : loop_(loop),
      listen_fd_(listen_fd),
      peers_(std::move(peers)),
      room_(std::move(room)),
      take_(std::move(take)),
      resume_(loop, [this] { loop_.modify(listen_fd_, EPOLLIN); }) {}

Result<std::unique_ptr<Acceptor>> Acceptor::create(EventLoop& loop, int listen_fd, PeerCheck peers,
                                                   Room room, Take take) {
  std::unique_ptr<Acceptor> acceptor(
      new Acceptor(loop, listen_fd, std::move(peers), std::move(room), std::move(take)));
  Acceptor* self = acceptor.get();
  auto added = loop.add(listen_fd, EPOLLIN, [self](std::uint32_t) { self->accept_some(); });
  if (!added) return std::unexpected(std::move(added.error()));
  return acceptor;
}

Acceptor::~Acceptor() {
  loop_.remove(listen_fd_);
}

void Acceptor::accept_some() {
  for (int i = 0; i < kPerTurn; ++i) {
    Fd fd(::accept4(listen_fd_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (fd) {
      welcome(std::move(fd));
      continue;
    }
    // One that was gone before we came is no reason to stop.
    if (errno == ECONNABORTED || errno == EINTR) continue;
    if (errno != EAGAIN) pause();
    return;
  }
}

void Acceptor::welcome(Fd fd) {
  auto who = credentials_of(fd.get());
  if (!who || !peers_.allows(*who)) {
    ++counters_.refused;
    return;
  }
  if (!room_()) {
    ++counters_.full;
    return;
  }
  ++counters_.accepted;
  take_(std::move(fd), std::move(*who));
}

// The connection waits in the backlog and the socket stays readable: not looked at for a while.
void Acceptor::pause() {
  ++counters_.failed;
  loop_.modify(listen_fd_, 0);
  resume_.start(kPause);
}

}  // namespace mxw::ipc
