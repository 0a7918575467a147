// TCP (RFC 9293) and UDP (RFC 768) headers to the values of segment.hpp.
#pragma once

#include "sensor/decode/cursor.hpp"

namespace mxw::decode {

// Layer::done when `segment` is filled.
[[nodiscard]] Layer read_tcp(const Cursor& cursor, Segment& segment);

// Layer::done when `datagram` is filled; Layer::tunnel for VXLAN (RFC 7348) and Geneve (RFC 8926).
[[nodiscard]] Layer read_udp(const Cursor& cursor, Datagram& datagram);

}  // namespace mxw::decode
