// The rows of reportd's store: what was counted for TLS reports (RFC 8460 section 4) and what
// became of the reports. Value types; domains are lower-case A-labels, times wall clock, days UTC
// days.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/ip.hpp"
#include "core/base/time.hpp"

namespace mxw::store {

using Day = std::int32_t;  // UTC day, since 1970-01-01
[[nodiscard]] inline Day day_of(Time time) {
  return static_cast<Day>((time.ns - (time.ns < 0 ? kDay - 1 : 0)) / kDay);
}

// Words that stand where no domain or policy does; both never leave this host.
inline constexpr std::string_view kNoRecord = "no-record";  // type: domains without TLSRPT record
inline constexpr std::string_view kOverflow = "overflow";   // type: beyond kTalliesOfDay

// What one summary of a report counts: a policy of a domain on a day (RFC 8460 section 4.4).
struct TallyKey {
  std::uint32_t tenant = 0;
  Day day = 0;
  std::string source;    // name of the [[tlsrpt.source]]: its mode says whether this is sent
  std::string domain;    // policy-domain
  std::string type;      // policy-type: `sts`, `tlsa`, `no-policy-found`
  std::string strings;   // policy-string, one per line
  std::string mx_hosts;  // mx-host patterns, one per line

  friend bool operator==(const TallyKey&, const TallyKey&) = default;
};

// What one entry of failure-details counts. Empty or family 0: not known.
struct FailureKey {
  std::string result_type;  // RFC 8460 section 4.3
  IpAddress sending_ip;
  std::string mx_host, mx_helo;
  IpAddress receiving_ip;
  std::string reason;  // failure-reason-code

  friend bool operator==(const FailureKey&, const FailureKey&) = default;
};

struct FailureRow {
  FailureKey key;
  std::uint64_t count = 0;

  friend bool operator==(const FailureRow&, const FailureRow&) = default;
};

// Counts to be added. A failed session with three failures counts once in `failure` and once in
// each of three details. `undetermined` is shown locally, never sent (semantics 8).
struct TallyAdd {
  TallyKey key;
  std::string origin;
  std::uint64_t success = 0, failure = 0, undetermined = 0;
  std::vector<FailureRow> details;
};

struct TallyRow {
  std::int64_t id = 0;  // for ReportStore::failures(), of this store alone
  TallyKey key;
  std::string origin;  // who added first
  std::uint64_t success = 0, failure = 0, undetermined = 0;

  friend bool operator==(const TallyRow&, const TallyRow&) = default;
};

// How far a feed was taken in: all events of this instance up to `seq` are in the tallies.
struct FeedMark {
  std::uint32_t tenant = 0;
  std::string origin;
  std::string sensor, instance;
  std::uint64_t seq = 0;
  Time at;

  friend bool operator==(const FeedMark&, const FeedMark&) = default;
};

struct DayRow {
  std::uint32_t tenant = 0;
  Day day = 0;
  std::optional<Time> frozen_at;            // from then on what is added counts as late
  std::uint64_t late = 0;                   // sessions
  std::uint64_t tallies = 0, failures = 0;  // rows
  std::uint64_t overflow = 0;               // sessions counted beyond kTalliesOfDay

  friend bool operator==(const DayRow&, const DayRow&) = default;
};

// The TLSRPT record a report of that day goes by: the last valid one seen on it.
struct RuaRow {
  std::uint32_t tenant = 0;
  std::string origin;
  Day day = 0;
  std::string domain;
  std::string record;
  Time seen;

  friend bool operator==(const RuaRow&, const RuaRow&) = default;
};

// queued -> sending -> accepted | retry | expired | suppressed, retry -> sending (semantics 8).
enum class ReportState : std::uint8_t { queued, sending, accepted, retry, expired, suppressed };
[[nodiscard]] std::string_view name(ReportState state);

struct ReportKey {
  std::uint32_t tenant = 0;
  Day day = 0;
  std::string domain;

  friend auto operator<=>(const ReportKey&, const ReportKey&) = default;
};

// A report and how its sending stands. Its octets come by ReportStore::report_bytes().
struct ReportRow {
  ReportKey key;
  std::string origin;
  std::string report_id;
  ReportState state = ReportState::queued;
  Time built_at;
  std::optional<Time> next_at;   // when to try; empty: not again
  std::optional<Time> first_at;  // first try
  std::uint32_t tries = 0;
  std::string uri;               // that took it, or was tried last
  std::string detail;            // what the other side said, cut at kDetailBytes
  std::optional<Time> ended_at;  // accepted, expired or suppressed since

  friend bool operator==(const ReportRow&, const ReportRow&) = default;
};

// How one rua URI of a report stands: 4xx ends it for that URI alone.
struct DeliveryRow {
  std::string uri;
  std::uint32_t tries = 0;
  bool final = false;
  Time at;
  std::string detail;  // cut at kDetailBytes

  friend bool operator==(const DeliveryRow&, const DeliveryRow&) = default;
};

// A report address that bounced: nothing goes there until then.
struct SuppressionRow {
  std::uint32_t tenant = 0;
  std::string origin;
  std::string address;
  std::string reason;
  Time since, until;

  friend bool operator==(const SuppressionRow&, const SuppressionRow&) = default;
};

// Limits. Rows beyond a count go to overflow rows that keep counting; larger rows are refused.
inline constexpr std::size_t kTalliesOfDay = 200'000;     // 100,000 policies and as many changes
inline constexpr std::size_t kFailuresOfDay = 2'000'000;  // 500 MB at 250 octets a row
inline constexpr std::size_t kFailuresOfTally = 1'000;    // a report of 300 KB before gzip
inline constexpr std::size_t kOverflowTypes = 32;        // RFC 8460 section 4.3 has 11 result types
inline constexpr std::size_t kPolicyTextBytes = 65'536;  // limits::kPolicyBytes
inline constexpr std::size_t kUriBytes = 2'048;          // half a TLSRPT record
inline constexpr std::size_t kReportBytes = 4 << 20;     // gzipped; hundred times the largest above

}  // namespace mxw::store
