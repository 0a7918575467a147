// Certificate chains for the small-session mix: a root, intermediates and one leaf for each server,
// all made from the seed, so that two runs give the same octets.
//
// The keys that sign are Ed25519 (its signatures have no random part). The leaves carry P-256 and
// 2,048-bit RSA keys in turn, as leaves on the wire do; nobody signs with them, so the RSA moduli
// are random numbers.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tests/bench/random.hpp"

namespace mxw::bench {

struct Chains {
  std::string root_pem;
  // Body of the Certificate message (RFC 5246 section 7.4.2) of each server.
  std::vector<std::vector<std::uint8_t>> messages;
};

// The leaves name mx1.example.org and mx2.example.org, valid from 2026-10-01 to 2027-03-31.
Chains make_chains(std::size_t count, Random& random);

}  // namespace mxw::bench
