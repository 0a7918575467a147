// EventLoop: readiness of file descriptors, timers, signals and calls from other threads, by epoll.
//
// One thread runs the loop and calls everything here; only post() may be called from any thread.
// Handlers and callbacks run in run(), one at a time, and may call anything of the loop, also
// remove themselves; they must not throw. Nothing is allocated per event: handlers are allocated by
// add() and add_signal(), timers stand in their owner and in one heap array that only grows.
//
// Time is CLOCK_BOOTTIME, which counts suspended time (semantics 11): a timer that came due while
// the machine slept fires on waking. Within one turn every event that is due is served before the
// loop waits again; at most kEventsPerTurn descriptors a turn, so timers are never starved.
#pragma once

#include <sys/epoll.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "core/base/result.hpp"
#include "core/base/time.hpp"

namespace mxw {

class EventLoop;

// One shot, started again at will, also from its own callback. Owned by the user and destroyed
// before its loop; destruction stops it.
class Timer {
 public:
  Timer(EventLoop& loop, std::function<void()> callback);
  ~Timer() { stop(); }
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

  // Fires once, `delay_ns` from now (at the loop's next turn when it is not positive); a running
  // timer is moved.
  void start(std::int64_t delay_ns);
  void stop();
  [[nodiscard]] bool running() const { return place_ != kNowhere; }

 private:
  friend class EventLoop;
  static constexpr std::size_t kNowhere = SIZE_MAX;

  EventLoop& loop_;
  std::function<void()> callback_;
  std::int64_t due_ = 0;
  std::size_t place_ = kNowhere;  // in the loop's heap
};

class EventLoop {
 public:
  static constexpr int kEventsPerTurn = 64;

  // `events` is what epoll told: EPOLLIN, EPOLLOUT, EPOLLERR, EPOLLHUP, EPOLLRDHUP.
  using Handler = std::function<void(std::uint32_t events)>;

  // Error (environment) when the process is out of descriptors.
  static Result<std::unique_ptr<EventLoop>> create();
  ~EventLoop();
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  // Watches `fd` for `events` (level-triggered unless EPOLLET is among them) until remove(). The
  // descriptor stays the caller's, who calls remove() before closing it.
  // Error (environment) when epoll refuses it: a regular file, no memory.
  // REQUIRES: the descriptor is not watched yet.
  Result<void> add(int fd, std::uint32_t events, Handler handler);
  void modify(int fd, std::uint32_t events);  // REQUIRES: it is watched
  void remove(int fd);                        // nothing happens when it is not watched
  [[nodiscard]] bool watched(int fd) const;

  // Blocks `signal` for this thread (call it before threads are made, they inherit that) and calls
  // `handler` in the loop instead, once for those that arrive together. Later calls replace the
  // handler. The signal stays blocked after the loop is gone.
  Result<void> add_signal(int signal, std::function<void()> handler);

  // From any thread: `call` runs in the loop's thread, in the order of posting. Calls not run when
  // the loop is destroyed are dropped.
  void post(std::function<void()> call);

  void run();                       // until stop()
  void stop() { stopped_ = true; }  // from a handler, timer or posted call

  [[nodiscard]] static std::int64_t now();  // CLOCK_BOOTTIME in nanoseconds

 private:
  friend class Timer;
  struct Watch;

  EventLoop() = default;
  Result<void> open();
  void dispatch(const epoll_event& event);
  void read_signals();
  void run_posted();
  void run_timers();
  void arm();

  void put(std::size_t place, Timer* timer);
  void sift_up(std::size_t place);
  void sift_down(std::size_t place);
  void schedule(Timer& timer, std::int64_t due);
  void cancel(Timer& timer);

  int epoll_ = -1, wake_ = -1, clock_ = -1, signals_ = -1;
  bool stopped_ = false;
  std::vector<std::unique_ptr<Watch>> watches_;  // by descriptor
  std::vector<std::unique_ptr<Watch>> retired_;  // removed in this turn, perhaps still running
  std::uint32_t generation_ = 0;
  std::vector<Timer*> heap_;                      // the earliest first
  std::int64_t armed_ = 0;                        // what the kernel's timer is set to; 0 = not set
  std::vector<std::function<void()>> on_signal_;  // by signal number

  std::mutex posted_mutex_;
  std::vector<std::function<void()>> posted_;
};

}  // namespace mxw
