#include "core/ipc/seqpacket_server.hpp"

#include <sys/socket.h>

#include <cerrno>
#include <utility>

namespace mxw::ipc {

SeqpacketServer::Peer::Peer(SeqpacketServer& server, PeerId id, Fd fd, Credentials credentials)
    : server_(server), id_(id), fd_(std::move(fd)), credentials_(std::move(credentials)) {}

SeqpacketServer::SeqpacketServer(EventLoop& loop, Handler handler, Options options, Closed closed)
    : loop_(loop),
      handler_(std::move(handler)),
      options_(options),
      closed_(std::move(closed)),
      buffer_(options.message_bytes + 1, '\0'),
      bury_(loop, [this] { bury(); }) {}

Result<std::unique_ptr<SeqpacketServer>> SeqpacketServer::create(EventLoop& loop, int listen_fd,
                                                                 PeerCheck peers, Handler handler,
                                                                 Options options, Closed closed) {
  std::unique_ptr<SeqpacketServer> server(
      new SeqpacketServer(loop, std::move(handler), options, std::move(closed)));
  SeqpacketServer* self = server.get();
  auto acceptor = Acceptor::create(
      loop, listen_fd, std::move(peers),
      [self] { return self->peers_.size() < self->options_.connections; },
      [self](Fd fd, Credentials who) { self->welcome(std::move(fd), std::move(who)); });
  if (!acceptor) return std::unexpected(std::move(acceptor.error()));
  server->acceptor_ = std::move(*acceptor);
  return server;
}

SeqpacketServer::~SeqpacketServer() {
  for (const auto& [id, peer] : peers_) loop_.remove(peer->fd_.get());
}

SeqpacketServer::Peer* SeqpacketServer::find(PeerId id) {
  const auto at = peers_.find(id);
  return at == peers_.end() ? nullptr : at->second.get();
}

void SeqpacketServer::welcome(Fd fd, Credentials credentials) {
  const PeerId id = ++last_id_;
  const int number = fd.get();
  if (!loop_.add(number, EPOLLIN, [this, id](std::uint32_t events) { on_events(id, events); }))
    return;
  peers_.emplace(id,
                 std::unique_ptr<Peer>(new Peer(*this, id, std::move(fd), std::move(credentials))));
}

void SeqpacketServer::on_events(PeerId id, std::uint32_t events) {
  if ((events & EPOLLOUT) != 0) flush(id);
  if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) == 0) return;
  for (int i = 0; i < options_.messages_per_turn && read_one(id); ++i) {
  }
}

// Whether there may be more: the peer is still there and had a message.
bool SeqpacketServer::read_one(PeerId id) {
  Peer* peer = find(id);
  if (peer == nullptr) return false;
  iovec piece{buffer_.data(), buffer_.size()};
  msghdr message{};
  message.msg_iov = &piece;
  message.msg_iovlen = 1;
  const ssize_t count = ::recvmsg(peer->fd_.get(), &message, MSG_CMSG_CLOEXEC);
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) return false;
  const std::size_t size = count > 0 ? static_cast<std::size_t>(count) : 0;
  if (size > options_.message_bytes || (message.msg_flags & MSG_TRUNC) != 0) ++counters_.too_large;
  if (size == 0 || size > options_.message_bytes || (message.msg_flags & MSG_TRUNC) != 0) {
    close(id);
    return false;
  }
  ++counters_.messages;
  handler_(*peer, std::string_view(buffer_).substr(0, size));
  return true;
}

bool SeqpacketServer::send(PeerId id, std::string message) {
  Peer* peer = find(id);
  if (peer == nullptr) return false;
  if (message.empty() || message.size() > options_.reply_bytes) {
    ++counters_.bad_replies;
    close(id);
    return false;
  }
  peer->queued_bytes_ += message.size();
  peer->queue_.push_back(std::move(message));
  if (peer->queue_.size() == 1) flush(id);
  peer = find(id);
  if (peer == nullptr) return false;
  if (peer->queue_.size() <= options_.queue_messages && peer->queued_bytes_ <= options_.queue_bytes)
    return true;
  ++counters_.not_reading;
  close(id);
  return false;
}

void SeqpacketServer::flush(PeerId id) {
  Peer* peer = find(id);
  if (peer == nullptr) return;
  while (!peer->queue_.empty()) {
    const std::string& first = peer->queue_.front();
    if (::send(peer->fd_.get(), first.data(), first.size(), MSG_NOSIGNAL) < 0) {
      if (errno == EINTR) continue;
      if (errno != EAGAIN && errno != ENOBUFS) return close(id);
      break;
    }
    ++counters_.replies;
    peer->queued_bytes_ -= first.size();
    peer->queue_.pop_front();
  }
  loop_.modify(peer->fd_.get(), peer->queue_.empty() ? EPOLLIN : EPOLLIN | EPOLLOUT);
}

void SeqpacketServer::close(PeerId id) {
  const auto at = peers_.find(id);
  if (at == peers_.end()) return;
  loop_.remove(at->second->fd_.get());
  at->second->fd_.reset();
  gone_.push_back(std::move(at->second));
  peers_.erase(at);
  bury_.start(0);
}

void SeqpacketServer::bury() {
  const auto gone = std::exchange(gone_, {});
  if (!closed_) return;
  for (const auto& peer : gone) closed_(peer->id_);
}

}  // namespace mxw::ipc
