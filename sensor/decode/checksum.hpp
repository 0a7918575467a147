// The Internet checksum (RFC 1071), eight octets at a time. Sums are kept in host order: a ones'
// complement sum is the same in either byte order but for the order of its own two octets, and all
// we ask is whether it comes out as zero. Internal to sensor/decode.
#pragma once

#include <cstdint>

#include "core/base/bytes.hpp"
#include "sensor/decode/segment.hpp"

namespace mxw::decode {

// Adds the octets to a running sum. REQUIRES: all runs but the last have an even length; at most
// 2^31 octets in all, so that the sum cannot overflow.
[[nodiscard]] std::uint64_t add_words(std::uint64_t sum, Bytes bytes);

// True when the sum over data and checksum field is the ones' complement zero a receiver expects.
[[nodiscard]] bool sums_to_zero(std::uint64_t sum);

// Over the pseudo header (RFC 9293 section 3.1, RFC 8200 section 8.1) and the transport's octets.
[[nodiscard]] Checksum transport_checksum(const IpInfo& ip, std::uint8_t protocol, Bytes transport);

}  // namespace mxw::decode
