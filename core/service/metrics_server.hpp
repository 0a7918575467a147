// HTTP/1.1 `GET /metrics` of one program on its unix socket, `<run>/<program>/metrics.sock`, for
// `mxwarden metrics` to collect.
//
// Any local user may connect: the numbers name no domain, address or user, and whoever floods the
// socket delays only other scrapes. Bounds: see http_server.hpp.
#pragma once

#include <memory>
#include <string>

#include "core/base/event_loop.hpp"
#include "core/base/result.hpp"
#include "core/service/metrics.hpp"

namespace mxw::service {

class HttpServer;

// Lives in the loop's thread (of map: the knowledge thread's loop) and is destroyed before the
// loop.
class MetricsServer {
 public:
  // `path`: a socket left by an earlier run is replaced; the folder must exist. Error
  // (environment): the socket cannot be made. `metrics` outlives the server.
  static Result<std::unique_ptr<MetricsServer>> create(EventLoop& loop, const std::string& path,
                                                       const Metrics& metrics);
  ~MetricsServer();  // removes the socket
  MetricsServer(const MetricsServer&) = delete;
  MetricsServer& operator=(const MetricsServer&) = delete;

 private:
  MetricsServer();
  std::string path_;
  std::unique_ptr<HttpServer> server_;
};

}  // namespace mxw::service
