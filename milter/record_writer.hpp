// RecordWriter: what is kept of decisions: rows in the milter's store, lines in its event file. It
// never stops anything: what cannot be written is counted and dropped, and said once a minute. A
// damaged store is put aside and an empty one begun; one that is gone, locked or full is tried
// again. Deferrals that could not be written are kept, kUnsaved at most, until they are: a mail
// whose first deferral is lost would be held for longer than max_age.
//
// One thread, which may wait for the disk. Counters: any thread.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "core/base/line_file.hpp"
#include "core/store/milter_store.hpp"
#include "milter/recorder.hpp"

namespace mxw::milter {

struct QueueIdNote {
  std::uint64_t session = 0;
  Time since;
  std::string id;
};
struct BreakerNote {
  Time time;
  Breaker::Counts counts;
};
struct TroubleNote {
  Stage stage{};
};
using Record = std::variant<DecisionNote, MessageNote, QueueIdNote, store::DeferralRow, BreakerNote,
                            TroubleNote>;

class RecordWriter {
 public:
  static constexpr std::size_t kEventBytes = 64 << 20;  // of each of the two files
  static constexpr std::int64_t kRetry = 5 * kSecond;   // of a store that cannot be opened
  // While the store fails no mail is deferred for the first time, so few are waited for.
  static constexpr std::size_t kUnsaved = 10'000;

  struct Counters {
    std::atomic<std::uint64_t> rows = 0, rows_lost = 0;      // decisions, queue ids, deferrals
    std::atomic<std::uint64_t> events = 0, events_lost = 0;  // lines
    std::atomic<std::uint64_t> stores_put_aside = 0;
  };

  // `folder`: of the process alone. Nothing is opened yet.
  explicit RecordWriter(const std::string& folder, const store::MilterBounds& bounds = {});

  // Opens the store and gives the deferrals it knows, most recent first. Error: they are not known,
  // also where the store is newly made though there was one (`expected`); the writer is of use all
  // the same.
  [[nodiscard]] Result<std::vector<store::DeferralRow>> start(Time now, bool expected = false);

  // In the order they were told. `complete_since`: decisions from then on are all in this batch, so
  // their queue ids need not be looked for in the store.
  void write(std::vector<Record>& batch, Time now, Time complete_since);

  // Old rows go, a bounded number a call; to be called once a minute. True: there may be more, to
  // be called again soon.
  [[nodiscard]] bool prune(Time now);

  // The store took not what was last to be written. Any thread. write() tries it again, also with
  // an empty batch.
  [[nodiscard]] bool failing() const { return failing_; }

  [[nodiscard]] const Counters& counters() const { return counters_; }
  [[nodiscard]] const std::string& store_path() const { return store_path_; }

 private:
  struct Rows;
  bool ready(Time now);
  void failed(const store::StoreError& error, std::size_t lost, Time now);
  void append_decisions(Rows& rows, Time now);
  void append_rest(Rows& rows, Time now);
  void keep_unsaved(std::vector<store::DeferralRow>& rows);
  void save_deferrals(Time now);
  void flush_events(bool all);

  std::string store_path_;
  store::MilterBounds bounds_;
  std::unique_ptr<store::MilterStore> store_;
  std::uint64_t inode_ = 0;
  Time retry_at_, look_at_;
  std::atomic<bool> failing_ = false;
  // By key; the last of one key has all that was said before.
  std::map<std::array<std::uint8_t, 32>, store::DeferralRow> unsaved_;
  LineFile events_;
  std::string lines_;
  std::uint64_t line_count_ = 0;
  Counters counters_;
};

}  // namespace mxw::milter
