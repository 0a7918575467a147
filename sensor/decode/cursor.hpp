// Cursor: what the decode loop knows of the packet in hand, and Layer: what it opens next. Each
// step (link.hpp, ip.hpp, transport.hpp) takes one header off the front and says what follows, so a
// new encapsulation is one step more and one case in the loop. Internal to sensor/decode.
#pragma once

#include <algorithm>
#include <cstdint>

#include "core/base/bytes.hpp"
#include "core/evidence/frame.hpp"
#include "sensor/decode/segment.hpp"

namespace mxw::decode {

enum class Layer : std::uint8_t {
  // To be opened.
  ethertype,  // Cursor::ethertype tells
  ipv4,
  ipv6,
  protocol,  // Cursor::protocol tells: an extension header, a transport or a tunnel
  fragment,  // a piece: to the fragment table
  tcp,
  udp,
  // Ends; each but `done` and `cut` is one of the Counters.
  done,
  cut,  // a header is not all there because the capture is shorter than the wire
  malformed,
  not_ip,
  other_protocol,
  tunnel,
};

struct Cursor {
  Bytes bytes;             // captured octets from here on
  std::uint32_t wire = 0;  // octets on the wire from here on; never less than bytes.size()
  std::uint16_t ethertype = 0;
  std::uint8_t protocol = 0;  // IANA protocol number of what follows
  bool tagged = false;        // a VLAN tag was seen
  IpInfo ip;
  evidence::FrameRef at;

  // Set by the IP steps.
  Bytes datagram;                 // captured octets of the IP packet, padding removed
  std::size_t header_length = 0;  // of its fixed header and IPv4 options
  bool stable = false;            // as PacketView::stable
  std::uint32_t fragment_id = 0;
  std::uint32_t fragment_offset = 0;  // octets
  bool more_fragments = false;

  void skip(std::size_t n) {
    bytes = bytes.subspan(n);
    wire -= static_cast<std::uint32_t>(n);
  }
  // What follows is n octets on the wire; what stands behind is padding.
  void limit(std::uint32_t n) {
    wire = n;
    bytes = bytes.first(std::min<std::size_t>(n, bytes.size()));
  }
  // The end for a header of n octets that is not all there. REQUIRES: bytes.size() < n.
  [[nodiscard]] Layer missing(std::size_t n) const {
    return wire < n ? Layer::malformed : Layer::cut;
  }
};

[[nodiscard]] inline std::uint16_t be16(const std::uint8_t* at) {
  return static_cast<std::uint16_t>(at[0] << 8 | at[1]);
}
[[nodiscard]] inline std::uint32_t be32(const std::uint8_t* at) {
  return std::uint32_t{be16(at)} << 16 | be16(at + 2);
}

}  // namespace mxw::decode
