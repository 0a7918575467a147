// Sequence and the limits that all rows share.
#pragma once

#include <cstddef>
#include <cstdint>

namespace mxw::rows {

// A place in the store's history of changes: grows with every change, never repeats. Starts at the
// microsecond the store was made, so a reader that knew a store now lost is seen to be ahead or
// behind and gets everything anew. Below 2^53, as JSON numbers need.
using Sequence = std::uint64_t;

// Limits of one row or set; more is refused with Fault::limit, and nothing is written.
inline constexpr std::size_t kNameBytes = 255;    // RFC 1035 section 2.3.4
inline constexpr std::size_t kWordBytes = 128;    // ids (32), sources, result types
inline constexpr std::size_t kDetailBytes = 512;  // one line of a log

}  // namespace mxw::rows
