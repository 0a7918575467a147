// DomainMap: which policy domains lie behind an address (semantics 2). Fed by DNS
// answers on the wire that match a query seen, and by `--mx-map FILE`. An entry from DNS lives
// max(TTL, 1 h). Bounded by limits::kMapEntries: a full map takes nothing new. No output depends on
// hash order: results are sorted.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/base/ip.hpp"
#include "core/base/result.hpp"
#include "core/base/time.hpp"
#include "sensor/dns/answer.hpp"

namespace mxw::judge {

enum class DomainBasis : std::uint8_t { none, rcpt, mx_map, mx_route, file, sni };
[[nodiscard]] std::string_view name(DomainBasis basis);

struct Candidate {
  std::string domain, mx_host;
  friend auto operator<=>(const Candidate&, const Candidate&) = default;
};

// A route somebody told us: a line of `--mx-map`, or policyd's MX routes.
struct FileEntry {
  std::string domain, mx_host;
  IpAddress address;
  std::optional<Time> since, until;
  DomainBasis basis = DomainBasis::file;
};

// semantics 2: UTF-8, tab-separated policy_domain, mx_host, address, since, until; `-` = open; `#`
// comment.
[[nodiscard]] Result<std::vector<FileEntry>> load_mx_map(const std::string& path);

// TLSA records of an MX host as seen on the wire.
struct TlsaSet {
  std::vector<dns::Tlsa> records;
  bool authenticated = false;   // AD=1 from a resolver that counts
  bool resolver_given = false;  // and that resolver was named by --resolver
  Time until;
};

// Domains looked at behind one address: a provider serves thousands, and those with a policy must
// be among them; findings list at most limits::kMapCandidates.
inline constexpr std::size_t kCandidates = 1'024;

class DomainMap {
 public:
  DomainMap(std::vector<FileEntry> file, std::vector<IpAddress> resolvers);

  void learn(const dnswire::DnsAnswer& answer);

  // Candidates behind `address` at `at`, sorted; at most kCandidates.
  [[nodiscard]] std::vector<Candidate> behind(const IpAddress& address, Time at,
                                              DomainBasis& basis) const;
  // Names with this address, sorted.
  [[nodiscard]] std::vector<std::string> hosts_of(const IpAddress& address, Time at) const;
  // The MX host of `domain` that has this address; empty when not known.
  [[nodiscard]] std::string mx_host_of(const std::string& domain, const IpAddress& address,
                                       Time at) const;
  [[nodiscard]] const TlsaSet* tlsa(const std::string& mx_host, Time at) const;
  // A denial of `_mta-sts.DOMAIN` TXT was seen.
  [[nodiscard]] bool policy_denied(const std::string& domain) const;
  // A secure TLSA set was seen in this run.
  [[nodiscard]] bool any_authenticated_tlsa() const { return authenticated_tlsa_; }
  // Entries that found no room (limits::kMapEntries).
  [[nodiscard]] std::uint64_t refused() const { return refused_; }
  [[nodiscard]] bool believes(const dnswire::DnsAnswer& answer) const;

 private:
  using Expiring = std::map<std::string, Time>;
  void put(Expiring& values, const std::string& value, Time until);
  void learn_mx(const dnswire::DnsAnswer& answer, const std::string& owner);
  void learn_address(const dnswire::DnsAnswer& answer, const std::string& owner);
  void learn_tlsa(const dnswire::DnsAnswer& answer, const std::string& owner);

  std::multimap<IpAddress, FileEntry> file_;
  std::vector<IpAddress> resolvers_;
  std::map<IpAddress, Expiring> hosts_by_address_;
  std::map<std::string, Expiring> domains_by_host_;
  std::map<std::string, TlsaSet> tlsa_;  // by MX host
  std::set<std::string> denied_;
  std::size_t entries_ = 0;
  std::uint64_t refused_ = 0;
  bool authenticated_tlsa_ = false;
};

}  // namespace mxw::judge
