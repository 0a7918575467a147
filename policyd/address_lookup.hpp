// A and AAAA of a host, as one answer. Private to policyd.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "core/policy/dane.hpp"
#include "policyd/lookups.hpp"

namespace mxw::policyd {

struct Addresses {
  std::vector<IpAddress> addresses;  // all, AAAA behind A
  // One family that answers is enough: a name in an unsigned zone is insecure, and a secure answer
  // is secure, whatever becomes of the other (Amazon's AAAA fails: postfix-tlspol #189). Without
  // any address a failure of either is an error.
  policy::AddressSecurity security = policy::AddressSecurity::error;
  std::string canonical;  // where the CNAMEs ended
  std::uint32_t ttl = 0;  // seconds, the smallest; of the denial where there is no address
  std::string a, aaaa;    // the outcomes of DNS
  std::string failed;     // those of them that are no answer, `A: servfail, AAAA: timeout`
};

// Pure: what two answers mean together.
[[nodiscard]] Addresses join_addresses(const resolve::Answer& a, const resolve::Answer& aaaa);

void lookup_addresses(Dns& dns, const std::string& host,
                      std::function<void(const Addresses&)> done);

// The two answers as they came.
void query_addresses(
    Dns& dns, const std::string& host,
    std::function<void(const resolve::Answer& a, const resolve::Answer& aaaa)> done);

}  // namespace mxw::policyd
