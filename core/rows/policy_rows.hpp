// The rows of policyd's store (semantics 11): what is cached about mail domains. They are kept by
// core/store, told onward by core/feed and held by every reader of it. Value types; names
// are lower-case A-labels, times wall clock, `tenant` and `origin` (who wrote the row, empty: this
// host) in every row.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/base/ip.hpp"
#include "core/base/time.hpp"
#include "core/policy/mta_sts.hpp"
#include "core/rows/sequence.hpp"
#include "core/rows/verdict_rows.hpp"

namespace mxw::rows {

struct Key {
  std::uint32_t tenant = 0;
  std::string_view name;  // borrowed
};

enum class DomainState : std::uint8_t {
  unknown,  // asked for, no answer yet that says more
  none,     // known to publish no policy
  policy,   // a current policy row is there; expired or not is for the reader's clock
};
[[nodiscard]] std::string_view name(DomainState state);
[[nodiscard]] DomainState domain_state(std::string_view word);  // a word not known: unknown
[[nodiscard]] policy::Mode mode_of(std::string_view word);      // a word not known: none

// What was last learned about a domain and when to look again.
struct DomainRow {
  std::uint32_t tenant = 0;
  std::string origin;
  std::string name;
  DomainState state = DomainState::unknown;
  std::string txt_id;  // of the last valid TXT record
  std::optional<Time> txt_until;
  std::optional<Time> checked_at;
  std::string check_result;  // policyd's word
  std::optional<Time> neg_until, refresh_at;
  std::uint32_t fail_count = 0;
  std::string fail_type;  // RFC 8460 section 4.3 result type, empty without failure
  Time last_asked;        // only ever grows; an import sets the time of the import
  Sequence seq = 0;       // set by the store

  friend bool operator==(const DomainRow&, const DomainRow&) = default;
};

// One policy and the time it was the newest one we knew: [valid_from, valid_to), open while
// current. These spans of a domain do not overlap. Within its span it counts up to valid_until().
struct PolicyRow {
  std::uint32_t tenant = 0;
  std::string origin;
  std::string domain;
  std::string id;  // of the TXT record that led to it
  policy::Mode mode = policy::Mode::none;
  std::string body;  // as served, at most limits::kPolicyBytes
  Time valid_from;   // first fetched
  std::optional<Time> valid_to;
  Time fetched_at;            // last fetched and found the same
  std::uint64_t max_age = 0;  // seconds
  std::string source;
  Sequence seq = 0;

  [[nodiscard]] Time valid_until() const;  // fetched_at + max_age, as core/policy decides by
  friend bool operator==(const PolicyRow&, const PolicyRow&) = default;
};

struct RouteRow {
  std::uint32_t tenant = 0;
  std::string origin;
  std::string policy_domain, mx_host;
  IpAddress address;  // family 0: the MX is known, its address is not
  std::string source;
  Time seen, until;
  bool ad = false;
  Sequence seq = 0;

  friend bool operator==(const RouteRow&, const RouteRow&) = default;
};

// One TLSA record of a base name `_25._tcp.HOST`. Empty rdata: known not to exist until `until`.
struct TlsaRow {
  std::uint32_t tenant = 0;
  std::string origin;
  std::string base;
  std::vector<std::uint8_t> rdata;
  bool ad = false;
  Time until;
  // The host name whose records these are where it is not that of `base` but the end of its CNAMEs:
  // the TLSA base domain, a reference identifier (RFC 7672 sections 2.2.2, 3.2.2). Empty else, and
  // in rows of a version that did not keep it.
  std::string found_at;
  Sequence seq = 0;

  friend bool operator==(const TlsaRow&, const TlsaRow&) = default;
};

struct EventRow {
  std::uint32_t tenant = 0;
  std::string origin;
  Time time;
  std::string domain, kind, result_type, detail;  // detail: cut at kDetailBytes
  Sequence seq = 0;

  friend bool operator==(const EventRow&, const EventRow&) = default;
};

// What a domain published at `_smtp._tls` (RFC 8460 section 3), with history as policies have it. A
// lookup that failed changes nothing here; a denial is a row without record.
struct TlsrptRow {
  std::uint32_t tenant = 0;
  std::string origin;
  std::string domain;
  std::string record;  // the TXT strings joined, at most kTlsrptBytes; empty: it denied having one
  Time valid_from;     // first seen so
  std::optional<Time> valid_to;  // when something else was seen; open while current
  Time confirmed_at;             // last seen so
  Sequence seq = 0;

  friend bool operator==(const TlsrptRow&, const TlsrptRow&) = default;
};

// The last look that somebody demanded before a verdict may defer (RFC 8461 section 5.1, semantics
// 7): one row per domain.
struct RereadRow {
  std::uint32_t tenant = 0;
  std::string origin;
  std::string domain;
  Time at;          // when TXT and GET had ended
  bool ok = false;  // both were answered
  std::string id;   // of the policy that holds now; empty without
  policy::Mode mode = policy::Mode::none;
  Sequence seq = 0;

  friend bool operator==(const RereadRow&, const RereadRow&) = default;
};

// One trouble with the policies of a domain as policyd's own looks saw it, and how long: what
// TLS-RPT is to say of sessions in that time although no session shows it (RFC 8460 section 4.3,
// semantics 8). Of one (domain, mx_host, result) at most one row is open, and spans do not overlap.
struct PolicyFailureRow {
  std::uint32_t tenant = 0;
  std::string origin;
  std::string domain;   // the recipients'
  std::string mx_host;  // tlsa-invalid, dnssec-invalid: of this MX host alone; empty: of the domain
  std::string result;   // RFC 8460 section 4.3: sts-policy-fetch-error, sts-policy-invalid,
                        // sts-webpki-invalid, tlsa-invalid, dnssec-invalid
  std::string reason;   // the newest: a failure-reason-code for people, at most kReasonBytes
  Time from;            // the first look that failed so
  std::optional<Time> to;  // the first look that did not; open until then
  Time seen;               // the last look that failed so
  Sequence seq = 0;

  friend bool operator==(const PolicyFailureRow&, const PolicyFailureRow&) = default;
};

// All rows of a name in a table are gone: the reader drops its own, puts that follow bring back
// what there still is. `domain` takes policy, routes, TLSRPT record, re-read and failures of that
// name with it.
enum class Table : std::uint8_t { domain, policy, mx_route, tlsa, tlsrpt, reread };
[[nodiscard]] std::string_view name(Table table);

struct Deletion {
  Table table = Table::domain;
  std::uint32_t tenant = 0;
  std::string name;
  Sequence seq = 0;

  friend bool operator==(const Deletion&, const Deletion&) = default;
};

// Whatever an owner feeds: policyd all but verdicts, the sensor these alone.
using Change = std::variant<Deletion, DomainRow, PolicyRow, RouteRow, TlsaRow, EventRow, TlsrptRow,
                            RereadRow, VerdictRow, PolicyFailureRow>;
[[nodiscard]] Sequence sequence_of(const Change& change);

// As those of sequence.hpp.
inline constexpr std::size_t kRoutesOfDomain = 1'024;  // 256 MX hosts with four addresses
inline constexpr std::size_t kTlsaOfBase = 64;
inline constexpr std::size_t kTlsrptBytes =
    4'096;                                        // some hundred URIs; records seen have one or two
inline constexpr std::size_t kTlsaBytes = 1'024;  // full certificates of matching type 0 fit seldom
inline constexpr std::size_t kReasonBytes = 256;  // of a failure; more is cut
// Spans of one domain: it fails in another way every five minutes for a day (the hold of a GET).
inline constexpr std::size_t kFailuresOfDomain = 256;

// Nothing, or what is too large.
[[nodiscard]] std::optional<std::string> over_limit(const DomainRow& row);
[[nodiscard]] std::optional<std::string> over_limit(const PolicyRow& row);
[[nodiscard]] std::optional<std::string> over_limit(const RouteRow& row);
[[nodiscard]] std::optional<std::string> over_limit(const TlsaRow& row);
[[nodiscard]] std::optional<std::string> over_limit(const EventRow& row);
[[nodiscard]] std::optional<std::string> over_limit(const TlsrptRow& row);
[[nodiscard]] std::optional<std::string> over_limit(const RereadRow& row);
[[nodiscard]] std::optional<std::string> over_limit(const PolicyFailureRow& row);

// What storing `next` does to the current policy, or TLSRPT record, of its domain.
enum class PolicyChange : std::uint8_t {
  added,     // there was none
  renewed,   // the same policy, fetched again before it ran out; the same record, seen again
  replaced,  // another one, or the same after it had run out: the old row is closed
};
[[nodiscard]] PolicyChange compare(const PolicyRow* current, const PolicyRow& next);
[[nodiscard]] PolicyChange compare(const TlsrptRow* current, const TlsrptRow& next);

}  // namespace mxw::rows
