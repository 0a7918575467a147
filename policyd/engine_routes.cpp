// Engine: MX hosts with addresses and TLSA, and TLS-RPT records.
#include <algorithm>

#include "core/rows/dane_rows.hpp"
#include "policyd/engine.hpp"
#include "policyd/route_rows.hpp"

namespace mxw::policyd {
namespace {

constexpr unsigned kMxFailures = 8;  // counted: the hold is kRetryMost by then

bool is_signed(const MxFound& found) {
  return found.secure || std::ranges::any_of(found.hosts, [](const MxHost& host) {
           return policy::asks_tlsa(host.security);
         });
}

}  // namespace

void Engine::begin_routes(const std::string& domain, Look& look) {
  if (look.routes_begun) return;
  look.routes_begun = true;
  ++counters_.route_looks;
  ++look.open;
  lookup_routes(dns_, domain, options_.dane, guarded<MxFound>([this, domain](const MxFound& found) {
                  on_routes(domain, found);
                }));
}

// Whether they are kept depends on the policy: they wait for it.
void Engine::on_routes(const std::string& domain, const MxFound& found) {
  Look& look = *looks_.at(domain);
  if (look.policy && !look.concluded) {
    look.found = found;
    return;
  }
  save_routes(domain, found);
  lookup_ended(domain);
}

void Engine::save_routes(const std::string& domain, const MxFound& found) {
  Look& look = *looks_.at(domain);
  look.routes_done = true;
  look.dane = options_.dane ? dane_of_found(found) : policy::DaneState::none;
  const Time now = time();
  if (options_.dane) note_failures(domain, judge_routes(found));
  const std::vector<rows::RouteRow> before = shelf_.routes(domain);
  const bool nothing = found.kind == MxKind::error && before.empty();
  unsigned& failures = memory(domain).mx_failures;
  failures = nothing ? std::min(failures + 1, kMxFailures) : 0;
  const RouteRows rows = route_rows(found, shelf_.key(domain), options_.origin, before, now);
  const Stored stored = look.concluded ? Stored{look.stored.domain, look.effective} : look.stored;
  const bool protects = is_live(stored.policy, now) && stored.policy->mode != policy::Mode::none;
  // Semantics 11: routes only for policy, DANE and pinned domains. What could not be found out
  // where something is signed is kept, too: to a reader no rows are no DANE.
  const bool dane =
      look.dane == policy::DaneState::some || look.dane == policy::DaneState::all ||
      (look.dane == policy::DaneState::error && (!before.empty() || is_signed(found)));
  if (!protects && !dane && !pinned_.contains(domain)) {
    // Readers get no row of a domain nothing is known about (semantics 11: retried in 60 s).
    if (nothing && options_.dane)
      return follow_routes(domain, now + std::min(kDnsHold << (failures - 1), kRetryMost));
    if (!before.empty() && rows.known && shelf_.save_routes(domain, {})) commit();
    memory(domain).routes_next = clock_.boot() + std::max(rows.until - now, kNoneHold);
    return;
  }
  bool wrote = false;
  for (const auto& [base, set] : rows.tlsa) wrote = shelf_.save_tlsa(base, set) || wrote;
  if (rows.known) wrote = shelf_.save_routes(domain, rows.routes) || wrote;
  if (wrote) commit();
  follow_routes(domain, rows.until);
}

// Remembers when to look again: one to two tenths before the end, so that readers never have rows
// that ran out while answers come, and spread, so that domains of one provider do not come in a
// heap. Before that, a look at the policy leaves the routes alone.
void Engine::follow_routes(const std::string& domain, Time until) {
  const std::int64_t wait = until - time();
  const double chance = options_.random ? options_.random() : 0.5;
  const std::int64_t at =
      clock_.boot() + static_cast<std::int64_t>(static_cast<double>(wait) * (0.8 + 0.1 * chance));
  if (const auto known = routes_at_.find(domain); known != routes_at_.end())
    routes_due_.erase({known->second, domain});
  else if (routes_at_.size() >= kFollowed)
    return;
  routes_at_[domain] = at;
  routes_due_.emplace(at, domain);
}

bool Engine::routes_are_fresh(const std::string& domain) {
  const auto at = routes_at_.find(domain);
  if (at != routes_at_.end()) return at->second > clock_.boot();
  const auto known = memories_.find(domain);
  return known != memories_.end() && known->second.routes_next > clock_.boot();
}

policy::DaneState Engine::dane_of_stored(const std::string& domain, Time now) {
  if (!options_.dane) return policy::DaneState::none;
  const std::vector<rows::RouteRow> routes = shelf_.routes(domain);
  const auto known = memories_.find(domain);
  if (routes.empty() && known != memories_.end() && known->second.mx_failures > 0)
    return policy::DaneState::error;
  std::map<std::string, std::vector<rows::TlsaRow>, std::less<>> sets;
  const rows::TlsaOf tlsa = [&](std::string_view base) -> std::span<const rows::TlsaRow> {
    auto at = sets.find(base);
    if (at == sets.end())
      at = sets.emplace(std::string(base), shelf_.tlsa(std::string(base))).first;
    return at->second;
  };
  return rows::dane_of(routes, tlsa, now).state;
}

void Engine::begin_tlsrpt(const std::string& domain, Look& look) {
  if (sink_ == nullptr || memory(domain).tlsrpt_next > clock_.boot()) return;
  memory(domain).tlsrpt_next = clock_.boot() + kTlsrptEvery;
  ++look.open;
  lookup_tlsrpt(dns_, domain, guarded<TlsrptAnswer>([this, domain](const TlsrptAnswer& answer) {
                  on_tlsrpt(domain, answer);
                  lookup_ended(domain);
                }));
}

void Engine::on_tlsrpt(const std::string& domain, const TlsrptAnswer& answer) {
  if (!answer.answered) {
    memory(domain).tlsrpt_next = clock_.boot() + kDnsHold;
    return;
  }
  store_tlsrpt(domain, answer.record);
}

void Engine::store_tlsrpt(const std::string& domain, const std::string& record) {
  if (sink_ == nullptr) return;
  rows::TlsrptRow row;
  row.tenant = options_.tenant;
  row.origin = options_.origin;
  row.domain = domain;
  row.record = record;
  row.valid_from = row.confirmed_at = time();
  if (const auto written = sink_->put_tlsrpt(row); written)
    commit();
  else
    observer_.on_store_error(written.error(), "write a TLS-RPT record", domain);
}

}  // namespace mxw::policyd
