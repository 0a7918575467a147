#include "sensor/decode/link.hpp"

namespace mxw::decode {
namespace {

using capture::LinkType;

constexpr std::uint16_t kTypeIpv4 = 0x0800, kTypeIpv6 = 0x86dd;
constexpr std::size_t kEthernetHeader = 14, kSllHeader = 16, kSll2Header = 20, kVlanTag = 4;
constexpr std::size_t kNullHeader = 4;
constexpr std::uint16_t kVlanMask = 0x0fff;

// Takes a header of `length` octets off whose Ethernet type stands at `type_at`.
Layer typed(Cursor& cursor, std::size_t length, std::size_t type_at) {
  if (cursor.bytes.size() < length) return cursor.missing(length);
  cursor.ethertype = be16(cursor.bytes.data() + type_at);
  cursor.skip(length);
  return Layer::ethertype;
}

// BSD loopback: the address family in the writer's byte order (NULL) or in network order (LOOP).
// The value of AF_INET6 depends on the system: 10 Linux, 24 NetBSD, 28 FreeBSD, 30 Darwin.
Layer open_loopback(Cursor& cursor) {
  if (cursor.bytes.size() < kNullHeader) return cursor.missing(kNullHeader);
  const std::uint8_t* family = cursor.bytes.data();
  const std::uint32_t value =
      family[0] == 0 && family[1] == 0
          ? be16(family + 2)
          : static_cast<std::uint32_t>(family[0] | family[1] << 8 | family[2] << 16) |
                std::uint32_t{family[3]} << 24;
  cursor.skip(kNullHeader);
  switch (value) {
    case 2:
      return Layer::ipv4;
    case 10:
    case 24:
    case 28:
    case 30:
      return Layer::ipv6;
    default:
      return Layer::not_ip;
  }
}

Layer open_raw(const Cursor& cursor) {
  if (cursor.bytes.empty()) return cursor.missing(1);
  switch (cursor.bytes[0] >> 4) {
    case 4:
      return Layer::ipv4;
    case 6:
      return Layer::ipv6;
    default:
      return Layer::malformed;
  }
}

// PPP (RFC 1661), in HDLC-like framing (RFC 1662) or without address and control; the protocol
// field may be compressed to one octet, whose lowest bit is then set.
Layer open_ppp(Cursor& cursor) {
  if (cursor.bytes.size() >= 2 && cursor.bytes[0] == 0xff && cursor.bytes[1] == 0x03)
    cursor.skip(2);
  if (cursor.bytes.empty()) return cursor.missing(1);
  const std::size_t length = (cursor.bytes[0] & 1) != 0 ? 1 : 2;
  if (cursor.bytes.size() < length) return cursor.missing(length);
  const std::uint32_t protocol = length == 1 ? cursor.bytes[0] : be16(cursor.bytes.data());
  cursor.skip(length);
  switch (protocol) {
    case 0x0021:
      return Layer::ipv4;
    case 0x0057:
      return Layer::ipv6;
    case 0x0281:  // MPLS unicast and multicast, RFC 3032
    case 0x0283:
      return Layer::tunnel;
    default:
      return Layer::not_ip;
  }
}

Layer open_vlan(Cursor& cursor) {
  if (cursor.bytes.size() < kVlanTag) return cursor.missing(kVlanTag);
  if (!cursor.tagged) cursor.ip.vlan = be16(cursor.bytes.data()) & kVlanMask;
  cursor.tagged = true;
  return typed(cursor, kVlanTag, 2);
}

}  // namespace

Layer open_link(LinkType link, Cursor& cursor) {
  switch (link) {
    case capture::kLinkEthernet:
      return typed(cursor, kEthernetHeader, 12);
    case capture::kLinkSll:
      return typed(cursor, kSllHeader, 14);
    case capture::kLinkSll2:
      return typed(cursor, kSll2Header, 0);
    case capture::kLinkNull:
    case capture::kLinkLoop:
      return open_loopback(cursor);
    case capture::kLinkRaw:
    case capture::kLinkRawOld:
    case capture::kLinkRawOpenBsd:
      return open_raw(cursor);
    case capture::kLinkIpv4:
      return Layer::ipv4;
    case capture::kLinkIpv6:
      return Layer::ipv6;
    case capture::kLinkPpp:
    case capture::kLinkPppHdlc:
      return open_ppp(cursor);
    default:
      return Layer::not_ip;
  }
}

Layer open_ethertype(Cursor& cursor) {
  switch (cursor.ethertype) {
    case kTypeIpv4:
      return Layer::ipv4;
    case kTypeIpv6:
      return Layer::ipv6;
    case 0x8100:  // 802.1Q
    case 0x88a8:  // 802.1ad service tag
    case 0x9100:  // QinQ before 802.1ad
      return open_vlan(cursor);
    case 0x8847:  // MPLS
    case 0x8848:
    case 0x8863:  // PPPoE discovery and session
    case 0x8864:
      return Layer::tunnel;
    default:
      return Layer::not_ip;
  }
}

}  // namespace mxw::decode
