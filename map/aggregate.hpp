// answers.ndjson: what was answered, one line a minute for every (domain, map, answer), for
// `mxwarden impact`. Written by the knowledge thread; the serving thread only hands tallies over.
//
// A line is one JSON object; members in this order, all present but `domain` and `mx`:
//   v         1
//   time      start of the minute, RFC 3339 UTC
//   seconds   how long was counted, 60 unless a writer was late or the service stopped
//   domain    A-label; left out when the key named no domain, and in the bucket of the rest
//   map       the map's name; empty when it is not configured, and in the bucket of the rest
//   kind      domain | smart_host | address | parent | garbage (what the key named)
//   answer    what was said: notfound | secure | encrypt | dane | dane-only
//   would_be  what enforcement without brakes would have said, same words
//   basis     pin | dane | sts | testing | mode_none | none | expired | unknown | host_mismatch |
//             unmatchable | key | map | other (the bucket: distinct answers beyond the bound)
//   held      nothing | off | bypass | report_only | observe (why answer is not would_be)
//   count     lookups
//   mx        the patterns of the policy or pin, as known when the line was written; only where
//             would_be is secure or basis is testing, at most kPatternsInLine of them
// Readers ignore members they do not know.
//
// A LineFile of limits::kAnswersFileBytes: what cannot be written is counted and the minute
// dropped. Not thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/line_file.hpp"
#include "core/base/time.hpp"
#include "map/query.hpp"
#include "map/tally.hpp"

namespace mxw::map {

struct Span {
  Time begin;
  std::int64_t length = kMinute;
};
// The patterns known of a domain; empty when none are.
using PatternsOf = std::function<std::vector<std::string>(std::string_view domain)>;
inline constexpr std::size_t kPatternsInLine = 16;

// The lines of one tally, each with its line feed.
[[nodiscard]] std::string lines_of(const Tally& tally, Span span, const MapNames& names,
                                   const PatternsOf& patterns);

// Appends the lines of a tally piece by piece, so that no minute needs much memory.
void append_tally(LineFile& file, const Tally& tally, Span span, const MapNames& names,
                  const PatternsOf& patterns);

}  // namespace mxw::map
