#include "core/policy/dane.hpp"

#include <algorithm>
#include <array>

#include "core/dns/tlsa.hpp"

namespace mxw::policy {
namespace {

constexpr std::array<std::string_view, 5> kSecurities = {"none", "insecure", "secure",
                                                         "secure_alias", "error"};
constexpr std::array<std::string_view, 4> kHosts = {"none", "usable", "unusable_only", "error"};
constexpr std::array<std::string_view, 4> kStates = {"none", "some", "all", "error"};

}  // namespace

std::string_view name(AddressSecurity security) {
  return kSecurities.at(static_cast<std::size_t>(security));
}
std::string_view name(HostDane dane) {
  return kHosts.at(static_cast<std::size_t>(dane));
}
std::string_view name(DaneState state) {
  return kStates.at(static_cast<std::size_t>(state));
}

HostDane judge_host(const DaneFacts& facts) {
  if (facts.address == AddressSecurity::error) return HostDane::error;
  if (!asks_tlsa(facts.address)) return HostDane::none;
  switch (facts.tlsa) {
    case TlsaAnswer::absent:
    case TlsaAnswer::insecure:
      return HostDane::none;
    case TlsaAnswer::present:
      return std::ranges::any_of(facts.records, dns::is_usable) ? HostDane::usable
                                                                : HostDane::unusable_only;
    case TlsaAnswer::not_asked:  // although it had to be: not known
    case TlsaAnswer::error:
      break;
  }
  return HostDane::error;
}

DaneState summarize(std::span<const HostDane> hosts, bool mx_secure) {
  const auto is = [](HostDane wanted) {
    return [wanted](HostDane host) { return host == wanted; };
  };
  if (std::ranges::any_of(hosts, is(HostDane::error))) return DaneState::error;
  if (std::ranges::all_of(hosts, is(HostDane::none))) return DaneState::none;
  return mx_secure && std::ranges::all_of(hosts, is(HostDane::usable)) ? DaneState::all
                                                                       : DaneState::some;
}

}  // namespace mxw::policy
