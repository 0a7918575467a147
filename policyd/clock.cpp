#include "policyd/clock.hpp"

#include <chrono>
#include <utility>

namespace mxw::policyd {
namespace {

class LoopAlarm final : public Alarm {
 public:
  LoopAlarm(EventLoop& loop, std::function<void()> callback) : timer_(loop, std::move(callback)) {}
  void start(std::int64_t delay_ns) override { timer_.start(delay_ns); }
  void stop() override { timer_.stop(); }

 private:
  Timer timer_;
};

}  // namespace

Time wall_time() {
  const auto since = std::chrono::system_clock::now().time_since_epoch();
  return {std::chrono::duration_cast<std::chrono::nanoseconds>(since).count()};
}

std::unique_ptr<Alarm> LoopClock::alarm(std::function<void()> callback) {
  return std::make_unique<LoopAlarm>(loop_, std::move(callback));
}

}  // namespace mxw::policyd
