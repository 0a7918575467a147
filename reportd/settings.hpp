// What the parts of reportd take, from the settings file. Pure.
#pragma once

#include <vector>

#include "core/config/config.hpp"
#include "reportd/builder.hpp"
#include "reportd/day_run.hpp"
#include "reportd/delivery.hpp"
#include "reportd/tally_source.hpp"

namespace mxw::reportd {

[[nodiscard]] inline std::vector<Source> sources_of(const config::Tlsrpt& tlsrpt) {
  std::vector<Source> sources;
  for (const config::ReportSource& from : tlsrpt.sources) {
    SourceMode mode = SourceMode::sensor;
    if (from.mode == config::ReportMode::mta) mode = SourceMode::mta;
    if (from.mode == config::ReportMode::mta_gaps) mode = SourceMode::mta_gaps;
    sources.push_back(
        {.name = from.name, .addresses = from.addresses, .mode = mode, .socket = from.socket});
  }
  return sources;
}

[[nodiscard]] inline BuildSettings build_settings(const config::Tlsrpt& tlsrpt) {
  BuildSettings settings;
  settings.organisation = tlsrpt.organisation;
  settings.contact = tlsrpt.contact;
  settings.sensor = tlsrpt.send.sensor;
  for (const config::ReportSource& source : tlsrpt.sources)
    if (source.mode == config::ReportMode::sensor) settings.sensor_sources.insert(source.name);
  return settings;
}

[[nodiscard]] inline DayRunSettings day_settings(const config::Tlsrpt& tlsrpt) {
  return {.tenant = 0,
          .build = build_settings(tlsrpt),
          .send = tlsrpt.send.enabled,
          .delay = tlsrpt.send.delay};
}

[[nodiscard]] inline DeliveryConfig delivery_settings(const config::ReportSend& send) {
  DeliveryConfig settings;
  settings.enabled = send.enabled;
  settings.per_address = send.max_per_address;
  settings.per_day = send.max_per_day;
  return settings;
}

}  // namespace mxw::reportd
