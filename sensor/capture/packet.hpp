// PacketView: one captured packet, borrowed from its source. First value of the pipeline.
#pragma once

#include <cstdint>
#include <string>

#include "core/base/bytes.hpp"
#include "core/evidence/frame.hpp"

namespace mxw::capture {

// LINKTYPE_ values of the pcap and pcapng formats (tcpdump.org/linktypes.html).
using LinkType = std::uint32_t;
inline constexpr LinkType kLinkNull = 0, kLinkEthernet = 1, kLinkPpp = 9, kLinkPppHdlc = 50,
                          kLinkRaw = 101, kLinkLoop = 108, kLinkSll = 113, kLinkIpv4 = 228,
                          kLinkIpv6 = 229, kLinkSll2 = 276;
// DLT_RAW as some systems wrote it into files without mapping it to LINKTYPE_RAW.
inline constexpr LinkType kLinkRawOld = 12, kLinkRawOpenBsd = 14;
[[nodiscard]] bool link_supported(LinkType link);

// `link type 127 (IEEE802_11_RADIOTAP)`, or the number alone where the name is not known to us.
[[nodiscard]] std::string link_text(LinkType link);

struct PacketView {
  Bytes bytes;                    // captured octets, valid until the next read of the same source
  std::uint32_t wire_length = 0;  // octets on the wire; never less than bytes.size(), more = cut
  LinkType link = kLinkEthernet;
  std::uint32_t interface = 0;  // pcapng: counted through all sections of the file, from 0
  evidence::FrameRef at;
  bool stable = false;  // bytes stay valid for the whole run (memory map)
};

}  // namespace mxw::capture
