// `mxwarden metrics`: collects what the programs serve on their unix sockets and serves it to
// Prometheus on a TCP address, so that no program needs an inet socket for it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/ip.hpp"
#include "core/base/result.hpp"
#include "core/config/config.hpp"

namespace mxw::service {

inline constexpr std::size_t kScrapeBytes = 1 << 20;         // of one program's answer
inline constexpr std::int64_t kScrapeTimeout = 1 * kSecond;  // for one program

// Whose sockets are asked: `<run>/<program>/metrics.sock`.
inline constexpr std::string_view kPrograms[] = {"policyd", "map", "milter", "sensor", "reportd"};

// The text another program serves. Blocks, at most `timeout_ns`. Error (environment): nobody there,
// too slow, too long, or no answer with status 200.
[[nodiscard]] Result<std::string> scrape(const std::string& socket_path,
                                         std::int64_t timeout_ns = kScrapeTimeout);

// One exposition out of several: families of the same name come together under one HELP and TYPE,
// as the format asks for, and every program has `mxwarden_up{program="x"}` 1 or, when nullopt, 0.
// Lines that are no samples or comments are left out.
struct Scraped {
  std::string program;
  std::optional<std::string> text;
};
[[nodiscard]] std::string joined(const std::vector<Scraped>& programs);

// Of all programs below `run`, and of further processes of the milter (`milter-NAME`). Blocks.
[[nodiscard]] std::string scrape_all(const std::string& run);

// Serves `GET /metrics` at `listen` until SIGTERM or SIGINT; programs are asked anew for each
// request. Returns an exit code: 0, or 4 with a line on stderr when the address cannot be had.
[[nodiscard]] int serve_metrics(const config::Config& config, Endpoint listen);

}  // namespace mxw::service
