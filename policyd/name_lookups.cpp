#include "policyd/name_lookups.hpp"

#include <algorithm>
#include <numeric>
#include <optional>

#include "core/mail/name.hpp"
#include "core/policy/tlsrpt_record.hpp"
#include "policyd/address_lookup.hpp"
#include "policyd/observation.hpp"

namespace mxw::policyd {
namespace {

using feed::LookupAnswer;
using feed::LookupKind;
using feed::LookupState;
using resolve::Outcome;

LookupAnswer unavailable(std::string_view why) {
  LookupAnswer answer;
  answer.reason = why;
  return answer;
}

// The name as it is asked for; nullopt: not one of this kind.
std::optional<std::string> name_of(LookupKind kind, std::string_view text) {
  if (kind != LookupKind::dkim_key) {
    const auto host = mail::HostName::parse(text);
    if (!host) return std::nullopt;
    return host->text();
  }
  const auto name = mail::DnsName::parse(text);
  // Nothing else of a domain is anybody's to ask for: a selector, then `_domainkey` (RFC 6376
  // section 3.6.2.1).
  const std::size_t at = name ? name->text().find("._domainkey.") : std::string::npos;
  if (at == std::string::npos || at == 0) return std::nullopt;
  return name->text();
}

std::size_t octets_of(const LookupAnswer& answer) {
  return std::accumulate(
      answer.records.begin(), answer.records.end(), std::size_t{0},
      [](std::size_t sum, const std::string& record) { return sum + record.size(); });
}

LookupAnswer begin_answer(const resolve::Answer& answer) {
  LookupAnswer out;
  out.dns = resolve::outcome_name(answer.outcome);
  out.authenticated = answer.authenticated && resolve::is_definite(answer.outcome);
  switch (answer.outcome) {
    case Outcome::ok:
      out.state = LookupState::found;
      out.ttl = answer.ttl;
      break;
    case Outcome::nodata:
    case Outcome::nxdomain:
      out.state = LookupState::denied;
      out.ttl = answer.negative_ttl.value_or(0);
      break;
    default:
      out.state = LookupState::failed;
      out.reason = answer.reason;
  }
  return out;
}

void set_invalid(LookupAnswer& answer, std::string_view why) {
  answer.state = LookupState::invalid;
  answer.reason = why;
  answer.records.clear();
}

void select_tlsrpt(LookupAnswer& answer) {
  const auto record = policy::select_tlsrpt_record(answer.records);
  if (!record) return set_invalid(answer, record.error().reason);
  if (const auto parsed = policy::parse_tlsrpt_record(*record); !parsed)
    return set_invalid(answer, parsed.error().reason);
  answer.records = {*record};
}

// One family with addresses is enough. Without any, a failure of either is one, and of two denials
// `nodata` says that the name is there.
const resolve::Answer& deciding(const resolve::Answer& a, const resolve::Answer& aaaa) {
  if (a.outcome == Outcome::ok) return a;
  if (aaaa.outcome == Outcome::ok) return aaaa;
  if (!resolve::is_definite(a.outcome)) return a;
  if (!resolve::is_definite(aaaa.outcome)) return aaaa;
  return a.outcome == Outcome::nodata ? a : aaaa;
}

}  // namespace

LookupAnswer read_lookup(LookupKind kind, const resolve::Answer& answer) {
  LookupAnswer out = begin_answer(answer);
  if (out.state != LookupState::found) return out;
  out.records = joined_txts(answer);
  if (kind == LookupKind::tlsrpt) select_tlsrpt(out);
  if (octets_of(out) > feed::kLookupOctets || out.records.size() > feed::kLookupRecords)
    set_invalid(out, "too large");
  return out;
}

LookupAnswer read_addresses(const resolve::Answer& a, const resolve::Answer& aaaa) {
  const Addresses joined = join_addresses(a, aaaa);
  LookupAnswer out = begin_answer(deciding(a, aaaa));
  out.ttl = joined.ttl;
  if (out.state == LookupState::failed) out.reason = joined.failed;
  if (out.state == LookupState::found)
    out.authenticated = joined.security == policy::AddressSecurity::secure;
  if (out.state == LookupState::denied) out.authenticated = a.authenticated && aaaa.authenticated;
  out.addresses = joined.addresses;
  if (out.addresses.size() > feed::kLookupAddresses) out.addresses.resize(feed::kLookupAddresses);
  return out;
}

void NameLookups::lookup(LookupKind kind, std::string_view text, Done done) {
  ++counters_.asked;
  const auto name = name_of(kind, text);
  if (!name) {
    ++counters_.refused;
    return done(unavailable("name"));
  }
  const Key key{kind, *name};
  if (const auto kept = kept_.find(key); kept != kept_.end()) {
    if (kept->second.until > clock_.boot()) {
      ++counters_.kept;
      LookupAnswer answer = kept->second.answer;
      answer.ttl = static_cast<std::uint32_t>((kept->second.until - clock_.boot()) / kSecond);
      return done(answer);
    }
    forget(kept);
  }
  const auto [open, fresh] = open_.try_emplace(key);
  if (!fresh) {
    ++counters_.merged;
    open->second.push_back(std::move(done));
    return;
  }
  if (open_.size() > kOpenNames) {
    open_.erase(open);
    ++counters_.refused;
    return done(unavailable("busy"));
  }
  open->second.push_back(std::move(done));
  ask(key);
}

void NameLookups::ask(const Key& key) {
  const auto handle = [this, alive = std::weak_ptr(alive_), key](const LookupAnswer& answer) {
    if (!alive.expired()) on_answer(key, answer);
  };
  const auto& [kind, name] = key;
  if (kind == LookupKind::address) {
    query_addresses(dns_, name, [handle](const resolve::Answer& a, const resolve::Answer& aaaa) {
      handle(read_addresses(a, aaaa));
    });
    return;
  }
  const std::string owner = kind == LookupKind::tlsrpt ? "_smtp._tls." + name : name;
  dns_.query(owner, dns::Type::txt, [handle, kind = kind](const resolve::Answer& answer) {
    handle(read_lookup(kind, answer));
  });
}

void NameLookups::on_answer(const Key& key, LookupAnswer answer) {
  answer.seen = clock_.wall();
  if (key.first == LookupKind::tlsrpt && answer.state != LookupState::failed) {
    const bool found = answer.state == LookupState::found;
    engine_.store_tlsrpt(key.second, found ? answer.records.front() : std::string());
  }
  keep(key, answer);
  const auto node = open_.extract(key);
  for (const Done& done : node.mapped()) done(answer);
}

void NameLookups::keep(const Key& key, LookupAnswer& answer) {
  const std::int64_t life =
      std::clamp(static_cast<std::int64_t>(answer.ttl) * kSecond, kNameLeast, kNameMost);
  answer.ttl = static_cast<std::uint32_t>(life / kSecond);
  const std::int64_t until = clock_.boot() + life;
  octets_ += octets_of(answer);
  kept_.insert_or_assign(key, Kept{answer, until});
  ends_.emplace(until, key);
  while (kept_.size() > kKeptNames || octets_ > kKeptOctets)
    forget(kept_.find(ends_.begin()->second));
}

void NameLookups::forget(std::map<Key, Kept>::iterator at) {
  octets_ -= octets_of(at->second.answer);
  ends_.erase({at->second.until, at->first});
  kept_.erase(at);
}

}  // namespace mxw::policyd
