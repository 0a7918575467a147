// Verdicts between their value and the flat list of members that a line has.
#include <utility>

#include "core/feed/members.hpp"

namespace mxw::feed {
namespace {

constexpr std::string_view kPath = "path", kSession = "session", kDomain = "domain";

struct Flatten {
  FlatVerdict& flat;
  void operator()(const rows::PathSubject& path) {
    flat.subject = kPath;
    flat.egress_ip = path.egress_ip;
    flat.mx_ip = path.mx_ip;
    if (!path.mx_host.empty()) flat.mx_host = path.mx_host;
  }
  void operator()(const rows::SessionSubject& session) {
    flat.subject = kSession;
    flat.client_ip = session.client.address;
    flat.client_port = session.client.port;
    flat.server_ip = session.server.address;
    flat.server_port = session.server.port;
    flat.start = session.start;
  }
  void operator()(const rows::DomainSubject& domain) {
    flat.subject = kDomain;
    flat.domain = domain.domain;
  }
};

std::optional<rows::Subject> subject_of(FlatVerdict& flat) {
  if (flat.subject == kPath && flat.mx_ip.family != 0)
    return rows::PathSubject{flat.egress_ip, flat.mx_ip,
                             std::move(flat.mx_host).value_or(std::string())};
  if (flat.subject == kSession && flat.client_ip.family != 0 && flat.server_ip.family != 0 &&
      flat.client_port && flat.server_port && flat.start)
    return rows::SessionSubject{
        {flat.client_ip, *flat.client_port}, {flat.server_ip, *flat.server_port}, *flat.start};
  if (flat.subject == kDomain && flat.domain && !flat.domain->empty())
    return rows::DomainSubject{std::move(*flat.domain)};
  return std::nullopt;
}

}  // namespace

FlatVerdict flatten(const rows::VerdictRow& row) {
  FlatVerdict flat;
  flat.id = row.id;
  flat.origin = row.origin;
  flat.tenant = row.tenant;
  flat.rule = row.rule;
  flat.severity = row.severity;
  std::visit(Flatten{flat}, row.subject);
  flat.policy_domain = row.policy_domain;
  flat.domain_basis = row.domain_basis;
  flat.policy_id = row.policy_id;
  flat.first_seen = row.first_seen;
  flat.last_seen = row.last_seen;
  flat.expires = row.expires;
  flat.count = row.count;
  flat.state = row.state;
  flat.evidence_ref = row.evidence_ref;
  return flat;
}

std::optional<rows::VerdictRow> unflatten(FlatVerdict&& flat) {
  auto subject = subject_of(flat);
  if (!subject || flat.id.empty() || flat.rule.empty()) return std::nullopt;
  rows::VerdictRow row;
  row.id = std::move(flat.id);
  row.origin = std::move(flat.origin);
  row.tenant = flat.tenant;
  row.rule = std::move(flat.rule);
  row.severity = std::move(flat.severity);
  row.subject = std::move(*subject);
  row.policy_domain = std::move(flat.policy_domain);
  row.domain_basis = std::move(flat.domain_basis);
  row.policy_id = std::move(flat.policy_id);
  row.first_seen = flat.first_seen;
  row.last_seen = flat.last_seen;
  row.expires = flat.expires;
  row.count = flat.count;
  row.state = flat.state;
  row.evidence_ref = std::move(flat.evidence_ref);
  return row;
}

}  // namespace mxw::feed
