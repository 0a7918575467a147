#include "milter/record_writer.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <span>
#include <unordered_map>
#include <utility>

#include "core/rows/policy_rows.hpp"
#include "core/service/log.hpp"
#include "core/store/store_file.hpp"
#include "milter/milter_event.hpp"

namespace mxw::milter {
namespace {

constexpr std::size_t kPieceBytes = 256 << 10;  // of events, for one write
constexpr std::size_t kPieceRows = 1'000;       // of one transaction
constexpr std::int64_t kLook = 10 * kSecond;    // whether the file is still there
constexpr int kBusyMs = 1'000;

// 0: there is none.
std::uint64_t inode_of(const std::string& path) {
  struct stat found{};
  return ::stat(path.c_str(), &found) == 0 ? found.st_ino : 0;
}

bool is_damage(store::Fault fault) {
  return fault == store::Fault::corrupt || fault == store::Fault::foreign;
}

std::string cut(std::string_view text, std::size_t most) {
  return std::string(text.substr(0, most));
}

store::DecisionRow row_of(const DecisionNote& note) {
  store::DecisionRow row;
  row.time = note.time;
  row.session = session_name(note.session);
  row.queue_id = cut(note.queue_id, rows::kWordBytes);
  row.listener = cut(note.listener, rows::kWordBytes);
  row.role = name(note.role);
  row.domain = cut(note.domain, rows::kNameBytes);
  const bool of_path = !note.path.verdict_ids.empty();
  row.verdict_id =
      cut(of_path ? note.path.verdict_ids.front() : note.session_verdict, rows::kWordBytes);
  row.rule = cut(of_path ? note.path.rule : note.session_rule, rows::kWordBytes);
  row.action = name(note.dry_run ? note.decision.wish : note.decision.action);
  row.code = code_text(note.decision);
  row.reason = name(note.decision.reason);
  row.dry_run = note.dry_run;
  row.began = note.since;
  return row;
}

// Whether the message has something to tell that its decisions did not.
bool worth_telling(const MessageNote& note) {
  return note.requiretls || note.tls_required_no || note.quarantined || note.named_late;
}

}  // namespace

struct RecordWriter::Rows {
  std::vector<store::DecisionRow> decisions;
  std::unordered_map<std::uint64_t, std::vector<std::size_t>> unnamed;  // by session
  std::vector<QueueIdNote> ids;                                         // of rows stored before
  std::vector<store::DeferralRow> deferrals;

  void add(const DecisionNote& note) {
    if (note.queue_id.empty()) unnamed[note.session].push_back(decisions.size());
    decisions.push_back(row_of(note));
  }
  void name_transaction(const QueueIdNote& note, Time complete_since) {
    if (const auto found = unnamed.find(note.session); found != unnamed.end()) {
      for (const std::size_t place : found->second)
        if (decisions[place].time >= note.since)
          decisions[place].queue_id = cut(note.id, rows::kWordBytes);
      unnamed.erase(found);
    }
    if (note.since < complete_since) ids.push_back(note);
  }
};

RecordWriter::RecordWriter(const std::string& folder, const store::MilterBounds& bounds)
    : store_path_(folder + "/milter.db"),
      bounds_(bounds),
      events_(folder + "/milter.json", kEventBytes) {}

Result<std::vector<store::DeferralRow>> RecordWriter::start(Time now, bool expected) {
  const bool made = inode_of(store_path_) == 0;
  if (!ready(now))
    return fail(ErrorKind::environment, store_path_ + ": the store cannot be opened");
  if (counters_.stores_put_aside > 0)
    return fail(ErrorKind::environment, store_path_ + ": what it knew is lost");
  if (made && expected)
    return fail(ErrorKind::environment,
                store_path_ + ": was not there although its key is: what it knew is lost");
  auto rows = store_->deferrals(bounds_.deferrals);
  if (rows) return std::move(*rows);
  failed(rows.error(), 0, now);
  return std::unexpected<Error>(std::move(rows.error()));
}

// Whether the store is open. One that is gone from its place is another's or nobody's.
bool RecordWriter::ready(Time now) {
  if (store_ && (now >= look_at_ || look_at_ - now > kLook)) {
    look_at_ = now + kLook;
    if (inode_of(store_path_) != inode_) {
      service::log_rarely(config::LogLevel::warning, "store",
                          store_path_ + ": the store was taken away, another is begun");
      store_.reset();
    }
  }
  if (store_) return true;
  // Not for longer where the clock was set back.
  if (now < retry_at_ && retry_at_ - now <= kRetry) return false;
  auto opened = store::MilterStore::open(store_path_, {.busy_timeout_ms = kBusyMs});
  if (!opened && is_damage(opened.error().fault)) {
    failed(opened.error(), 0, now);
    opened = store::MilterStore::open(store_path_, {.busy_timeout_ms = kBusyMs});
  }
  if (!opened) {
    failed(opened.error(), 0, now);
    return false;
  }
  store_ = std::move(*opened);
  inode_ = inode_of(store_path_);
  look_at_ = now + kLook;
  return true;
}

void RecordWriter::failed(const store::StoreError& error, std::size_t lost, Time now) {
  counters_.rows_lost += lost;
  service::log_rarely(config::LogLevel::warning, "store",
                      "decisions are not kept: " + error.message);
  if (error.fault == store::Fault::limit) return;
  failing_ = true;
  store_.reset();
  retry_at_ = now + kRetry;
  if (!is_damage(error.fault)) return;
  ++counters_.stores_put_aside;
  retry_at_ = now;
  if (const auto aside = store::quarantine(store_path_, now); aside)
    service::log_warning("the damaged store was put aside as " + *aside);
  else
    retry_at_ = now + kRetry;
}

void RecordWriter::write(std::vector<Record>& batch, Time now, Time complete_since) {
  Rows rows;
  for (Record& record : batch) {
    if (const auto* decision = std::get_if<DecisionNote>(&record)) {
      append_event(lines_, *decision);
      ++line_count_;
      rows.add(*decision);
    } else if (const auto* message = std::get_if<MessageNote>(&record)) {
      if (!worth_telling(*message)) continue;
      append_event(lines_, *message);
      ++line_count_;
    } else if (const auto* id = std::get_if<QueueIdNote>(&record)) {
      rows.name_transaction(*id, complete_since);
    } else if (auto* deferral = std::get_if<store::DeferralRow>(&record)) {
      rows.deferrals.push_back(std::move(*deferral));
    } else if (const auto* breaker = std::get_if<BreakerNote>(&record)) {
      append_breaker_event(lines_, breaker->time, breaker->counts);
      ++line_count_;
      service::log_warning("too much would be deferred (" +
                           std::to_string(breaker->counts.deferrals) + " of " +
                           std::to_string(breaker->counts.rcpts) +
                           " recipients within an hour): nothing is deferred for an hour");
    } else if (const auto* trouble = std::get_if<TroubleNote>(&record)) {
      service::log_rarely(config::LogLevel::error, "internal",
                          "internal error at " + std::string(name(trouble->stage)) +
                              ": mail goes on as on_internal_error says");
    }
    flush_events(false);
  }
  flush_events(true);
  append_decisions(rows, now);
  append_rest(rows, now);
}

void RecordWriter::append_decisions(Rows& rows, Time now) {
  std::span<const store::DecisionRow> left = rows.decisions;
  while (!left.empty()) {
    const auto piece = left.first(std::min(left.size(), kPieceRows));
    left = left.subspan(piece.size());
    if (!ready(now)) {
      counters_.rows_lost += piece.size();
    } else if (const auto done = store_->append(piece); !done) {
      failed(done.error(), piece.size(), now);
    } else {
      counters_.rows += piece.size();
      failing_ = !unsaved_.empty();
    }
  }
}

void RecordWriter::append_rest(Rows& rows, Time now) {
  for (const QueueIdNote& note : rows.ids) {
    if (!ready(now)) {
      ++counters_.rows_lost;
      continue;
    }
    const auto done = store_->set_queue_id(session_name(note.session), note.since,
                                           cut(note.id, rows::kWordBytes));
    if (!done) failed(done.error(), 1, now);
  }
  keep_unsaved(rows.deferrals);
  save_deferrals(now);
}

void RecordWriter::keep_unsaved(std::vector<store::DeferralRow>& rows) {
  for (store::DeferralRow& row : rows) {
    if (unsaved_.size() < kUnsaved || unsaved_.contains(row.key))
      unsaved_.insert_or_assign(row.key, std::move(row));
    else
      ++counters_.rows_lost;
  }
}

// Nothing to save is saved, too, where the store failed: whether it works again.
void RecordWriter::save_deferrals(Time now) {
  if ((unsaved_.empty() && !failing_) || !ready(now)) return;
  std::vector<store::DeferralRow> rows;
  rows.reserve(unsaved_.size());
  for (const auto& [key, row] : unsaved_) rows.push_back(row);
  if (const auto done = store_->put_deferrals(rows); !done) {
    const bool never = done.error().fault == store::Fault::limit;
    failed(done.error(), never ? rows.size() : 0, now);
    if (never) unsaved_.clear();
    return;
  }
  counters_.rows += rows.size();
  unsaved_.clear();
  failing_ = false;
}

void RecordWriter::flush_events(bool all) {
  if (lines_.empty() || (!all && lines_.size() < kPieceBytes)) return;
  if (events_.append(lines_)) {
    counters_.events += line_count_;
  } else {
    counters_.events_lost += line_count_;
    service::log_rarely(config::LogLevel::warning, "events", "events are lost: the event file");
  }
  lines_.clear();
  line_count_ = 0;
}

bool RecordWriter::prune(Time now) {
  if (!ready(now)) return false;
  const auto pruned = store_->prune(bounds_, now);
  if (!pruned) failed(pruned.error(), 0, now);
  return pruned && *pruned >= bounds_.per_call;
}

}  // namespace mxw::milter
