// A connection of the server: its socket and its session.
#pragma once

#include <cstdint>
#include <list>
#include <memory>

#include "map/server.hpp"
#include "map/session.hpp"

namespace mxw::map {

struct Server::Connection {
  Connection(Responder& responder, std::uint64_t number, int socket)
      : id(number), fd(socket), session(responder, number) {}

  std::uint64_t id;
  int fd;
  std::uint32_t watched = 0;    // events the loop watches for
  std::int64_t active = 0;      // when it was last read from or written to
  std::size_t accounted = 0;    // its part of buffered_
  Connections::iterator place;  // in the order of activity
  Session session;
};

}  // namespace mxw::map
