// Time and timers as the engine takes them, so that tests can hand in their own. Belongs to the
// loop's thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "core/base/event_loop.hpp"
#include "core/base/time.hpp"

namespace mxw::policyd {

// One shot, as Timer: started again at will, stopped by its destruction.
class Alarm {
 public:
  virtual ~Alarm() = default;
  virtual void start(std::int64_t delay_ns) = 0;
  virtual void stop() = 0;
};

[[nodiscard]] Time wall_time();  // the system's

class Clock {
 public:
  virtual ~Clock() = default;
  [[nodiscard]] virtual Time wall() const = 0;          // what the rows are written in
  [[nodiscard]] virtual std::int64_t boot() const = 0;  // CLOCK_BOOTTIME, never steps
  // The clock must outlive its alarms.
  [[nodiscard]] virtual std::unique_ptr<Alarm> alarm(std::function<void()> callback) = 0;
};

class LoopClock final : public Clock {
 public:
  explicit LoopClock(EventLoop& loop) : loop_(loop) {}  // must outlive this
  [[nodiscard]] Time wall() const override { return wall_time(); }
  [[nodiscard]] std::int64_t boot() const override { return EventLoop::now(); }
  [[nodiscard]] std::unique_ptr<Alarm> alarm(std::function<void()> callback) override;

 private:
  EventLoop& loop_;
};

}  // namespace mxw::policyd
