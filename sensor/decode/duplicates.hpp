// Duplicates: a mirror often delivers a packet twice, with another tag, link header or hop count.
// Two packets are one when their IP octets are equal but for TTL (hop limit) and IPv4 header
// checksum, at most limits::kDuplicateWindow packets and limits::kDuplicateSpan apart. The
// comparison is exact: a key only picks the candidates, so no crafted packet can hide another one.
// Internal to sensor/decode.
//
// Packets of a memory map are referred to where they stand; others are copied into storage that is
// used again, at most limits::kPacketBytes for each of the window's places.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "core/base/bytes.hpp"
#include "core/base/limits.hpp"
#include "core/base/time.hpp"

namespace mxw::decode {

class Duplicates {
 public:
  // True when the packet was seen before; else it is remembered. `datagram` are the captured octets
  // from the IP header on, `header_length` those before the payload, `stable`: they outlive this
  // object. REQUIRES: datagram begins with a whole IPv4 or IPv6 header, header_length <=
  // datagram.size().
  [[nodiscard]] bool seen(Bytes datagram, std::size_t header_length, Time time, bool stable);

 private:
  struct Entry {
    std::uint64_t key = 0;
    std::uint64_t number = 0;    // 1 for the first packet; 0 = free
    std::uint64_t previous = 0;  // number of an earlier packet in the same bucket
    std::size_t place = 0;       // of that earlier packet in the ring
    Time time;
    Bytes datagram;
    std::vector<std::uint8_t> copy;  // what `datagram` refers to when the packet was not stable
  };
  struct Bucket {
    std::uint64_t number = 0;  // latest packet whose key falls here
    std::size_t place = 0;
  };
  static constexpr std::size_t kBuckets = 4 * limits::kDuplicateWindow;

  [[nodiscard]] bool matches(const Entry& entry, std::uint64_t key, Bytes datagram,
                             Time time) const;

  std::array<Entry, limits::kDuplicateWindow> ring_;
  std::array<Bucket, kBuckets> buckets_{};
  std::uint64_t packets_ = 0;  // seen so far, duplicates included
  std::size_t next_ = 0;       // place of the next packet that is no duplicate
};

}  // namespace mxw::decode
