#include "reportd/tally_writer.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <utility>

#include "core/base/digest.hpp"
#include "core/base/siphash.hpp"
#include "core/store/transaction.hpp"

namespace mxw::reportd {
namespace {

// A record is written again after so long, so that one seen by somebody else meanwhile does not
// stay the last.
constexpr std::int64_t kRecordAgain = 10 * kMinute;
constexpr std::size_t kRecordsKnown = 400'000;  // domains of two days; 64 octets each
constexpr auto kRetry = std::chrono::seconds(1);
constexpr int kNice = 10;

std::uint64_t sessions_of(const store::TallyAdd& add) {
  return add.success + add.failure + add.undetermined;
}

struct KnownRecord {
  std::uint64_t hash = 0;
  Time seen;
};

struct Job {
  TallyBatch batch;
  TallyWriter::Done done;
  // A day to freeze instead.
  std::optional<store::Day> day;
  Time now;
  TallyWriter::Frozen frozen;
};

bool hopeless(store::Fault fault) {
  return fault == store::Fault::limit || fault == store::Fault::constraint;
}

bool before(const store::TallyAdd& a, const store::TallyAdd& b) {
  return std::tie(a.key.day, a.key.domain, a.key.source) <
         std::tie(b.key.day, b.key.domain, b.key.source);
}

// Tallies in the order of the store's index, so that neighbours share pages; those without a type
// are left out.
void arrange(TallyBatch& batch) {
  constexpr std::uint32_t kDropped = UINT32_MAX;
  std::vector<std::uint32_t> order, place(batch.tallies.size(), kDropped);
  order.reserve(batch.tallies.size());
  for (std::uint32_t i = 0; i < batch.tallies.size(); ++i) {
    if (!batch.tallies[i].key.type.empty()) order.push_back(i);
  }
  std::ranges::sort(order, [&](std::uint32_t a, std::uint32_t b) {
    return before(batch.tallies[a], batch.tallies[b]);
  });
  std::vector<store::TallyAdd> tallies;
  tallies.reserve(order.size());
  for (const std::uint32_t i : order) {
    place[i] = static_cast<std::uint32_t>(tallies.size());
    tallies.push_back(std::move(batch.tallies[i]));
  }
  batch.tallies = std::move(tallies);
  for (TallyBatch::Minute& minute : batch.minutes) minute.tally = place[minute.tally];
  std::erase_if(batch.minutes, [](const auto& minute) { return minute.tally == kDropped; });
}

}  // namespace

struct TallyWriter::Work {
  Options options;
  PolicyFailures* failures = nullptr;
  std::unique_ptr<store::ReportStore> store;  // the thread's
  HashKey key = random_hash_key();
  std::unordered_map<std::uint64_t, KnownRecord> known;  // by hash of day and domain; the thread's

  mutable std::mutex mutex;
  mutable std::condition_variable changed;
  std::deque<Job> queue;
  bool working = false, ending = false;
  Counters counters;
  std::thread thread;

  void run();
  bool attempt(Job& job, bool& committed);
  bool freeze(Job& job);
  store::Result<void> put_records(TallyBatch& batch);
  store::Result<void> prove(TallyBatch& batch);
  store::Result<void> commit(TallyBatch& batch);
  void count_no_record(TallyBatch& batch, const std::vector<std::uint32_t>& without);
  bool news(const TallyBatch::Record& record);
  void finish(Job& job, bool committed);
  void count(const std::function<void(Counters&)>& change) {
    const std::lock_guard lock(mutex);
    change(counters);
  }
};

// Whether the store does not have it already, as far as we know.
bool TallyWriter::Work::news(const TallyBatch::Record& record) {
  const std::string name = std::to_string(record.day) + ' ' + record.domain;
  if (known.size() >= kRecordsKnown) known.clear();
  KnownRecord& last = known[siphash(key, as_bytes(name))];
  const std::uint64_t hash = siphash(key, as_bytes(record.record)) | 1;
  if (last.hash == hash && record.seen < last.seen + kRecordAgain) return false;
  last = {hash, record.seen};
  return true;
}

store::Result<void> TallyWriter::Work::put_records(TallyBatch& batch) {
  std::erase_if(batch.records, [this](const auto& record) { return !news(record); });
  if (batch.records.empty()) return {};
  std::ranges::sort(batch.records, {}, &TallyBatch::Record::domain);
  store::Transaction transaction(store->database());
  for (const TallyBatch::Record& record : batch.records) {
    if (!transaction.ok()) break;
    transaction.note(store->put_rua({.tenant = options.tenant,
                                     .origin = {},
                                     .day = record.day,
                                     .domain = record.domain,
                                     .record = record.record,
                                     .seen = record.seen}));
  }
  auto done = transaction.commit();
  if (!done) known.clear();
  return done;
}

// Counts of domains without a record go into one key a day; their details nowhere.
void TallyWriter::Work::count_no_record(TallyBatch& batch,
                                        const std::vector<std::uint32_t>& without) {
  std::map<store::Day, store::TallyAdd> buckets;
  std::uint64_t sessions = 0;
  for (const std::uint32_t place : without) {
    store::TallyAdd& add = batch.tallies[place];
    store::TallyAdd& bucket = buckets[add.key.day];
    bucket.key.tenant = add.key.tenant;
    bucket.key.day = add.key.day;
    bucket.key.type = store::kNoRecord;
    bucket.success += std::exchange(add.success, 0);
    bucket.failure += std::exchange(add.failure, 0);
    bucket.undetermined += std::exchange(add.undetermined, 0);
    add.key.type.clear();  // of no interest any more: arrange() drops it
  }
  for (const auto& [day, bucket] : buckets) sessions += sessions_of(bucket);
  count([&](Counters& c) { c.no_record += sessions; });
  for (auto& [day, bucket] : buckets) batch.tallies.push_back(std::move(bucket));
}

// The tallies whose domain has no valid record on their day, here or in the store.
store::Result<void> TallyWriter::Work::prove(TallyBatch& batch) {
  std::vector<std::uint32_t> without;
  for (const std::uint32_t place : batch.unproven) {
    const store::TallyKey& key_of = batch.tallies[place].key;
    const auto row = store->rua({key_of.tenant, key_of.day, key_of.domain});
    if (!row) return std::unexpected(row.error());
    if (!*row) without.push_back(place);
  }
  batch.unproven.clear();
  if (!without.empty()) count_no_record(batch, without);
  return {};
}

store::Result<void> TallyWriter::Work::commit(TallyBatch& batch) {
  store::ReportStore::Batch rows{std::move(batch.tallies), std::move(batch.marks)};
  const auto added = store->add(rows);
  batch.tallies = std::move(rows.tallies);
  batch.marks = std::move(rows.marks);
  if (!added) return std::unexpected(added.error());
  std::uint64_t sessions = 0;
  for (const store::TallyAdd& add : batch.tallies) sessions += sessions_of(add);
  count([&](Counters& c) {
    ++c.commits;
    c.sessions += sessions;
    c.late += added->late;
    c.overflow += added->overflow;
    c.failures_folded += added->failures_folded;
  });
  return {};
}

bool TallyWriter::Work::freeze(Job& job) {
  const auto frozen = store->freeze(options.tenant, *job.day, job.now);
  if (!frozen) return false;
  if (job.frozen) job.frozen(*frozen);
  return true;
}

// False: worth another try.
bool TallyWriter::Work::attempt(Job& job, bool& committed) {
  committed = true;
  if (job.day) return freeze(job);
  auto done = put_records(job.batch);
  if (done) done = prove(job.batch);
  if (done) {
    arrange(job.batch);
    done = commit(job.batch);
  }
  if (done) return true;
  committed = false;
  count([](Counters& c) { ++c.failed_commits; });
  return hopeless(done.error().fault);
}

void TallyWriter::Work::finish(Job& job, bool committed) {
  if (job.day) return;
  if (committed && failures != nullptr) failures->note(job.batch);
  if (!committed) {
    std::uint64_t sessions = 0;
    for (const store::TallyAdd& add : job.batch.tallies) sessions += sessions_of(add);
    count([&](Counters& c) { c.lost += sessions; });
  }
  if (job.done) job.done(committed);
}

void TallyWriter::Work::run() {
  // Where processors are short the collector goes first: what it does not read in time is lost, a
  // commit can come later. As far as the system lets us.
  ::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), kNice);
  std::unique_lock lock(mutex);
  for (;;) {
    changed.wait(lock, [this] { return ending || !queue.empty(); });
    if (queue.empty()) return;
    Job job = std::move(queue.front());
    queue.pop_front();
    working = true;
    for (bool done = false, committed = false; !done;) {
      lock.unlock();
      const auto begin = std::chrono::steady_clock::now();
      done = attempt(job, committed);
      const std::chrono::nanoseconds took = std::chrono::steady_clock::now() - begin;
      lock.lock();
      counters.last_commit_ns = took.count();
      if (!done && !ending) changed.wait_for(lock, kRetry, [this] { return ending; });
      done = done || ending;
      if (!done) continue;
      lock.unlock();
      finish(job, committed);
      lock.lock();
    }
    working = false;
    changed.notify_all();
  }
}

TallyWriter::TallyWriter() : work_(std::make_unique<Work>()) {}

Result<std::unique_ptr<TallyWriter>> TallyWriter::start(Options options, PolicyFailures* failures) {
  auto store = store::ReportStore::open(options.path, options.open, options.limits);
  if (!store) return std::unexpected(store.error());
  std::unique_ptr<TallyWriter> writer(new TallyWriter);
  Work& work = *writer->work_;
  work.options = std::move(options);
  work.failures = failures;
  work.store = std::move(*store);
  work.thread = std::thread([&work] { work.run(); });
  return writer;
}

TallyWriter::~TallyWriter() {
  if (!work_->thread.joinable()) return;
  {
    const std::lock_guard lock(work_->mutex);
    work_->ending = true;
  }
  work_->changed.notify_all();
  work_->thread.join();
}

bool TallyWriter::ready() const {
  const std::lock_guard lock(work_->mutex);
  return work_->queue.size() + (work_->working ? 1 : 0) < work_->options.waiting;
}

void TallyWriter::submit(TallyBatch batch, Done done) {
  Job job;
  job.batch = std::move(batch);
  job.done = std::move(done);
  {
    const std::lock_guard lock(work_->mutex);
    work_->queue.push_back(std::move(job));
  }
  work_->changed.notify_all();
}

void TallyWriter::freeze(store::Day day, Time now, Frozen frozen) {
  Job job;
  job.day = day;
  job.now = now;
  job.frozen = std::move(frozen);
  {
    const std::lock_guard lock(work_->mutex);
    work_->queue.push_back(std::move(job));
  }
  work_->changed.notify_all();
}

void TallyWriter::wait() const {
  std::unique_lock lock(work_->mutex);
  work_->changed.wait(lock, [this] { return work_->queue.empty() && !work_->working; });
}

TallyWriter::Counters TallyWriter::counters() const {
  const std::lock_guard lock(work_->mutex);
  return work_->counters;
}

}  // namespace mxw::reportd
