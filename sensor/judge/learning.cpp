// What a session leaves behind: baselines, failed TLS, coverage.
#include <algorithm>

#include "core/base/ascii.hpp"
#include "sensor/judge/judge.hpp"

namespace mxw::judge {
namespace {

using evidence::Offered;
using evidence::Outcome;
using evidence::Point;

std::string retry_key(const evidence::SessionEvidence& s, const std::string& to) {
  return std::to_string(s.tenant) + '|' + s.client.address.text() + '|' + to;
}

// `mail.example.org` and `mx7.example.org` of one sender pool share the last two labels.
std::string ehlo_domain(const evidence::SessionEvidence& s) {
  if (s.greetings.empty()) return {};
  const std::string name = ascii::to_lower(s.greetings.front().name);
  const auto last = name.rfind('.');
  if (last == std::string::npos || last == 0) return {};
  const auto second = name.rfind('.', last - 1);
  return second == std::string::npos ? name : name.substr(second + 1);
}

// The facts a decision rested on: those of the greeting, with implicit TLS those of the handshake.
const evidence::Quality& deciding_quality(const evidence::SessionEvidence& s) {
  for (const Point p : {Point::greeting, Point::handshake})
    if (s.point(p).reached) return s.point(p).quality;
  return s.quality;
}

Observation observe(const evidence::SessionEvidence& s, const x509::Chain* chain) {
  Observation o;
  o.at = s.start.time;
  if (const evidence::Greeting* const g = s.greeting(); g != nullptr) {
    o.complete_reply = g->esmtp && g->complete;
    o.starttls_offered = g->starttls == Offered::yes;
    o.greeted = true;
    o.esmtp = s.greetings.front().esmtp && !s.ehlo_refused;
  }
  o.tls = s.tls.completed;
  o.tls_eligible = o.starttls_offered && (s.tls.completed || s.mail_accepted_in_clear);
  if (chain != nullptr && !chain->certificates.empty()) {
    o.chain_seen = true;
    o.trusted = chain->verify(s.tls.certificate_at.time) == x509::Verify::ok;
    o.spki = hex(chain->certificates.front().spki_sha256);
    o.issuer = chain->issuer_spki;
  }
  if (s.tls.completed) o.version = s.tls.version;
  return o;
}

}  // namespace

void Judge::read_chain(const Session& session, State& state) {
  if (!state.chain && session.tls.chain) state.chain = trust_.read(*session.tls.chain, redactor_);
  if (session.tls.server_hello) learn_from_handshake(session, state);
}

Judge::Keys Judge::keys_of(const Session& s) {
  const std::string server = s.server.address.text();
  const std::string client = s.client.address.text();
  return {.server = server_key(s.tenant, server),
          .path = path_key(s.tenant, server, client),
          .client = client_key(s.tenant, client),
          .pool = {}};
}

// The row of the server as this client's address sees it, once it is mature; else that of all
// clients.
const BaselineRow* Judge::server_row(const Keys& keys, bool& of_path) const {
  const BaselineRow* const path = baseline_.find(keys.path);
  of_path = path != nullptr && path->sessions >= kMatureSessions;
  return of_path ? path : baseline_.find(keys.server);
}

// The address alone when it is known well, else its sender pool.
const BaselineRow* Judge::client_row(const Session& s, Keys& keys) const {
  const BaselineRow* const own = baseline_.find(keys.client);
  if (own != nullptr && own->sessions >= kMatureSessions) return own;
  if (keys.pool.empty())
    if (const std::string domain = ehlo_domain(s); !domain.empty())
      keys.pool = pool_key(s.tenant, domain, network_of(s.client.address));
  const BaselineRow* const pool = keys.pool.empty() ? nullptr : baseline_.find(keys.pool);
  return pool != nullptr ? pool : own;
}

const FailedTls* Judge::retry_of(const Session& s, const DomainView& domain, bool& same_mx) const {
  same_mx = true;
  const FailedTls* found = retries_.find(retry_key(s, s.server.address.text()), s.id, s.start.time);
  if (found == nullptr && !domain.domain.empty())
    found = retries_.find(retry_key(s, "mx of " + domain.domain), s.id, s.start.time);
  return found;
}

void Judge::note_retry(const Session& s, const State& state) {
  std::vector<std::string> keys{retry_key(s, s.server.address.text())};
  for (const DomainView& d : state.domains)
    if (!d.domain.empty()) keys.push_back(retry_key(s, "mx of " + d.domain));
  if (s.tls.completed) {
    for (const std::string& key : keys) retries_.forget(key);
    return;
  }
  // Lost packets make a good handshake look like a failed one: the whole session must be sound.
  const auto failure = failure_of(s);
  if (!failure || s.quality.poor()) return;
  for (const std::string& key : keys)
    retries_.remember(key, {*failure, s.id, s.last, s.start.time});
}

void Judge::train(const Session& s, const State& state) {
  const bool finding = state.any_finding && state.worst >= rules::Severity::medium;
  if (finding || s.quality.poor() || (!s.greeting() && !s.implicit_tls)) return;
  const Observation o = observe(s, state.chain.get());
  baseline_.train(state.keys.server, o);
  baseline_.train(state.keys.path, o);
  baseline_.train(state.keys.client, o);
  if (const std::string domain = ehlo_domain(s); !domain.empty())
    baseline_.train(pool_key(s.tenant, domain, network_of(s.client.address)), o);
}

void Judge::count(const Session& s, const State& state) {
  ++coverage_.sessions;
  ++coverage_.outcomes[static_cast<std::size_t>(s.outcome())];
  ++coverage_.roles[static_cast<std::size_t>(state.role)];
  const evidence::Quality& q = deciding_quality(s);
  std::uint64_t& reason = q.midstream   ? coverage_.midstream
                          : q.one_sided ? coverage_.one_sided
                          : q.gap       ? coverage_.gap
                          : q.cut       ? coverage_.cut
                          : q.ambiguous ? coverage_.ambiguous
                                        : coverage_.judged;
  ++reason;
  const evidence::Outcome outcome = s.outcome();
  if (outcome == Outcome::tls || outcome == Outcome::implicit_tls) {
    switch (s.tls.visibility()) {
      case evidence::CertVisibility::clear:
        ++coverage_.cert_visible;
        break;
      case evidence::CertVisibility::anonymous:
        ++coverage_.cert_anonymous;
        break;
      case evidence::CertVisibility::hidden:
        ++coverage_.cert_hidden;
        break;
      case evidence::CertVisibility::resumed:
        ++coverage_.cert_resumed;
        break;
      case evidence::CertVisibility::not_seen:
        ++coverage_.cert_not_seen;
        break;
    }
  }
  const auto& domains = state.domains;
  if (domains.empty() || domains.front().domain.empty()) {
    ++coverage_.domain_unknown;
  } else if (std::any_of(domains.begin(), domains.end(),
                         [](const DomainView& d) { return d.judgement.policy != nullptr; })) {
    ++coverage_.policy_known;
  } else if (std::all_of(domains.begin(), domains.end(),
                         [this](const DomainView& d) { return map_.policy_denied(d.domain); })) {
    ++coverage_.policy_denied;
  } else {
    ++coverage_.policy_not_given;
  }
}

void Judge::end(const Session& session, State& state) {
  note_retry(session, state);
  count(session, state);
  train(session, state);
}

namespace {

bool reads(const rules::Rule& rule, rules::Field from, rules::Field to) {
  return std::any_of(rule.reads.begin(), rule.reads.end(),
                     [=](rules::Field f) { return f >= from && f <= to; });
}

}  // namespace

Coverage Judge::coverage() const {
  Coverage c = coverage_;
  const auto maturity = baseline_.maturity(kMatureSessions);
  c.servers = maturity.servers;
  c.mature_servers = maturity.mature;
  using rules::Field;
  for (std::size_t i = 0; i < config_.rules.rules.size(); ++i) {
    const rules::Rule& rule = config_.rules.rules[i];
    const auto unfilled =
        std::find_if(config_.rules.unfilled.begin(), config_.rules.unfilled.end(),
                     [i](const rules::Unfilled& u) { return u.rule == i && u.never; });
    const bool baseline_only =
        reads(rule, Field::base_mx_sessions, Field::base_client_esmtp_rate) &&
        rule.cases.size() == 1;
    if (traits_[i].fired) continue;
    if (!rule.enabled)
      c.unable.emplace_back(rule.id, "disabled");
    else if (unfilled != config_.rules.unfilled.end())
      c.unable.emplace_back(rule.id, "not filled by a replay");
    else if (rule.scope == rules::Scope::dns && c.dns_answers == 0)
      c.unable.emplace_back(rule.id, "no DNS");
    else if (traits_[i].policy_based && config_.policies.empty() && !map_.any_authenticated_tlsa())
      c.unable.emplace_back(rule.id, "no policy");
    else if (baseline_only && c.mature_servers == 0)
      c.unable.emplace_back(rule.id, "baseline");
  }
  return c;
}

}  // namespace mxw::judge
