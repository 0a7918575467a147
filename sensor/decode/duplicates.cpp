#include "sensor/decode/duplicates.hpp"

#include <algorithm>
#include <cstring>

namespace mxw::decode {
namespace {

constexpr std::size_t kKeyPayload = 40;  // covers a TCP header with timestamps and its checksum
constexpr std::size_t kIpv4Ttl = 8, kIpv4Checksum = 10, kIpv6HopLimit = 7;

std::uint64_t mix(std::uint64_t state, std::uint64_t word) {
  state = (state ^ word) * 0x9e37'79b9'7f4a'7c15;  // 2^64 over the golden ratio
  return state ^ state >> 29;
}

std::uint64_t load_word(const std::uint8_t* at, std::size_t n) {
  std::uint64_t word = 0;
  std::memcpy(&word, at, n);
  return word;
}

std::uint64_t mix_all(std::uint64_t state, Bytes bytes) {
  std::size_t i = 0;
  for (; i + 8 <= bytes.size(); i += 8) state = mix(state, load_word(bytes.data() + i, 8));
  return i == bytes.size() ? state : mix(state, load_word(bytes.data() + i, bytes.size() - i));
}

bool is_ipv4(Bytes datagram) {
  return datagram[0] >> 4 == 4;
}

std::uint64_t key_of(Bytes datagram, std::size_t header_length) {
  std::uint64_t key = mix(datagram.size(), load_word(datagram.data(), kIpv6HopLimit));
  std::size_t from = kIpv6HopLimit + 1;
  if (is_ipv4(datagram)) {
    key = mix(key, load_word(datagram.data() + kIpv4Ttl - 1, 1) << 8 | datagram[kIpv4Ttl + 1]);
    from = kIpv4Checksum + 2;
  }
  const std::size_t to = std::min(datagram.size(), header_length + kKeyPayload);
  return mix_all(key, datagram.subspan(from, to - from));
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
