#include "policyd/address_lookup.hpp"

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>
#include <variant>

namespace mxw::policyd {
namespace {

using policy::AddressSecurity;
using resolve::Answer;
using resolve::Outcome;

AddressSecurity security_of(const Answer& a, const Answer& aaaa) {
  const auto unsigned_records = [](const Answer& one) {
    return one.outcome == Outcome::ok && !one.authenticated;
  };
  if (a.outcome == Outcome::ok || aaaa.outcome == Outcome::ok) {
    return unsigned_records(a) || unsigned_records(aaaa) ? AddressSecurity::insecure
                                                         : AddressSecurity::secure;
  }
  const bool known = resolve::is_definite(a.outcome) && resolve::is_definite(aaaa.outcome);
  return known ? AddressSecurity::none : AddressSecurity::error;
}

std::uint32_t ttl_of(const Answer& a, const Answer& aaaa) {
  std::optional<std::uint32_t> positive, negative;
  for (const Answer* one : {&a, &aaaa}) {
    if (one->outcome == Outcome::ok) positive = std::min(positive.value_or(one->ttl), one->ttl);
    if (one->negative_ttl)
      negative = std::min(negative.value_or(*one->negative_ttl), *one->negative_ttl);
  }
  return positive ? *positive : negative.value_or(0);
}

}  // namespace

Addresses join_addresses(const Answer& a, const Answer& aaaa) {
  Addresses out;
  for (const Answer* one : {&a, &aaaa}) {
    for (const dns::Record& record : one->records) {
      if (const auto* address = std::get_if<IpAddress>(&record.data))
        out.addresses.push_back(*address);
    }
  }
  out.security = security_of(a, aaaa);
  out.canonical = a.outcome == Outcome::ok ? a.canonical : aaaa.canonical;
  out.ttl = ttl_of(a, aaaa);
  out.a = resolve::outcome_name(a.outcome);
  out.aaaa = resolve::outcome_name(aaaa.outcome);
  if (!resolve::is_definite(a.outcome)) out.failed = "A: " + out.a;
  if (!resolve::is_definite(aaaa.outcome))
    out.failed += (out.failed.empty() ? "AAAA: " : ", AAAA: ") + out.aaaa;
  return out;
}

void lookup_addresses(Dns& dns, const std::string& host,
                      std::function<void(const Addresses&)> done) {
  query_addresses(dns, host, [done = std::move(done)](const Answer& a, const Answer& aaaa) {
    done(join_addresses(a, aaaa));
  });
}

void query_addresses(Dns& dns, const std::string& host,
                     std::function<void(const Answer& a, const Answer& aaaa)> done) {
  struct Pair {
    std::optional<Answer> a, aaaa;
    std::function<void(const Answer&, const Answer&)> done;
  };
  const auto pair = std::make_shared<Pair>();
  pair->done = std::move(done);
  const auto take = [pair](std::optional<Answer> Pair::* place) {
    return [pair, place](const Answer& answer) {
      (*pair).*place = answer;
      if (pair->a && pair->aaaa) pair->done(*pair->a, *pair->aaaa);
    };
  };
  dns.query(host, dns::Type::a, take(&Pair::a));
  dns.query(host, dns::Type::aaaa, take(&Pair::aaaa));
}

}  // namespace mxw::policyd
