// The load: a closed loop over N connections, each with one question under way, for some seconds.
// Prints one JSON object: queries, ok, notfound, seconds and the percentiles of the time to the
// answer in microseconds.
//
// usage: mxw-bench-map-load [--port N] [--cpu N] [--connections N] [--seconds N] [--keys N]
//
// Keys are d0.example to d(KEYS-1).example in random order.
#include <fcntl.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <vector>

#include "map/netstring.hpp"
#include "tests/bench/map/sockets.hpp"

namespace mxw::bench {
namespace {

std::int64_t now() {
  timespec at{};
  ::clock_gettime(CLOCK_MONOTONIC, &at);
  return at.tv_sec * 1'000'000'000 + at.tv_nsec;
}

struct Settings {
  std::uint16_t port = 0;
  std::size_t connections = 1, keys = 1;
  std::int64_t seconds = 0;
};

struct Connection {
  int fd = -1;
  std::int64_t asked = 0;
  map::NetstringReader reader{100'000};
};

class Load {
 public:
  explicit Load(const Settings& settings) : settings_(settings) {
    for (std::size_t i = 0; i < settings.keys; ++i) queries_.push_back(query(i));
    connections_.resize(settings.connections);
    for (std::size_t i = 0; i < connections_.size(); ++i) open(i);
  }

  void run() {
    began_ = now();
    end_ = began_ + settings_.seconds * 1'000'000'000;
    for (Connection& connection : connections_) ask(connection);
    std::array<epoll_event, 64> events{};
    while (under_way_ > 0) {
      const int count = ::epoll_wait(epoll_, events.data(), events.size(), -1);
      for (int i = 0; i < count; ++i) {
        receive(connections_[events[static_cast<std::size_t>(i)].data.u64]);
      }
    }
    ended_ = now();
  }

  void print() {
    std::ranges::sort(times_);
    const auto at = [this](double part) {
      return static_cast<double>(
                 times_[static_cast<std::size_t>(part * static_cast<double>(times_.size() - 1))]) /
             1'000;
    };
    std::printf(
        "{\"queries\":%zu,\"ok\":%llu,\"notfound\":%llu,\"seconds\":%.6f,"
        "\"p50_us\":%.1f,\"p99_us\":%.1f,\"max_us\":%.1f}\n",
        times_.size(), ok_, notfound_, static_cast<double>(ended_ - began_) / 1e9, at(0.5),
        at(0.99), at(1.0));
  }

 private:
  static std::string query(std::uint64_t i) {
    return map::netstring("postfix d" + std::to_string(i) + ".example");
  }

  void open(std::size_t i) {
    connections_[i].fd = connect_to(settings_.port);
    MXW_CHECK(::fcntl(connections_[i].fd, F_SETFL, O_NONBLOCK) == 0);
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = i;
    MXW_CHECK(::epoll_ctl(epoll_, EPOLL_CTL_ADD, connections_[i].fd, &event) == 0);
  }

  void ask(Connection& connection) {
    random_ = random_ * 6'364'136'223'846'793'005ULL + 1;
    const std::string& text = queries_[(random_ >> 33) % queries_.size()];
    ++under_way_;
    connection.asked = now();
    MXW_CHECK(::send(connection.fd, text.data(), text.size(), MSG_NOSIGNAL) ==
              static_cast<ssize_t>(text.size()));
  }

  void receive(Connection& connection) {
    char buffer[16'384];
    const ssize_t n = ::recv(connection.fd, buffer, sizeof buffer, 0);
    MXW_CHECK(n > 0);
    std::string_view input(buffer, static_cast<std::size_t>(n));
    if (connection.reader.next(input) != map::NetstringReader::Step::payload) return;
    const std::int64_t at = now();
    times_.push_back(static_cast<std::uint32_t>(at - connection.asked));
    ++(connection.reader.payload().starts_with("OK ") ? ok_ : notfound_);
    --under_way_;
    if (at < end_) ask(connection);
  }

  Settings settings_;
  int epoll_ = ::epoll_create1(EPOLL_CLOEXEC);
  std::vector<std::string> queries_;
  std::vector<Connection> connections_;
  std::vector<std::uint32_t> times_;
  std::uint64_t random_ = 1;
  std::size_t under_way_ = 0;
  std::int64_t began_ = 0, end_ = 0, ended_ = 0;
  unsigned long long ok_ = 0, notfound_ = 0;
};

}  // namespace
}  // namespace mxw::bench

int main(int argc, char** argv) {
  using namespace mxw::bench;
  Settings settings;
  settings.port = static_cast<std::uint16_t>(number(argc, argv, "--port", 18'461));
  settings.connections = amount(argc, argv, "--connections", 1);
  settings.keys = amount(argc, argv, "--keys", 10'000);
  settings.seconds = number(argc, argv, "--seconds", 3);
  stay_on(static_cast<int>(number(argc, argv, "--cpu", -1)));
  Load load(settings);
  load.run();
  load.print();
}
