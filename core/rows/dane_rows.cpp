#include "core/rows/dane_rows.hpp"

#include <algorithm>
#include <array>

#include "core/dns/tlsa.hpp"

namespace mxw::rows {
namespace {

using policy::AddressSecurity;
using policy::TlsaAnswer;

constexpr std::array kSecurities = {AddressSecurity::none, AddressSecurity::insecure,
                                    AddressSecurity::secure, AddressSecurity::secure_alias,
                                    AddressSecurity::error};
constexpr std::int64_t kRouteGrace = 1 * kDay;

// Of several rows of a host the facts are the same; should they not be, the worst holds.
int rank(AddressSecurity security) {
  return security == AddressSecurity::error ? 2 : policy::asks_tlsa(security) ? 1 : 0;
}

struct Host {
  std::string_view name;
  AddressSecurity address = AddressSecurity::none;
};

policy::DaneFacts facts_of(const Host& host, const TlsaOf& tlsa, Time now, Time& until) {
  policy::DaneFacts facts;
  facts.address = host.address;
  if (!policy::asks_tlsa(host.address)) return facts;
  facts.tlsa = TlsaAnswer::error;
  for (const TlsaRow& row : tlsa(tlsa_base(host.name))) {
    if (row.until < now) continue;
    until = std::min(until, row.until);
    if (row.rdata.empty()) {
      if (facts.tlsa != TlsaAnswer::present) facts.tlsa = TlsaAnswer::absent;
    } else if (!row.ad) {
      if (facts.tlsa != TlsaAnswer::present) facts.tlsa = TlsaAnswer::insecure;
    } else {
      facts.tlsa = TlsaAnswer::present;
      // Rdata too short to be read is a record all the same: present and unusable.
      facts.records.push_back(dns::parse_tlsa(row.rdata).value_or(dns::Tlsa{}));
    }
  }
  return facts;
}

}  // namespace

std::string route_source(const RouteFacts& facts) {
  return std::string(facts.implicit ? "implicit " : "mx ") +
         (facts.mx_secure ? "signed " : "unsigned ") + std::string(policy::name(facts.address));
}

std::optional<RouteFacts> parse_route_source(std::string_view source) {
  for (const bool implicit : {false, true}) {
    for (const bool secure : {false, true}) {
      for (const AddressSecurity address : kSecurities) {
        const RouteFacts facts{implicit, secure, address};
        if (route_source(facts) == source) return facts;
      }
    }
  }
  return std::nullopt;
}

std::string tlsa_base(std::string_view host) {
  return "_25._tcp." + std::string(host);
}

DaneOfDomain dane_of(std::span<const RouteRow> routes, const TlsaOf& tlsa, Time now) {
  std::vector<Host> hosts;
  bool mx_secure = true;
  DaneOfDomain out;
  for (const RouteRow& row : routes) {
    const std::optional<RouteFacts> facts = parse_route_source(row.source);
    if (!facts || row.until < now - kRouteGrace) continue;
    if (hosts.empty()) out.until = row.until;
    out.until = std::min(out.until, row.until);
    mx_secure = mx_secure && facts->mx_secure;
    auto known = std::ranges::find(hosts, row.mx_host, &Host::name);
    if (known == hosts.end()) known = hosts.insert(hosts.end(), {row.mx_host, facts->address});
    if (rank(facts->address) > rank(known->address)) known->address = facts->address;
  }
  std::vector<policy::HostDane> judged;
  for (const Host& host : hosts) {
    judged.push_back(policy::judge_host(facts_of(host, tlsa, now, out.until)));
    out.hosts.push_back({std::string(host.name), judged.back()});
  }
  out.state = policy::summarize(judged, mx_secure);
  return out;
}

}  // namespace mxw::rows
