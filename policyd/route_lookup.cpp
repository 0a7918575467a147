// MX hosts with their addresses and TLSA records (RFC 5321 section 5.1, RFC 7505, RFC 7672 2.2).
#include <algorithm>
#include <memory>
#include <optional>
#include <tuple>
#include <utility>
#include <variant>

#include "core/rows/dane_rows.hpp"
#include "policyd/address_lookup.hpp"
#include "policyd/discovery.hpp"

namespace mxw::policyd {
namespace {

using policy::AddressSecurity;
using policy::TlsaAnswer;
using resolve::Answer;
using resolve::Outcome;

MxHost named(std::string name, std::uint16_t preference) {
  MxHost host;
  host.name = std::move(name);
  host.preference = preference;
  return host;
}

// One run of lookup_routes(), alive as long as a lookup of it is.
class RouteLookup : public std::enable_shared_from_this<RouteLookup> {
 public:
  RouteLookup(Dns& dns, std::string domain, bool tlsa, std::function<void(const MxFound&)> done)
      : dns_(dns), domain_(std::move(domain)), tlsa_(tlsa), done_(std::move(done)) {}

  void start() {
    dns_.query(domain_, dns::Type::mx,
               [self = shared_from_this()](const Answer& answer) { self->on_mx(answer); });
  }

 private:
  void on_mx(const Answer& answer) {
    found_.word = resolve::outcome_name(answer.outcome);
    found_.secure = answer.authenticated;
    found_.ttl = answer.outcome == Outcome::ok ? answer.ttl : answer.negative_ttl.value_or(0);
    switch (answer.outcome) {
      case Outcome::ok:
        read_mx(answer);
        break;
      case Outcome::nodata:
        found_.kind = MxKind::implicit;
        found_.hosts.push_back(named(domain_, 0));
        break;
      case Outcome::nxdomain:
        found_.kind = MxKind::none;
        break;
      default:
        found_.kind = MxKind::error;
    }
    start_hosts();
  }

  void start_hosts() {
    if (silent_ >= kMxSilent) {
      for (; next_ < found_.hosts.size(); ++next_) found_.hosts[next_].word = "not asked";
    }
    for (; open_ < kMxAtOnce && next_ < found_.hosts.size(); ++next_, ++open_) {
      lookup_addresses(
          dns_, found_.hosts[next_].name,
          [self = shared_from_this(), i = next_](const Addresses& a) { self->on_addresses(i, a); });
    }
    if (open_ == 0) done_(found_);
  }

  void read_mx(const Answer& answer) {
    found_.kind = MxKind::mx;
    std::size_t nulls = 0;
    std::vector<MxHost> hosts;
    for (const dns::Record& record : answer.records) {
      const auto* mx = std::get_if<dns::Mx>(&record.data);
      if (mx == nullptr) continue;
      const std::optional<mail::HostName> name = mail::HostName::parse(mx->exchange);
      if (mx->exchange == ".")
        ++nulls;
      else if (name)
        hosts.push_back(named(name->text(), mx->preference));
      else
        ++found_.no_names;
    }
    // RFC 7505 section 3: a null MX beside others is none, and leads nowhere.
    if (nulls > 0 && hosts.empty() && found_.no_names == 0) found_.kind = MxKind::null_mx;
    std::ranges::sort(hosts, {}, [](const MxHost& host) {
      return std::tuple(host.preference, std::string_view(host.name));
    });
    for (MxHost& host : hosts) {
      const bool twice = std::ranges::any_of(
          found_.hosts, [&](const MxHost& known) { return known.name == host.name; });
      if (twice) continue;
      if (found_.hosts.size() < kMxHosts)
        found_.hosts.push_back(std::move(host));
      else
        ++found_.left_out;
    }
    if (found_.left_out > 0) found_.secure = false;  // what is not looked at proves nothing
  }

  void on_addresses(std::size_t i, const Addresses& found) {
    MxHost& host = found_.hosts[i];
    host.addresses = found.addresses;
    if (host.addresses.size() > kMxAddresses) host.addresses.resize(kMxAddresses);
    host.security = found.security;
    host.ttl = found.ttl;
    host.word = found.a == "ok" || found.aaaa == found.a ? found.a : found.a + "/" + found.aaaa;
    if (host.security == AddressSecurity::error) ++silent_;
    const bool alias = found.canonical != host.name;
    if (!tlsa_) {
      // Nobody looks for TLSA: for all that follows the address is as an unsigned one.
      if (host.security == AddressSecurity::secure) host.security = AddressSecurity::insecure;
      return host_done();
    }
    if (host.security == AddressSecurity::secure) {
      std::vector<std::string> bases = {host.name};
      if (alias && mail::HostName::parse(found.canonical))
        bases.insert(bases.begin(), found.canonical);
      return ask_tlsa(i, std::move(bases));
    }
    if (host.security == AddressSecurity::insecure && alias) return ask_alias(i);
    host_done();
  }

  // RFC 7672 section 2.2.2, insecure CNAME: is the zone that holds the alias signed?
  void ask_alias(std::size_t i) {
    const auto on_cname = [self = shared_from_this(), i](const Answer& answer) {
      MxHost& host = self->found_.hosts[i];
      if (!resolve::is_definite(answer.outcome)) {
        host.security = AddressSecurity::error;
        host.word = "CNAME " + std::string(resolve::outcome_name(answer.outcome));
        return self->host_done();
      }
      if (answer.outcome != Outcome::ok || !answer.authenticated) return self->host_done();
      host.security = AddressSecurity::secure_alias;
      self->ask_tlsa(i, {host.name});
    };
    dns_.query(found_.hosts[i].name, dns::Type::cname, on_cname);
  }

  // `bases`: the candidates left, the next one first.
  void ask_tlsa(std::size_t i, std::vector<std::string> bases) {
    const std::string name = rows::tlsa_base(bases.front());
    dns_.query(name, dns::Type::tlsa,
               [self = shared_from_this(), i, bases = std::move(bases)](const Answer& answer) {
                 self->on_tlsa(i, bases, answer);
               });
  }

  void on_tlsa(std::size_t i, const std::vector<std::string>& bases, const Answer& answer) {
    TlsaFound& tlsa = found_.hosts[i].tlsa;
    tlsa.base = bases.front();
    tlsa.word = resolve::outcome_name(answer.outcome);
    tlsa.authenticated = answer.authenticated;
    tlsa.ttl = answer.outcome == Outcome::ok ? answer.ttl : answer.negative_ttl.value_or(0);
    tlsa.records.clear();
    if (!resolve::is_definite(answer.outcome)) {
      tlsa.answer = TlsaAnswer::error;
      return host_done();
    }
    tlsa.answer = TlsaAnswer::absent;
    for (const dns::Record& record : answer.records) {
      if (const auto* one = std::get_if<dns::Tlsa>(&record.data)) tlsa.records.push_back(*one);
    }
    if (!tlsa.records.empty())
      tlsa.answer = answer.authenticated ? TlsaAnswer::present : TlsaAnswer::insecure;
    if (tlsa.answer == TlsaAnswer::present || bases.size() == 1) return host_done();
    ask_tlsa(i, {bases.begin() + 1, bases.end()});
  }

  void host_done() {
    --open_;
    start_hosts();
  }

  Dns& dns_;
  std::string domain_;
  bool tlsa_;
  std::function<void(const MxFound&)> done_;
  MxFound found_;
  std::size_t next_ = 0, open_ = 0, silent_ = 0;  // hosts: the next one, asked for, in error
};

}  // namespace

void lookup_routes(Dns& dns, const std::string& domain, bool tlsa,
                   std::function<void(const MxFound&)> done) {
  std::make_shared<RouteLookup>(dns, domain, tlsa, std::move(done))->start();
}

}  // namespace mxw::policyd
