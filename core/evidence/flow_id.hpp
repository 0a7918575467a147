// flow_id (semantics 1, docs/decisions/0004): the name of a connection in every event, below 2^53
// so that readers in JavaScript keep it whole.
#pragma once

#include <cstdint>

#include "core/base/ip.hpp"
#include "core/evidence/frame.hpp"

namespace mxw::evidence {

// The first 53 bits of SHA-256 over (tenant, 5-tuple, time and number in the run of the first
// packet). `protocol` is the IP protocol number.
[[nodiscard]] std::uint64_t flow_id(std::uint32_t tenant, const Endpoint& client,
                                    const Endpoint& server, std::uint8_t protocol,
                                    const FrameRef& first);

}  // namespace mxw::evidence
