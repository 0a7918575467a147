// What one look at a domain brought: the answer for `_mta-sts` and the end of the GET. Values; the
// input of the refresh state machine.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "net/https/cause.hpp"
#include "net/resolve/answer.hpp"

namespace mxw::policyd {

enum class TxtKind : std::uint8_t {
  record,   // exactly one valid record
  none,     // the domain says that there is none: denied, or nothing that begins with v=STSv1
  invalid,  // several, or a broken one: no policy either (RFC 8461 section 3.1)
  failure,  // not known: any outcome of DNS that is not definite
};

struct TxtAnswer {
  TxtKind kind = TxtKind::failure;
  std::string id;         // with `record`
  std::uint32_t ttl = 0;  // seconds, with `record`
  std::string word;       // the outcome of DNS: `ok`, `nxdomain`, `servfail`, `bogus`, ...
};
[[nodiscard]] TxtAnswer read_txt(const resolve::Answer& answer);

// The TXT records of an answer, each joined.
[[nodiscard]] std::vector<std::string> joined_txts(const resolve::Answer& answer);

struct FetchAnswer {
  https::Cause cause = https::Cause::no_address;
  std::string body;    // with Cause::ok
  std::string detail;  // for people
  // With Cause::no_address: the lookups that failed, `A: servfail, AAAA: timeout`. Empty: DNS says
  // that the policy host has no address.
  std::string failed_lookups = {};
};

}  // namespace mxw::policyd
