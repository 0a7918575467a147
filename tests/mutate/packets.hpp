// Packets of a capture as values that can be changed, and what a mutation must know of them: which
// connection, which direction, where the IP header and the transport stand.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/base/ip.hpp"
#include "sensor/capture/packet.hpp"

namespace mxw::mutate {

// What stands in a packet of the lab's captures (Ethernet, IPv4 or IPv6 without extension headers).
// Offsets count from the start of the frame.
struct Layout {
  std::size_t ip = 0, transport = 0;
  bool v4 = true, tcp = false, syn = false, ack = false, rst = false;
  Endpoint from, to;
  std::uint32_t sequence = 0;    // TCP
  std::size_t payload = 0;       // octets of TCP payload on the wire
  std::uint32_t connection = 0;  // number of the 5-tuple, in order of appearance
  bool of_client = false;        // sent by the side that opened the connection or asked
};

struct Packet {
  std::vector<std::uint8_t> bytes;
  std::uint32_t wire_length = 0;
  capture::LinkType link = capture::kLinkEthernet;
  Time time;
  std::optional<Layout> layout;  // nullopt: neither TCP nor UDP
};
using Packets = std::vector<Packet>;

// All packets of a capture file with their layouts. Throws std::runtime_error when it cannot be
// read whole.
[[nodiscard]] Packets read_packets(const std::string& path);

}  // namespace mxw::mutate
