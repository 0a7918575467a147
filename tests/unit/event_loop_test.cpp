// What core/base/event_loop promises: descriptors, timers, signals and posted calls, each may
// change or remove any other, also itself, while it runs.
#include "core/base/event_loop.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <vector>

namespace mxw {
namespace {

using testing::ElementsAre;

class Pair {
 public:
  Pair() { EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds_.data()), 0); }
  ~Pair() {
    for (const int fd : fds_) ::close(fd);
  }
  [[nodiscard]] int here() const { return fds_[0]; }
  void tell(char c) const { EXPECT_EQ(::write(fds_[1], &c, 1), 1); }
  [[nodiscard]] char heard() const {
    char c = 0;
    return ::read(fds_[0], &c, 1) == 1 ? c : '\0';
  }

 private:
  std::array<int, 2> fds_{};
};

class EventLoopTest : public testing::Test {
 protected:
  EventLoopTest() : loop(std::move(EventLoop::create().value())) {}

  // Ends a test that would never end.
  void run() {
    Timer guard(*loop, [this] {
      ADD_FAILURE() << "the loop did not stop";
      loop->stop();
    });
    guard.start(5 * kSecond);
    loop->run();
  }

  std::unique_ptr<EventLoop> loop;
};

TEST_F(EventLoopTest, TellsWhatIsReadable) {
  const Pair pair;
  std::string heard;
  ASSERT_TRUE(loop->add(pair.here(), EPOLLIN, [&](std::uint32_t events) {
    EXPECT_EQ(events, EPOLLIN);
    heard += pair.heard();
    if (heard == "ab") loop->stop();
  }));
  pair.tell('a');
  pair.tell('b');
  run();
  EXPECT_EQ(heard, "ab");
}

TEST_F(EventLoopTest, ModifiesWhatIsWatched) {
  const Pair pair;
  std::vector<std::uint32_t> seen;
  ASSERT_TRUE(loop->add(pair.here(), EPOLLIN, [&](std::uint32_t events) {
    seen.push_back(events);
    loop->stop();
  }));
  loop->modify(pair.here(), EPOLLOUT);
  run();
  EXPECT_THAT(seen, ElementsAre(std::uint32_t{EPOLLOUT}));
}

TEST_F(EventLoopTest, HandlerMayRemoveItselfAndCloseItsDescriptor) {
  auto pair = std::make_unique<Pair>();
  pair->tell('x');
  // Captures on the heap: used after removal, the sanitizer would see them freed.
  const std::string witness(100, 'w');
  std::string after;
  ASSERT_TRUE(loop->add(pair->here(), EPOLLIN, [&, witness](std::uint32_t) {
    loop->remove(pair->here());
    EXPECT_FALSE(loop->watched(pair->here()));
    pair.reset();
    after = witness;
    loop->stop();
  }));
  run();
  EXPECT_EQ(after, witness);
}

TEST_F(EventLoopTest, EventOfARemovedWatchIsNotGivenToTheNextOne) {
  // Both are readable in the same turn; whichever comes first removes the other and watches a new
  // descriptor with the same number.
  auto first = std::make_unique<Pair>();
  auto second = std::make_unique<Pair>();
  first->tell('1');
  second->tell('2');
  int calls = 0, wrong = 0;
  std::unique_ptr<Pair> fresh;
  const auto handler = [&](std::unique_ptr<Pair>& other) {
    ++calls;
    const int number = other->here();
    loop->remove(number);
    other.reset();
    fresh = std::make_unique<Pair>();
    EXPECT_EQ(fresh->here(), number);
    ASSERT_TRUE(loop->add(fresh->here(), EPOLLIN, [&](std::uint32_t) { ++wrong; }));
  };
  ASSERT_TRUE(loop->add(first->here(), EPOLLIN, [&](std::uint32_t) {
    loop->remove(first->here());
    handler(second);
  }));
  ASSERT_TRUE(loop->add(second->here(), EPOLLIN, [&](std::uint32_t) {
    loop->remove(second->here());
    handler(first);
  }));
  Timer end(*loop, [this] { loop->stop(); });
  end.start(20 * kMillisecond);
  run();
  EXPECT_EQ(calls, 1);
  EXPECT_EQ(wrong, 0);
}

TEST_F(EventLoopTest, RefusesWhatEpollRefuses) {
  const int file = ::open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
  ASSERT_GE(file, 0);
  const auto added = loop->add(file, EPOLLIN, [](std::uint32_t) {});
  ASSERT_FALSE(added);
  EXPECT_EQ(added.error().kind, ErrorKind::environment);
  EXPECT_FALSE(loop->watched(file));
  ::close(file);
}

TEST_F(EventLoopTest, TimersFireInTheOrderOfTheirTimes) {
  // A start takes the time itself, between two readings of ours: a timer whose span of possible
  // times ends before that of another begins must fire first, however long this thread was held up.
  struct Span {
    std::int64_t earliest = 0, latest = 0;
  };
  constexpr std::size_t kTimers = 200;
  std::vector<std::size_t> fired;
  std::vector<Span> spans(kTimers);
  std::vector<std::unique_ptr<Timer>> timers;
  std::vector<std::int64_t> delays(kTimers);
  for (std::size_t i = 0; i < kTimers; ++i) {
    delays[i] = static_cast<std::int64_t>(i) * kMillisecond / 4;
  }
  std::mt19937 random(7);
  std::shuffle(delays.begin(), delays.end(), random);
  for (std::size_t i = 0; i < kTimers; ++i) {
    timers.push_back(std::make_unique<Timer>(*loop, [&fired, i] { fired.push_back(i); }));
    spans[i].earliest = EventLoop::now() + delays[i];
    timers[i]->start(delays[i]);
    spans[i].latest = EventLoop::now() + delays[i];
  }
  // Every third is taken back, so the heap loses members from its middle.
  std::vector<std::size_t> expected;
  for (std::size_t i = 0; i < kTimers; ++i) {
    if (i % 3 == 0) {
      timers[i]->stop();
    } else {
      expected.push_back(i);
    }
  }
  Timer end(*loop, [this] { loop->stop(); });
  end.start(static_cast<std::int64_t>(kTimers) * kMillisecond / 4);
  run();
  std::int64_t earliest = 0;
  for (const std::size_t i : fired) {
    EXPECT_GE(spans[i].latest, earliest) << "timer " << i << " fired after a later one";
    earliest = std::max(earliest, spans[i].earliest);
  }
  std::sort(fired.begin(), fired.end());
  EXPECT_EQ(fired, expected);
}

TEST_F(EventLoopTest, TimerWaitsItsTimeAndMayBeMoved) {
  std::int64_t fired = 0;
  Timer timer(*loop, [&] {
    fired = EventLoop::now();
    loop->stop();
  });
  const std::int64_t begin = EventLoop::now();
  timer.start(3'600 * kSecond);
  timer.start(30 * kMillisecond);
  EXPECT_TRUE(timer.running());
  run();
  EXPECT_GE(fired - begin, 30 * kMillisecond);
  EXPECT_LT(fired - begin, 4 * kSecond);
  EXPECT_FALSE(timer.running());
}

TEST_F(EventLoopTest, TimerThatStartsItselfAtOnceStarvesNobody) {
  const Pair pair;
  pair.tell('x');
  std::optional<Timer> busy;
  busy.emplace(*loop, [&] { busy->start(0); });
  busy->start(0);
  bool heard = false;
  Timer late(*loop, [&] {
    ASSERT_TRUE(loop->add(pair.here(), EPOLLIN, [&](std::uint32_t) {
      heard = true;
      loop->stop();
    }));
  });
  late.start(5 * kMillisecond);
  run();
  EXPECT_TRUE(heard);
}

TEST_F(EventLoopTest, TimerMayDestroyItself) {
  std::unique_ptr<Timer> timer;
  const std::string witness(100, 'w');
  timer = std::make_unique<Timer>(*loop, [&, witness] {
    loop->stop();
    timer.reset();
  });
  timer->start(0);
  run();
  EXPECT_EQ(timer, nullptr);
}

TEST_F(EventLoopTest, PostedCallsRunInOrderInTheLoopsThread) {
  std::vector<int> calls;
  const std::thread::id here = std::this_thread::get_id();
  std::jthread other([&] {
    for (int i = 0; i < 1'000; ++i) {
      loop->post([&, i] {
        EXPECT_EQ(std::this_thread::get_id(), here);
        calls.push_back(i);
        if (i == 999) loop->stop();
      });
    }
  });
  run();
  ASSERT_EQ(calls.size(), 1'000U);
  EXPECT_TRUE(std::is_sorted(calls.begin(), calls.end()));
}

TEST_F(EventLoopTest, SignalsAreCalls) {
  std::vector<int> seen;
  ASSERT_TRUE(loop->add_signal(SIGUSR1, [&] { seen.push_back(1); }));
  ASSERT_TRUE(loop->add_signal(SIGUSR2, [&] {
    seen.push_back(2);
    loop->stop();
  }));
  ::raise(SIGUSR1);
  ::raise(SIGUSR2);
  run();
  EXPECT_THAT(seen, ElementsAre(1, 2));
}

TEST_F(EventLoopTest, RunsAgainAfterStop) {
  for (int i = 0; i < 3; ++i) {
    loop->post([this] { loop->stop(); });
    run();
  }
}

}  // namespace
}  // namespace mxw
