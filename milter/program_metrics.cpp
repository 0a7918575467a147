// The milter's numbers: counters of any thread, read when a scrape comes.
#include "milter/program.hpp"

namespace mxw::milter {
namespace {

template <typename Value>
std::function<std::uint64_t()> read(const Value& value) {
  return [&value] { return static_cast<std::uint64_t>(value.load()); };
}

// The MTA waits for these: bounds around what memory takes and what a disk would.
constexpr std::initializer_list<std::int64_t> kBounds = {
    10 * kMicrosecond,  20 * kMicrosecond,  50 * kMicrosecond,  100 * kMicrosecond,
    200 * kMicrosecond, 500 * kMicrosecond, kMillisecond,       2 * kMillisecond,
    5 * kMillisecond,   10 * kMillisecond,  100 * kMillisecond, kSecond};

}  // namespace

void Program::add_knowledge_metrics(service::Metrics& m) {
  using N = Knowledge::Numbers;
  const auto gauge = [&](std::string_view name, std::string_view help, auto N::* member,
                         service::Labels labels = {}) {
    m.gauge_of(
        name, help,
        [this, member] { return static_cast<std::int64_t>(knowledge_->numbers().*member); },
        labels);
  };
  const auto counter = [&](std::string_view name, std::string_view help,
                           std::uint64_t N::* member) {
    m.counter_of(name, help, [this, member] { return knowledge_->numbers().*member; });
  };
  constexpr std::string_view kConnected = "mxwarden_milter_feed_connected";
  gauge(kConnected, "1: the feed is read", &N::policyd, {{"feed", "policyd"}});
  gauge(kConnected, "1: the feed is read", &N::sensor, {{"feed", "sensor"}});
  gauge("mxwarden_milter_ask_connected", "1: policyd can be asked", &N::ask);
  gauge("mxwarden_milter_feed_domains", "Domains of the feed", &N::domains);
  gauge("mxwarden_milter_feed_policies", "Policies of the feed", &N::policies);
  gauge("mxwarden_milter_verdicts", "Verdicts of the sensor that are held", &N::verdicts);
  gauge("mxwarden_milter_brakes", "Domains with an operator's word", &N::brakes);
  gauge("mxwarden_operator_unreadable", "1: the operator's files cannot be read",
        &N::operator_unread);
  counter("mxwarden_milter_rows_refused_total", "Rows and verdicts over a bound", &N::refused);
  counter("mxwarden_milter_lines_skipped_total", "Lines of the feeds not taken", &N::skipped);
  counter("mxwarden_milter_bad_cache_files_total", "Cache files not taken", &N::bad_files);
  counter("mxwarden_milter_cache_failed_total", "Cache files not written", &N::cache_failed);
  counter("mxwarden_milter_rereads_total", "Policies asked to be read again", &N::rereads);
  counter("mxwarden_milter_hints_total", "Hints to policyd", &N::hints);
  counter("mxwarden_milter_hints_dropped_total", "Hints over the rate", &N::hints_dropped);
}

void Program::add_metrics(service::Metrics& m) {
  add_knowledge_metrics(m);
  const QueueRecorder::Counters& told = recorder_->counters();
  for (std::size_t role = 0; role < QueueRecorder::kRoles; ++role)
    for (std::size_t action = 0; action < QueueRecorder::kActions; ++action)
      m.counter_of(
          "mxwarden_milter_decisions_total", "Decisions by role and what was done",
          read(told.actions[role][action]),
          {{"role", name(static_cast<Role>(role))}, {"action", name(static_cast<Action>(action))}});
  for (std::size_t reason = 0; reason < QueueRecorder::kReasons; ++reason)
    m.counter_of("mxwarden_milter_reasons_total", "Decisions by their reason",
                 read(told.reasons[reason]), {{"reason", name(static_cast<Reason>(reason))}});
  for (std::size_t stage = 0; stage < QueueRecorder::kStages; ++stage)
    m.counter_of("mxwarden_milter_internal_errors_total", "Callbacks that failed by our fault",
                 read(told.internal_errors[stage]), {{"stage", name(static_cast<Stage>(stage))}});
  m.counter_of("mxwarden_milter_temperrors_total", "Decisions without knowledge of the domain",
               read(told.temperrors));
  m.counter_of("mxwarden_milter_forged_total", "Results in our name taken out of headers",
               read(told.forged));
  m.counter_of("mxwarden_milter_forged_left_total",
               "Results in our name left in headers, over the bound of one message",
               read(told.forged_left));
  m.counter_of("mxwarden_milter_breaker_trips_total", "Times too much would have been deferred",
               read(told.breaker_trips));
  m.counter_of("mxwarden_milter_records_dropped_total", "Records the queue had no room for",
               read(told.dropped));
  const RecordWriter::Counters& kept = writer_->counters();
  m.counter_of("mxwarden_milter_rows_total", "Rows of decisions", read(kept.rows),
               {{"result", "written"}});
  m.counter_of("mxwarden_milter_rows_total", "Rows of decisions", read(kept.rows_lost),
               {{"result", "lost"}});
  m.counter_of("mxwarden_milter_events_total", "Lines of the event file", read(kept.events),
               {{"result", "written"}});
  m.counter_of("mxwarden_milter_events_total", "Lines of the event file", read(kept.events_lost),
               {{"result", "lost"}});
  const Filter::Counters& filter = filter_->counters();
  m.counter_of("mxwarden_milter_connections_total", "Connections of the MTA",
               read(filter.connections));
  m.gauge_of("mxwarden_milter_connections", "Connections now",
             [&filter] { return static_cast<std::int64_t>(filter.live.load()); });
  m.counter_of("mxwarden_milter_exceptions_total", "Exceptions caught at the edge to libmilter",
               read(filter.exceptions));
  m.counter_of("mxwarden_milter_refused_edits_total", "Headers the MTA did not take",
               read(filter.refused_edits));
  m.counter_of("mxwarden_milter_poor_offers_total", "MTAs that allow less than is wanted",
               read(filter.poor_offers));
  m.gauge_of("mxwarden_milter_deferrals", "Mails whose deferral is remembered",
             [this] { return static_cast<std::int64_t>(deferrals_.size()); });
  m.gauge_of("mxwarden_milter_queued", "Records that wait for the disk",
             [this] { return static_cast<std::int64_t>(recorder_->queued()); });
  constexpr std::string_view kName = "mxwarden_milter_callback_seconds";
  constexpr std::string_view kHelp = "How long the MTA waited for an answer, within the milter";
  rcpt_time_ = &m.histogram(kName, kHelp, kBounds, {{"stage", "rcpt"}});
  end_time_ = &m.histogram(kName, kHelp, kBounds, {{"stage", "end_of_message"}});
}

}  // namespace mxw::milter
