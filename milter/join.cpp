#include "milter/join.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <optional>
#include <utility>

#include "core/policy/decide.hpp"
#include "core/policy/mta_sts.hpp"
#include "core/rows/dane_rows.hpp"

namespace mxw::milter {
namespace {

using feed::HeldVerdict;
using policy::Protection;

constexpr std::array<std::string_view, 5> kPathRules = {"R01", "R02", "R05", "R12", "R29"};
constexpr std::array<std::string_view, 5> kSeverities = {"info", "low", "medium", "high",
                                                         "critical"};

template <typename List>
bool has(const List& list, const auto& what) {
  return std::ranges::find(list, what) != std::ranges::end(list);
}

// A verdict told by its rule proves this (rules/*.toml): no offer, or mail in clear; the
// certificate or the MX name against the policy.
Failure failure_of(std::string_view rule) {
  if (has(kPathRules, rule)) return Failure::starttls;
  return rule == "R16" || rule == "R18" ? Failure::certificate : Failure::other;
}

std::ptrdiff_t rank_of(std::string_view severity) {
  const auto at = std::ranges::find(kSeverities, severity);
  return at == kSeverities.end() ? -1 : at - kSeverities.begin();
}

// How much one verdict, and by the weakest of its parts a host or a domain, is met.
enum class Met : std::uint8_t { not_at_all, pending, ended, active };

// What protects the domain, and which MX hosts are its own.
struct Shield {
  std::optional<policy::StsPolicy> sts;  // live
  std::string id;                        // of `sts`
  policy::Mode mode = policy::Mode::none;
  Time until;
  policy::DaneState dane = policy::DaneState::none;
  Protection protection = Protection::none;
  const std::vector<std::string>* pinned = nullptr;  // the pin's names, borrowed

  // Every host is the domain's own but for a policy's, or a pin's, that names them.
  [[nodiscard]] bool counts(std::string_view host) const {
    if (protection == Protection::dane) return true;
    if (protection == Protection::pin)
      return pinned == nullptr || pinned->empty() || policy::mx_matches(*pinned, host);
    return sts && policy::mx_matches(sts->mx, host);
  }
};

void read_policy(const feed::DomainEntry& entry, Time now, Shield& shield) {
  const rows::PolicyRow* const row = entry.policy_at(now);
  if (row == nullptr) return;
  auto parsed = policy::parse_sts_policy(row->body);
  if (!parsed) return;  // no policy any more
  shield.sts = std::move(*parsed);
  shield.id = row->id;
  shield.mode = shield.sts->mode;
  shield.until = row->valid_until();
}

// The domain is protected by DANE where every host is; where only some are, mail may still leave in
// clear over the others, and a policy counts on.
bool dane_protects(const feed::DomainEntry& entry, const feed::Replica& known, Time now,
                   Shield& shield) {
  const rows::DaneOfDomain dane = rows::dane_of(
      entry.routes(), [&known](std::string_view base) { return known.tlsa(base); }, now);
  shield.dane = dane.state;
  return dane.state == policy::DaneState::all && now <= dane.until;
}

Shield shield_of(const feed::DomainEntry* entry, const feed::Replica& known,
                 const operators::Said& said, Time now) {
  Shield shield;
  bool dane = false;
  if (entry != nullptr) {
    read_policy(*entry, now, shield);
    dane = dane_protects(*entry, known, now, shield);
  }
  const bool pinned = said.word == operators::Word::pin;
  policy::CachedPolicy cached;
  cached.pinned = pinned;
  if (shield.sts) {
    cached.policy.mode = shield.mode;
    cached.valid_until = shield.until;
  }
  shield.protection =
      policy::decide(shield.sts || pinned ? &cached : nullptr, dane, now).protection;
  if (pinned && said.brake != nullptr) shield.pinned = &said.brake->mx;
  return shield;
}

// Whether it is known that nothing protects the domain.
bool known_bare(const feed::DomainEntry* entry, const Shield& shield, Time now) {
  if (entry == nullptr || shield.dane == policy::DaneState::error) return false;
  if (shield.sts) return true;  // in mode none
  const rows::DomainRow* const row = entry->domain();
  return row != nullptr && row->state == rows::DomainState::none && row->checked_at &&
         now - kNoneHolds <= *row->checked_at;
}

// The work for one domain: host by host, address by address, verdict by verdict.
class Join {
 public:
  Join(const Shield& shield, const rows::RereadRow* reread, const feed::VerdictReplica& verdicts,
       const JoinSettings& settings, Joined& out, Time now, Time verdict_now)
      : shield_(shield),
        reread_(reread),
        verdicts_(verdicts),
        settings_(settings),
        out_(out),
        now_(now),
        verdict_now_(verdict_now) {}

  void run(std::span<const rows::RouteRow> routes);

 private:
  struct Host {
    std::string_view name;
    Met met = Met::active;
    bool addressed = false;  // has an address of our families
  };

  [[nodiscard]] std::vector<Host> hosts_of(std::span<const rows::RouteRow> routes);
  [[nodiscard]] Met address_met(const IpAddress& address);
  [[nodiscard]] Met domain_met();
  [[nodiscard]] bool about_path(const rows::VerdictRow& row) const;
  [[nodiscard]] Met weigh(const HeldVerdict& held);
  [[nodiscard]] bool confirmed(const HeldVerdict& held) const;
  void note(const rows::VerdictRow& row);
  void conclude(Met domain);

  const Shield& shield_;
  const rows::RereadRow* reread_;
  const feed::VerdictReplica& verdicts_;
  const JoinSettings& settings_;
  Joined& out_;
  Time now_, verdict_now_;
  std::ptrdiff_t worst_ = -2;
  bool some_met_ = false;  // by an active verdict
};

// Both times are whatever a line had: nothing is added to them before they are compared.
bool in_time(Time reread, Time since) {
  constexpr std::int64_t kFirst = std::numeric_limits<std::int64_t>::min();
  return reread >= since || since.ns < kFirst + kRereadHolds || reread >= since - kRereadHolds;
}

bool route_holds(const rows::RouteRow& row, Time now) {
  // Routes of another source than policyd's are no basis (core/rows/dane_rows.hpp).
  return (now <= row.until || now - kRouteHolds <= row.seen) &&
         rows::parse_route_source(row.source).has_value();
}

// The policy that a verdict rests on, and the one held, must be what was read again.
bool Join::confirmed(const HeldVerdict& held) const {
  if (reread_ == nullptr || !in_time(reread_->at, held.since)) return false;
  if (!reread_->ok) return held.row.count >= 2;
  return held.row.count >= 1 && reread_->id == shield_.id && reread_->mode == shield_.mode;
}

Met Join::weigh(const HeldVerdict& held) {
  const rows::VerdictRow& row = held.row;
  const bool active = row.state == rows::VerdictState::active && verdict_now_ <= row.expires;
  if (!active && verdict_now_ - feed::VerdictReplica::kAfter > row.expires) return Met::not_at_all;
  const bool outdated = row.policy_domain == out_.path.domain && !row.policy_id.empty() &&
                        row.policy_id != shield_.id;
  if (outdated) return Met::not_at_all;
  const bool acts = confirmed(held);
  if (!active && !acts) return Met::not_at_all;  // it never acted, so nothing is left to probe
  note(row);
  some_met_ = some_met_ || active;
  out_.reread_wanted = out_.reread_wanted || !acts;
  if (!acts) return Met::pending;
  return active ? Met::active : Met::ended;
}

void Join::note(const rows::VerdictRow& row) {
  DomainPath& path = out_.path;
  if (has(path.verdict_ids, row.id)) return;
  if (path.verdict_ids.empty() || row.expires < path.verdict_until)
    path.verdict_until = row.expires;
  const std::ptrdiff_t rank = rank_of(row.severity);
  if (rank > worst_ || (rank == worst_ && row.rule < path.rule)) {
    worst_ = rank;
    path.rule = row.rule;
    path.failure = failure_of(row.rule);
  }
  if (path.verdict_ids.size() < kVerdictIds) path.verdict_ids.push_back(row.id);
}

bool Join::about_path(const rows::VerdictRow& row) const {
  const auto* const path = std::get_if<rows::PathSubject>(&row.subject);
  if (path == nullptr) return false;
  if (!settings_.egress.empty() && !has(settings_.egress, path->egress_ip)) return false;
  return has(kPathRules, row.rule) || (row.rule == "R16" && row.policy_domain == out_.path.domain);
}

Met Join::address_met(const IpAddress& address) {
  Met best = Met::not_at_all;
  for (const HeldVerdict* const held : verdicts_.of_path(address)) {
    if (about_path(held->row)) best = std::max(best, weigh(*held));
  }
  return best;
}

// R18 that DNS led to has no basis in a session and counts for nothing.
Met Join::domain_met() {
  constexpr std::array<std::string_view, 5> kSessionBases = {"rcpt", "mx_map", "mx_route", "file",
                                                             "sni"};
  Met best = Met::not_at_all;
  for (const HeldVerdict* const held : verdicts_.of_domain(out_.path.domain)) {
    if (held->row.rule == "R18" && has(kSessionBases, held->row.domain_basis))
      best = std::max(best, weigh(*held));
  }
  return best;
}

std::vector<Join::Host> Join::hosts_of(std::span<const rows::RouteRow> routes) {
  std::vector<Host> hosts;
  for (const rows::RouteRow& row : routes) {
    if (!route_holds(row, now_)) continue;
    auto host = std::ranges::find(hosts, row.mx_host, &Host::name);
    if (host == hosts.end()) {
      if (!shield_.counts(row.mx_host)) continue;
      host = hosts.insert(hosts.end(), {row.mx_host});
    }
    if (!has(settings_.families, unsigned{row.address.family})) continue;
    host->addressed = true;
    host->met = std::min(host->met, address_met(row.address));
  }
  return hosts;
}

void Join::run(std::span<const rows::RouteRow> routes) {
  const std::vector<Host> hosts = hosts_of(routes);
  if (hosts.empty()) {
    out_.path.state = PathState::no_route;
    return;
  }
  Met all = Met::active;
  for (const Host& host : hosts) all = std::min(all, host.addressed ? host.met : Met::not_at_all);
  all = std::max(all, domain_met());
  std::ranges::sort(out_.path.verdict_ids);
  conclude(all);
}

void Join::conclude(Met domain) {
  DomainPath& path = out_.path;
  switch (domain) {
    case Met::active:
      path.state = PathState::blocked;
      return;
    case Met::ended:
      path.state = PathState::probing;
      return;
    case Met::pending:
      path.state = PathState::reread;
      return;
    case Met::not_at_all:
      break;
  }
  path.failure = Failure::none;
  path.state = some_met_ ? PathState::partial : PathState::clear;
  if (!some_met_) {
    path.verdict_ids.clear();
    path.rule.clear();
    path.verdict_until = {};
  }
  // Whether a path is free is not known while nobody watches.
  if (!verdicts_.connected() || !verdicts_.complete()) path.state = PathState::unknown;
}

}  // namespace

Joined join(std::string_view domain, const feed::Replica& known,
            const feed::VerdictReplica& verdicts, const operators::Said& said,
            const JoinSettings& settings, Time now, std::optional<Time> wall) {
  Joined out;
  DomainPath& path = out.path;
  path.domain = domain;
  // `enforcement off` silences the milter as the map (semantics 11).
  path.bypass = said.word == operators::Word::off || said.word == operators::Word::bypass;
  path.report_only = said.word == operators::Word::report_only;
  const feed::DomainEntry* const entry = known.find(domain);
  const Shield shield = shield_of(entry, known, said, now);
  path.protection = shield.protection;
  if (shield.sts) {
    path.policy_id = shield.id;
    path.policy_until = shield.until;
  }
  if (path.protection == Protection::none) {
    path.state = known_bare(entry, shield, now) ? PathState::unprotected : PathState::unknown;
    return out;
  }
  Join work(shield, entry == nullptr ? nullptr : entry->reread(), verdicts, settings, out, now,
            std::max(now, wall.value_or(now)));
  work.run(entry == nullptr ? std::span<const rows::RouteRow>() : entry->routes());
  return out;
}

}  // namespace mxw::milter
