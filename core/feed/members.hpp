// The members of every row type, once: what is written and what is read are the same list. Private
// to core/feed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

#include "core/rows/policy_rows.hpp"

namespace mxw::feed {

constexpr std::string_view table_of(const rows::DomainRow&) {
  return "domain";
}
constexpr std::string_view table_of(const rows::PolicyRow&) {
  return "policy";
}
constexpr std::string_view table_of(const rows::RouteRow&) {
  return "mx_route";
}
constexpr std::string_view table_of(const rows::TlsaRow&) {
  return "tlsa";
}
constexpr std::string_view table_of(const rows::TlsrptRow&) {
  return "tlsrpt";
}
constexpr std::string_view table_of(const rows::RereadRow&) {
  return "reread";
}
constexpr std::string_view table_of(const rows::EventRow&) {
  return "event";
}
constexpr std::string_view table_of(const rows::PolicyFailureRow&) {
  return "failure";
}
constexpr std::string_view table_of(const rows::VerdictRow&) {
  return "verdict";
}

// A verdict as its line has it: `subject` says what it is about, and of the subjects' members those
// of this kind are there. The addresses of family 0 and what has no value are left out.
struct FlatVerdict {
  std::string id, origin;
  std::uint32_t tenant = 0;
  std::string rule, severity;
  std::string subject;         // path, session, domain
  IpAddress egress_ip, mx_ip;  // path; without egress_ip: not known
  std::optional<std::string> mx_host;
  IpAddress client_ip, server_ip;  // session
  std::optional<std::uint16_t> client_port, server_port;
  std::optional<Time> start;
  std::optional<std::string> domain;
  std::string policy_domain, domain_basis, policy_id;
  Time first_seen, last_seen, expires;
  std::uint64_t count = 0;
  rows::VerdictState state = rows::VerdictState::voided;  // what does not say so must not act
  std::string evidence_ref;
};

[[nodiscard]] FlatVerdict flatten(const rows::VerdictRow& row);
// nullopt: a subject of another kind, or without what it is found by.
[[nodiscard]] std::optional<rows::VerdictRow> unflatten(FlatVerdict&& flat);

// Calls visit(key, member) for each, in the order of the struct. `Row` may be const.
template <typename Row, typename Visit>
  requires std::is_same_v<std::remove_const_t<Row>, rows::DomainRow>
void members(Row& row, Visit visit) {
  visit("tenant", row.tenant);
  visit("origin", row.origin);
  visit("name", row.name);
  visit("state", row.state);
  visit("txt_id", row.txt_id);
  visit("txt_until", row.txt_until);
  visit("checked_at", row.checked_at);
  visit("check_result", row.check_result);
  visit("neg_until", row.neg_until);
  visit("refresh_at", row.refresh_at);
  visit("fail_count", row.fail_count);
  visit("fail_type", row.fail_type);
  visit("last_asked", row.last_asked);
}

template <typename Row, typename Visit>
  requires std::is_same_v<std::remove_const_t<Row>, rows::PolicyRow>
void members(Row& row, Visit visit) {
  visit("tenant", row.tenant);
  visit("origin", row.origin);
  visit("domain", row.domain);
  visit("id", row.id);
  visit("mode", row.mode);
  visit("body", row.body);
  visit("valid_from", row.valid_from);
  visit("valid_to", row.valid_to);
  visit("fetched_at", row.fetched_at);
  visit("max_age", row.max_age);
  visit("source", row.source);
}

template <typename Row, typename Visit>
  requires std::is_same_v<std::remove_const_t<Row>, rows::RouteRow>
void members(Row& row, Visit visit) {
  visit("tenant", row.tenant);
  visit("origin", row.origin);
  visit("policy_domain", row.policy_domain);
  visit("mx_host", row.mx_host);
  visit("address", row.address);
  visit("source", row.source);
  visit("seen", row.seen);
  visit("until", row.until);
  visit("ad", row.ad);
}

template <typename Row, typename Visit>
  requires std::is_same_v<std::remove_const_t<Row>, rows::TlsaRow>
void members(Row& row, Visit visit) {
  visit("tenant", row.tenant);
  visit("origin", row.origin);
  visit("base", row.base);
  visit("rdata", row.rdata);
  visit("ad", row.ad);
  visit("until", row.until);
  visit("found_at", row.found_at);
}

template <typename Row, typename Visit>
  requires std::is_same_v<std::remove_const_t<Row>, rows::EventRow>
void members(Row& row, Visit visit) {
  visit("tenant", row.tenant);
  visit("origin", row.origin);
  visit("time", row.time);
  visit("domain", row.domain);
  visit("kind", row.kind);
  visit("result_type", row.result_type);
  visit("detail", row.detail);
}

template <typename Row, typename Visit>
  requires std::is_same_v<std::remove_const_t<Row>, rows::TlsrptRow>
void members(Row& row, Visit visit) {
  visit("tenant", row.tenant);
  visit("origin", row.origin);
  visit("domain", row.domain);
  visit("record", row.record);
  visit("valid_from", row.valid_from);
  visit("valid_to", row.valid_to);
  visit("confirmed_at", row.confirmed_at);
}

template <typename Row, typename Visit>
  requires std::is_same_v<std::remove_const_t<Row>, rows::RereadRow>
void members(Row& row, Visit visit) {
  visit("tenant", row.tenant);
  visit("origin", row.origin);
  visit("domain", row.domain);
  visit("at", row.at);
  visit("ok", row.ok);
  visit("id", row.id);
  visit("mode", row.mode);
}

template <typename Row, typename Visit>
  requires std::is_same_v<std::remove_const_t<Row>, rows::PolicyFailureRow>
void members(Row& row, Visit visit) {
  visit("tenant", row.tenant);
  visit("origin", row.origin);
  visit("domain", row.domain);
  visit("mx_host", row.mx_host);
  visit("result", row.result);
  visit("reason", row.reason);
  visit("from", row.from);
  visit("to", row.to);
  visit("seen", row.seen);
}

template <typename Row, typename Visit>
  requires std::is_same_v<std::remove_const_t<Row>, FlatVerdict>
void members(Row& row, Visit visit) {
  visit("id", row.id);
  visit("origin", row.origin);
  visit("tenant", row.tenant);
  visit("rule", row.rule);
  visit("severity", row.severity);
  visit("subject", row.subject);
  visit("egress_ip", row.egress_ip);
  visit("mx_ip", row.mx_ip);
  visit("mx_host", row.mx_host);
  visit("client_ip", row.client_ip);
  visit("client_port", row.client_port);
  visit("server_ip", row.server_ip);
  visit("server_port", row.server_port);
  visit("start", row.start);
  visit("domain", row.domain);
  visit("policy_domain", row.policy_domain);
  visit("domain_basis", row.domain_basis);
  visit("policy_id", row.policy_id);
  visit("first_seen", row.first_seen);
  visit("last_seen", row.last_seen);
  visit("expires", row.expires);
  visit("count", row.count);
  visit("state", row.state);
  visit("evidence_ref", row.evidence_ref);
}

}  // namespace mxw::feed
