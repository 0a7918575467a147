// Where results come from: one `[[tlsrpt.source]]` for each egress address or group of them
// (semantics 8). Values, thread-safe as such.
//
//   mta       the mail server tells all of its sessions by datagrams; the sensor is not counted
//   sensor    the sensor alone; what it says is counted and built, and sent only if so configured
//   mta+gaps  datagrams, and from the sensor the sessions a mail server never tells: mail went in
//             clear where STARTTLS was not offered or its keyword was garbled
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/ip.hpp"

namespace mxw::reportd {

enum class SourceMode : std::uint8_t { sensor, mta, mta_gaps };
[[nodiscard]] std::string_view name(SourceMode mode);  // `sensor`, `mta`, `mta+gaps`
[[nodiscard]] std::optional<SourceMode> parse_source_mode(std::string_view text);

struct Source {
  std::string name;  // TallyKey::source; at most store::kWordBytes
  std::vector<IpAddress> addresses;
  SourceMode mode = SourceMode::sensor;
  std::string socket;  // path of the datagram socket, of the modes with `mta`; empty: none

  [[nodiscard]] bool takes_datagrams() const { return mode != SourceMode::sensor; }
};

// The source an egress address belongs to; nullptr: none. The first that names it.
[[nodiscard]] const Source* find_source(const std::vector<Source>& sources,
                                        const IpAddress& egress);

}  // namespace mxw::reportd
