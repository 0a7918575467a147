// Collecting the metrics of several programs: from sockets that answer, hang, lie or are not there.
#include "core/service/scrape.hpp"

#include <gmock/gmock.h>
#include <netinet/in.h>

#include <thread>

#include "core/service/metrics_server.hpp"
#include "tests/unit/service_support.hpp"

namespace mxw::service {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

// A program's metrics on its socket, in a thread.
class Program {
 public:
  Program(const std::string& folder, const std::string& name)
      : metrics_(name), loop_(std::move(EventLoop::create().value())) {
    std::filesystem::create_directories(folder + '/' + name);
    metrics_.counter("mxwarden_lines_total", "Lines").add(5);
    auto server = MetricsServer::create(*loop_, folder + '/' + name + "/metrics.sock", metrics_);
    EXPECT_TRUE(server);
    server_ = std::move(server.value());
    thread_ = std::jthread([this] { loop_->run(); });
  }
  ~Program() {
    loop_->post([this] { loop_->stop(); });
    thread_.join();
    server_.reset();
  }
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

 private:
  Metrics metrics_;
  std::unique_ptr<EventLoop> loop_;
  std::unique_ptr<MetricsServer> server_;
  std::jthread thread_;
};

TEST(Scrape, ReadsWhatAProgramServes) {
  const Folder folder;
  const Program program(folder.path(), "map");
  const auto text = scrape(folder.path("map/metrics.sock"));
  ASSERT_TRUE(text) << text.error().message;
  EXPECT_THAT(*text, HasSubstr("mxwarden_lines_total{program=\"map\"} 5\n"));
}

TEST(Scrape, NobodyThereIsAnError) {
  const Folder folder;
  EXPECT_FALSE(scrape(folder.path("metrics.sock")));
  EXPECT_FALSE(scrape(std::string(200, '/')));
}

TEST(Scrape, WaitsNoLongerThanItsTime) {
  const Folder folder;
  const int fd = unix_socket(SOCK_STREAM, folder.path("s"), true);  // nobody accepts
  const std::int64_t begin = EventLoop::now();
  EXPECT_FALSE(scrape(folder.path("s"), 20 * kMillisecond));
  EXPECT_GE(EventLoop::now() - begin, 20 * kMillisecond);
  EXPECT_LT(EventLoop::now() - begin, 10 * kSecond);
  ::close(fd);
}

// What a socket that is not one of ours may say.
std::optional<std::string> scraped_from(const std::string& answer) {
  const Folder folder;
  const int fd = unix_socket(SOCK_STREAM, folder.path("s"), true);
  std::jthread server([&] {
    const int client = ::accept(fd, nullptr, nullptr);
    std::array<char, 1'024> request{};
    (void)!::read(client, request.data(), request.size());
    for (std::size_t at = 0; at < answer.size();) {
      const ssize_t sent = ::send(client, answer.data() + at, answer.size() - at, MSG_NOSIGNAL);
      if (sent <= 0) break;
      at += static_cast<std::size_t>(sent);
    }
    ::close(client);
  });
  auto text = scrape(folder.path("s"), 5 * kSecond);
  server.join();
  ::close(fd);
  return text ? std::optional(*text) : std::nullopt;
}

TEST(Scrape, TakesOnlyWholeAnswersOfStatus200) {
  EXPECT_EQ(scraped_from("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\na 1"), "a 1");
  EXPECT_EQ(scraped_from("HTTP/1.1 200 OK\r\n\r\na 1"), "a 1");  // until the end
  EXPECT_FALSE(scraped_from("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\na 1"));
  EXPECT_FALSE(scraped_from("HTTP/1.1 404 Not Found\r\nContent-Length: 3\r\n\r\na 1"));
  EXPECT_FALSE(scraped_from("SSH-2.0-x\r\n"));
  EXPECT_FALSE(scraped_from(""));
  EXPECT_FALSE(scraped_from("HTTP/1.1 200 OK\r\n\r\n" + std::string(2 * kScrapeBytes, 'x')));
}

TEST(Joined, FamiliesOfSeveralProgramsComeTogether) {
  const std::string map =
      "# HELP a_total A thing\n# TYPE a_total counter\na_total{program=\"map\"} 1\n"
      "# HELP w_seconds Wait\n# TYPE w_seconds histogram\n"
      "w_seconds_count{program=\"map\"} 2\nw_seconds_sum{program=\"map\"} 0.5\n"
      "w_seconds_bucket{program=\"map\",le=\"+Inf\"} 2\n";
  const std::string policyd =
      "# HELP a_total Another text\n# TYPE a_total counter\na_total{program=\"policyd\"} 3\n"
      "# TYPE w_seconds histogram\nw_seconds_count{program=\"policyd\"} 4\n";
  EXPECT_EQ(joined({{"policyd", policyd}, {"map", map}, {"sensor", std::nullopt}}),
            "# HELP mxwarden_up Whether the program answered on its metrics socket\n"
            "# TYPE mxwarden_up gauge\n"
            "mxwarden_up{program=\"policyd\"} 1\n"
            "mxwarden_up{program=\"map\"} 1\n"
            "mxwarden_up{program=\"sensor\"} 0\n"
            "# HELP a_total Another text\n"
            "# TYPE a_total counter\n"
            "a_total{program=\"policyd\"} 3\n"
            "a_total{program=\"map\"} 1\n"
            "# HELP w_seconds Wait\n"
            "# TYPE w_seconds histogram\n"
            "w_seconds_count{program=\"policyd\"} 4\n"
            "w_seconds_count{program=\"map\"} 2\n"
            "w_seconds_sum{program=\"map\"} 0.5\n"
            "w_seconds_bucket{program=\"map\",le=\"+Inf\"} 2\n");
}

TEST(Joined, LeavesOutWhatIsNoSample) {
  const char* const rows[] = {
      "a",
      "a{",
      "a{x=\"1\"",
      "a{x=\"1\"}",
      "a{x=\"1}",
      "a{x=\"\\\"} 1",
      "1a 1",
      "{} 1",
      "a <script>",
      "# TYPE a nonsense",
      "#",
      "# HELP",
      "# TYPE 1a counter",
      "mxwarden_up{program=\"policyd\"} 1",
      "\xff\xfe 1",
      "a{x=\"1\"}1",
  };
  const std::string nothing = joined({{"map", ""}});
  for (const char* row : rows) EXPECT_EQ(joined({{"map", row}}), nothing) << row;
  EXPECT_EQ(joined({{"map", "a " + std::string(5'000, '1')}}), nothing);
  EXPECT_EQ(joined({{"map", "a{x=\"}\\\"\"} 1"}}), nothing + "a{x=\"}\\\"\"} 1\n");
  EXPECT_EQ(joined({{"map", "a 1\n\nb +Inf"}}), nothing + "a 1\nb +Inf\n");
}

TEST(ServeMetrics, AnswersPrometheusForAllPrograms) {
  const Folder folder;
  const Program map(folder.path(), "map"), policyd(folder.path(), "policyd");
  // A port that was free a moment ago.
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  auto* const at = reinterpret_cast<sockaddr*>(&address);
  socklen_t size = sizeof address;
  const int probe = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  ASSERT_EQ(::bind(probe, at, size), 0);
  ASSERT_EQ(::getsockname(probe, at, &size), 0);
  ::close(probe);
  config::Config config;
  config.paths.run = folder.path();
  const Endpoint listen{*IpAddress::parse("127.0.0.1"), ntohs(address.sin_port)};
  Child child([&] { return serve_metrics(config, listen); });
  int fd = -1;
  for (int i = 0; i < 1'000; ++i) {
    fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (::connect(fd, at, size) == 0) break;
    ::close(fd);
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  constexpr std::string_view kGet = "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n";
  ASSERT_EQ(::send(fd, kGet.data(), kGet.size(), MSG_NOSIGNAL), static_cast<ssize_t>(kGet.size()));
  std::string answer;
  std::array<char, 4'096> octets{};
  for (ssize_t got = 0; (got = ::read(fd, octets.data(), octets.size())) > 0;) {
    answer.append(octets.data(), static_cast<std::size_t>(got));
  }
  ::close(fd);
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(answer, HasSubstr("mxwarden_up{program=\"map\"} 1\n"));
  EXPECT_THAT(answer, HasSubstr("mxwarden_up{program=\"sensor\"} 0\n"));
  EXPECT_THAT(answer, HasSubstr("mxwarden_lines_total{program=\"policyd\"} 5\n"
                                "mxwarden_lines_total{program=\"map\"} 5\n"));
  Child second([&] { return serve_metrics(config, listen); });
  EXPECT_EQ(second.wait(), 4);  // the address is taken
  child.signal(SIGTERM);
  EXPECT_EQ(child.wait(), 0);
}

}  // namespace
}  // namespace mxw::service
