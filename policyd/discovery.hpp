// Discovery: the lookups for one domain. Each function asks without blocking and calls back once,
// in the loop, never from within the call. A lookup that fails keeps its word up to the caller, and
// the failure of one MX host is that host's alone.
//
// Dns and Https must outlive every lookup begun; the callbacks are the caller's to guard.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "core/base/ip.hpp"
#include "core/policy/dane.hpp"
#include "policyd/lookups.hpp"
#include "policyd/observation.hpp"

namespace mxw::policyd {

// Of one domain. Postfix tries 5 addresses (smtp_mx_address_limit); the largest sets in use have
// fewer than 20 hosts; 64 times 16 addresses are the 1,024 rows of a domain.
inline constexpr std::size_t kMxHosts = 64;
inline constexpr std::size_t kMxAddresses = 16;
// Looked at together, each with up to two questions open: 64 hosts at once would be 130 questions
// that a stranger's one MX answer puts to the resolver.
inline constexpr std::size_t kMxAtOnce = 4;
// So many hosts without an answer, and the others count as not answered unasked: a dead name server
// holds a look for two rounds, not for sixteen.
inline constexpr std::size_t kMxSilent = 8;

// `_mta-sts.DOMAIN`
void lookup_txt(Dns& dns, const std::string& domain, std::function<void(const TxtAnswer&)> done);

// A and AAAA of mta-sts.DOMAIN, then the GET. Without any address the cause is no_address and
// `detail` says what DNS said.
void fetch_policy(Dns& dns, Https& https, const std::string& domain,
                  std::function<void(const FetchAnswer&)> done);

// `_smtp._tls.DOMAIN` (RFC 8460 section 3).
struct TlsrptAnswer {
  bool answered = false;  // else not known
  std::string record;     // the one valid candidate; empty: there is none
  std::uint32_t ttl = 0;  // seconds; of the denial where there is one
};
void lookup_tlsrpt(Dns& dns, const std::string& domain,
                   std::function<void(const TlsrptAnswer&)> done);

enum class MxKind : std::uint8_t {
  mx,
  implicit,  // no MX: the domain itself (RFC 5321 section 5.1)
  null_mx,   // takes no mail (RFC 7505)
  none,      // the name does not exist
  error,     // not known
};

struct TlsaFound {
  policy::TlsaAnswer answer = policy::TlsaAnswer::not_asked;
  std::string base;  // the host name asked for last: with `present` the TLSA base domain
  std::vector<dns::Tlsa> records;
  bool authenticated = false;  // the records or their denial
  std::uint32_t ttl = 0;       // seconds
  std::string word;            // the outcome of DNS
};

struct MxHost {
  std::string name;
  std::uint16_t preference = 0;
  policy::AddressSecurity security = policy::AddressSecurity::error;
  std::vector<IpAddress> addresses;  // at most kMxAddresses
  std::uint32_t ttl = 0;
  std::string word;  // the outcome of DNS, of A and AAAA the one that says more
  TlsaFound tlsa;
};

struct MxFound {
  MxKind kind = MxKind::error;
  bool secure = false;  // the MX answer, or its denial, is signed, and no host was left out
  std::uint32_t ttl = 0;
  std::string word;
  std::vector<MxHost> hosts;  // best first, each once
  std::size_t left_out = 0;   // behind the first kMxHosts
  std::size_t no_names = 0;   // exchanges that are no host names
};

// MX, addresses of every host, and with `tlsa` the TLSA records of those whose addresses are
// secure: at the CNAME-expanded name first, then at the host's own (RFC 7672 section 2.2.2). The
// hosts are looked at best first, kMxAtOnce together.
void lookup_routes(Dns& dns, const std::string& domain, bool tlsa,
                   std::function<void(const MxFound&)> done);

}  // namespace mxw::policyd
