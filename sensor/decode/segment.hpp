// What decoding gives: TCP segments and UDP datagrams with their addresses and provenance. Borrowed
// bytes are valid only during the visitor's call.
#pragma once

#include <cstdint>

#include "core/base/bytes.hpp"
#include "core/base/ip.hpp"
#include "core/evidence/frame.hpp"

namespace mxw::decode {

inline constexpr std::uint8_t kFin = 0x01, kSyn = 0x02, kRst = 0x04, kPsh = 0x08, kAck = 0x10,
                              kUrg = 0x20;

// unknown: cut, left to the network card by the capturing host, or UDP without one.
enum class Checksum : std::uint8_t { good, bad, unknown };

struct IpInfo {
  std::uint32_t tenant = 0;  // 0 unless asked for by VLAN or VNI
  IpAddress src, dst;
  std::uint8_t ttl = 0;     // or hop limit
  std::uint16_t ip_id = 0;  // IPv4 only
  std::uint16_t vlan = 0;   // outermost tag, 0 = none
  bool bad_header = false;  // IPv4 header checksum neither right nor 0, of any fragment
  bool fragmented = false;  // put together from fragments; ttl and vlan are those of the first one
};

struct Segment {
  IpInfo ip;
  std::uint16_t src_port = 0, dst_port = 0;
  std::uint32_t seq = 0, ack = 0;
  std::uint8_t flags = 0;
  std::uint16_t window = 0;
  Bytes payload;                     // captured part
  std::uint32_t payload_length = 0;  // on the wire; more than payload.size() = cut
  Bytes tcp;                         // header, options and captured payload, for the checksum
  bool whole = false;                // the TCP octets are all there
  evidence::FrameRef at;

  // Computed when asked: payload of settled TLS need not be summed. `bad` also for a bad IPv4
  // header, so that one rule serves both: it may be offload (the sender's own capture shows packets
  // before the card sums them) or an anonymised capture, and then all of a direction are bad.
  [[nodiscard]] Checksum checksum() const;
  [[nodiscard]] Bytes options() const;  // TCP options as on the wire, padding included
};

struct Datagram {
  IpInfo ip;
  std::uint16_t src_port = 0, dst_port = 0;
  Bytes payload;                          // captured part
  std::uint32_t payload_length = 0;       // on the wire; more than payload.size() = cut
  Checksum checksum = Checksum::unknown;  // as Segment::checksum(), but at once
  evidence::FrameRef at;
};

// Not thread-safe; called from Decoder::decode() only, which it must not call again.
class Visitor {
 public:
  virtual ~Visitor() = default;
  virtual void on_segment(const Segment& segment) = 0;
  virtual void on_datagram(const Datagram& datagram) = 0;
};

}  // namespace mxw::decode
