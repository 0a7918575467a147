#include "milter/queue_recorder.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include "core/service/log.hpp"

namespace mxw::milter {
namespace {

// Records of a busy moment share a transaction; `explain` knows them that much later.
constexpr std::chrono::milliseconds kGather{50};
constexpr std::int64_t kPrune = kMinute;

}  // namespace

QueueRecorder::QueueRecorder(RecordWriter& writer, std::function<Time()> clock, std::size_t bound,
                             std::function<std::int64_t()> elapsed)
    : writer_(writer), clock_(std::move(clock)), bound_(bound), elapsed_(std::move(elapsed)) {}

QueueRecorder::~QueueRecorder() {
  stop();
}

void QueueRecorder::start() {
  thread_ = std::thread([this] { run(); });
}

void QueueRecorder::stop() {
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
  }
  filled_.notify_all();
  if (thread_.joinable()) thread_.join();
}

std::size_t QueueRecorder::queued() const {
  const std::scoped_lock lock(mutex_);
  return queue_.size();
}

bool QueueRecorder::keeps_up() const {
  const std::scoped_lock lock(mutex_);
  if (queue_.size() > bound_ / 4) return false;
  if (!writing_since_ && queue_.empty()) return true;
  return elapsed_() - writing_since_.value_or(queued_since_) <= kSlow;
}

void QueueRecorder::push(Record record) {
  const std::scoped_lock lock(mutex_);
  if (queue_.size() >= bound_) {
    ++counters_.dropped;
    return;
  }
  if (queue_.empty()) queued_since_ = elapsed_();
  queue_.push_back(std::move(record));
  if (queue_.size() == 1) filled_.notify_one();
}

void QueueRecorder::run() {
  Time complete_since, pruned = clock_();
  bool more_to_prune = false;
  std::uint64_t told = 0;
  std::vector<Record> batch;
  for (bool last = false; !last;) {
    {
      std::unique_lock lock(mutex_);
      const std::int64_t wait = writer_.failing() ? RecordWriter::kRetry : kPrune;
      filled_.wait_for(lock, std::chrono::nanoseconds(more_to_prune ? 0 : wait),
                       [&] { return stopping_ || !queue_.empty(); });
      filled_.wait_for(lock, kGather, [&] { return stopping_; });
      if (!queue_.empty()) writing_since_ = queued_since_;
      batch.swap(queue_);
      last = stopping_;
    }
    const Time now = clock_();
    writer_.write(batch, now, complete_since);
    // A clock that was set back tells nothing of transactions that began before.
    complete_since = std::max(complete_since, now);
    batch.clear();
    {
      const std::scoped_lock lock(mutex_);
      writing_since_.reset();
    }
    if (const std::uint64_t dropped = counters_.dropped; dropped != std::exchange(told, dropped))
      service::log_rarely(
          config::LogLevel::warning, "queue",
          "the disk is too slow: records of " + std::to_string(dropped) + " decisions lost so far");
    // What a busy minute leaves is more than one call takes; what is queued is written in between.
    if (more_to_prune || now - pruned >= kPrune || now < pruned) {
      pruned = now;
      more_to_prune = writer_.prune(now);
    }
  }
}

void QueueRecorder::decision(DecisionNote note) {
  const auto role = static_cast<std::size_t>(note.role);
  ++counters_.actions.at(role).at(static_cast<std::size_t>(note.decision.action));
  ++counters_.reasons.at(static_cast<std::size_t>(note.decision.reason));
  if (note.decision.temperror) ++counters_.temperrors;
  counters_.forged += note.forged;
  counters_.forged_left += note.forged_left;
  push(std::move(note));
}

void QueueRecorder::message(MessageNote note) {
  push(std::move(note));
}

void QueueRecorder::queue_id(std::uint64_t session, Time since, std::string_view id) {
  push(QueueIdNote{session, since, std::string(id)});
}

void QueueRecorder::deferred(store::DeferralRow row) {
  push(std::move(row));
}

void QueueRecorder::breaker_tripped(Time time, Breaker::Counts counts) {
  ++counters_.breaker_trips;
  push(BreakerNote{time, counts});
}

void QueueRecorder::internal_error(Stage stage) {
  ++counters_.internal_errors.at(static_cast<std::size_t>(stage));
  push(TroubleNote{stage});
}

}  // namespace mxw::milter
