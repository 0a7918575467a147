// `mxwarden metrics`: the numbers of all programs, printed or served to Prometheus.
#include <cstdio>

#include "cli/complain.hpp"
#include "cli/settings.hpp"
#include "cli/verbs.hpp"
#include "core/config/load.hpp"
#include "core/service/scrape.hpp"

namespace mxw::cli {
namespace {

int metrics(const Given& given) {
  const auto config = settings(given);
  if (!config) return complain(config.error());
  Endpoint listen = config->metrics.listen;
  if (given.has("listen")) {
    const auto endpoint = config::parse_endpoint(given.text("listen"));
    if (!endpoint) return complain("--listen: no address as 127.0.0.1:9461", kUsage);
    listen = *endpoint;
  }
  if (listen.address.family != 0 && !given.has("once"))
    return service::serve_metrics(*config, listen);
  std::fputs(service::scrape_all(config->paths.run).c_str(), stdout);
  return kOk;
}

constexpr Option kOptions[] = {
    {"listen", "ADDR:PORT", "serve them by HTTP at /metrics (default: metrics.listen)"},
    {"once", nullptr, "print them, also where metrics.listen is set"},
    kConfigOption};

}  // namespace

const Verb kMetrics{
    .words = "metrics",
    .operands = "",
    .least = 0,
    .most = 0,
    .summary = "the numbers of all programs, for Prometheus",
    .about =
        "Every program serves its numbers on a unix socket; this joins them. Without an address "
        "they are "
        "printed once. A program that does not answer has mxwarden_up 0. No domain, address or "
        "user is "
        "in them.",
    .options = kOptions,
    .exits = "0 printed; 2 usage or settings; 4 the address cannot be had",
    .run = metrics,
};

}  // namespace mxw::cli
