#include "policyd/route_rows.hpp"

#include <algorithm>

#include "core/dns/tlsa.hpp"
#include "core/rows/dane_rows.hpp"

namespace mxw::policyd {
namespace {

using policy::AddressSecurity;
using policy::TlsaAnswer;

std::int64_t life(std::uint32_t ttl, std::int64_t least) {
  return std::clamp(static_cast<std::int64_t>(ttl) * kSecond, least, kRouteMost);
}

// What is larger than its row cannot be kept whole; it is kept as what can be neither used nor
// taken for absent.
std::vector<std::uint8_t> bounded_rdata(const dns::Tlsa& record) {
  std::vector<std::uint8_t> rdata = dns::tlsa_rdata(record);
  if (rdata.size() > rows::kTlsaBytes) rdata.resize(3);
  return rdata;
}

std::vector<rows::TlsaRow> tlsa_rows(const TlsaFound& found, const rows::TlsaRow& like) {
  std::vector<rows::TlsaRow> out;
  if (found.records.empty()) return {like};
  for (const dns::Tlsa& record : found.records) {
    if (out.size() == rows::kTlsaOfBase) break;
    out.push_back(like);
    out.back().rdata = bounded_rdata(record);
  }
  return out;
}

class Builder {
 public:
  Builder(const MxFound& found, rows::Key key, const std::string& origin,
          std::span<const rows::RouteRow> before, Time now)
      : found_(found), key_(key), origin_(origin), before_(before), now_(now) {
    out_.until = now + kRouteMost;
  }

  RouteRows build() {
    if (found_.kind == MxKind::error) {
      out_.until = now_ + kRouteLeast;
      return std::move(out_);
    }
    out_.known = true;
    out_.until = now_ + life(found_.ttl, kRouteLeast);
    for (const MxHost& host : found_.hosts) {
      add_routes(host);
      add_tlsa(host);
    }
    return std::move(out_);
  }

 private:
  void add_routes(const MxHost& host) {
    rows::RouteRow row;
    row.tenant = key_.tenant;
    row.origin = origin_;
    row.policy_domain = key_.name;
    row.mx_host = host.name;
    row.source =
        rows::route_source({found_.kind == MxKind::implicit, found_.secure, host.security});
    row.ad = found_.secure && host.security == AddressSecurity::secure;
    row.seen = now_;
    const bool failed = host.security == AddressSecurity::error;
    row.until = now_ + std::min(life(found_.ttl, kRouteLeast),
                                failed ? kRouteLeast : life(host.ttl, kRouteLeast));
    out_.until = std::min(out_.until, row.until);
    std::vector<IpAddress> addresses = failed ? old_addresses(host.name) : host.addresses;
    if (addresses.empty()) addresses.emplace_back();
    for (const IpAddress& address : addresses) {
      row.address = address;
      out_.routes.push_back(row);
    }
  }

  [[nodiscard]] std::vector<IpAddress> old_addresses(const std::string& host) const {
    std::vector<IpAddress> addresses;
    for (const rows::RouteRow& row : before_) {
      if (row.mx_host == host && row.address.family != 0 && addresses.size() < kMxAddresses)
        addresses.push_back(row.address);
    }
    return addresses;
  }

  void add_tlsa(const MxHost& host) {
    const TlsaFound& found = host.tlsa;
    if (found.answer == TlsaAnswer::error) out_.until = std::min(out_.until, now_ + kRouteLeast);
    if (found.answer == TlsaAnswer::not_asked || found.answer == TlsaAnswer::error) return;
    rows::TlsaRow row;
    row.tenant = key_.tenant;
    row.origin = origin_;
    row.ad = found.authenticated;
    row.until = now_ + life(found.ttl, kTlsaLeast);
    out_.until = std::min(out_.until, std::max(row.until, now_ + kTlsaLeast));
    for (const std::string& name : {host.name, found.base}) {
      row.base = rows::tlsa_base(name);
      row.found_at = !found.records.empty() && name != found.base ? found.base : "";
      out_.tlsa[row.base] = tlsa_rows(found, row);
    }
  }

  const MxFound& found_;
  rows::Key key_;
  const std::string& origin_;
  std::span<const rows::RouteRow> before_;
  Time now_;
  RouteRows out_;
};

}  // namespace

RouteRows route_rows(const MxFound& found, rows::Key key, const std::string& origin,
                     std::span<const rows::RouteRow> before, Time now) {
  return Builder(found, key, origin, before, now).build();
}

policy::DaneState dane_of_found(const MxFound& found) {
  if (found.kind == MxKind::error) return policy::DaneState::error;
  std::vector<policy::HostDane> hosts;
  for (const MxHost& host : found.hosts)
    hosts.push_back(policy::judge_host({host.security, host.tlsa.answer, host.tlsa.records}));
  return policy::summarize(hosts, found.secure);
}

}  // namespace mxw::policyd
