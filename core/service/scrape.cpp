#include "core/service/scrape.hpp"

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/beast/http.hpp>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "core/base/event_loop.hpp"
#include "core/config/load.hpp"
#include "core/service/http_server.hpp"
#include "core/service/log.hpp"

namespace mxw::service {
namespace {

namespace http = boost::beast::http;

constexpr std::string_view kRequest =
    "GET /metrics HTTP/1.1\r\nHost: mxwarden\r\nConnection: close\r\n\r\n";
constexpr std::size_t kHeaderBytes = 8'192;

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  [[nodiscard]] int get() const { return fd_; }
  int release() { return std::exchange(fd_, -1); }

 private:
  int fd_;
};

std::unexpected<Error> trouble(const std::string& at, const std::string& why) {
  return fail(ErrorKind::environment, at + ": " + why);
}

// All that is sent until the other side closes; nullopt when it takes longer or is too long.
std::optional<std::string> read_all(int fd, std::int64_t until) {
  std::string text;
  std::array<char, 16'384> octets;
  for (;;) {
    const std::int64_t left = until - EventLoop::now();
    pollfd one{fd, POLLIN, 0};
    if (left <= 0 || ::poll(&one, 1, static_cast<int>(left / kMillisecond) + 1) < 0) {
      if (left > 0 && errno == EINTR) continue;
      return std::nullopt;
    }
    const ssize_t got = ::read(fd, octets.data(), octets.size());
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) continue;
    if (got < 0) return std::nullopt;
    if (got == 0) return text;
    text.append(octets.data(), static_cast<std::size_t>(got));
    if (text.size() > kScrapeBytes + kHeaderBytes) return std::nullopt;
  }
}

std::optional<std::string> body_of(const std::string& answer) {
  http::response_parser<http::string_body> parser;
  parser.header_limit(kHeaderBytes);
  parser.body_limit(kScrapeBytes);
  parser.eager(true);
  boost::beast::error_code error;
  parser.put(boost::asio::buffer(answer), error);
  if (!error && !parser.is_done()) parser.put_eof(error);
  if (error || !parser.is_done() || parser.get().result() != http::status::ok) {
    return std::nullopt;
  }
  return std::move(parser.get().body());
}

Result<int> listen_at(const Endpoint& at) {
  const auto refused = [&] { return trouble(config::text_of(at), std::strerror(errno)); };
  sockaddr_storage storage{};
  socklen_t size = 0;
  const bool v4 = at.address.v4();
  if (v4) {
    auto* to = reinterpret_cast<sockaddr_in*>(&storage);
    to->sin_port = htons(at.port);
    std::ranges::copy(at.address.bytes(), reinterpret_cast<std::uint8_t*>(&to->sin_addr));
    size = sizeof *to;
  } else {
    auto* to = reinterpret_cast<sockaddr_in6*>(&storage);
    to->sin6_port = htons(at.port);
    std::ranges::copy(at.address.bytes(), reinterpret_cast<std::uint8_t*>(&to->sin6_addr));
    size = sizeof *to;
  }
  storage.ss_family = v4 ? AF_INET : AF_INET6;
  Descriptor fd(::socket(storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (fd.get() < 0) return refused();
  const int on = 1;
  ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&storage), size) != 0 ||
      ::listen(fd.get(), static_cast<int>(HttpServer::kConnections)) != 0) {
    return refused();
  }
  return fd.release();
}

// Further processes of a program have folders of their own beside its: `milter-NAME`.
std::vector<std::string> instances(const std::string& run) {
  constexpr std::size_t kInstances = 64;
  std::vector<std::string> names;
  std::error_code error;
  for (auto at = std::filesystem::directory_iterator(run, error);
       !error && at != std::filesystem::directory_iterator() && names.size() < kInstances;
       at.increment(error))
    if (const std::string name = at->path().filename(); name.starts_with("milter-"))
      names.push_back(name);
  std::ranges::sort(names);
  return names;
}

}  // namespace

std::string scrape_all(const std::string& run) {
  std::vector<std::string> programs(std::begin(kPrograms), std::end(kPrograms));
  std::ranges::copy(instances(run), std::back_inserter(programs));
  std::vector<Scraped> all;
  for (const std::string& name : programs) {
    auto text = scrape(run + '/' + name + "/metrics.sock");
    all.push_back({name, text ? std::optional(*std::move(text)) : std::nullopt});
  }
  return joined(all);
}

Result<std::string> scrape(const std::string& socket_path, std::int64_t timeout_ns) {
  const std::int64_t until = EventLoop::now() + timeout_ns;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (socket_path.size() >= sizeof address.sun_path) {
    return trouble(socket_path, "too long for a socket");
  }
  socket_path.copy(address.sun_path, socket_path.size());
  const Descriptor fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (fd.get() < 0 ||
      ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return trouble(socket_path, std::strerror(errno));
  }
  // A fresh socket has room for a request of this size.
  if (::send(fd.get(), kRequest.data(), kRequest.size(), MSG_NOSIGNAL) !=
      static_cast<ssize_t>(kRequest.size())) {
    return trouble(socket_path, std::strerror(errno));
  }
  const auto answer = read_all(fd.get(), until);
  if (!answer) return trouble(socket_path, "no answer in time, or one that is too long");
  auto body = body_of(*answer);
  if (!body) return trouble(socket_path, "the answer is none of HTTP with status 200");
  return *std::move(body);
}

int serve_metrics(const config::Config& config, Endpoint listen) {
  constexpr int kTrouble = 4;
  const auto failed = [](const Error& error) {
    log_error(error.message);
    return kTrouble;
  };
  const auto loop = EventLoop::create();
  if (!loop) return failed(loop.error());
  for (const int signal : {SIGTERM, SIGINT}) {
    if (auto added = (*loop)->add_signal(signal, [&] { (*loop)->stop(); }); !added) {
      return failed(added.error());
    }
  }
  const auto fd = listen_at(listen);
  if (!fd) return failed(fd.error());
  const auto server =
      HttpServer::create(**loop, *fd, [&config] { return scrape_all(config.paths.run); });
  if (!server) return failed(server.error());
  log_info("metrics of all programs at http://" + config::text_of(listen) + "/metrics");
  (*loop)->run();
  return 0;
}

}  // namespace mxw::service
