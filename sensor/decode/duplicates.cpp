#include "sensor/decode/duplicates.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

namespace mxw::decode {
namespace {

constexpr std::size_t kKeyPayload = 40;  // covers a TCP header with timestamps and its checksum
constexpr std::size_t kIpv4Ttl = 8, kIpv4Checksum = 10, kIpv6HopLimit = 7;

__extension__ using Wide = unsigned __int128;

// Any odd constants with as many ones as zeros will do; these are digits of pi.
constexpr std::uint64_t kOdd1 = 0x243f'6a88'85a3'08d3, kOdd2 = 0x1319'8a2e'0370'7345;

std::uint64_t mix(std::uint64_t a, std::uint64_t b) {
  const Wide product = static_cast<Wide>(a ^ kOdd1) * (b ^ kOdd2);
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

std::uint64_t load_word(const std::uint8_t* at) {
  std::uint64_t word = 0;
  std::memcpy(&word, at, sizeof word);
  return word;
}

// Sixteen octets at a time, each product for itself: none waits for the one before. The last words
// may overlap. REQUIRES: at least eight octets.
std::uint64_t mix_all(std::uint64_t state, Bytes bytes) {
  const std::uint8_t* at = bytes.data();
  std::size_t left = bytes.size();
  for (; left > 16; at += 16, left -= 16) state += mix(load_word(at) + left, load_word(at + 8));
  const std::uint8_t* last = bytes.data() + bytes.size() - 8;
  return state + mix(load_word(std::min(at, last)) + left, load_word(last));
}

// The first seven octets of a word, whatever the byte order.
constexpr auto kBeforeHopLimit = std::bit_cast<std::uint64_t>(
    std::array<std::uint8_t, 8>{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0});

bool is_ipv4(Bytes datagram) {
  return datagram[0] >> 4 == 4;
}

std::uint64_t key_of(Bytes datagram, std::size_t header_length) {
  const std::uint8_t* header = datagram.data();
  const std::size_t to = std::min(datagram.size(), header_length + kKeyPayload);
  std::uint64_t first = load_word(header);
  std::size_t from = kIpv6HopLimit + 1;
  if (is_ipv4(datagram)) {
    first += header[kIpv4Ttl + 1];
    from = kIpv4Checksum + 2;
  } else {
    first &= kBeforeHopLimit;
  }
  return mix_all(mix(first, datagram.size()), datagram.subspan(from, to - from));
}

bool runs_equal(Bytes a, Bytes b, std::size_t from, std::size_t to) {
  return std::memcmp(a.data() + from, b.data() + from, to - from) == 0;
}

bool same_packet(Bytes a, Bytes b) {
  if (a.size() != b.size() || a[0] != b[0]) return false;
  if (!is_ipv4(a))
    return runs_equal(a, b, 0, kIpv6HopLimit) && runs_equal(a, b, kIpv6HopLimit + 1, a.size());
  return runs_equal(a, b, 0, kIpv4Ttl) && runs_equal(a, b, kIpv4Ttl + 1, kIpv4Checksum) &&
         runs_equal(a, b, kIpv4Checksum + 2, a.size());
}

}  // namespace

bool Duplicates::matches(const Entry& entry, std::uint64_t key, Bytes datagram, Time time) const {
  const std::int64_t apart = std::max(entry.time, time) - std::min(entry.time, time);
  return entry.key == key && apart <= limits::kDuplicateSpan &&
         same_packet(entry.datagram, datagram);
}

bool Duplicates::seen(Bytes datagram, std::size_t header_length, Time time, bool stable) {
  const std::uint64_t number = ++packets_;
  const std::uint64_t key = key_of(datagram, header_length);
  Bucket& bucket = buckets_[(key >> 32) % kBuckets];
  // A chain ends at the first packet outside the window: those behind it are older still, and the
  // place of a packet outside the window may hold another one already.
  std::uint64_t candidate = bucket.number;
  std::size_t place = bucket.place;
  while (candidate != 0 && number - candidate <= limits::kDuplicateWindow &&
         ring_[place].number == candidate) {
    const Entry& entry = ring_[place];
    if (matches(entry, key, datagram, time)) return true;
    candidate = entry.previous;
    place = entry.place;
  }
  Entry& entry = ring_[next_];
  entry.key = key;
  entry.number = number;
  entry.previous = bucket.number;
  entry.place = bucket.place;
  entry.time = time;
  if (!stable) entry.copy.assign(datagram.begin(), datagram.end());
  entry.datagram = stable ? datagram : Bytes(entry.copy);
  bucket = {number, next_};
  next_ = (next_ + 1) % ring_.size();
  return false;
}

}  // namespace mxw::decode
