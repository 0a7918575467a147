#include "reportd/tally_source.hpp"

#include <algorithm>

namespace mxw::reportd {

std::string_view name(SourceMode mode) {
  switch (mode) {
    case SourceMode::mta:
      return "mta";
    case SourceMode::mta_gaps:
      return "mta+gaps";
    default:
      return "sensor";
  }
}

std::optional<SourceMode> parse_source_mode(std::string_view text) {
  for (const SourceMode mode : {SourceMode::sensor, SourceMode::mta, SourceMode::mta_gaps}) {
    if (text == name(mode)) return mode;
  }
  return std::nullopt;
}

const Source* find_source(const std::vector<Source>& sources, const IpAddress& egress) {
  const auto found = std::ranges::find_if(sources, [&](const Source& source) {
    return std::ranges::find(source.addresses, egress) != source.addresses.end();
  });
  return found == sources.end() ? nullptr : &*found;
}

}  // namespace mxw::reportd
