// The smallest HTTP server that can answer a scrape: GET /metrics, one request per connection, on a
// listening stream socket. Non-blocking, on an EventLoop; used by MetricsServer and by
// `mxwarden metrics`.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <string>

#include "core/base/event_loop.hpp"
#include "core/base/result.hpp"

namespace mxw::service {

// Lives in the loop's thread and is destroyed before the loop.
class HttpServer {
 public:
  static constexpr std::size_t kConnections = 16;        // Prometheus uses one per scrape
  static constexpr std::size_t kRequestBytes = 8'192;    // header of a request; nginx takes 8 KiB
  static constexpr std::int64_t kTimeout = 5 * kSecond;  // Prometheus gives up after 10 s

  // The body of /metrics, made anew for every request.
  using Body = std::function<std::string()>;

  // Takes `listen_fd` (non-blocking, listening) and closes it. Error (environment): epoll refuses.
  static Result<std::unique_ptr<HttpServer>> create(EventLoop& loop, int listen_fd, Body body,
                                                    std::int64_t timeout_ns = kTimeout);
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  struct Counters {
    std::uint64_t answered = 0, refused = 0, timed_out = 0, too_many = 0;
  };
  [[nodiscard]] const Counters& counters() const { return counters_; }

 private:
  class Connection;

  HttpServer(EventLoop& loop, int listen_fd, Body body, std::int64_t timeout_ns);
  void accept_all();
  void close(Connection& connection);

  EventLoop& loop_;
  int listen_fd_;
  Body body_;
  std::int64_t timeout_ns_;
  Counters counters_;
  std::list<std::unique_ptr<Connection>> connections_;
};

}  // namespace mxw::service
