#include "core/base/event_loop.hpp"

#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <ctime>
#include <utility>

#include "core/base/check.hpp"

namespace mxw {
namespace {

std::unexpected<Error> system_error(const char* what) {
  return fail(ErrorKind::environment, std::string(what) + ": " + std::strerror(errno));
}

// Whether a counter descriptor (eventfd, timerfd) had something; it is reset by that.
bool drain(int fd) {
  std::uint64_t count = 0;
  return ::read(fd, &count, sizeof count) == sizeof count;
}

}  // namespace

struct EventLoop::Watch {
  Handler handler;
  std::uint32_t generation = 0;
};

Timer::Timer(EventLoop& loop, std::function<void()> callback)
    : loop_(loop), callback_(std::move(callback)) {}

void Timer::start(std::int64_t delay_ns) {
  loop_.schedule(*this, EventLoop::now() + (delay_ns > 0 ? delay_ns : 0));
}

void Timer::stop() {
  if (running()) loop_.cancel(*this);
}

Result<std::unique_ptr<EventLoop>> EventLoop::create() {
  std::unique_ptr<EventLoop> loop(new EventLoop);
  if (auto opened = loop->open(); !opened) return std::unexpected(std::move(opened.error()));
  return loop;
}

Result<void> EventLoop::open() {
  epoll_ = ::epoll_create1(EPOLL_CLOEXEC);
  if (epoll_ < 0) return system_error("epoll_create1");
  wake_ = ::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  if (wake_ < 0) return system_error("eventfd");
  clock_ = ::timerfd_create(CLOCK_BOOTTIME, TFD_NONBLOCK | TFD_CLOEXEC);
  if (clock_ < 0) return system_error("timerfd_create");
  if (auto added = add(wake_, EPOLLIN, [this](std::uint32_t) { run_posted(); }); !added) {
    return added;
  }
  return add(clock_, EPOLLIN, [this](std::uint32_t) {
    if (drain(clock_)) armed_ = 0;
  });
}

EventLoop::~EventLoop() {
  for (Timer* timer : heap_) timer->place_ = Timer::kNowhere;
  for (const int fd : {signals_, clock_, wake_, epoll_}) {
    if (fd >= 0) ::close(fd);
  }
}

std::int64_t EventLoop::now() {
  timespec at{};
  ::clock_gettime(CLOCK_BOOTTIME, &at);
  return at.tv_sec * kSecond + at.tv_nsec;
}

Result<void> EventLoop::add(int fd, std::uint32_t events, Handler handler) {
  MXW_CHECK(fd >= 0 && !watched(fd));
  const auto place = static_cast<std::size_t>(fd);
  // The generation tells an event of this watch from one still queued for an earlier watch of the
  // same descriptor number.
  auto watch = std::make_unique<Watch>(Watch{std::move(handler), ++generation_});
  epoll_event event{};
  event.events = events;
  event.data.u64 = std::uint64_t{watch->generation} << 32 | place;
  if (::epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event) != 0) return system_error("epoll_ctl");
  if (watches_.size() <= place) watches_.resize(place + 1);
  watches_[place] = std::move(watch);
  return {};
}

void EventLoop::modify(int fd, std::uint32_t events) {
  MXW_CHECK(watched(fd));
  const auto place = static_cast<std::size_t>(fd);
  epoll_event event{};
  event.events = events;
  event.data.u64 = std::uint64_t{watches_[place]->generation} << 32 | place;
  MXW_CHECK(::epoll_ctl(epoll_, EPOLL_CTL_MOD, fd, &event) == 0);
}

void EventLoop::remove(int fd) {
  if (!watched(fd)) return;
  ::epoll_ctl(epoll_, EPOLL_CTL_DEL, fd, nullptr);
  retired_.push_back(std::move(watches_[static_cast<std::size_t>(fd)]));
}

bool EventLoop::watched(int fd) const {
  return fd >= 0 && static_cast<std::size_t>(fd) < watches_.size() &&
         watches_[static_cast<std::size_t>(fd)] != nullptr;
}

Result<void> EventLoop::add_signal(int signal, std::function<void()> handler) {
  const auto place = static_cast<std::size_t>(signal);
  if (on_signal_.size() <= place) on_signal_.resize(place + 1);
  sigset_t set;
  sigemptyset(&set);
  for (std::size_t other = 1; other < on_signal_.size(); ++other) {
    if (other == place || on_signal_[other]) sigaddset(&set, static_cast<int>(other));
  }
  if (const int error = ::pthread_sigmask(SIG_BLOCK, &set, nullptr); error != 0) {
    errno = error;
    return system_error("pthread_sigmask");
  }
  const int fd = ::signalfd(signals_, &set, SFD_NONBLOCK | SFD_CLOEXEC);
  if (fd < 0) return system_error("signalfd");
  on_signal_[place] = std::move(handler);
  if (signals_ >= 0) return {};
  signals_ = fd;
  return add(signals_, EPOLLIN, [this](std::uint32_t) { read_signals(); });
}

void EventLoop::read_signals() {
  signalfd_siginfo info{};
  while (::read(signals_, &info, sizeof info) == sizeof info) {
    // A copy: the handler may replace itself.
    const std::function<void()> handler = on_signal_[info.ssi_signo];
    if (handler) handler();
  }
}

void EventLoop::post(std::function<void()> call) {
  {
    const std::lock_guard lock(posted_mutex_);
    posted_.push_back(std::move(call));
  }
  const std::uint64_t one = 1;
  // Fails only when the counter is full, and then the loop is awake already.
  (void)!::write(wake_, &one, sizeof one);
}

void EventLoop::run_posted() {
  drain(wake_);
  std::vector<std::function<void()>> calls;
  {
    const std::lock_guard lock(posted_mutex_);
    calls.swap(posted_);
  }
  for (const std::function<void()>& call : calls) call();
}

void EventLoop::run() {
  stopped_ = false;
  std::array<epoll_event, kEventsPerTurn> events{};
  while (!stopped_) {
    arm();
    const int count = ::epoll_wait(epoll_, events.data(), kEventsPerTurn, -1);
    MXW_CHECK(count >= 0 || errno == EINTR);
    for (int i = 0; i < count && !stopped_; ++i) dispatch(events[static_cast<std::size_t>(i)]);
    if (!stopped_) run_timers();
    retired_.clear();
  }
}

void EventLoop::dispatch(const epoll_event& event) {
  const auto place = static_cast<std::size_t>(event.data.u64 & 0xffff'ffffU);
  Watch* watch = watches_[place].get();
  if (watch == nullptr || watch->generation != event.data.u64 >> 32) return;
  watch->handler(event.events);
}

// Only what was due when the turn began: a timer that starts itself again at once leaves the
// descriptors their turn.
void EventLoop::run_timers() {
  const std::int64_t until = now();
  while (!stopped_ && !heap_.empty() && heap_.front()->due_ <= until) {
    Timer& timer = *heap_.front();
    cancel(timer);
    timer.callback_();
  }
}

// Sets the kernel's timer to the earliest of ours. One that is set too early costs a turn.
void EventLoop::arm() {
  if (heap_.empty()) return;
  const std::int64_t due = heap_.front()->due_;
  if (armed_ != 0 && armed_ <= due) return;
  itimerspec at{};
  at.it_value.tv_sec = due / kSecond;
  at.it_value.tv_nsec = due % kSecond;
  MXW_CHECK(::timerfd_settime(clock_, TFD_TIMER_ABSTIME, &at, nullptr) == 0);
  armed_ = due;
}

void EventLoop::put(std::size_t place, Timer* timer) {
  heap_[place] = timer;
  timer->place_ = place;
}

void EventLoop::sift_up(std::size_t place) {
  Timer* const timer = heap_[place];
  while (place > 0 && timer->due_ < heap_[(place - 1) / 2]->due_) {
    put(place, heap_[(place - 1) / 2]);
    place = (place - 1) / 2;
  }
  put(place, timer);
}

void EventLoop::sift_down(std::size_t place) {
  Timer* const timer = heap_[place];
  for (;;) {
    std::size_t child = 2 * place + 1;
    if (child >= heap_.size()) break;
    if (child + 1 < heap_.size() && heap_[child + 1]->due_ < heap_[child]->due_) ++child;
    if (timer->due_ <= heap_[child]->due_) break;
    put(place, heap_[child]);
    place = child;
  }
  put(place, timer);
}

void EventLoop::schedule(Timer& timer, std::int64_t due) {
  if (timer.running()) cancel(timer);
  timer.due_ = due;
  heap_.push_back(&timer);
  sift_up(heap_.size() - 1);
}

void EventLoop::cancel(Timer& timer) {
  const std::size_t place = timer.place_;
  timer.place_ = Timer::kNowhere;
  Timer* const last = heap_.back();
  heap_.pop_back();
  if (last == &timer) return;
  put(place, last);
  sift_up(place);
  sift_down(last->place_);
}

}  // namespace mxw
