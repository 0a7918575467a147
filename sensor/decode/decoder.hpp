// Packets to segments: link layer, VLAN tags, IPv4 and IPv6 with extension headers, bounded
// fragment reassembly, TCP and UDP; duplicates of a mirror removed before anything else sees them.
// A bounded loop over layers, no recursion. Damaged packets are counted by kind and dropped;
// nothing here fails.
//
// A segment's bytes stand in the packet itself, or for reassembled ones in the decoder until the
// call returns. Packets that are `stable` must outlive the decoder (the last 64 are compared with
// for duplicates). Memory: the fragment table (limits::kFragmentBytes) and, for packets that are
// not stable, copies of the last 64. One decoder belongs to one thread.
#pragma once

#include <cstdint>
#include <memory>

#include "core/base/siphash.hpp"
#include "sensor/capture/packet.hpp"
#include "sensor/decode/segment.hpp"

namespace mxw::decode {

// Each packet is counted once among duplicates .. too_deep, tcp, udp, or ends as a fragment; `cut`
// comes on top.
struct Counters {
  std::uint64_t packets = 0, bytes = 0;  // given to decode(); captured octets
  std::uint64_t ipv4 = 0, ipv6 = 0;      // with a sound fixed header, duplicates included
  std::uint64_t tcp = 0, udp = 0;        // segments and datagrams delivered
  std::uint64_t duplicates = 0;
  std::uint64_t bad_ip_checksums = 0;    // delivered none the less, as Checksum::bad
  std::uint64_t malformed = 0;           // headers that do not fit or contradict themselves
  std::uint64_t not_ip = 0;              // ARP, LLDP, ...
  std::uint64_t other_protocol = 0;      // ICMP, SCTP, ...
  std::uint64_t unsupported_tunnel = 0;  // GRE, VXLAN, IP-in-IP, MPLS, PPPoE, ...: not opened yet
  std::uint64_t too_deep = 0;            // more than limits::kDecodeDepth layers
  std::uint64_t cut = 0;                 // shorter than on the wire, delivered or not
  // Packets that are fragments, duplicates not counted; those of them that were thrown away (a
  // limit, cut, forbidden overlap, no possible place); and those that say other octets than an
  // earlier one.
  std::uint64_t fragments = 0, fragments_dropped = 0, fragments_conflicting = 0;
  // Datagrams put together, and given up after limits::kFragmentTimeout or for a newer one.
  std::uint64_t fragments_reassembled = 0, fragments_expired = 0;

  // Of several runs (inputs kept apart): sums.
  Counters& operator+=(const Counters& other);
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

  // Calls the visitor at most once.
  void decode(const capture::PacketView& packet, Visitor& visitor);
  [[nodiscard]] const Counters& counters() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace mxw::decode
