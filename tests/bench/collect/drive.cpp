// Sends datagrams: paced or as fast as it goes, by one socket or by one for each, or a burst at
// once. Without --blocking a full queue loses the datagram, as for libtlsrpt.
#include <sys/socket.h>

#include <cerrno>
#include <chrono>

#include "core/base/fd.hpp"
#include "core/ipc/address.hpp"
#include "tests/bench/collect/bench.hpp"

namespace mxw::bench {
namespace {

using Clock = std::chrono::steady_clock;

struct Sender {
  explicit Sender(const Arguments& the_arguments)
      : arguments(the_arguments), address(ipc::unix_address(arguments.socket)) {
    if (arguments.per_event) return;
    fd = open();
    // By default one socket has room for about 160 datagrams under way (wmem_default), whatever the
    // queue; a socket for each does not feel that.
    const int room = 8 << 20;
    if (::setsockopt(fd.get(), SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof room) != 0)
      ::setsockopt(fd.get(), SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
  }

  static Fd open() { return Fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)); }

  bool send(std::string_view text) {
    const int flags = arguments.blocking ? 0 : MSG_DONTWAIT;
    Fd own = arguments.per_event ? open() : Fd();
    const int to = arguments.per_event ? own.get() : fd.get();
    const bool done =
        ::sendto(to, text.data(), text.size(), flags, address.get(), address.length) >= 0;
    ++(done ? sent : lost);
    return done;
  }

  const Arguments& arguments;
  ipc::SystemAddress address;
  Fd fd;
  std::uint64_t sent = 0, lost = 0;
};

}  // namespace

int drive(const Arguments& arguments) {
  Messages messages(arguments.domains);
  Sender sender(arguments);
  std::uint64_t number = 0;
  const double cpu = cpu_seconds();
  const auto begin = Clock::now();
  const std::chrono::duration<double> span(arguments.seconds);
  const auto passed = [&] { return std::chrono::duration<double>(Clock::now() - begin); };
  if (arguments.burst != 0) {
    while (number < arguments.burst) sender.send(messages.next(number++, arguments.failures));
  } else if (arguments.rate == 0) {
    while ((number & 255) != 0 || passed() < span)
      sender.send(messages.next(number++, arguments.failures));
  } else {
    // Evenly, without sleeping: one sender has room for few datagrams (wmem_default).
    const double rate = static_cast<double>(arguments.rate);
    while (passed() < span) {
      const auto due = static_cast<std::uint64_t>(passed().count() * rate);
      while (number < due) sender.send(messages.next(number++, arguments.failures));
    }
  }
  std::printf("{\"sent\":%llu,\"lost\":%llu,\"seconds\":%.4f,\"cpu\":%.3f}\n",
              static_cast<unsigned long long>(sender.sent),
              static_cast<unsigned long long>(sender.lost), passed().count(), cpu_seconds() - cpu);
  return 0;
}

}  // namespace mxw::bench
