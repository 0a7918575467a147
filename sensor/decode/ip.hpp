// IPv4 (RFC 791) and IPv6 (RFC 8200) with its extension headers and AH (RFC 4302).
#pragma once

#include "sensor/decode/cursor.hpp"

namespace mxw::decode {

// The fixed header (and IPv4 options) taken off: addresses, Cursor::datagram and protocol are set,
// padding behind the packet is removed. A total length of 0 (segmentation offload: the capture was
// made before the packet was split) reaches to the end of the frame. A total length beyond the
// frame counts as cut: taps that slice packets write the sliced length as the wire's. IPv4
// fragments give Layer::fragment.
//
// A wrong IPv4 header checksum (0 is offload) sets IpInfo::bad_header and drops nothing: captures
// whose addresses were changed to publish them have no right one, and would read as empty. Whether
// such a packet counts is decided by direction, with the transport checksum.
[[nodiscard]] Layer open_ipv4(Cursor& cursor);
[[nodiscard]] Layer open_ipv6(Cursor& cursor);

// Cursor::protocol to a layer; one extension header is taken off per call.
[[nodiscard]] Layer open_protocol(Cursor& cursor);

}  // namespace mxw::decode
