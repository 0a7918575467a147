// The service manager: readiness, watchdog, sockets it holds for us (sd_notify(3),
// sd_listen_fds(3)). Without one (NOTIFY_SOCKET, LISTEN_FDS not set) nothing happens.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/event_loop.hpp"

namespace mxw::service {

// Tells the manager how the program is. Lives in the loop's thread and is destroyed before the
// loop. With WATCHDOG_USEC it says WATCHDOG=1 at half the interval from a timer of the loop, from
// ready() on: a loop that hangs is missed and restarted.
class Notifier {
 public:
  explicit Notifier(EventLoop& loop);
  ~Notifier();
  Notifier(const Notifier&) = delete;
  Notifier& operator=(const Notifier&) = delete;

  void ready();                        // READY=1; also ends reloading()
  void reloading();                    // RELOADING=1 with MONOTONIC_USEC
  void stopping();                     // STOPPING=1
  void status(std::string_view text);  // STATUS=, one line; control characters become blanks

  // Leaves a copy of `fd` with the manager under `name` (FDSTORE=1; the unit needs
  // FileDescriptorStoreMax), so that the next start finds it in listen_fds(). False: no manager, or
  // it refused. keep(fd, name) again replaces nothing: forget(name) first.
  bool keep(int fd, const std::string& name);
  void forget(const std::string& name);  // FDSTOREREMOVE=1

 private:
  void alive();

  Timer timer_;
  std::int64_t interval_ = 0;  // nanoseconds between two signs of life; 0: no watchdog
};

// The sockets the manager gave us, in its order, with FileDescriptorName ("unknown" without one).
// They are the caller's, close-on-exec. The variables are removed from the environment, so a second
// call gives none.
struct Inherited {
  std::string name;
  int fd = -1;
};
[[nodiscard]] std::vector<Inherited> listen_fds();

}  // namespace mxw::service
