#include "map/program_metrics.hpp"

namespace mxw::map {
namespace {

constexpr Word kWords[] = {Word::notfound, Word::secure, Word::encrypt, Word::dane,
                           Word::dane_only};

void follow(service::Counter& counter, std::uint64_t value) {
  counter.add(value - counter.value());
}

}  // namespace

ProgramMetrics::ProgramMetrics(service::Metrics& m)
    : queries_(m.counter("mxwarden_map_queries_total", "Questions read")),
      stale_(m.counter("mxwarden_map_stale_total", "Answers that led to a hint to policyd")),
      cold_(m.counter("mxwarden_map_cold_total", "Questions about domains not known")),
      waited_(m.counter("mxwarden_map_waited_total", "Questions that waited for policyd")),
      in_vain_(m.counter("mxwarden_map_waited_in_vain_total", "Waits that ended without answer")),
      hints_(m.counter("mxwarden_map_hints_total", "Hints to policyd")),
      hints_dropped_(m.counter("mxwarden_map_hints_dropped_total", "Hints over the rate")),
      accepted_(m.counter("mxwarden_map_connections_total", "Connections taken")),
      turned_away_(m.counter("mxwarden_map_connections_refused_total", "Connections over a bound")),
      closed_early_(m.counter("mxwarden_map_connections_closed_total",
                              "Connections closed by us: idle, for a new one, for memory")),
      protocol_faults_(m.counter("mxwarden_map_protocol_faults_total",
                                 "Connections closed for breaking the protocol")),
      ask_dropped_(m.counter("mxwarden_map_ask_dropped_total", "Messages policyd did not take")),
      rows_refused_(m.counter("mxwarden_map_rows_refused_total", "Rows over the bound")),
      refills_(m.counter("mxwarden_map_feed_refills_total",
                         "Times the whole feed was asked for again because rows had been refused")),
      bad_files_(m.counter("mxwarden_map_bad_cache_files_total", "Cache files not taken")),
      cache_failed_(m.counter("mxwarden_map_cache_failed_total", "Cache files not written")),
      answers_written_(m.counter("mxwarden_map_answer_minutes_total", "Minutes of answers.ndjson",
                                 {{"result", "written"}})),
      answers_dropped_(m.counter("mxwarden_map_answer_minutes_total", "Minutes of answers.ndjson",
                                 {{"result", "dropped"}})),
      connections_(m.gauge("mxwarden_map_connections", "Open connections")),
      waiting_(m.gauge("mxwarden_map_waiting", "Questions that wait for policyd now")),
      rows_(m.gauge("mxwarden_map_rows", "Domains that can be answered at once")),
      domains_(m.gauge("mxwarden_map_feed_domains", "Domains of the feed")),
      policies_(m.gauge("mxwarden_map_feed_policies", "Policies of the feed")),
      brakes_(m.gauge("mxwarden_map_brakes", "Domains with an operator's word")),
      feed_connected_(m.gauge("mxwarden_map_feed_connected", "1: policyd's feed is read")),
      ask_connected_(m.gauge("mxwarden_map_ask_connected", "1: policyd can be asked")),
      enforcement_off_(m.gauge("mxwarden_map_enforcement_off", "1: the operator switched it off")),
      operator_unreadable_(
          m.gauge("mxwarden_operator_unreadable", "1: the operator's files cannot be read")) {
  for (const Word word : kWords) {
    said_.push_back(
        &m.counter("mxwarden_map_answers_total", "Answers given", {{"answer", name(word)}}));
    would_be_.push_back(&m.counter("mxwarden_map_would_be_total",
                                   "What enforcement without brakes would have answered",
                                   {{"answer", name(word)}}));
  }
}

void ProgramMetrics::publish(const Server& server, const AskClient& asker,
                             const Knowledge& knowledge, const TableNumbers& table) {
  const Responder::Counters& answers = server.answers();
  for (std::size_t i = 0; i < said_.size(); ++i) {
    follow(*said_[i], answers.said[i]);
    follow(*would_be_[i], answers.would_be[i]);
  }
  follow(queries_, answers.queries);
  follow(stale_, answers.stale);
  follow(cold_, answers.cold);
  const ColdDesk::Counters& desk = server.desk().counters();
  follow(waited_, desk.waited);
  follow(in_vain_, desk.in_vain);
  follow(hints_, desk.hints);
  follow(hints_dropped_, desk.hints_dropped);
  const Server::Counters& traffic = server.counters();
  follow(accepted_, traffic.accepted);
  follow(turned_away_, traffic.turned_away);
  follow(closed_early_, traffic.closed_idle + traffic.closed_for_new + traffic.closed_for_memory);
  follow(protocol_faults_, traffic.protocol_faults);
  follow(ask_dropped_, asker.counters().dropped);
  const Knowledge::Numbers known = knowledge.numbers();
  follow(rows_refused_, known.refused + table.refused);
  follow(refills_, known.refills);
  follow(bad_files_, known.bad_files);
  follow(cache_failed_, known.cache_failed);
  follow(answers_written_, known.answers_written);
  follow(answers_dropped_, known.answers_dropped);
  connections_.set(static_cast<std::int64_t>(server.connections()));
  waiting_.set(static_cast<std::int64_t>(server.desk().waiting()));
  rows_.set(static_cast<std::int64_t>(table.rows));
  domains_.set(static_cast<std::int64_t>(known.domains));
  policies_.set(static_cast<std::int64_t>(known.policies));
  brakes_.set(static_cast<std::int64_t>(known.brakes));
  feed_connected_.set(known.connected ? 1 : 0);
  ask_connected_.set(asker.connected() ? 1 : 0);
  enforcement_off_.set(known.off ? 1 : 0);
  operator_unreadable_.set(known.operator_unread ? 1 : 0);
}

}  // namespace mxw::map
