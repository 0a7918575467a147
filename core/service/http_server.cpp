#include "core/service/http_server.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <boost/beast/http.hpp>
#include <cerrno>
#include <sstream>
#include <string_view>

#include "core/service/log.hpp"

namespace mxw::service {
namespace {

namespace http = boost::beast::http;

constexpr std::string_view kHeaderEnd = "\r\n\r\n";

struct Request {
  http::status refusal = http::status::ok;
  bool head = false;
};

// `text` ends with the header's end.
Request read_request(std::string_view text) {
  http::request_parser<http::empty_body> parser;
  parser.header_limit(HttpServer::kRequestBytes);
  boost::beast::error_code error;
  parser.put(boost::asio::buffer(text.data(), text.size()), error);
  if (error || !parser.is_header_done()) return {http::status::bad_request};
  const auto& request = parser.get();
  const bool head = request.method() == http::verb::head;
  if (!head && request.method() != http::verb::get) return {http::status::method_not_allowed};
  const std::string_view target(request.target().data(), request.target().size());
  if (target.substr(0, target.find('?')) != "/metrics") return {http::status::not_found, head};
  return {http::status::ok, head};
}

std::string answer(const Request& request, const HttpServer::Body& body) {
  http::response<http::string_body> response(request.refusal, 11);
  response.set(http::field::connection, "close");
  if (request.refusal == http::status::ok) {
    response.set(http::field::content_type, "text/plain; version=0.0.4; charset=utf-8");
    response.body() = body();
  } else {
    response.set(http::field::content_type, "text/plain");
    response.body() = "GET /metrics is all there is\n";
  }
  if (request.refusal == http::status::method_not_allowed) {
    response.set(http::field::allow, "GET, HEAD");
  }
  response.prepare_payload();
  if (request.head) response.body().clear();
  std::ostringstream out;
  out << response;
  return std::move(out).str();
}

}  // namespace

// Reads a request, writes the answer, then reads until the other side closes, so that no reset
// overtakes the answer.
class HttpServer::Connection {
 public:
  Connection(HttpServer& server, int fd)
      : server_(server), fd_(fd), timer_(server.loop_, [this] {
          ++server_.counters_.timed_out;
          server_.close(*this);
        }) {}
  ~Connection() {
    server_.loop_.remove(fd_);
    ::close(fd_);
  }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  bool start() {
    timer_.start(server_.timeout_ns_);
    return server_.loop_.add(fd_, EPOLLIN, [this](std::uint32_t) { run(); }).has_value();
  }

 private:
  void run() {
    const bool open = out_.empty() ? read() : write();
    if (!open) server_.close(*this);
  }

  // Whether the connection stays.
  bool read() {
    std::array<char, 4'096> octets;
    const ssize_t got = ::read(fd_, octets.data(), octets.size());
    if (got < 0) return errno == EAGAIN || errno == EINTR;
    if (got == 0) return false;
    if (done_) return true;
    in_.append(octets.data(), static_cast<std::size_t>(got));
    const std::size_t end = in_.find(kHeaderEnd);
    if (end == std::string::npos && in_.size() < kRequestBytes) return true;
    Request request{http::status::request_header_fields_too_large};
    if (end != std::string::npos && end + kHeaderEnd.size() <= kRequestBytes) {
      request = read_request(std::string_view(in_).substr(0, end + kHeaderEnd.size()));
    }
    ++(request.refusal == http::status::ok ? server_.counters_.answered
                                           : server_.counters_.refused);
    out_ = answer(request, server_.body_);
    return write();
  }

  bool write() {
    while (sent_ < out_.size()) {
      const ssize_t wrote =
          ::send(fd_, out_.data() + sent_, out_.size() - sent_, MSG_NOSIGNAL | MSG_DONTWAIT);
      if (wrote < 0 && errno == EINTR) continue;
      if (wrote < 0 && errno == EAGAIN) {
        server_.loop_.modify(fd_, EPOLLOUT);
        return true;
      }
      if (wrote < 0) return false;
      sent_ += static_cast<std::size_t>(wrote);
    }
    out_.clear();
    done_ = true;
    ::shutdown(fd_, SHUT_WR);
    server_.loop_.modify(fd_, EPOLLIN);
    return true;
  }

  HttpServer& server_;
  int fd_;
  Timer timer_;
  std::string in_, out_;
  std::size_t sent_ = 0;
  bool done_ = false;
};

HttpServer::HttpServer(EventLoop& loop, int listen_fd, Body body, std::int64_t timeout_ns)
    : loop_(loop), listen_fd_(listen_fd), body_(std::move(body)), timeout_ns_(timeout_ns) {}

HttpServer::~HttpServer() {
  connections_.clear();
  loop_.remove(listen_fd_);
  ::close(listen_fd_);
}

Result<std::unique_ptr<HttpServer>> HttpServer::create(EventLoop& loop, int listen_fd, Body body,
                                                       std::int64_t timeout_ns) {
  std::unique_ptr<HttpServer> server(new HttpServer(loop, listen_fd, std::move(body), timeout_ns));
  HttpServer* const raw = server.get();
  auto added = loop.add(listen_fd, EPOLLIN, [raw](std::uint32_t) { raw->accept_all(); });
  if (!added) return std::unexpected(added.error());
  return server;
}

void HttpServer::accept_all() {
  for (std::size_t i = 0; i < kConnections; ++i) {
    const int fd = ::accept4(listen_fd_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) {
      if (errno == EMFILE || errno == ENFILE) {
        // Left waiting the socket would stay readable and the loop would spin.
        log_rarely(config::LogLevel::warning, "http-accept", "no descriptor left for a scrape");
        loop_.modify(listen_fd_, EPOLLIN | EPOLLET);
      }
      return;
    }
    if (connections_.size() >= kConnections) {
      ++counters_.too_many;
      ::close(fd);
      continue;
    }
    connections_.push_back(std::make_unique<Connection>(*this, fd));
    if (!connections_.back()->start()) connections_.pop_back();
  }
}

void HttpServer::close(Connection& connection) {
  connections_.remove_if([&](const auto& one) { return one.get() == &connection; });
  loop_.modify(listen_fd_, EPOLLIN);
}

}  // namespace mxw::service
