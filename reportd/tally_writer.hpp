// TallyWriter: the thread that commits batches of tallies to reportd's store, so that nobody who
// collects waits for a disk. Between two batches nobody waits for it either: a Tally goes on
// collecting while the writer is at work, and hands over when ready().
//
// It has a ReportStore of its own on the daemon's file; other writers of that file wait for its
// transactions, at most a few tenths of a second, as it waits for theirs.
// A batch is committed once: one transaction for counts and marks; records before it in another. A
// commit that fails for want of disk or lock is tried again every second until it succeeds or
// the writer ends; what can never be written (a row over its limit) is dropped and counted.
// At most what was not committed is lost with the process: a second, and what the writer is at.
//
// Its thread is nicer than the others by 10, where the system allows that (setpriority).
//
// All methods from any thread; callbacks run in the writer's thread (post() into a loop from
// there).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "core/base/result.hpp"
#include "core/store/report_store.hpp"
#include "reportd/policy_failures.hpp"
#include "reportd/tally.hpp"

namespace mxw::reportd {

class TallyWriter {
 public:
  struct Options {
    std::uint32_t tenant = 0;
    std::string path;  // of the store
    store::OpenOptions open = {};
    store::ReportLimits limits = {};
    std::size_t waiting = 4;  // batches; with more ready() is false
  };

  struct Counters {
    std::uint64_t commits = 0, failed_commits = 0;
    std::uint64_t sessions = 0;                                 // committed; undetermined ones too
    std::uint64_t late = 0, overflow = 0, failures_folded = 0;  // as ReportStore::Added
    std::uint64_t no_record = 0;      // sessions of domains without a valid record
    std::uint64_t lost = 0;           // sessions that could not be written
    std::int64_t last_commit_ns = 0;  // how long it took
  };

  // `committed`: the batch and its marks stand in the store; false: dropped.
  using Done = std::function<void(bool committed)>;
  using Frozen = std::function<void(bool frozen_now)>;

  // Opens the store and starts the thread. `failures` learns the sessions of each minute when they
  // are committed; may be nullptr, outlives the writer.
  static Result<std::unique_ptr<TallyWriter>> start(Options options,
                                                    PolicyFailures* failures = nullptr);
  // Commits what was handed over, tried once, then ends.
  ~TallyWriter();
  TallyWriter(const TallyWriter&) = delete;
  TallyWriter& operator=(const TallyWriter&) = delete;

  [[nodiscard]] bool ready() const;
  // Taken even when not ready(): who does not look first makes the queue grow.
  void submit(TallyBatch batch, Done done = {});
  // Freezes a day (ReportStore::freeze) behind everything handed over before.
  void freeze(store::Day day, Time now, Frozen frozen = {});
  void wait() const;  // until all of it was tried; for tests and the end

  [[nodiscard]] Counters counters() const;

 private:
  TallyWriter();
  struct Work;
  std::unique_ptr<Work> work_;
};

}  // namespace mxw::reportd
