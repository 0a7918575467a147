#include "core/service/metrics_server.hpp"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "core/service/http_server.hpp"

namespace mxw::service {
namespace {

constexpr mode_t kEverybody = 0666;  // see the header: nothing in it is secret
constexpr int kBacklog = 16;

Result<int> listen_at(const std::string& path) {
  const auto refused = [&] {
    return fail(ErrorKind::environment, path + ": " + std::strerror(errno));
  };
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) {
    return fail(ErrorKind::usage, path + ": too long for a socket");
  }
  path.copy(address.sun_path, path.size());
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return refused();
  ::unlink(path.c_str());
  if (::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      ::chmod(path.c_str(), kEverybody) != 0 || ::listen(fd, kBacklog) != 0) {
    auto error = refused();
    ::close(fd);
    return error;
  }
  return fd;
}

}  // namespace

MetricsServer::MetricsServer() = default;

MetricsServer::~MetricsServer() {
  if (server_ != nullptr) ::unlink(path_.c_str());
}

Result<std::unique_ptr<MetricsServer>> MetricsServer::create(EventLoop& loop,
                                                             const std::string& path,
                                                             const Metrics& metrics) {
  const auto fd = listen_at(path);
  if (!fd) return std::unexpected(fd.error());
  auto server = HttpServer::create(loop, *fd, [&metrics] { return metrics.text(); });
  if (!server) return std::unexpected(server.error());
  std::unique_ptr<MetricsServer> made(new MetricsServer);
  made->path_ = path;
  made->server_ = *std::move(server);
  return made;
}

}  // namespace mxw::service
