// Whose mail a session carries, and what protects it.
#include <algorithm>

#include "core/base/limits.hpp"
#include "sensor/judge/judge.hpp"

namespace mxw::judge {
namespace {

bool usable(const dns::Tlsa& t) {
  // RFC 7672 section 3.1: usages 2 and 3; RFC 6698: selectors 0, 1, matching types 0, 1, 2 with
  // their sizes.
  if ((t.usage != 2 && t.usage != 3) || t.selector > 1 || t.matching > 2) return false;
  if (t.matching == 1) return t.data.size() == 32;
  if (t.matching == 2) return t.data.size() == 64;
  return !t.data.empty();
}

// RFC 7671 sections 5.1 and 5.2: usage 3 looks at the leaf only; usage 2 needs a certificate above
// (or the leaf) that matches, dates and the name. nullopt without a certificate in clear.
std::optional<bool> matches(const TlsaSet& set, const evidence::DerChain& der,
                            const x509::Chain& chain, const std::string& host, Time at) {
  if (der.empty() || chain.certificates.empty()) return std::nullopt;
  const x509::Summary& leaf = chain.certificates.front();
  for (const dns::Tlsa& t : set.records) {
    if (!usable(t)) continue;
    if (t.usage == 3) {
      if (x509::tlsa_matches(der.front(), t.selector, t.matching, t.data)) return true;
      continue;
    }
    const bool valid =
        x509::matches_host(leaf, host) && at >= leaf.not_before && at <= leaf.not_after;
    const bool anchored = std::any_of(der.begin(), der.end(), [&t](const auto& cert) {
      return x509::tlsa_matches(cert, t.selector, t.matching, t.data);
    });
    if (valid && anchored) return true;
  }
  return false;
}

}  // namespace

bool Judge::is_own(const IpAddress& address) const {
  return std::any_of(config_.own.begin(), config_.own.end(),
                     [&](const Cidr& net) { return net.contains(address); }) ||
         std::find(config_.mtas.begin(), config_.mtas.end(), address) != config_.mtas.end();
}

rules::Role Judge::role_of(const Session& session) const {
  if (config_.own.empty() && config_.mtas.empty()) return rules::Role::unknown;
  const bool client = is_own(session.client.address);
  const bool server = is_own(session.server.address);
  if (client && server) return rules::Role::internal;
  if (client) return rules::Role::outbound;
  return server ? rules::Role::inbound : rules::Role::transit;
}

rules::Role Judge::role_of(const dnswire::DnsAnswer& answer) const {
  if (config_.own.empty() && config_.mtas.empty()) return rules::Role::unknown;
  return is_own(answer.client.address) ? rules::Role::outbound : rules::Role::transit;
}

const policy::CachedPolicy* Judge::policy_for(const std::string& domain) const {
  const auto found = std::lower_bound(
      config_.policies.begin(), config_.policies.end(), domain,
      [](const policy::CachedPolicy& p, const std::string& d) { return p.domain < d; });
  return found != config_.policies.end() && found->domain == domain ? &*found : nullptr;
}

DomainView Judge::describe(const Session& session, const State& state, const std::string& domain,
                           const std::string& mx_host, DomainBasis basis, Time at) const {
  DomainView view;
  view.domain = domain;
  view.mx_host = mx_host;
  view.basis = basis;
  const TlsaSet* const tlsa = mx_host.empty() ? nullptr : map_.tlsa(mx_host, at);
  if (tlsa != nullptr && !tlsa->records.empty()) {
    const bool any = std::any_of(tlsa->records.begin(), tlsa->records.end(), usable);
    view.dane = !tlsa->authenticated ? DaneState::insecure
                : any                ? DaneState::secure
                                     : DaneState::unusable;
    view.resolver_open = !tlsa->resolver_given;
    if (view.dane == DaneState::secure && state.chain && session.tls.chain)
      view.dane_match = matches(*tlsa, *session.tls.chain, *state.chain, mx_host,
                                session.tls.certificate_at.time);
  }
  view.judgement = policy::decide(policy_for(domain), view.dane == DaneState::secure, at);
  return view;
}

// Candidates by address, before any RCPT was seen.
void Judge::look_up_domains(const Session& session, State& state, Time at) {
  DomainBasis basis{};
  std::vector<Candidate> candidates = map_.behind(session.server.address, at, basis);
  // A provider's address serves more domains than can be judged: those with a policy come first.
  std::stable_partition(candidates.begin(), candidates.end(),
                        [this](const Candidate& c) { return policy_for(c.domain) != nullptr; });
  for (const Candidate& c : candidates) {
    if (state.domains.size() >= limits::kMapCandidates) break;
    const bool known = std::any_of(state.domains.begin(), state.domains.end(),
                                   [&c](const DomainView& d) { return d.domain == c.domain; });
    if (known) continue;
    state.domains.push_back(describe(session, state, c.domain, c.mx_host, basis, at));
  }
  if (state.domains.size() > 1)
    for (DomainView& d : state.domains) d.ambiguous = true;
  if (!state.domains.empty()) return;
  DomainView unknown;
  const std::vector<std::string> hosts = map_.hosts_of(session.server.address, at);
  if (hosts.size() == 1) unknown.mx_host = hosts.front();
  state.domains.push_back(std::move(unknown));
}

// A RCPT was accepted in clear: its domain is certain, and is judged on the facts of every point
// passed.
void Judge::add_recipient(const Session& session, State& state, std::uint32_t transaction,
                          const evidence::FrameRef& at) {
  if (transaction >= session.transactions.size()) return;
  if (!state.from_rcpt) {
    state.from_rcpt = true;
    state.domains.clear();
  }
  const std::size_t first = state.domains.size();
  for (const evidence::Recipient& r : session.transactions[transaction].recipients) {
    const bool accepted = r.code >= 200 && r.code < 300 && !r.domain.empty();
    const bool known = std::any_of(state.domains.begin(), state.domains.end(),
                                   [&r](const DomainView& d) { return d.domain == r.domain; });
    if (!accepted || known || state.domains.size() >= limits::kSmtpRecipients) continue;
    std::string host = map_.mx_host_of(r.domain, session.server.address, at.time);
    if (host.empty() && !session.tls.sni.empty()) host = session.tls.sni;
    if (host.empty()) {
      const std::vector<std::string> hosts = map_.hosts_of(session.server.address, at.time);
      if (hosts.size() == 1) host = hosts.front();
    }
    state.domains.push_back(describe(session, state, r.domain, host, DomainBasis::rcpt, at.time));
  }
  if (state.domains.size() == first) return;
  for (std::size_t p = 0; p < evidence::kPoints; ++p) {
    const auto point = static_cast<evidence::Point>(p);
    if (session.point(point).reached) judge_domains(session, state, point, first, true, at);
  }
}

// The handshake tells more: the name dialled narrows what the address alone left open, and the
// certificate can be held against TLSA.
void Judge::learn_from_handshake(const Session& session, State& state) {
  const std::string& sni = session.tls.sni;
  const auto other_host = [&sni](const DomainView& d) { return d.mx_host != sni; };
  const bool ambiguous = state.domains.size() > 1 && state.domains.front().ambiguous;
  const bool narrows = ambiguous &&
                       std::any_of(state.domains.begin(), state.domains.end(), other_host) &&
                       !std::all_of(state.domains.begin(), state.domains.end(), other_host);
  if (narrows) std::erase_if(state.domains, other_host);
  const bool still_ambiguous = ambiguous && state.domains.size() > 1;
  for (DomainView& d : state.domains) {
    if (d.mx_host.empty()) d.mx_host = sni;
    if (d.domain.empty()) continue;
    const DomainBasis basis = narrows ? DomainBasis::sni : d.basis;
    d = describe(session, state, d.domain, d.mx_host, basis, session.tls.server_hello_at.time);
    d.ambiguous = still_ambiguous;
  }
}

SessionContext Judge::context_of(const State& state) const {
  SessionContext context;
  context.role = state.role;
  context.alerted = state.any_finding;
  for (const DomainView& d : state.domains) {
    if (!d.domain.empty() && context.policy_domains.size() < limits::kMapCandidates)
      context.policy_domains.push_back(d.domain);
    if (context.mx_host.empty()) context.mx_host = d.mx_host;
    if (context.basis == DomainBasis::none) context.basis = d.basis;
  }
  return context;
}

}  // namespace mxw::judge
