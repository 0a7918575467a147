// The HTTP server of the metrics socket: what it answers, what it refuses, and that nobody keeps
// it.
#include "core/service/http_server.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>

#include <thread>

#include "core/service/metrics_server.hpp"
#include "tests/unit/service_support.hpp"

namespace mxw::service {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

constexpr std::string_view kGet = "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n";

// A server in a thread of its own, so that clients here may block.
class HttpTest : public testing::Test {
 protected:
  void serve(std::string body, std::int64_t timeout = HttpServer::kTimeout) {
    loop_ = std::move(EventLoop::create().value());
    const int fd = unix_socket(SOCK_STREAM | SOCK_NONBLOCK, path(), true);
    auto server = HttpServer::create(*loop_, fd, [body] { return body; }, timeout);
    ASSERT_TRUE(server);
    server_ = *std::move(server);
    thread_ = std::jthread([this] { loop_->run(); });
  }
  ~HttpTest() override {
    if (loop_ != nullptr) finish();
  }
  // Ends the thread: then counters may be read.
  HttpServer::Counters finish() {
    if (thread_.joinable()) {
      loop_->post([this] { loop_->stop(); });
      thread_.join();
    }
    return server_->counters();
  }
  [[nodiscard]] std::string path() const { return folder_.path("metrics.sock"); }
  [[nodiscard]] int client() const { return unix_socket(SOCK_STREAM, path(), false); }

  static void send(int fd, std::string_view text) {
    EXPECT_EQ(::send(fd, text.data(), text.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(text.size()));
  }
  static std::string receive(int fd) {
    std::string text;
    std::array<char, 4'096> octets{};
    for (;;) {
      const ssize_t got = ::read(fd, octets.data(), octets.size());
      if (got <= 0) break;
      text.append(octets.data(), static_cast<std::size_t>(got));
    }
    ::close(fd);
    return text;
  }
  [[nodiscard]] std::string ask(std::string_view request) const {
    const int fd = client();
    send(fd, request);
    return receive(fd);
  }

 private:
  Folder folder_;
  std::unique_ptr<EventLoop> loop_;
  std::unique_ptr<HttpServer> server_;
  std::jthread thread_;
};

TEST_F(HttpTest, AnswersGet) {
  serve("a 1\n");
  const std::string answer = ask(kGet);
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(answer, HasSubstr("Content-Type: text/plain; version=0.0.4"));
  EXPECT_THAT(answer, HasSubstr("Content-Length: 4\r\n"));
  EXPECT_THAT(answer, HasSubstr("Connection: close\r\n"));
  EXPECT_THAT(answer, EndsWith("\r\n\r\na 1\n"));
  EXPECT_EQ(finish().answered, 1U);
}

TEST_F(HttpTest, HeadHasNoBody) {
  serve("a 1\n");
  const std::string answer = ask("HEAD /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_THAT(answer, HasSubstr("Content-Length: 4\r\n"));
  EXPECT_THAT(answer, EndsWith("\r\n\r\n"));
}

TEST_F(HttpTest, RefusesOtherRequests) {
  serve("a 1\n");
  const std::pair<std::string, const char*> rows[] = {
      {"GET / HTTP/1.1\r\n\r\n", "HTTP/1.1 404"},
      {"GET /metrics/x HTTP/1.1\r\n\r\n", "HTTP/1.1 404"},
      {"POST /metrics HTTP/1.1\r\nContent-Length: 0\r\n\r\n", "HTTP/1.1 405"},
      {"OPTIONS * HTTP/1.1\r\n\r\n", "HTTP/1.1 405"},
      {"GET /metrics\r\n\r\n", "HTTP/1.1 400"},
      {"\x16\x03\x01\r\n\r\n", "HTTP/1.1 400"},
      {"GET /metrics HTTP/1.1\r\nA b\r\n\r\n", "HTTP/1.1 400"},
      {"GET /metrics HTTP/1.1\r\nA: " + std::string(HttpServer::kRequestBytes, 'a'),
       "HTTP/1.1 431"},
  };
  for (const auto& [request, answer] : rows) {
    EXPECT_THAT(ask(request), StartsWith(answer)) << request;
  }
  EXPECT_EQ(finish().refused, std::size(rows));
}

TEST_F(HttpTest, TakesAQueryAndOlderVersions) {
  serve("a 1\n");
  EXPECT_THAT(ask("GET /metrics?x=1 HTTP/1.1\r\nHost: x\r\n\r\n"), StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(ask("GET /metrics HTTP/1.0\r\n\r\n"), StartsWith("HTTP/1.1 200"));
}

TEST_F(HttpTest, AnySplitOfTheRequestGivesTheSameAnswer) {
  serve("a 1\n");
  const std::string whole = ask(kGet);
  for (std::size_t at = 1; at < kGet.size(); ++at) {
    const int fd = client();
    send(fd, kGet.substr(0, at));
    std::this_thread::yield();
    send(fd, kGet.substr(at));
    EXPECT_EQ(receive(fd), whole) << at;
  }
}

TEST_F(HttpTest, WritesALongAnswerToASlowReader) {
  const std::string body(4 << 20, 'b');
  serve(body);
  const std::string answer = ask(kGet);
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200"));
  EXPECT_EQ(answer.substr(answer.find("\r\n\r\n") + 4), body);
}

TEST_F(HttpTest, WhoSaysNothingIsClosed) {
  serve("a 1\n", 30 * kMillisecond);
  const int silent = client(), half = client(), finished = client();
  send(half, "GET /metrics HTT");
  send(finished, kGet);  // and then does not close
  EXPECT_EQ(receive(silent), "");
  EXPECT_EQ(receive(half), "");
  EXPECT_THAT(receive(finished), EndsWith("a 1\n"));
  EXPECT_GE(finish().timed_out, 2U);
}

TEST_F(HttpTest, WhoDoesNotReadIsClosed) {
  serve(std::string(4 << 20, 'b'), 30 * kMillisecond);
  const int fd = client();
  send(fd, kGet);
  pollfd one{fd, 0, 0};  // only POLLHUP is told
  EXPECT_EQ(::poll(&one, 1, 10'000), 1);
  ::close(fd);
  EXPECT_EQ(finish().timed_out, 1U);
}

TEST_F(HttpTest, HoldsAtMostItsConnections) {
  serve("a 1\n");
  std::vector<int> held;
  for (std::size_t i = 0; i < HttpServer::kConnections; ++i) held.push_back(client());
  EXPECT_EQ(receive(client()), "");
  ::close(held.back());
  held.pop_back();
  // The place of the one that left is free as soon as the server has seen it leave.
  std::string answer;
  for (int i = 0; i < 1'000 && answer.empty(); ++i) {
    const int fd = client();
    ::send(fd, kGet.data(), kGet.size(), MSG_NOSIGNAL);
    answer = receive(fd);
  }
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200"));
  for (const int fd : held) ::close(fd);
  EXPECT_GE(finish().too_many, 1U);
}

TEST(MetricsServer, IsForEverybodyAndReplacesAnOldSocket) {
  const Folder folder;
  const std::string path = folder.path("metrics.sock");
  ::close(unix_socket(SOCK_STREAM, path, true));
  const auto loop = std::move(EventLoop::create().value());
  const Metrics metrics("map");
  {
    const auto server = MetricsServer::create(*loop, path, metrics);
    ASSERT_TRUE(server) << server.error().message;
    const auto status = std::filesystem::status(path);
    EXPECT_EQ(status.type(), std::filesystem::file_type::socket);
    EXPECT_EQ(static_cast<unsigned>(status.permissions()), 0666U);
  }
  EXPECT_FALSE(std::filesystem::exists(path));
  EXPECT_FALSE(MetricsServer::create(*loop, folder.path("none/metrics.sock"), metrics));
  EXPECT_FALSE(MetricsServer::create(*loop, folder.path(std::string(200, 'x')), metrics));
}

}  // namespace
}  // namespace mxw::service
