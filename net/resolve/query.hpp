// A DNS question as octets (RFC 1035 section 4.1), written by ourselves because c-ares 1.18 sets
// neither AD nor CD. Pure functions, thread-safe.
#pragma once

#include <cstdint>
#include <vector>

#include "core/dns/message.hpp"
#include "core/mail/name.hpp"

namespace mxw::resolve {

// What we offer to take over UDP: fits the 1,280 octets of the smallest IPv6 link, so that answers
// are not fragmented (RFC 9715 section 3.1; the DNS flag day of 2020 chose the same).
inline constexpr std::uint16_t kUdpBytes = 1'232;

struct QueryOptions {
  bool edns = true;                // an OPT record (RFC 6891), as the last 11 octets
  bool checking_disabled = false;  // CD: the answer even where validation failed
};

// RD and AD are always set. AD asks a validating resolver to tell its judgement without sending the
// signatures that DO would bring (RFC 6840 section 5.7).
[[nodiscard]] std::vector<std::uint8_t> build_query(std::uint16_t id, const mail::DnsName& name,
                                                    dns::Type type, QueryOptions options);

// From the system's random source; c-ares sends the id of our octets as it is.
[[nodiscard]] std::uint16_t random_id();

}  // namespace mxw::resolve
