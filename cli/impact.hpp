// What enforcing means for the mail of a host, from the lines mxwarden-map wrote (map/aggregate.hpp
// has their form). Pure but for read_answers(), which reads files.
//
// The lines say what was asked and answered. Whether a message was held, only the mail server or a
// sensor knows: nothing here claims it.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "cli/milter_rows.hpp"
#include "core/base/result.hpp"
#include "core/base/time.hpp"

namespace mxw::cli {

inline constexpr std::size_t kImpactDomains = 300'000;  // as the map answers for; more are summed

struct DomainImpact {
  std::string would_be, basis;  // of the newest line with a binding or testing answer
  std::uint64_t lookups = 0, bound = 0, would_bind = 0, testing = 0;
  std::vector<std::string> mx;
};

struct Impact {
  Time first, last;  // begin of the first and end of the last minute counted
  std::uint64_t lines = 0, damaged = 0, minutes = 0;
  std::uint64_t lookups = 0;
  std::uint64_t bound = 0;       // answered with a demand for TLS
  std::uint64_t would_bind = 0;  // held back: by observing, or by a brake
  std::uint64_t testing = 0;     // policies in mode testing: never bind
  std::uint64_t uncounted = 0;   // lookups in the bucket of the rest: their answers are not known
  std::map<std::string, std::uint64_t> held;    // why answers were held back
  std::map<std::string, DomainImpact> domains;  // those with a policy, pin or DANE
};

// Adds one line; what is no such line, or older than `since`, is counted or passed over.
void add_line(std::string_view line, Time since, Impact& impact);

// `answers.ndjson.1` and `answers.ndjson` of a folder. Error (environment): neither can be read.
[[nodiscard]] Result<Impact> read_answers(const std::string& folder, Time since);

// An MX that the policy of its domain does not name.
struct StrayRoute {
  std::string domain, mx_host, address;
};

[[nodiscard]] std::string impact_text(const Impact& impact, const std::vector<StrayRoute>& strays,
                                      bool routes_known);
// `milter`: what it decided in that time; null: it does not answer.
[[nodiscard]] std::string impact_json(const Impact& impact, const std::vector<StrayRoute>& strays,
                                      bool routes_known,
                                      const std::vector<MilterTally>* milter = nullptr);

}  // namespace mxw::cli
