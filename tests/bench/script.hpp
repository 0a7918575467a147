// Script: one recorded mail session as a list of steps that can be played again with other
// addresses, another certificate chain and a longer message.
//
// A step is one write of one side (packets of one direction with nothing from the other side
// between them are one write), a bare TCP segment, or a DNS datagram.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/base/bytes.hpp"
#include "core/base/result.hpp"

namespace mxw::bench {

using Octets = std::vector<std::uint8_t>;

inline constexpr std::uint8_t kFin = 1, kSyn = 2, kRst = 4, kPsh = 8, kAck = 16;

struct Step {
  std::int64_t offset = 0;  // ns after the first packet of the capture
  bool tcp = false;
  bool from_client = false;
  std::uint8_t flags = 0;  // TCP
  Octets head;             // Ethernet, IP and TCP or UDP header as recorded
  Octets payload;
};

enum class Body : std::uint8_t { none, tls, data };

struct Script {
  std::string name;
  bool ipv6 = false;
  Octets client, server;  // addresses as recorded
  std::vector<Step> steps;
  Body body = Body::none;                         // how the message can be made longer
  std::size_t body_step = 0;                      // the client's write that holds the message
  std::size_t body_at = 0;                        // where in its payload octets may be put in
  std::size_t certificate_step = 0;               // the server's flight with the chain in clear
  std::size_t certificate_at = 0;                 // offset of the record
  std::optional<std::size_t> certificate_length;  // octets of the record; none: no chain in clear
  Octets client_ack, server_ack;                  // heads for bare acknowledgements
};

// Reads a capture of one TCP connection and its DNS datagrams over Ethernet, without loss,
// reordering or retransmission. Errors (ErrorKind::input): anything else.
Result<Script> read_script(const std::string& path);

}  // namespace mxw::bench
