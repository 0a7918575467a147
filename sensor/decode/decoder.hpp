// Packets to segments: link layer, VLAN tags, IPv4 and IPv6 with extension headers, bounded fragment
// reassembly, TCP and UDP; duplicates of a mirror removed before anything else sees them. A bounded loop over
// layers, no recursion. Damaged packets are counted by kind and dropped; nothing here fails.
#pragma once

#include <cstdint>
#include <memory>

#include "core/base/siphash.hpp"
#include "sensor/capture/packet.hpp"
#include "sensor/decode/segment.hpp"

namespace mxw::decode {

struct Counters {
  std::uint64_t packets = 0, bytes = 0;
  std::uint64_t ipv4 = 0, ipv6 = 0, tcp = 0, udp = 0;
  std::uint64_t duplicates = 0;
  std::uint64_t malformed = 0;       // headers that do not fit or contradict themselves
  std::uint64_t not_ip = 0;          // ARP, LLDP, ...
  std::uint64_t other_protocol = 0;  // ICMP, SCTP, ...
  std::uint64_t unsupported_tunnel = 0;  // GRE, VXLAN, IP-in-IP, MPLS, PPPoE: counted, not opened yet
  std::uint64_t too_deep = 0;
  std::uint64_t cut = 0;  // shorter than on the wire
  std::uint64_t fragments = 0, fragments_reassembled = 0, fragments_expired = 0,
                fragments_dropped = 0, fragments_conflicting = 0;
};

struct Options {
  HashKey hash_key{};  // of the fragment table; no output depends on it
};

class Decoder {
 public:
  explicit Decoder(const Options& options);
  ~Decoder();
  Decoder(Decoder&&) noexcept;
  Decoder& operator=(Decoder&&) noexcept;

  void decode(const capture::PacketView& packet, Visitor& visitor);
  [[nodiscard]] const Counters& counters() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace mxw::decode
