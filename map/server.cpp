#include "map/server.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "core/base/check.hpp"
#include "map/connection.hpp"

namespace mxw::map {
namespace {

// -1 and errno when nobody waits or nobody can be taken. Who left the backlog is skipped.
int accept(int listener) {
  for (;;) {
    const int fd = ::accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0 || (errno != EINTR && errno != ECONNABORTED)) return fd;
  }
}

bool is_exhausted(int error) {
  return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

}  // namespace

Server::Server(EventLoop& loop, const Table& table, Asker& asker, const MapNames& names,
               Settings settings)
    : loop_(loop),
      settings_(std::move(settings)),
      desk_(loop, asker, settings_.waiting,
            [this](Waiting::Ticket ticket, const Known* told) { on_settled(ticket, told); }),
      responder_(table, names, desk_, settings_.options),
      input_(limits::kReadBytes),
      idle_timer_(loop, [this] { on_idle_timer(); }),
      accept_timer_(loop, [this] { resume_listening(); }),
      patience_timer_(loop, [this] { end_waits(); }),
      stop_timer_(loop, [this] {
        while (!connections_.empty()) close(*connections_.front());
      }) {
  MXW_CHECK(settings_.clock && settings_.max_connections > 0);
}

Server::~Server() {
  done_ = nullptr;
  for (const int fd : listeners_) loop_.remove(fd);
  while (!connections_.empty()) close(*connections_.front());
}

Moment Server::moment() const {
  return {settings_.clock(), off_, responder_.options().enforce};
}

Result<void> Server::listen(int fd) {
  auto added = loop_.add(fd, EPOLLIN, [this, fd](std::uint32_t) { on_accept(fd); });
  if (added) listeners_.push_back(fd);
  return added;
}

// The kernel says that descriptors are out before it looks whether anybody waits. So room is made
// only for the first of a turn, whom the loop has seen, and never for nobody.
void Server::on_accept(int listener) {
  bool made_room = false;
  for (int i = 0; i < limits::kAcceptsPerTurn && !made_room && !paused_ && !stopping_; ++i) {
    int fd = accept(listener);
    if (fd < 0 && is_exhausted(errno) && i == 0) {
      ++counters_.no_descriptor;
      made_room = close_oldest_idle();
      if (!made_room) return pause_listening();
      fd = accept(listener);
    }
    if (fd < 0) return;
    if (!adopt(fd)) ::close(fd);
  }
}

bool Server::adopt(int fd) {
  if (connections_.size() >= settings_.max_connections) {
    if (!close_oldest_idle()) {
      // All are busy: the new one is turned away. Postfix tries once more, then defers.
      ++counters_.turned_away;
      return false;
    }
    ++counters_.closed_for_new;
  }
  const int on = 1;  // fails on unix sockets, which need it not
  (void)::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  auto made = std::make_unique<Connection>(responder_, ++last_id_, fd);
  Connection& connection = *made;
  const auto handler = [this, &connection](std::uint32_t events) { on_event(connection, events); };
  if (!loop_.add(fd, EPOLLIN, handler)) return false;
  connection.watched = EPOLLIN;
  connection.active = EventLoop::now();
  connection.place = connections_.insert(connections_.end(), std::move(made));
  by_id_.emplace(connection.id, &connection);
  ++counters_.accepted;
  if (!idle_timer_.running()) idle_timer_.start(settings_.idle);
  return true;
}

void Server::pause_listening() {
  paused_ = true;
  for (const int fd : listeners_) loop_.modify(fd, 0);
  accept_timer_.start(limits::kAcceptPause);
}

void Server::resume_listening() {
  paused_ = false;
  for (const int fd : listeners_) loop_.modify(fd, EPOLLIN);
}

bool Server::close_oldest_idle() {
  for (const auto& connection : connections_) {
    if (!connection->session.idle()) continue;
    close(*connection);
    return true;
  }
  // Replies are small and fit into a socket's buffer: whoever has not taken his is no mail server.
  for (const auto& connection : connections_) {
    if (connection->session.output().empty()) continue;
    close(*connection);
    return true;
  }
  return false;
}

void Server::on_idle_timer() {
  const std::int64_t now = EventLoop::now();
  while (!connections_.empty() && connections_.front()->active + settings_.idle <= now) {
    ++counters_.closed_idle;
    close(*connections_.front());
  }
  if (connections_.empty()) return;
  idle_timer_.start(connections_.front()->active + settings_.idle - now);
}

void Server::close(Connection& connection) {
  if (connection.session.fault() != NetstringFault::none) ++counters_.protocol_faults;
  loop_.remove(connection.fd);
  ::close(connection.fd);
  buffered_ -= connection.accounted;
  by_id_.erase(connection.id);
  connections_.erase(connection.place);
  check_stopped();
}

void Server::stop(std::int64_t patience, std::function<void()> done) {
  stopping_ = true;
  done_ = std::move(done);
  accept_timer_.stop();
  for (const int fd : listeners_) loop_.remove(fd);
  listeners_.clear();
  patience_timer_.start(patience);
  // Closing changes the list; those that remain are pumped by what they wait for.
  std::vector<Connection*> all;
  for (const auto& connection : connections_) all.push_back(connection.get());
  for (Connection* connection : all) {
    // A question that lies in the socket was asked before we were told to stop.
    if (!read(*connection)) {
      close(*connection);
      continue;
    }
    connection->session.end_input();
    pump(*connection);
  }
  check_stopped();
}

void Server::end_waits() {
  desk_.end_waits();
  if (!connections_.empty()) stop_timer_.start(kStopGrace);
}

void Server::check_stopped() {
  if (!stopping_ || !connections_.empty() || !done_) return;
  patience_timer_.stop();
  stop_timer_.stop();
  loop_.post(std::exchange(done_, nullptr));
}

}  // namespace mxw::map
