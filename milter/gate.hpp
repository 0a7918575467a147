// Gate: who is inside, and whether anybody is let in. For callbacks of threads that are not ours: a
// constant-initialised global outlives every object they use, so one that comes late is turned
// away. Any thread.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <thread>

namespace mxw::milter {

class Gate {
 public:
  // False: turned away. After true, leave().
  [[nodiscard]] bool enter() {
    inside_.fetch_add(1);
    if (open_.load()) return true;
    leave();
    return false;
  }
  void leave() { inside_.fetch_sub(1); }
  void open() { open_.store(true); }
  // Lets nobody in any more and returns when nobody is inside, true, or after `limit_ns`, false.
  // Looks now and then: a wait for an atomic has no end of its own.
  [[nodiscard]] bool close(std::int64_t limit_ns) {
    open_.store(false);
    const auto until = std::chrono::steady_clock::now() + std::chrono::nanoseconds(limit_ns);
    while (inside_.load() != 0) {
      if (std::chrono::steady_clock::now() >= until) return false;
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return true;
  }

 private:
  std::atomic<bool> open_ = false;
  std::atomic<std::int64_t> inside_ = 0;
};

}  // namespace mxw::milter
