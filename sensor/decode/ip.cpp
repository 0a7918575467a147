#include "sensor/decode/ip.hpp"

#include "sensor/decode/checksum.hpp"

namespace mxw::decode {
namespace {

constexpr std::size_t kIpv4Header = 20, kIpv6Header = 40, kFragmentHeader = 8, kMinExtension = 8;

// IANA protocol numbers.
constexpr std::uint8_t kHopByHop = 0, kIpInIp = 4, kTcp = 6, kUdp = 17, kIpv6InIp = 41,
                       kRouting = 43, kFragment = 44, kGre = 47, kEsp = 50, kAuthentication = 51,
                       kDestinationOptions = 60;

// The packet has `total` octets; 0 = to the end of the frame. Sets Cursor::datagram.
void set_total(Cursor& cursor, std::uint32_t total) {
  cursor.limit(total == 0 ? cursor.wire : total);
  cursor.datagram = cursor.bytes;
}

// The address a routing header leads to at last: the checksum covers it and answers come from it
// (RFC 8200 section 8.1). Types 0 and 2 list it at the end, segment routing (RFC 8754) at the
// front.
void follow_routing_header(Cursor& cursor, Bytes header) {
  constexpr std::size_t kAddress = 16;
  const std::uint8_t type = header[2], segments_left = header[3];
  if (segments_left == 0 || header.size() < kMinExtension + kAddress) return;
  if (type == 4)
    cursor.ip.dst = IpAddress::from_v6(header.subspan(kMinExtension));
  else if ((type == 0 || type == 2) && (header.size() - kMinExtension) % kAddress == 0)
    cursor.ip.dst = IpAddress::from_v6(header.last(kAddress));
}

// Hop-by-hop, destination options, routing: length in units of 8 octets, the first not counted; AH
// in units of 4 octets, the first two not counted.
Layer open_extension(Cursor& cursor) {
  if (cursor.bytes.size() < kMinExtension) return cursor.missing(kMinExtension);
  const std::size_t units = cursor.bytes[1];
  const std::size_t length = cursor.protocol == kAuthentication ? (units + 2) * 4 : (units + 1) * 8;
  if (cursor.bytes.size() < length) return cursor.missing(length);
  if (cursor.protocol == kRouting) follow_routing_header(cursor, cursor.bytes.first(length));
  cursor.protocol = cursor.bytes[0];
  cursor.skip(length);
  return Layer::protocol;
}

Layer open_fragment_header(Cursor& cursor) {
  if (cursor.ip.fragmented) return Layer::malformed;  // a fragment of what was put together
  if (cursor.bytes.size() < kFragmentHeader) return cursor.missing(kFragmentHeader);
  const std::uint8_t* header = cursor.bytes.data();
  const std::uint16_t field = be16(header + 2);
  cursor.protocol = header[0];
  cursor.fragment_offset = field & 0xfff8;
  cursor.more_fragments = (field & 1) != 0;
  cursor.fragment_id = be32(header + 4);
  cursor.skip(kFragmentHeader);
  const bool atomic = cursor.fragment_offset == 0 && !cursor.more_fragments;  // RFC 6946
  return atomic ? Layer::protocol : Layer::fragment;
}

}  // namespace

Layer open_ipv4(Cursor& cursor) {
  if (cursor.bytes.size() < kIpv4Header) return cursor.missing(kIpv4Header);
  const std::uint8_t* header = cursor.bytes.data();
  const std::size_t length = std::size_t{4} * (header[0] & 0x0f);
  if (header[0] >> 4 != 4 || length < kIpv4Header) return Layer::malformed;
  if (cursor.bytes.size() < length) return cursor.missing(length);
  const std::uint32_t total = be16(header + 2);
  if (total != 0 && total < length) return Layer::malformed;
  cursor.ip.bad_header =
      be16(header + 10) != 0 && !sums_to_zero(add_words(0, cursor.bytes.first(length)));
  set_total(cursor, total);
  cursor.header_length = length;
  cursor.ip.src = IpAddress::from_v4(cursor.bytes.subspan(12, 4));
  cursor.ip.dst = IpAddress::from_v4(cursor.bytes.subspan(16, 4));
  cursor.ip.ttl = header[8];
  cursor.ip.ip_id = be16(header + 4);
  cursor.protocol = header[9];
  const std::uint16_t field = be16(header + 6);
  cursor.fragment_offset = (field & 0x1fffu) * 8;
  cursor.more_fragments = (field & 0x2000) != 0;
  cursor.fragment_id = cursor.ip.ip_id;
  cursor.skip(length);
  const bool whole = cursor.fragment_offset == 0 && !cursor.more_fragments;
  return whole ? Layer::protocol : Layer::fragment;
}

Layer open_ipv6(Cursor& cursor) {
  if (cursor.bytes.size() < kIpv6Header) return cursor.missing(kIpv6Header);
  const std::uint8_t* header = cursor.bytes.data();
  if (header[0] >> 4 != 6) return Layer::malformed;
  const std::uint32_t payload = be16(header + 4);
  set_total(cursor, payload == 0 ? 0 : payload + static_cast<std::uint32_t>(kIpv6Header));
  cursor.header_length = kIpv6Header;
  cursor.ip.src = IpAddress::from_v6(cursor.bytes.subspan(8, 16));
  cursor.ip.dst = IpAddress::from_v6(cursor.bytes.subspan(24, 16));
  cursor.ip.ttl = header[7];
  cursor.protocol = header[6];
  cursor.skip(kIpv6Header);
  return Layer::protocol;
}

Layer open_protocol(Cursor& cursor) {
  switch (cursor.protocol) {
    case kTcp:
      return Layer::tcp;
    case kUdp:
      return Layer::udp;
    case kAuthentication:
      return open_extension(cursor);
    case kHopByHop:
    case kRouting:
    case kDestinationOptions:
      return cursor.ip.src.v4() ? Layer::other_protocol : open_extension(cursor);
    case kFragment:
      return cursor.ip.src.v4() ? Layer::other_protocol : open_fragment_header(cursor);
    case kIpInIp:
    case kIpv6InIp:
    case kGre:
    case kEsp:
      return Layer::tunnel;
    default:
      return Layer::other_protocol;
  }
}

}  // namespace mxw::decode
