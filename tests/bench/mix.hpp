// A mix: which sessions a benchmark capture holds, and the loop that plays them side by side.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tests/bench/chains.hpp"
#include "tests/bench/packet_writer.hpp"
#include "tests/bench/random.hpp"
#include "tests/bench/script.hpp"

namespace mxw::bench {

struct Mix {
  // Sessions take their script from the two lists in turn, and in each list one after the other.
  std::vector<Script> even, odd;
  const Chains* chains = nullptr;  // the chain of server n replaces that of TLS 1.2; null: as is
  bool long_messages = false;      // 4 to 400 KB, log-uniform, put into each message
  bool one_query = false;
  std::size_t open = 1'000;  // sessions open at the same time, about
};

struct Totals {
  std::uint64_t sessions = 0;
  std::uint64_t message_octets = 0;  // of the file: records of packets that carry a message
};

// Plays new sessions until the file has `octets`, then all open ones to their end.
Totals play(const Mix& mix, std::uint64_t octets, Random random, PacketWriter& writer);

}  // namespace mxw::bench
