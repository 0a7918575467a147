// Builder: from what was counted of one (day, policy domain) the report about it (RFC 8460 section
// 4.4, semantics 8). Pure, thread-safe.
//
//   - tallies of the same policy are one entry, whichever source counted them;
//   - sources of mode `sensor` count only where they are chosen;
//   - what is undetermined, without record, or beyond a bound never enters;
//   - failures are merged by everything a report says of them.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/report/report.hpp"
#include "core/store/report_rows.hpp"

namespace mxw::reportd {

struct BuildSettings {
  std::string organisation, contact;     // contact: LOCAL@DOMAIN
  std::set<std::string> sensor_sources;  // names of the sources of mode `sensor`
  bool sensor = false;                   // these count, too

  [[nodiscard]] std::string contact_domain() const { return report::domain_of(contact); }
  [[nodiscard]] report::Identity identity(const store::ReportKey& key) const {
    return {organisation, contact_domain(), key.domain, key.day};
  }
};

struct CountedTally {
  store::TallyRow row;
  std::vector<store::FailureRow> failures;
};

struct BuiltReport {
  report::Report report;
  std::uint64_t sessions = 0;      // the largest sum over one policy-type: tlsa and sts are told
                                   // of the same sessions
  std::uint64_t undetermined = 0;  // not in the report
  // Nothing but sources of mode `sensor`, which are not chosen: to look at, not to send.
  bool sensor_only = false;
};

// nullopt: nothing that a report could say.
[[nodiscard]] std::optional<BuiltReport> build_report(const BuildSettings& settings,
                                                      const store::ReportKey& key,
                                                      const std::vector<CountedTally>& tallies);

}  // namespace mxw::reportd
