// Gate: who is inside, and whether anybody is let in. For callbacks of threads that are not ours: a
// constant-initialised global outlives every object they use, so one that comes late is turned
// away. Any thread.
#pragma once

#include <atomic>
#include <cstdint>

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
  void leave() {
    if (inside_.fetch_sub(1) == 1 && !open_.load()) inside_.notify_all();
  }
  void open() { open_.store(true); }
  // Returns when nobody is inside any more.
  void close() {
    open_.store(false);
    for (std::int64_t n = inside_.load(); n != 0; n = inside_.load()) inside_.wait(n);
  }

 private:
  std::atomic<bool> open_ = false;
  std::atomic<std::int64_t> inside_ = 0;
};

}  // namespace mxw::milter
