// Link layers (tcpdump.org/linktypes.html), VLAN tags (IEEE 802.1Q, 802.1ad) and Ethernet types.
#pragma once

#include "sensor/capture/packet.hpp"
#include "sensor/decode/cursor.hpp"

namespace mxw::decode {

// Takes the link header off. A link type that is not supported (capture::link_supported) is not_ip.
[[nodiscard]] Layer open_link(capture::LinkType link, Cursor& cursor);

// Cursor::ethertype to a layer; one VLAN tag is taken off per call, the outermost is kept in
// IpInfo.
[[nodiscard]] Layer open_ethertype(Cursor& cursor);

}  // namespace mxw::decode
