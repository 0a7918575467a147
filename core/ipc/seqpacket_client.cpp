#include "core/ipc/seqpacket_client.hpp"

#include <sys/socket.h>

#include <cerrno>
#include <utility>

#include "core/ipc/connect.hpp"

namespace mxw::ipc {

SeqpacketClient::SeqpacketClient(EventLoop& loop, std::string path, Received received, State state,
                                 Options options)
    : loop_(loop),
      path_(std::move(path)),
      received_(std::move(received)),
      state_(std::move(state)),
      options_(options),
      buffer_(options.message_bytes + 1, '\0'),
      retry_(loop, [this] { connect(); }) {}

Result<std::unique_ptr<SeqpacketClient>> SeqpacketClient::create(EventLoop& loop, std::string path,
                                                                 Received received, State state,
                                                                 Options options) {
  if (path.size() > kPathBytes)
    return fail(ErrorKind::usage, path + ": the path is longer than unix sockets take");
  std::unique_ptr<SeqpacketClient> client(
      new SeqpacketClient(loop, std::move(path), std::move(received), std::move(state), options));
  client->retry_.start(0);
  return client;
}

SeqpacketClient::~SeqpacketClient() {
  if (fd_) loop_.remove(fd_.get());
}

void SeqpacketClient::connect() {
  auto fd = connect_unix(path_, SocketType::seqpacket);
  if (!fd || !loop_.add(fd->get(), EPOLLIN, [this](std::uint32_t events) { on_events(events); })) {
    retry_.start(backoff_.next());
    return;
  }
  fd_ = std::move(*fd);
  since_ = EventLoop::now();
  ++counters_.connects;
  if (state_) state_(true);
}

void SeqpacketClient::on_events(std::uint32_t) {
  for (int i = 0; i < options_.messages_per_turn && fd_ && read_one(); ++i) {
  }
}

bool SeqpacketClient::read_one() {
  const ssize_t count = ::recv(fd_.get(), buffer_.data(), buffer_.size(), 0);
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) return false;
  const std::size_t size = count > 0 ? static_cast<std::size_t>(count) : 0;
  if (size > options_.message_bytes) ++counters_.too_large;
  if (size == 0 || size > options_.message_bytes) {
    disconnect();
    return false;
  }
  // An answer shows that the other end wants us, as does a connection that lasts; one that closes
  // at once is not hurried.
  backoff_.reset();
  ++counters_.received;
  received_(std::string_view(buffer_).substr(0, size));
  return true;
}

bool SeqpacketClient::send(std::string_view message) {
  if (fd_ && ::send(fd_.get(), message.data(), message.size(), MSG_NOSIGNAL) >= 0) {
    ++counters_.sent;
    return true;
  }
  // A broken connection is found by the loop, which sees its end.
  ++counters_.dropped;
  return false;
}

void SeqpacketClient::disconnect() {
  loop_.remove(fd_.get());
  fd_.reset();
  ++counters_.disconnects;
  backoff_.held(EventLoop::now() - since_);
  retry_.start(backoff_.next());
  if (state_) state_(false);
}

}  // namespace mxw::ipc
