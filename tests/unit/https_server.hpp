// An HTTPS server on loopback with a certificate authority of its own: each connection runs what
// the test says, in a thread. And a fetch of a policy from it.
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "net/https/fetcher.hpp"
#include "x509_make.hpp"

namespace mxw::test {

inline const std::string kPolicy =
    "version: STSv1\r\nmode: enforce\r\nmx: mx.example.test\r\nmax_age: 86400\r\n";

inline std::string response(std::string_view body, std::string_view status = "200 OK",
                            std::string_view type = "text/plain", std::string_view more = "") {
  std::string head = "HTTP/1.1 " + std::string(status) + "\r\n";
  if (!type.empty()) head += "Content-Type: " + std::string(type) + "\r\n";
  head += more;
  head += "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n";
  return head + std::string(body);
}

inline std::size_t body_size(const std::string& head) {
  const std::string field = "\r\nContent-Length: ";
  const std::size_t at = head.find(field);
  return at == std::string::npos ? 0 : std::stoul(head.substr(at + field.size()));
}

// One TLS connection, handshake and request done.
class Connection {
 public:
  Connection(SSL* ssl, const std::atomic<bool>& stop) : ssl_(ssl), stop_(stop) {}
  // False once the client is gone or the test is over.
  bool send(std::string_view data) const {
    return !stop_ && SSL_write(ssl_, data.data(), static_cast<int>(data.size())) > 0;
  }
  // Until the client hangs up; says whether it did.
  bool repeat(std::string_view data) const {
    while (send(data)) {
    }
    return !stop_;
  }
  void drip(std::string_view data) const {
    for (const char c : data) {
      if (!send({&c, 1})) return;
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
  }
  void wait_for_the_end() const {
    char c = 0;
    while (!stop_ && SSL_read(ssl_, &c, 1) > 0) {
    }
  }

 private:
  SSL* ssl_;
  const std::atomic<bool>& stop_;
};

// A root in a file, and certificates under it.
class Authority {
 public:
  Authority() {
    CertSpec spec{.common_name = "Example Test Root", .ca = true};
    root_ = make_cert(spec, key_);
    std::string pattern = (std::filesystem::temp_directory_path() / "mxw-https-XXXXXX").string();
    const int fd = ::mkstemp(pattern.data());
    EXPECT_GE(fd, 0);
    ::close(fd);
    file_ = pattern;
    std::ofstream(file_) << pem_of({root_});
  }
  ~Authority() { std::filesystem::remove(file_); }
  Authority(const Authority&) = delete;
  Authority& operator=(const Authority&) = delete;

  [[nodiscard]] const std::string& file() const { return file_; }
  [[nodiscard]] Cert issue(const CertSpec& spec, const Key& key) const {
    return make_cert(spec, key, root_, key_);
  }

 private:
  Key key_ = ec_key();
  Cert root_;
  std::string file_;
};

class HttpsServer {
 public:
  using Script = std::function<void(const Connection&)>;

  // Listens at once; `prepare` may change the context (protocol versions).
  HttpsServer(
      const Cert& certificate, const Key& key, Script script,
      const std::function<void(SSL_CTX*)>& prepare = [](SSL_CTX*) {})
      : script_(std::move(script)), context_(SSL_CTX_new(TLS_server_method()), SSL_CTX_free) {
    std::signal(SIGPIPE, SIG_IGN);  // the client hangs up on most of what is said here
    SSL_CTX_use_certificate(context_.get(), certificate.get());
    SSL_CTX_use_PrivateKey(context_.get(), key.get());
    prepare(context_.get());
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* const plain = reinterpret_cast<sockaddr*>(&address);
    EXPECT_EQ(::bind(listener_, plain, size), 0);
    EXPECT_EQ(::getsockname(listener_, plain, &size), 0);
    EXPECT_EQ(::listen(listener_, 16), 0);
    port_ = ntohs(address.sin_port);
    acceptor_ = std::thread([this] { accept_all(); });
  }
  ~HttpsServer() {
    stop_ = true;
    ::shutdown(listener_, SHUT_RDWR);
    acceptor_.join();
    {
      const std::lock_guard lock(mutex_);
      for (const int fd : open_) ::shutdown(fd, SHUT_RDWR);
    }
    for (std::thread& thread : threads_) thread.join();
    ::close(listener_);
  }
  HttpsServer(const HttpsServer&) = delete;
  HttpsServer& operator=(const HttpsServer&) = delete;

  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] int connections() const { return connections_; }
  [[nodiscard]] std::vector<std::string> requests() const {
    const std::lock_guard lock(mutex_);
    return requests_;
  }
  [[nodiscard]] std::string server_name() const {
    const std::lock_guard lock(mutex_);
    return server_name_;
  }

 private:
  void accept_all() {
    for (;;) {
      const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (fd < 0) return;
      ++connections_;
      {
        const std::lock_guard lock(mutex_);
        open_.push_back(fd);
      }
      threads_.emplace_back([this, fd] { serve(fd); });
    }
  }

  void serve(int fd) {
    const std::unique_ptr<SSL, decltype(&SSL_free)> ssl(SSL_new(context_.get()), SSL_free);
    SSL_set_fd(ssl.get(), fd);
    if (SSL_accept(ssl.get()) == 1) {
      std::string request;
      char c = 0;
      while (!request.ends_with("\r\n\r\n") && SSL_read(ssl.get(), &c, 1) == 1) request += c;
      for (std::size_t left = body_size(request); left > 0 && SSL_read(ssl.get(), &c, 1) == 1;
           --left)
        request += c;
      const char* name = SSL_get_servername(ssl.get(), TLSEXT_NAMETYPE_host_name);
      {
        const std::lock_guard lock(mutex_);
        requests_.push_back(request);
        server_name_ = name != nullptr ? name : "";
      }
      script_(Connection(ssl.get(), stop_));
      SSL_shutdown(ssl.get());
    }
    ERR_clear_error();
    const std::lock_guard lock(mutex_);
    std::erase(open_, fd);
    ::close(fd);
  }

  Script script_;
  std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context_;
  int listener_ = -1;
  std::uint16_t port_ = 0;
  std::atomic<bool> stop_ = false;
  std::atomic<int> connections_ = 0;
  std::thread acceptor_;
  std::vector<std::thread> threads_;
  mutable std::mutex mutex_;
  std::vector<int> open_;
  std::vector<std::string> requests_;
  std::string server_name_;
};

// A port that answers no SYN: its queue is full and nobody accepts.
class DeafListener {
 public:
  DeafListener(const char* address, std::uint16_t port) {
    sockaddr_in name{};
    name.sin_family = AF_INET;
    name.sin_port = htons(port);
    ::inet_pton(AF_INET, address, &name.sin_addr);
    const auto* const plain = reinterpret_cast<const sockaddr*>(&name);
    for (int& fd : fds_) fd = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    EXPECT_EQ(::bind(fds_[0], plain, sizeof name), 0);
    EXPECT_EQ(::listen(fds_[0], 0), 0);
    for (std::size_t i = 1; i < fds_.size(); ++i) (void)::connect(fds_[i], plain, sizeof name);
  }
  ~DeafListener() {
    for (const int fd : fds_) ::close(fd);
  }
  DeafListener(const DeafListener&) = delete;
  DeafListener& operator=(const DeafListener&) = delete;

 private:
  std::array<int, 4> fds_{};
};

// A loop, a fetcher that trusts only `authority` and may reach loopback, and example.test.
class HttpsTest : public testing::Test {
 protected:
  HttpsTest() : loop(std::move(EventLoop::create().value())) {
    config.ca_file = authority.file();
    config.total_ns = 5 * kSecond;
    config.allow = {Cidr::parse("127.0.0.0/8").value()};
  }

  // Its threads end first: a socket libcurl closes must not be theirs by the time the loop forgets
  // it.
  void TearDown() override { server.reset(); }

  [[nodiscard]] static CertSpec good_spec() { return {.dns = {"mta-sts.example.test"}}; }

  HttpsServer& serve(HttpsServer::Script script) { return serve(good_spec(), std::move(script)); }
  HttpsServer& serve(const CertSpec& spec, HttpsServer::Script script) {
    server = std::make_unique<HttpsServer>(authority.issue(spec, key), key, std::move(script));
    return *server;
  }
  HttpsServer& serve(const std::string& said) {
    return serve([said](const Connection& connection) { connection.send(said); });
  }

  https::FetchRequest request() const {
    return {.domain = mail::HostName::parse("example.test").value(),
            .addresses = {IpAddress::parse("127.0.0.1").value()},
            .port = server ? server->port() : std::uint16_t{443}};
  }
  https::FetchResult fetch() { return fetch(request()); }
  https::FetchResult fetch(const https::FetchRequest& asked) {
    if (!fetcher) fetcher = https::Fetcher::create(*loop, config).value();
    https::FetchResult got;
    int calls = 0;
    fetcher->fetch(asked, [&](const https::FetchResult& result) {
      got = result;
      ++calls;
      loop->stop();
    });
    EXPECT_EQ(calls, 0) << "called from within fetch()";
    run();
    EXPECT_EQ(calls, 1);
    EXPECT_EQ(got.body.empty(), got.cause != https::Cause::ok);
    return got;
  }
  void run() {
    Timer guard(*loop, [this] {
      ADD_FAILURE() << "the loop did not stop";
      loop->stop();
    });
    guard.start(20 * kSecond);
    loop->run();
  }
  void run_for(std::int64_t span) {
    Timer end(*loop, [this] { loop->stop(); });
    end.start(span);
    loop->run();
  }

  Authority authority;
  Key key = ec_key();
  std::unique_ptr<EventLoop> loop;
  std::unique_ptr<HttpsServer> server;
  https::FetchConfig config;
  std::unique_ptr<https::Fetcher> fetcher;
};

}  // namespace mxw::test
