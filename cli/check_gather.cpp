#include "cli/check_gather.hpp"

#include <algorithm>
#include <utility>

#include "cli/duration.hpp"
#include "core/base/ascii.hpp"
#include "core/base/event_loop.hpp"
#include "core/config/load.hpp"
#include "policyd/lookups.hpp"

namespace mxw::cli {
namespace {

constexpr int kLookups = 4;
constexpr std::size_t kTexts = 16;  // shown of an answer with other owners' texts in it

resolve::Config resolver_config(const config::Resolver& settings) {
  resolve::Config out;
  for (const Endpoint& server : settings.servers) {
    const auto& list = settings.validating;
    out.servers.push_back({server, std::find(list.begin(), list.end(), server) != list.end()});
  }
  out.timeout_ns = settings.timeout;
  out.tries = settings.tries;
  return out;
}

https::FetchConfig fetch_config(const config::Fetch& settings) {
  https::FetchConfig out;
  out.ca_file = settings.ca_file;
  out.allow = settings.allow;
  out.total_ns = settings.timeout;
  return out;
}

CheckFacts::Txt txt_of(const resolve::Answer& answer) {
  CheckFacts::Txt txt{answer.outcome, policyd::joined_txts(answer), answer.reason};
  const auto about_sts = [](const std::string& text) {
    return text.find("STSv1") != std::string::npos;
  };
  if (std::any_of(txt.texts.begin(), txt.texts.end(), about_sts))
    std::erase_if(txt.texts, [&](const std::string& text) { return !about_sts(text); });
  if (txt.texts.size() > kTexts) txt.texts.resize(kTexts);
  return txt;
}

}  // namespace

Result<CheckFacts> gather_facts(const std::string& domain, const config::Config& config) {
  CheckFacts facts;
  facts.domain = domain;
  facts.at = wall_clock();
  for (const Endpoint& server : config.resolver.servers)
    facts.resolvers.push_back(config::text_of(server));
  facts.validating = !config.resolver.validating.empty();

  auto loop = EventLoop::create();
  if (!loop) return std::unexpected(std::move(loop.error()));
  auto resolver = resolve::Resolver::create(**loop, resolver_config(config.resolver));
  if (!resolver) return std::unexpected(std::move(resolver.error()));
  auto fetcher = https::Fetcher::create(**loop, fetch_config(config.fetch));
  if (!fetcher) return std::unexpected(std::move(fetcher.error()));
  policyd::ResolverDns dns(**resolver);
  policyd::FetcherHttps https(**fetcher, config.fetch.port);

  int open = kLookups;
  const auto ended = [&] {
    if (--open == 0) (*loop)->stop();
  };
  dns.query("_mta-sts." + domain, dns::Type::txt, [&](const resolve::Answer& answer) {
    facts.txt = txt_of(answer);
    ended();
  });
  policyd::fetch_policy(dns, https, domain, [&](const policyd::FetchAnswer& answer) {
    facts.fetch = answer;
    ended();
  });
  policyd::lookup_routes(dns, domain, true, [&](const policyd::MxFound& answer) {
    facts.mx = answer;
    ended();
  });
  policyd::lookup_tlsrpt(dns, domain, [&](const policyd::TlsrptAnswer& answer) {
    facts.tlsrpt = answer;
    ended();
  });
  (*loop)->run();
  return facts;
}

std::vector<Endpoint> name_servers(std::string_view text) {
  std::vector<Endpoint> out;
  while (!text.empty() && out.size() < resolve::kServers) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    const auto [word, rest] = ascii::split_word(ascii::trim_line(line));
    if (word != "nameserver") continue;
    if (const auto address = IpAddress::parse(ascii::split_word(rest).head))
      out.push_back({*address, 53});
  }
  return out;
}

}  // namespace mxw::cli
