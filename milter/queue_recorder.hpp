// QueueRecorder: the Recorder of the program: a bounded queue between the sessions and the thread
// that writes. When the disk is slower than the mail the queue is full and records are dropped and
// counted; a session never waits. keeps_up() says long before that the disk hangs, so that nobody
// promises what would be lost.
#pragma once

#include <array>
#include <atomic>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "core/base/event_loop.hpp"
#include "milter/record_writer.hpp"
#include "milter/recorder.hpp"

namespace mxw::milter {

class QueueRecorder final : public Recorder {
 public:
  static constexpr std::size_t kQueue = 32'768;       // half a minute at 1,000 recipients a second
  static constexpr std::int64_t kSlow = 5 * kSecond;  // above a busy timeout of the store
  static constexpr std::size_t kRoles = 4, kActions = 4, kReasons = 25, kStages = 8;

  // What sessions decided, also where the disk takes nothing.
  struct Counters {
    std::array<std::array<std::atomic<std::uint64_t>, kActions>, kRoles> actions{};
    std::array<std::atomic<std::uint64_t>, kReasons> reasons{};
    std::array<std::atomic<std::uint64_t>, kStages> internal_errors{};
    std::atomic<std::uint64_t> temperrors = 0, breaker_trips = 0, forged = 0, forged_left = 0;
    std::atomic<std::uint64_t> dropped = 0;  // records for which the queue had no room
  };

  // `clock`: the one of the notes' times, wall time. `elapsed`: nanoseconds that no step of it
  // moves. `writer` outlives it. The thread begins with start().
  QueueRecorder(RecordWriter& writer, std::function<Time()> clock, std::size_t bound = kQueue,
                std::function<std::int64_t()> elapsed = EventLoop::now);
  ~QueueRecorder() override;

  void start();
  void stop();  // after all that is queued was written

  void decision(DecisionNote note) override;
  void message(MessageNote note) override;
  void queue_id(std::uint64_t session, Time since, std::string_view id) override;
  void deferred(store::DeferralRow row) override;
  void breaker_tripped(Time time, Breaker::Counts counts) override;
  void internal_error(Stage stage) override;

  [[nodiscard]] const Counters& counters() const { return counters_; }
  [[nodiscard]] std::size_t queued() const;
  // No record waits for longer than kSlow, and at most a quarter of the queue is used. Any thread.
  [[nodiscard]] bool keeps_up() const;

 private:
  void push(Record record);
  void run();

  RecordWriter& writer_;
  std::function<Time()> clock_;
  std::size_t bound_;
  std::function<std::int64_t()> elapsed_;
  mutable std::mutex mutex_;
  std::condition_variable filled_;
  std::vector<Record> queue_;
  std::int64_t queued_since_ = 0;              // its first record
  std::optional<std::int64_t> writing_since_;  // the first record of what is being written
  bool stopping_ = false;
  Counters counters_;
  std::thread thread_;
};

}  // namespace mxw::milter
