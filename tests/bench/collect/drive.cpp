// Sends datagrams: paced or as fast as it goes, by one socket or by one for each, or a burst at
// once. Without --blocking a full queue loses the datagram, as for libtlsrpt.
#include <sys/socket.h>

#include <cerrno>
#include <chrono>
#include <thread>

#include "core/base/fd.hpp"
#include "core/ipc/address.hpp"
#include "tests/bench/collect/bench.hpp"

namespace mxw::bench {
namespace {

using Clock = std::chrono::steady_clock;

struct Sender {
  explicit Sender(const Arguments& the_arguments)
      : arguments(the_arguments), address(ipc::unix_address(arguments.socket)) {
    if (!arguments.per_event) fd = open();
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
    // Every millisecond what is due by then.
    const double rate = static_cast<double>(arguments.rate);
    for (auto turn = begin; passed() < span; turn += std::chrono::milliseconds(1)) {
      std::this_thread::sleep_until(turn);
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
