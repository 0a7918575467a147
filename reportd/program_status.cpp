// What reportd says of itself: numbers for a scrape and for the operator.
#include "reportd/day.hpp"
#include "reportd/program.hpp"

namespace mxw::reportd {
namespace {

constexpr std::string_view kDatagrams = "mxwarden_reportd_datagrams_total";
constexpr std::string_view kSessions = "mxwarden_reportd_sessions_total";
constexpr std::string_view kDeliveries = "mxwarden_reportd_deliveries_total";

}  // namespace

void Program::add_metrics(service::Metrics& m) {
  const auto collected = [&](std::string_view result, auto CollectorCounters::* member) {
    m.counter_of(kDatagrams, "Datagrams of mail servers, by what became of them",
                 [this, member] { return collector_->counters().*member; }, {{"result", result}});
  };
  collected("counted", &CollectorCounters::counted);
  collected("truncated", &CollectorCounters::truncated);
  collected("foreign", &CollectorCounters::foreign);
  for (std::size_t word = 0; word < kGarbageWords; ++word)
    m.counter_of("mxwarden_reportd_garbage_total", "Datagrams that are none of the protocol",
                 [this, word] { return collector_->counters().garbage.at(word); },
                 {{"why", name(static_cast<Garbage>(word))}});
  const auto written = [&](std::string_view result, std::uint64_t TallyWriter::Counters::* member) {
    m.counter_of(kSessions, "Sessions, by what became of them",
                 [this, member] { return writer_->counters().*member; }, {{"result", result}});
  };
  written("committed", &TallyWriter::Counters::sessions);
  written("late", &TallyWriter::Counters::late);
  written("overflow", &TallyWriter::Counters::overflow);
  written("lost", &TallyWriter::Counters::lost);
  m.counter_of("mxwarden_reportd_commits_failed_total", "Batches of counts not written at once",
               [this] { return writer_->counters().failed_commits; });
  const auto sensor = [&](std::string_view result, std::uint64_t SensorFeed::Counters::* member) {
    m.counter_of("mxwarden_reportd_sensor_events_total",
                 "Events of sensors, by what became of them",
                 [this, member] { return sensors_->counters().*member; }, {{"result", result}});
  };
  sensor("counted", &SensorFeed::Counters::counted);
  sensor("undetermined", &SensorFeed::Counters::undetermined);
  sensor("again", &SensorFeed::Counters::again);
  sensor("missing", &SensorFeed::Counters::missing);
  sensor("no-source", &SensorFeed::Counters::no_source);
  for (std::size_t word = 0; word < kBuiltWords; ++word)
    m.counter_of("mxwarden_reportd_built_total", "Domains of complete days, by their report",
                 [this, word] { return days_->counters().built[word]; },
                 {{"result", name(static_cast<Built>(word))}});
  m.gauge_of("mxwarden_reportd_policyd_connected", "1: policyd can be asked",
             [this] { return lookups_->connected() ? 1 : 0; });
}

void Program::add_intake_metrics(service::Metrics& m) {
  const auto sent = [&](std::string_view result, std::uint64_t DeliveryCounters::* member) {
    m.counter_of(kDeliveries, "What became of the sending of reports",
                 [this, member] { return delivery_->counters().*member; }, {{"result", result}});
  };
  sent("accepted", &DeliveryCounters::accepted);
  sent("retry", &DeliveryCounters::retries);
  sent("refused", &DeliveryCounters::refused);
  sent("expired", &DeliveryCounters::expired);
  sent("suppressed", &DeliveryCounters::suppressed);
  m.gauge_of("mxwarden_reportd_sending_waits", "1: nothing is sent, status says why",
             [this] { return send_ && !delivery_->waits_because().empty() ? 1 : 0; });
  for (std::size_t word = 0; word < kTakenWords; ++word)
    m.counter_of("mxwarden_reportd_intake_total", "Reports of others, by what became of them",
                 [this, word] { return intake_->counters().taken[word]; },
                 {{"result", name(static_cast<Taken>(word))}});
  m.counter_of("mxwarden_reportd_bounces_total", "Bounces of our reports",
               [this] { return suppression_->counters().suppressed; }, {{"result", "suppressed"}});
  m.counter_of("mxwarden_reportd_bounces_total", "Bounces of our reports",
               [this] { return suppression_->counters().bad_token; }, {{"result", "bad-token"}});
  m.counter_of("mxwarden_reportd_ignored_mails_total", "Mails by LMTP that are no report",
               [this] { return ignored_mails_; });
}

void Program::status(JsonWriter& json) const {
  const CollectorCounters collected = collector_->counters();
  json.member("datagrams", collected.datagrams).member("counted", collected.counted);
  json.member("garbage", collected.garbage_total()).member("foreign", collected.foreign);
  if (const auto qlen = collector_->qlen()) json.member("qlen", *qlen);
  const TallyWriter::Counters written = writer_->counters();
  json.member("sessions", written.sessions).member("late", written.late);
  json.member("lost", written.lost).member("sensor_events", sensors_->counters().messages);
  json.member("policyd", lookups_->connected());
  if (const auto day = days_->at_work()) json.member("building", std::string_view(day_text(*day)));
  if (const std::string why = days_->why_not(); !why.empty())
    json.member("no_reports_because", std::string_view(why));
  json.member("sending", send_).member("in_flight", delivery_->in_flight());
  const std::string why = delivery_->waits_because();
  if (send_ && !why.empty()) json.member("waits_because", std::string_view(why));
}

}  // namespace mxw::reportd
