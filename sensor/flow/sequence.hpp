// TCP sequence numbers (RFC 9293 section 3.4): the one place where wrap-around is handled.
#pragma once

#include <cstdint>

namespace mxw::flow {

using Seq = std::uint32_t;

// a - b in sequence space: negative when a lies before b. Meaningful within half the space (2^31).
[[nodiscard]] constexpr std::int32_t distance(Seq a, Seq b) {
  return static_cast<std::int32_t>(a - b);
}

[[nodiscard]] constexpr bool before(Seq a, Seq b) {
  return distance(a, b) < 0;
}

// How far ahead of what was seen a segment or an acknowledgement may lie and still be believed:
// more than any window in use. What lies further ahead belongs to no connection we know, or is
// forged.
inline constexpr std::int32_t kBelievable = 16 << 20;

}  // namespace mxw::flow
