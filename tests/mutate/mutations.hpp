// Mutations: what happens to packets between the wire and a capture file without anybody attacking
// (loss, other order, copies, snap lengths, half of the traffic, checksums left to the card). Pure
// functions of packets and a seed.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "packets.hpp"

namespace mxw::mutate {

struct Mutation {
  std::string name;       // "drop 5 %": runs are counted by it
  std::uint64_t variant;  // seed, or the packet or place that is meant
  std::function<Packets(const Packets&)> apply;
};

// Every mutation for a capture of these packets. `stride` thins out those that are tried at every
// packet (1 = all where the capture is small).
[[nodiscard]] std::vector<Mutation> mutations_for(const Packets& packets, std::size_t stride);

// Single ones, for tests of their own.
enum class Copy : std::uint8_t { exact, ttl_less_one, late };
[[nodiscard]] Packets drop(const Packets& packets, double rate, std::uint64_t seed);
// Every packet is delayed by up to one round trip of its connection, passes at most 16 others and
// never a reset.
[[nodiscard]] Packets reorder(const Packets& packets, double rate, std::uint64_t seed);
// All packets of one direction are delayed by a part of the round trip, with the same bounds.
[[nodiscard]] Packets delay_direction(const Packets& packets, bool of_client, double round_trips);
[[nodiscard]] Packets duplicate(const Packets& packets, double rate, Copy how, std::uint64_t seed);
// A snap length: what is beyond is cut, the length on the wire stays.
[[nodiscard]] Packets snap(const Packets& packets, std::size_t octets);
// Time passes more slowly: up to `most_ns` more before each packet, order kept.
[[nodiscard]] Packets jitter(const Packets& packets, std::int64_t most_ns, std::uint64_t seed);
[[nodiscard]] Packets only_direction(const Packets& packets, bool of_client);
// Transport checksums of one direction as the sending host's own capture shows them: the sum of the
// pseudo-header, or anything wrong.
[[nodiscard]] Packets offload(const Packets& packets, bool of_client, bool pseudo_header);

}  // namespace mxw::mutate
