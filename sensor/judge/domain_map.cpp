#include "sensor/judge/domain_map.hpp"

#include <algorithm>

#include "core/base/limits.hpp"

namespace mxw::judge {
namespace {

constexpr std::uint16_t type_of(dns::Type t) {
  return static_cast<std::uint16_t>(t);
}

Time life(const dnswire::DnsAnswer& answer, std::uint32_t ttl) {
  return answer.at.time + std::max<std::int64_t>(ttl * kSecond, kHour);
}

// `_25._tcp.mx.example.org` -> `mx.example.org` (RFC 7672 section 2.2.3).
std::string tlsa_host(const std::string& name) {
  constexpr std::string_view kPrefix = "_25._tcp.";
  return name.starts_with(kPrefix) ? name.substr(kPrefix.size()) : std::string();
}

bool in_force(const FileEntry& e, Time at) {
  return (!e.since || at >= *e.since) && (!e.until || at <= *e.until);
}

}  // namespace

std::string_view name(DomainBasis basis) {
  switch (basis) {
    case DomainBasis::rcpt:
      return "rcpt";
    case DomainBasis::mx_map:
      return "mx_map";
    case DomainBasis::mx_route:
      return "mx_route";
    case DomainBasis::file:
      return "file";
    case DomainBasis::sni:
      return "sni";
    case DomainBasis::none:
      break;
  }
  return "none";
}

DomainMap::DomainMap(std::vector<FileEntry> file, std::vector<IpAddress> resolvers)
    : resolvers_(std::move(resolvers)) {
  for (FileEntry& e : file) {
    const IpAddress address = e.address;
    file_.emplace(address, std::move(e));
  }
}

bool DomainMap::believes(const dnswire::DnsAnswer& answer) const {
  if (!answer.query_seen) return false;
  return resolvers_.empty() || std::find(resolvers_.begin(), resolvers_.end(),
                                         answer.resolver.address) != resolvers_.end();
}

// Full means full: what is known is refreshed, nothing new comes in, and that is counted.
void DomainMap::put(Expiring& values, const std::string& value, Time until) {
  const auto known = values.find(value);
  if (known != values.end()) {
    known->second = std::max(known->second, until);
  } else if (entries_ < limits::kMapEntries) {
    values.emplace(value, until);
    ++entries_;
  } else {
    ++refused_;
  }
}

void DomainMap::learn(const dnswire::DnsAnswer& answer) {
  if (!believes(answer)) return;
  const dns::Question& question = answer.message.questions.front();
  if (question.type == type_of(dns::Type::mx)) learn_mx(answer, question.name);
  if (question.type == type_of(dns::Type::a) || question.type == type_of(dns::Type::aaaa))
    learn_address(answer, question.name);
  if (question.type == type_of(dns::Type::tlsa)) learn_tlsa(answer, question.name);
  const bool negative =
      answer.message.rcode == 3 || (answer.message.rcode == 0 && answer.message.answers.empty());
  constexpr std::string_view kSts = "_mta-sts.";
  if (question.type == type_of(dns::Type::txt) && question.name.starts_with(kSts)) {
    const std::string domain = question.name.substr(kSts.size());
    if (!negative)
      denied_.erase(domain);
    else if (denied_.size() < limits::kMapEntries)
      denied_.insert(domain);
  }
}

void DomainMap::learn_mx(const dnswire::DnsAnswer& answer, const std::string& owner) {
  bool any = false;
  for (const dns::Record& r : answer.message.answers) {
    const auto* mx = std::get_if<dns::Mx>(&r.data);
    if (mx == nullptr || mx->exchange == ".") continue;  // null MX (RFC 7505)
    any = true;
    put(domains_by_host_[mx->exchange], owner, life(answer, r.ttl));
  }
  // RFC 5321 section 5.1: without MX the domain is its own MX.
  if (!any && answer.message.rcode == 0 && answer.message.answers.empty())
    put(domains_by_host_[owner], owner, life(answer, 0));
}

void DomainMap::learn_address(const dnswire::DnsAnswer& answer, const std::string& owner) {
  for (const dns::Record& r : answer.message.answers) {
    const auto* address = std::get_if<IpAddress>(&r.data);
    if (address != nullptr) put(hosts_by_address_[*address], owner, life(answer, r.ttl));
  }
}

void DomainMap::learn_tlsa(const dnswire::DnsAnswer& answer, const std::string& owner) {
  // A failed lookup is no denial (RFC 7672 section 2.1.1).
  if (answer.message.rcode != 0 && answer.message.rcode != 3) return;
  const std::string host = tlsa_host(owner);
  if (host.empty() || (tlsa_.size() >= limits::kMapEntries && !tlsa_.contains(host))) return;
  TlsaSet set;
  std::uint32_t ttl = 0;
  for (const dns::Record& r : answer.message.answers) {
    if (const auto* tlsa = std::get_if<dns::Tlsa>(&r.data)) {
      set.records.push_back(*tlsa);
      ttl = std::max(ttl, r.ttl);
    }
  }
  set.authenticated = answer.message.ad;
  set.resolver_given = !resolvers_.empty();
  set.until = life(answer, ttl);
  // What was authenticated is not taken away by an answer that is not: anybody can forge that.
  const auto known = tlsa_.find(host);
  const bool holds =
      known != tlsa_.end() && known->second.authenticated && answer.at.time <= known->second.until;
  if (holds && !set.authenticated) return;
  if (set.authenticated && !set.records.empty()) authenticated_tlsa_ = true;
  tlsa_[host] = std::move(set);
}

std::vector<std::string> DomainMap::hosts_of(const IpAddress& address, Time at) const {
  std::vector<std::string> out;
  const auto found = hosts_by_address_.find(address);
  if (found == hosts_by_address_.end()) return out;
  for (const auto& [host, until] : found->second)
    if (at <= until) out.push_back(host);
  return out;
}

std::vector<Candidate> DomainMap::behind(const IpAddress& address, Time at,
                                         DomainBasis& basis) const {
  std::set<Candidate> found;
  basis = DomainBasis::none;
  const auto [first, last] = file_.equal_range(address);
  for (auto e = first; e != last && found.size() < kCandidates; ++e) {
    if (!in_force(e->second, at)) continue;
    found.insert({e->second.domain, e->second.mx_host});
    basis = e->second.basis;
  }
  if (!found.empty()) return {found.begin(), found.end()};
  for (const std::string& host : hosts_of(address, at)) {
    const auto domains = domains_by_host_.find(host);
    if (domains == domains_by_host_.end()) continue;
    for (const auto& [domain, until] : domains->second) {
      if (found.size() >= kCandidates) break;
      if (at <= until) found.insert({domain, host});
    }
  }
  if (!found.empty()) basis = DomainBasis::mx_map;
  return {found.begin(), found.end()};
}

std::string DomainMap::mx_host_of(const std::string& domain, const IpAddress& address,
                                  Time at) const {
  const auto [first, last] = file_.equal_range(address);
  for (auto e = first; e != last; ++e)
    if (e->second.domain == domain && in_force(e->second, at)) return e->second.mx_host;
  for (const std::string& host : hosts_of(address, at)) {
    const auto domains = domains_by_host_.find(host);
    if (domains == domains_by_host_.end()) continue;
    const auto entry = domains->second.find(domain);
    if (entry != domains->second.end() && at <= entry->second) return host;
  }
  return {};
}

const TlsaSet* DomainMap::tlsa(const std::string& mx_host, Time at) const {
  const auto found = tlsa_.find(mx_host);
  return found != tlsa_.end() && at <= found->second.until ? &found->second : nullptr;
}

bool DomainMap::policy_denied(const std::string& domain) const {
  return denied_.contains(domain);
}

}  // namespace mxw::judge
