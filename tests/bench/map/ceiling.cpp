// The ceiling: what one thread with epoll can answer when it does not look at what it was asked.
//
// usage: mxw-bench-map-ceiling [--port N] [--cpu N]
#include <sys/epoll.h>
#include <unistd.h>

#include <array>

#include "tests/bench/map/sockets.hpp"

namespace mxw::bench {
namespace {

void watch(int epoll, int fd) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.fd = fd;
  MXW_CHECK(::epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0);
}

void answer(int fd) {
  constexpr std::string_view kReply = "9:NOTFOUND ,";
  char input[4'096];
  const ssize_t n = ::recv(fd, input, sizeof input, 0);
  if (n <= 0 || ::send(fd, kReply.data(), kReply.size(), MSG_NOSIGNAL) < 0) ::close(fd);
}

[[noreturn]] void serve(int listener) {
  const int epoll = ::epoll_create1(EPOLL_CLOEXEC);
  watch(epoll, listener);
  std::array<epoll_event, 64> events{};
  const int on = 1;
  for (;;) {
    const int count = ::epoll_wait(epoll, events.data(), events.size(), -1);
    for (int i = 0; i < count; ++i) {
      const int fd = events[static_cast<std::size_t>(i)].data.fd;
      if (fd != listener) {
        answer(fd);
        continue;
      }
      const int made = ::accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (made < 0) continue;
      ::setsockopt(made, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      watch(epoll, made);
    }
  }
}

}  // namespace
}  // namespace mxw::bench

int main(int argc, char** argv) {
  using namespace mxw::bench;
  stay_on(static_cast<int>(number(argc, argv, "--cpu", -1)));
  serve(listen_on(static_cast<std::uint16_t>(number(argc, argv, "--port", 18'461))));
}
