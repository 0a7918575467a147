#include "sensor/judge/judge.hpp"

#include <algorithm>

#include "sensor/judge/finding_builder.hpp"

namespace mxw::judge {
namespace {

using evidence::Change;
using evidence::Point;
using rules::Severity;

constexpr rules::At at_of(Point point) {
  switch (point) {
    case Point::greeting:
      return rules::At::greeting;
    case Point::command:
      return rules::At::command;
    case Point::handshake:
      return rules::At::handshake;
    case Point::mail:
      return rules::At::mail;
    case Point::end:
      break;
  }
  return rules::At::end;
}

constexpr Point kAllPoints[] = {Point::greeting, Point::command, Point::handshake, Point::mail,
                                Point::end};

bool reads_policy(const std::vector<rules::Clause>& clauses) {
  return std::any_of(clauses.begin(), clauses.end(), [](const rules::Clause& c) {
    return (c.field >= rules::Field::policy_domain && c.field <= rules::Field::dane_match) ||
           c.field == rules::Field::dns_mx_in_policy;
  });
}

bool reads_baseline(const rules::Rule& rule) {
  return std::any_of(rule.reads.begin(), rule.reads.end(), [](rules::Field f) {
    const bool of_certificate =
        f == rules::Field::cert_spki_new || f == rules::Field::cert_issuer_new;
    return of_certificate ||
           (f >= rules::Field::base_mx_sessions && f <= rules::Field::base_client_esmtp_rate);
  });
}

bool every_case_reads_policy(const rules::Rule& rule) {
  return std::all_of(rule.cases.begin(), rule.cases.end(), [](const rules::Case& c) {
    return reads_policy(c.when) || reads_policy(c.any);
  });
}

}  // namespace

Judge::Judge(Config config, x509::TrustStore& trust, const Redactor& redactor,
             BaselineStore& baseline, Sink& sink)
    : config_(std::move(config)),
      trust_(trust),
      redactor_(redactor),
      baseline_(baseline),
      sink_(sink),
      map_(config_.mx_map, config_.resolvers),
      retries_(config_.hash_key) {
  for (std::size_t i = 0; i < config_.rules.rules.size(); ++i) {
    const rules::Rule& rule = config_.rules.rules[i];
    Traits traits;
    traits.policy_based = every_case_reads_policy(rule);
    traits.per_domain = rule.reads_policy();
    for (const Point point : kAllPoints) {
      const auto p = static_cast<std::size_t>(point);
      traits.session[p] = rule.enabled && rule.speaks(rules::Scope::session, at_of(point));
      traits.retry[p] = rule.enabled && rule.speaks(rules::Scope::retry, at_of(point));
      if (!traits.session[p] && !traits.retry[p]) continue;
      rules_at_[p].push_back(i);
      baseline_at_[p] = baseline_at_[p] || reads_baseline(rule);
    }
    traits_.push_back(traits);
  }
}

Judge::State& Judge::state_of(const Session& session) {
  auto [place, fresh] = states_.try_emplace(session.id);
  if (fresh) {
    place->second.role = role_of(session);
    place->second.keys = keys_of(session);
  }
  return place->second;
}

void Judge::on_update(const Session& session, const evidence::EvidenceUpdate& update) {
  State& state = state_of(session);
  if (state.domains.empty()) look_up_domains(session, state, update.at.time);
  switch (update.change) {
    case Change::greeting:
      judge_point(session, state, Point::greeting, update.at);
      break;
    case Change::command:
      judge_point(session, state, Point::command, update.at);
      break;
    case Change::handshake:
      read_chain(session, state);
      judge_point(session, state, Point::handshake, update.at);
      break;
    case Change::mail:
      judge_point(session, state, Point::mail, update.at);
      break;
    case Change::recipient:
      add_recipient(session, state, update.index, update.at);
      break;
    case Change::hello:
      sink_.on_session(session, update, context_of(state), state.chain.get());
      break;
    case Change::transaction:
    case Change::settled:
      sink_.on_session(session, update, context_of(state), nullptr);
      break;
    case Change::end:
      judge_point(session, state, Point::end, update.at);
      end(session, state);
      break;
    case Change::removed:
      sink_.on_session(session, update, context_of(state), nullptr);
      states_.erase(session.id);
      break;
  }
}

void Judge::judge_point(const Session& session, State& state, Point point,
                        const evidence::FrameRef& at) {
  judge_domains(session, state, point, 0, false, at);
}

void Judge::judge_domains(const Session& session, State& state, Point point,
                          std::size_t first_domain, bool per_domain_only,
                          const evidence::FrameRef& at) {
  const std::vector<std::size_t>& indices = rules_at_[static_cast<std::size_t>(point)];
  if (indices.empty()) return;
  bool of_path = false;
  const bool baseline = baseline_at_[static_cast<std::size_t>(point)];
  const BaselineRow* const mx = baseline ? server_row(state.keys, of_path) : nullptr;
  const BaselineRow* const client = baseline ? client_row(session, state.keys) : nullptr;
  std::vector<SessionView> views;
  views.reserve(state.domains.size() - first_domain);
  for (std::size_t d = first_domain; d < state.domains.size(); ++d) {
    views.push_back({.session = session,
                     .point = point,
                     .role = state.role,
                     .domain = state.domains[d],
                     .chain = state.chain.get(),
                     .mx = mx,
                     .mx_of_path = of_path,
                     .client = client,
                     .retry = nullptr,
                     .retry_same_mx = false,
                     .now = at});
    SessionView& view = views.back();
    if (point == Point::mail) view.retry = retry_of(session, view.domain, view.retry_same_mx);
  }
  const std::vector<SessionFields> fields(views.begin(), views.end());
  for (const std::size_t i : indices)
    if (!per_domain_only || traits_[i].per_domain) judge_rule(i, fields, state);
}

rules::Evaluation Judge::evaluate(std::size_t index, const SessionFields& fields) const {
  const rules::Rule& rule = config_.rules.rules[index];
  const SessionView& view = fields.view();
  const std::string_view issuer =
      view.chain != nullptr ? view.chain->issuer_spki : std::string_view{};
  const rules::Subject subject{.client = view.session.client.address,
                               .mx_host = view.domain.mx_host,
                               .policy_domain = view.domain.domain,
                               .issuer_spki = issuer,
                               .now = view.now.time};
  rules::Evaluation best;
  const auto p = static_cast<std::size_t>(view.point);
  if (traits_[index].session[p])
    best = rules::evaluate(rule, rules::Scope::session, at_of(view.point), fields, subject);
  if (best.outcome != rules::Outcome::match && traits_[index].retry[p])
    best = rules::evaluate(rule, rules::Scope::retry, at_of(view.point), fields, subject);
  return best;
}

// One rule for the domains of a session at one point. A rule that reads no policy speaks once per
// session; with several candidates of an ambiguous map the most severe match speaks for all.
void Judge::judge_rule(std::size_t index, const std::vector<SessionFields>& domains, State& state) {
  const rules::Rule& rule = config_.rules.rules[index];
  if (!rule.roles.has(state.role)) return;
  const std::size_t last =
      traits_[index].per_domain ? domains.size() : std::min<std::size_t>(1, domains.size());
  std::optional<rules::Evaluation> best;
  const SessionView* best_view = nullptr;
  for (std::size_t d = 0; d < last; ++d) {
    const SessionView& view = domains[d].view();
    rules::Evaluation evaluation = evaluate(index, domains[d]);
    if (evaluation.outcome != rules::Outcome::match) {
      if (rule.id == config_.why) tell_near_miss(rule, evaluation, domains[d]);
      continue;
    }
    if (!view.domain.ambiguous) {
      fire(index, evaluation, view, state);
    } else if (!best || evaluation.severity > best->severity) {
      best = std::move(evaluation);
      best_view = &view;
    }
  }
  if (best) fire(index, *best, *best_view, state);
}

void Judge::fire(std::size_t index, const rules::Evaluation& evaluation, const SessionView& view,
                 State& state) {
  const rules::Rule& rule = config_.rules.rules[index];
  const DomainView& domain = view.domain;
  Severity severity = evaluation.severity;
  if (domain.ambiguous) severity = std::min(severity, Severity::medium);
  const bool testing = domain.judgement.protection == policy::Protection::sts_testing;
  if (testing && traits_[index].policy_based) severity = std::min(severity, Severity::medium);
  const std::string key = domain.ambiguous ? std::string("|ambiguous") : domain.domain;
  for (const Fired& f : state.fired) {
    if (f.rule != index) continue;
    // Said for this domain; or said without one, and the domain makes it no worse.
    if (!traits_[index].per_domain || f.domain == key ||
        (f.domain.empty() && f.severity >= severity))
      return;
  }
  state.fired.push_back({index, key, severity});
  state.any_finding = true;
  state.worst = std::max(state.worst, severity);
  worst_ = std::max(worst_, severity);
  ++findings_;
  traits_[index].fired = true;
  std::vector<std::string> domains;
  if (domain.ambiguous) {
    for (const DomainView& d : state.domains)
      if (domains.size() < 16) domains.push_back(d.domain);
  } else if (!domain.domain.empty()) {
    domains.push_back(domain.domain);
  }
  Finding finding = build_finding(rule, evaluation, view, std::move(domains));
  finding.severity = severity;
  sink_.on_finding(finding);
}

void Judge::tell_near_miss(const rules::Rule& rule, const rules::Evaluation& evaluation,
                           const SessionFields& fields) {
  std::string why(rules::name(evaluation.outcome));
  if (evaluation.decisive != nullptr) why += ": " + rules::describe(*evaluation.decisive, fields);
  if (!evaluation.exempt_reason.empty()) why += ": " + evaluation.exempt_reason;
  sink_.on_near_miss(&fields.view().session, rule, why, fields.view().now);
}

}  // namespace mxw::judge
