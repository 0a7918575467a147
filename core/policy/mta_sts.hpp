// MTA-STS (RFC 8461): the TXT record, the policy file, and matching MX hosts. Pure functions over
// bytes, thread-safe, results own their text. Strict and byte-wise: vectors/mta-sts.tsv, column
// `mxwarden`, is the contract. Invalid input is data, told by Invalid, never an Error.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

namespace mxw::policy {

// Why a text is no valid record or policy: the word of the vectors (`syntax`, `not-sts`, `no-id`,
// `id`, `not-ascii`; `line 'garbage'`, `missing mode`, `mode`, `mx`, `utf8`, ...). Printable and
// bounded: at most 32 octets of the text are in it. Beyond the vectors: `no usable mx` (addresses
// only), `too many mx` (over limits::kPolicyMx), `too large` (over limits::kPolicyBytes).
struct Invalid {
  std::string reason;
  std::size_t line = 0;  // of a policy file, from 1; what is missing is missed on the last line
};

struct StsRecord {
  std::string id;  // RFC 8461 section 3.1, 1 to 32 letters and digits
};
[[nodiscard]] std::expected<StsRecord, Invalid> parse_sts_record(std::string_view txt);

// The records of one TXT answer, each joined: exactly one that begins with `v=STSv1;` (blanks
// before the semicolon allowed: erratum 6285) and is valid, else the one reason `no policy`.
[[nodiscard]] std::expected<StsRecord, Invalid> select_sts_record(
    const std::vector<std::string>& txts);

enum class Mode : std::uint8_t { none, testing, enforce };
[[nodiscard]] std::string_view mode_name(Mode mode);

struct StsPolicy {
  Mode mode = Mode::none;
  std::uint64_t max_age = 0;    // seconds, capped to limits::kPolicyMaxAge
  std::vector<std::string> mx;  // usable patterns, lower case, in the order of the file
  std::vector<std::string>
      lines;  // the policy's `mx:` lines as written, same order as mx (evidence)
  std::vector<std::string> warnings;  // capped max_age, ignored address entries, duplicate keys
};
[[nodiscard]] std::expected<StsPolicy, Invalid> parse_sts_policy(std::string_view body);

// RFC 8461 section 4.1: `*.` stands for exactly one label. The host may end in a dot and may hold
// U-labels; what is no host name (mail::HostName) matches nothing. A pattern is taken as it is:
// case and one final dot do not matter, U-labels in it match nothing.
[[nodiscard]] bool mx_pattern_matches(std::string_view pattern, std::string_view host);
[[nodiscard]] bool mx_matches(const std::vector<std::string>& patterns, std::string_view host);

}  // namespace mxw::policy
