// What a DNS answer means for the one who asked. The outcomes stay different all the way up:
// whether a policy is absent, unknown or under attack depends on which it was (semantics 11).
// Pure functions over octets, thread-safe, results own their memory. Hostile octets give an
// outcome, never an Error.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/bytes.hpp"
#include "core/dns/message.hpp"
#include "core/mail/name.hpp"

namespace mxw::resolve {

enum class Outcome : std::uint8_t {
  ok,        // there are records
  nodata,    // the name exists, but has no record of this type (RFC 2308 section 2.2)
  nxdomain,  // the name does not exist
  servfail,  // the server could not find out (and every rcode not named here)
  refused,   // the server does not do this for us: REFUSED, NOTIMP, FORMERR, NOTAUTH, or a referral
  timeout,   // no answer, or none that belongs to the question
  bogus,     // SERVFAIL, yet an answer when asked without validation: forged or badly signed
  malformed,  // an answer to this question that breaks RFC 1035, or is cut even over TCP
  network,    // the server could not be reached: port closed, no route, connection lost
};
[[nodiscard]] std::string_view outcome_name(Outcome outcome);

// Whether the domain has spoken: trying another server would bring the same.
[[nodiscard]] inline bool is_definite(Outcome outcome) {
  return outcome == Outcome::ok || outcome == Outcome::nodata || outcome == Outcome::nxdomain;
}

struct Answer {
  Outcome outcome = Outcome::network;
  std::vector<dns::Record> records;  // of the type asked for, each once; empty unless ok
  std::string canonical;             // where the chain of CNAMEs ended; the name itself without one

  // AD, from a server listed as validating: the whole chain, or the denial, is signed. Without
  // `validating` nobody checked, and false does not mean that the domain is unsigned.
  bool authenticated = false;
  bool validating = false;

  std::uint32_t ttl = 0;  // ok: seconds, the smallest of the records and the chain
  // nodata, nxdomain: RFC 2308 section 5, with the chain; absent when the server sent no SOA.
  std::optional<std::uint32_t> negative_ttl;

  std::uint16_t rcode = 0;  // of the message, when there was one
  std::string reason;       // for people: what was wrong; empty when is_definite()
};

// Reads an answer to (name, type, IN). `validating`: the server is listed as such.
[[nodiscard]] Answer read_answer(Bytes wire, std::uint16_t id, const mail::DnsName& name,
                                 dns::Type type, bool validating);

// The number of CNAMEs followed within one answer; Unbound stops at 11, BIND at 16.
inline constexpr std::size_t kChain = 16;

}  // namespace mxw::resolve
