// What reportd asks policyd on the ask socket (semantics 6), beside the questions of ask.hpp:
// reportd opens no DNS socket. One JSON object per SEQPACKET packet.
//
//   {"v":1,"id":7,"op":"tlsrpt","domain":"example.org"}
//   {"v":1,"id":8,"op":"dkim-key","domain":"s1._domainkey.example.org"}
//   {"v":1,"id":9,"op":"address","domain":"reports.example.org"}
//
//   {"v":1,"id":7,"state":"found","dns":"ok","authenticated":true,"seen":1796083200000000000,
//    "ttl":3600,"records":["v=TLSRPTv1; rua=mailto:tls@example.org"]}
//   {"v":1,"id":8,"state":"denied","dns":"nxdomain","authenticated":false,"seen":...,"ttl":300}
//   {"v":1,"id":9,"state":"found","dns":"ok",...,"addresses":["192.0.2.1","2001:db8::1"]}
//
// Decoding is total: what is no such message is nullopt; a state of a later version is
// `unavailable`. Pure, thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/ip.hpp"
#include "core/base/time.hpp"

namespace mxw::feed {

enum class LookupKind : std::uint8_t {
  tlsrpt,    // of a domain: the one valid record of `_smtp._tls.DOMAIN` (RFC 8460 section 3)
  dkim_key,  // of a name SELECTOR._domainkey.DOMAIN: its TXT records (RFC 6376 section 3.6.2)
  address,   // of a host: A and AAAA
};
[[nodiscard]] std::string_view name(LookupKind kind);  // the op: `tlsrpt`, `dkim-key`, `address`

enum class LookupState : std::uint8_t {
  // Nobody looked: says nothing about the name. Reasons: `name` (not one to be asked for), `busy`,
  // `no answer` (policyd is not there, or did not answer in time). Only the first is final.
  unavailable,
  found,
  invalid,  // there are records, none that counts; reason: a word of core/policy/tlsrpt_record.hpp,
            // or `too large`
  denied,   // the name, or a record of the type, does not exist; `authenticated` where signed
  failed,   // not known: `dns` says servfail, timeout, bogus, ...
};
[[nodiscard]] std::string_view name(LookupState state);

// Of all records of an answer; a packet holds them whatever octets they are. DKIM keys have less
// than 1 KiB.
inline constexpr std::size_t kLookupOctets = 8'192;
inline constexpr std::size_t kLookupRecords = 16;
inline constexpr std::size_t kLookupAddresses = 16;  // more than anybody tries
inline constexpr std::size_t kLookupReasonBytes = 256;

struct LookupAnswer {
  std::uint64_t id = 0;
  LookupState state = LookupState::unavailable;
  // The outcome of DNS, as net/resolve names it: ok, nodata, nxdomain, servfail, refused, timeout,
  // bogus, malformed, network. Of A and AAAA: the one that decided. Empty with `unavailable`.
  std::string dns;
  std::string reason;          // invalid, failed, unavailable: for people, and the words above
  bool authenticated = false;  // records or denial are signed, as far as our resolvers validate
  Time seen;                   // when DNS said so; it may be told again until its TTL has run out
  std::uint32_t ttl = 0;       // seconds left of that at the time of the answer
  std::vector<std::string> records;  // tlsrpt: one; dkim-key: each TXT record, its strings joined
  std::vector<IpAddress> addresses;  // address: A before AAAA

  friend bool operator==(const LookupAnswer&, const LookupAnswer&) = default;
};

// Questions are written and read by ask.hpp (AskRequest). An answer over the limits is written as
// `invalid`, `too large`.
[[nodiscard]] std::string encode(const LookupAnswer& answer);
[[nodiscard]] std::optional<LookupAnswer> decode_lookup(std::string_view message);

}  // namespace mxw::feed
