// Which addresses belong to hosts of the public Internet.
#pragma once

#include "core/base/ip.hpp"

namespace mxw::https {

// Recipients choose the domain and so the address we connect to: it must not lead into our own
// network (docs/pitfalls.md). True only for what the IANA registries of special-purpose addresses
// (RFC 6890 with its updates, as of 2025) call globally reachable, and for ordinary unicast space:
// no loopback, private, link-local, documentation, benchmarking, multicast or reserved addresses,
// no 6to4, no IPv4 in IPv6 but the NAT64 prefix of RFC 6052, which counts as the IPv4 address in
// it. Pure, thread-safe; false for an address without family.
[[nodiscard]] bool is_globally_routable(const IpAddress& address);

}  // namespace mxw::https
