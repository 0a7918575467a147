// The server's traffic: reading, answering and writing of its connections.
#include <sys/socket.h>

#include <cerrno>

#include "map/connection.hpp"
#include "map/server.hpp"

namespace mxw::map {

void Server::on_event(Connection& connection, std::uint32_t events) {
  connection.active = EventLoop::now();
  connections_.splice(connections_.end(), connections_, connection.place);
  if ((events & (EPOLLERR | EPOLLHUP)) != 0) {  // both ends are gone: nobody reads a reply
    close(connection);
    return;
  }
  if ((events & EPOLLIN) != 0 && !read(connection)) {
    close(connection);
    return;
  }
  pump(connection);
}

// False: the connection is broken.
bool Server::read(Connection& connection) {
  if (!connection.session.wants_input()) return true;
  const ssize_t n = ::recv(connection.fd, input_.data(), input_.size(), 0);
  if (n < 0) return errno == EAGAIN || errno == EINTR;
  if (n == 0) {
    connection.session.end_input();
    return true;
  }
  connection.session.take({input_.data(), static_cast<std::size_t>(n)}, moment());
  return true;
}

// Sends what is ready and goes on with what was held, until one of them has to wait.
void Server::pump(Connection& connection) {
  Session& session = connection.session;
  for (int round = 0; round < limits::kRoundsPerTurn; ++round) {
    if (!flush(connection)) {
      close(connection);
      return;
    }
    if (!session.output().empty() || !session.can_resume()) break;
    session.resume(moment());
  }
  if (session.finished() || !account(connection)) {
    close(connection);
    return;
  }
  watch(connection);
}

// False: the connection is broken.
bool Server::flush(Connection& connection) {
  Session& session = connection.session;
  while (!session.output().empty()) {
    const std::string_view output = session.output();
    const ssize_t n = ::send(connection.fd, output.data(), output.size(), MSG_NOSIGNAL);
    if (n < 0) return errno == EAGAIN || errno == EINTR;
    session.sent(static_cast<std::size_t>(n));
  }
  return true;
}

// False: there is no memory for what this one holds.
bool Server::account(Connection& connection) {
  const std::size_t bytes = connection.session.buffered();
  if (bytes == connection.accounted) return true;
  buffered_ += bytes - connection.accounted;
  connection.accounted = bytes;
  if (buffered_ <= limits::kAllBufferBytes) return true;
  ++counters_.closed_for_memory;
  return false;
}

void Server::watch(Connection& connection) {
  const Session& session = connection.session;
  std::uint32_t events = 0;
  if (session.wants_input()) events |= EPOLLIN;
  if (!session.output().empty() || session.can_resume()) events |= EPOLLOUT;
  if (events == connection.watched) return;
  connection.watched = events;
  loop_.modify(connection.fd, events);
}

void Server::on_settled(Waiting::Ticket ticket, const Known* told) {
  const auto at = by_id_.find(Session::id_of(ticket));
  if (at == by_id_.end()) return;
  Connection& connection = *at->second;
  connection.session.settle(ticket, told, moment());
  pump(connection);
}

}  // namespace mxw::map
