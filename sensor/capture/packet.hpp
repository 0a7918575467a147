// PacketView: one captured packet, borrowed from its source. First value of the pipeline.
#pragma once

#include <cstdint>

#include "core/base/bytes.hpp"
#include "core/evidence/frame.hpp"

namespace mxw::capture {

// LINKTYPE_ values of the pcap and pcapng formats (tcpdump.org/linktypes.html).
using LinkType = std::uint32_t;
inline constexpr LinkType kLinkNull = 0, kLinkEthernet = 1, kLinkPpp = 9, kLinkRaw = 101,
                          kLinkLoop = 108, kLinkSll = 113, kLinkIpv4 = 228, kLinkIpv6 = 229,
                          kLinkSll2 = 276;
[[nodiscard]] bool link_supported(LinkType link);

struct PacketView {
  Bytes bytes;                   // captured octets, valid until the next read of the same source
  std::uint32_t wire_length = 0;  // octets on the wire; more than bytes.size() = cut
  LinkType link = kLinkEthernet;
  std::uint32_t interface = 0;
  evidence::FrameRef at;
  bool stable = false;  // bytes stay valid for the whole run (memory map)
};

}  // namespace mxw::capture
