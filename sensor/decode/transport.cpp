#include "sensor/decode/transport.hpp"

#include "sensor/decode/checksum.hpp"

namespace mxw::decode {
namespace {

constexpr std::size_t kTcpHeader = 20, kUdpHeader = 8;
constexpr std::uint8_t kTcp = 6, kUdp = 17;
constexpr std::uint16_t kVxlanPort = 4789, kGenevePort = 6081;

std::size_t tcp_header_length(Bytes tcp) {
  return std::size_t{4} * (tcp[12] >> 4);
}

// A tunnel by port number and by its own header: a resolver may well ask from port 4789.
bool is_tunnel(const Datagram& datagram) {
  constexpr std::size_t kTunnelHeader = 8;
  const Bytes payload = datagram.payload;
  if (payload.size() < kTunnelHeader) return false;
  if (datagram.dst_port == kVxlanPort) return payload[0] == 0x08 && payload[7] == 0;
  if (datagram.dst_port != kGenevePort) return false;
  const std::uint16_t inner = be16(payload.data() + 2);
  const bool known = inner == 0x6558 || inner == 0x0800 || inner == 0x86dd;
  return payload[0] >> 6 == 0 && known;
}

}  // namespace

Layer read_tcp(const Cursor& cursor, Segment& segment) {
  if (cursor.bytes.size() < kTcpHeader) return cursor.missing(kTcpHeader);
  const std::uint8_t* header = cursor.bytes.data();
  const std::size_t length = tcp_header_length(cursor.bytes);
  if (length < kTcpHeader) return Layer::malformed;
  if (cursor.bytes.size() < length) return cursor.missing(length);
  segment.ip = cursor.ip;
  segment.src_port = be16(header);
  segment.dst_port = be16(header + 2);
  segment.seq = be32(header + 4);
  segment.ack = be32(header + 8);
  segment.flags = header[13];
  segment.window = be16(header + 14);
  segment.payload = cursor.bytes.subspan(length);
  segment.payload_length = cursor.wire - static_cast<std::uint32_t>(length);
  segment.tcp = cursor.bytes;
  segment.whole = cursor.bytes.size() == cursor.wire;
  segment.at = cursor.at;
  return Layer::done;
}

Layer read_udp(const Cursor& cursor, Datagram& datagram) {
  if (cursor.bytes.size() < kUdpHeader) return cursor.missing(kUdpHeader);
  const std::uint8_t* header = cursor.bytes.data();
  const std::uint32_t stated = be16(header + 4);
  const std::uint32_t length = stated == 0 ? cursor.wire : stated;  // 0: a jumbogram, RFC 2675
  if (length < kUdpHeader || length > cursor.wire) return Layer::malformed;
  const Bytes udp = cursor.bytes.first(std::min<std::size_t>(length, cursor.bytes.size()));
  datagram.ip = cursor.ip;
  datagram.src_port = be16(header);
  datagram.dst_port = be16(header + 2);
  datagram.payload = udp.subspan(kUdpHeader);
  datagram.payload_length = length - static_cast<std::uint32_t>(kUdpHeader);
  datagram.at = cursor.at;
  if (is_tunnel(datagram)) return Layer::tunnel;
  const bool summable = be16(header + 6) != 0 && udp.size() == length;
  if (cursor.ip.bad_header)
    datagram.checksum = Checksum::bad;
  else if (summable)
    datagram.checksum = transport_checksum(cursor.ip, kUdp, udp);
  return Layer::done;
}

Checksum Segment::checksum() const {
  if (ip.bad_header) return Checksum::bad;
  return whole ? transport_checksum(ip, kTcp, tcp) : Checksum::unknown;
}

Bytes Segment::options() const {
  if (tcp.size() < kTcpHeader) return {};
  const std::size_t length = std::min(tcp_header_length(tcp), tcp.size());
  return length < kTcpHeader ? Bytes{} : tcp.subspan(kTcpHeader, length - kTcpHeader);
}

}  // namespace mxw::decode
