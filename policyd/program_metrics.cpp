// policyd's numbers. All are read in the loop's thread, which serves the scrapes too.
#include "policyd/program.hpp"

namespace mxw::policyd {

void Program::add_metrics(service::Metrics& m) {
  const auto engine = [&](std::string_view name, std::string_view help,
                          std::uint64_t EngineCounters::* member, service::Labels labels = {}) {
    m.counter_of(name, help, [this, member] { return engine_->counters().*member; }, labels);
  };
  using C = EngineCounters;
  engine("mxwarden_policyd_wants_total", "Questions for a domain", &C::wants);
  engine("mxwarden_policyd_wants_hot_total", "Questions answered without a look", &C::hot);
  engine("mxwarden_policyd_wants_refused_total", "Questions over the bound", &C::refused);
  engine("mxwarden_policyd_hints_total", "Hints taken", &C::hints);
  engine("mxwarden_policyd_hints_dropped_total", "Hints over the rate", &C::hints_dropped);
  engine("mxwarden_policyd_looks_total", "Looks at a domain's policy", &C::looks);
  engine("mxwarden_policyd_route_looks_total", "Looks at a domain's MX hosts", &C::route_looks);
  engine("mxwarden_policyd_gets_total", "Policies fetched or tried", &C::gets);
  engine("mxwarden_policyd_gets_failed_total", "Fetches that failed", &C::gets_failed);
  engine("mxwarden_policyd_rereads_total", "Policies read again before a deferral", &C::rereads);
  engine("mxwarden_policyd_commits_total", "Commits to the store", &C::commits);
  engine("mxwarden_policyd_clock_steps_total", "Steps of the wall clock", &C::clock_steps);
  m.counter_of("mxwarden_policyd_dns_questions_total", "DNS questions",
               [this] { return resolver_->counters().asked; });
  using resolve::Outcome;
  for (const Outcome outcome :
       {Outcome::ok, Outcome::nodata, Outcome::nxdomain, Outcome::servfail, Outcome::refused,
        Outcome::timeout, Outcome::bogus, Outcome::malformed, Outcome::network})
    m.counter_of("mxwarden_policyd_dns_answers_total", "Ends of DNS questions by outcome",
                 [this, outcome] { return dns_->count(outcome); },
                 {{"outcome", resolve::outcome_name(outcome)}});
  m.counter_of("mxwarden_policyd_feed_bytes_total", "Octets told to readers",
               [this] { return feed_->counters().bytes; });
  m.counter_of("mxwarden_policyd_feed_cut_off_total", "Readers cut off for being behind",
               [this] { return feed_->counters().cut_off; });
  m.counter_of("mxwarden_policyd_ask_not_understood_total",
               "Messages on the ask socket that are none",
               [this] { return ask_->counters().not_understood; });
  const auto names = [&](std::string_view name, std::string_view help,
                         std::uint64_t NameCounters::* member) {
    m.counter_of(name, help, [this, member] { return names_->counters().*member; });
  };
  using N = NameCounters;
  names("mxwarden_policyd_names_asked_total", "Questions about TLS-RPT, DKIM keys, addresses",
        &N::asked);
  names("mxwarden_policyd_names_kept_total", "Such questions answered without a lookup", &N::kept);
  names("mxwarden_policyd_names_refused_total", "Such questions over a bound, or about no name",
        &N::refused);
  m.gauge_of("mxwarden_policyd_feed_readers", "Readers of the feed",
             [this] { return static_cast<std::int64_t>(feed_->readers()); });
  m.gauge_of("mxwarden_policyd_looks", "Looks under way",
             [this] { return static_cast<std::int64_t>(engine_->looks_running()); });
  m.gauge_of("mxwarden_policyd_queued", "Domains that wait for a look",
             [this] { return static_cast<std::int64_t>(engine_->queued()); });
  m.counter_of("mxwarden_policyd_rows_refused_total", "Rows the store will never take",
               [this] { return engine_->shelf().refused(); });
  m.gauge_of("mxwarden_policyd_held_in_memory", "Domains the store did not take yet",
             [this] { return static_cast<std::int64_t>(engine_->shelf().held()); });
  m.gauge_of("mxwarden_operator_unreadable", "1: the operator's files cannot be read",
             [this] { return operator_->current()->notes().unread() ? 1 : 0; });
}

}  // namespace mxw::policyd
