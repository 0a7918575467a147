#include "policyd/discovery.hpp"

#include <memory>
#include <utility>
#include <variant>

#include "core/policy/tlsrpt_record.hpp"
#include "policyd/address_lookup.hpp"

namespace mxw::policyd {

void lookup_txt(Dns& dns, const std::string& domain, std::function<void(const TxtAnswer&)> done) {
  dns.query("_mta-sts." + domain, dns::Type::txt,
            [done = std::move(done)](const resolve::Answer& answer) { done(read_txt(answer)); });
}

void fetch_policy(Dns& dns, Https& https, const std::string& domain,
                  std::function<void(const FetchAnswer&)> done) {
  const std::optional<mail::HostName> name = mail::HostName::parse(domain);
  // A domain whose policy host would have too long a name is asked for, too: DNS says that there is
  // no such name.
  lookup_addresses(
      dns, "mta-sts." + domain, [&https, name, done = std::move(done)](const Addresses& found) {
        if (!name || found.addresses.empty()) {
          return done({https::Cause::no_address,
                       {},
                       "A: " + found.a + ", AAAA: " + found.aaaa,
                       found.failed});
        }
        https.fetch({*name, found.addresses}, [done](const https::FetchResult& result) {
          done({result.cause, result.body, result.detail});
        });
      });
}

void lookup_tlsrpt(Dns& dns, const std::string& domain,
                   std::function<void(const TlsrptAnswer&)> done) {
  dns.query("_smtp._tls." + domain, dns::Type::txt,
            [done = std::move(done)](const resolve::Answer& answer) {
              TlsrptAnswer out;
              out.answered = resolve::is_definite(answer.outcome);
              out.ttl = answer.outcome == resolve::Outcome::ok ? answer.ttl
                                                               : answer.negative_ttl.value_or(0);
              out.record = policy::select_tlsrpt_record(joined_txts(answer)).value_or("");
              // A record that says nowhere is none (RFC 8460 section 3).
              if (!policy::parse_tlsrpt_record(out.record)) out.record.clear();
              done(out);
            });
}

}  // namespace mxw::policyd
