#include "policyd/witness.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "core/service/log.hpp"
#include "policyd/event_kind.hpp"

namespace mxw::policyd {
namespace {

// What an operator should see without asking.
bool is_warning(std::string_view kind) {
  constexpr EventKind kWarnings[] = {EventKind::policy_weakened, EventKind::policy_expired,
                                     EventKind::id_flapping,     EventKind::short_lived,
                                     EventKind::txt_missing,     EventKind::txt_failing,
                                     EventKind::fetch_failing,   EventKind::policy_removed};
  return std::ranges::any_of(kWarnings, [kind](EventKind k) { return name(k) == kind; });
}

}  // namespace

Witness::Witness(service::Metrics& metrics, std::function<void()> on_damage)
    : metrics_(metrics),
      on_damage_(std::move(on_damage)),
      store_errors_(metrics_.counter("mxwarden_policyd_store_errors_total",
                                     "Calls of the store that failed")) {
  for (const std::string_view kind : kEventKinds)
    events_.push_back(&metrics_.counter("mxwarden_policyd_events_total", "Policy events by kind",
                                        {{"kind", kind}}));
}

void Witness::on_event(const rows::EventRow& event) {
  const auto at = std::ranges::find(kEventKinds, event.kind);
  if (at != kEventKinds.end()) events_[static_cast<std::size_t>(at - kEventKinds.begin())]->add();
  std::string line = event.kind + " " + event.domain;
  if (!event.result_type.empty()) line += " " + event.result_type;
  if (!event.detail.empty()) line += ": " + event.detail;
  if (is_warning(event.kind))
    service::log_warning(line);
  else
    service::log_info(line);
}

void Witness::on_store_error(const store::StoreError& error, std::string_view what,
                             std::string_view domain) {
  store_errors_.add();
  if (error.fault == store::Fault::limit || error.fault == store::Fault::constraint) {
    service::log_rarely(config::LogLevel::error, "store-row",
                        std::string(what) + ": the store refuses a row of " + std::string(domain) +
                            ", held in memory: " + error.message);
    return;
  }
  service::log_rarely(
      config::LogLevel::error, "store",
      std::string(what) + " failed, what is known is held in memory: " + error.message);
  if (error.fault != store::Fault::corrupt || !on_damage_) return;
  service::log_error("the store is damaged: ending, to be started anew with its backup");
  std::exchange(on_damage_, {})();
}

void Witness::on_clock_step(std::int64_t by_ns) {
  service::log_warning("the wall clock stepped by " + std::to_string(by_ns / kSecond) +
                       " s; what is known ages by elapsed time until it is refreshed");
}

void Witness::on_clock_behind(Time newest_stored) {
  service::log_warning("the wall clock is behind what is stored (" + format_rfc3339(newest_stored) +
                       "): nothing is pruned meanwhile");
}

}  // namespace mxw::policyd
