// DKIM verification (RFC 6376 section 6, RFC 8301, RFC 8463): rsa-sha256 and ed25519-sha256, simple
// and relaxed. A pure function of the message, the key records and the time; total on any octets.
//
// Keys are looked up between two calls: key_names() says which records are needed, verify() takes
// them. What a report needs beyond a valid signature (RFC 8460 section 3) is told as findings and
// concluded by good_for_report().
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/time.hpp"

namespace mxw::dkim {

// Signatures looked at, from the top; the others count as `passed_over`. OpenDKIM looks at 3 by
// default, large providers add 2.
inline constexpr std::size_t kSignatures = 8;

enum class Status : std::uint8_t {
  none,       // no signature
  permerror,  // it cannot be judged: its own syntax, algorithm or key record
  no_key,     // its key record does not exist, is revoked, or could not be had (`unavailable`)
  fail,       // it is wrong or expired
  pass,
};
[[nodiscard]] std::string_view status_name(Status status);  // none|permerror|no-key|fail|pass

struct Signature {
  Status status = Status::permerror;
  // A closed vocabulary, empty with pass: `syntax`, `version`, `algorithm`, `canonicalization`,
  // `no-from` (h= leaves From out), `identity` (i= is not below d=), `query`, `dates` (x= not after
  // t=), `length` (l= beyond the body), `expired`, `body-hash`, `signature`, `unavailable`,
  // `no-key`, `revoked`, `several-keys`, `key-size`, `key-hash`, `key-value`, and those of
  // parse_key_record().
  std::string_view reason;
  std::string domain,
      selector;                // d= and s=, lower-case A-labels; empty where they could not be read
  std::string algorithm;       // a=, at most 32 octets
  bool unavailable = false;    // with no_key: the lookup failed, not the record; ask again
  bool length = false;         // l= is there: what follows it is not signed
  bool testing = false;        // the key is in test mode: as if there was no signature
  bool covers_report = false;  // h= has TLS-Report-Domain and TLS-Report-Submitter
  bool key_for_tlsrpt = false;  // by s= of the key record
};

// Valid for RFC 8460 section 3: pass, without l=, by a key neither in test mode nor of another
// service type. Whether TLS-Report-* are covered is left to the reader: large reporters leave them
// out.
[[nodiscard]] bool good_for_report(const Signature& signature);

struct Verification {
  Status status = Status::none;       // the best of all signatures
  std::vector<Signature> signatures;  // from the top
  std::size_t passed_over = 0;        // beyond kSignatures
  bool too_large = false;             // beyond the limits of core/dkim/message.hpp: none was judged
};

// The TXT records at a name. `known` false: the lookup failed. One string per record, its
// character-strings joined.
struct KeyAnswer {
  bool known = true;
  std::vector<std::string> records;
};
using KeyLookup = std::function<KeyAnswer(const std::string& name)>;

// SELECTOR._domainkey.DOMAIN, lower case.
[[nodiscard]] std::string key_name(std::string_view selector, std::string_view domain);

// That name of each signature that can be judged, without repetition.
[[nodiscard]] std::vector<std::string> key_names(std::string_view message);

// A message whose lines all end with LF alone (a file of a Unix system) is read as if they ended
// with CRLF.
[[nodiscard]] Verification verify(std::string_view message, const KeyLookup& keys, Time now);

}  // namespace mxw::dkim
