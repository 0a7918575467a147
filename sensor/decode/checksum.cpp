#include "sensor/decode/checksum.hpp"

#include <array>
#include <cstring>

namespace mxw::decode {
namespace {

std::uint64_t add_word(std::uint64_t sum, const std::uint8_t* at) {
  std::uint64_t word = 0;
  std::memcpy(&word, at, sizeof word);
  return sum + (word & 0xffff'ffff) + (word >> 32);
}

std::uint64_t folded(std::uint64_t sum) {
  while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
  return sum;
}

// The field holds only the sum of the pseudo header: the host leaves the rest to its network card,
// and its own capture is taken before that (CHECKSUM_PARTIAL of Linux). Nothing is known of the
// octets.
bool left_to_the_card(std::uint64_t pseudo_sum, std::uint8_t protocol, Bytes transport) {
  constexpr std::uint8_t kTcp = 6;
  const std::size_t at = protocol == kTcp ? 16 : 6;
  if (transport.size() < at + 2) return false;
  std::uint16_t field = 0;
  std::memcpy(&field, transport.data() + at, sizeof field);
  return folded(pseudo_sum) == field;
}

}  // namespace

std::uint64_t add_words(std::uint64_t sum, Bytes bytes) {
  const std::uint8_t* at = bytes.data();
  std::size_t left = bytes.size();
  // Four sums, so that an addition need not wait for the one before it.
  std::array<std::uint64_t, 4> sums{sum, 0, 0, 0};
  for (; left >= 32; at += 32, left -= 32)
    for (std::size_t i = 0; i < sums.size(); ++i) sums[i] = add_word(sums[i], at + 8 * i);
  sum = sums[0] + sums[1] + sums[2] + sums[3];
  for (; left >= 8; at += 8, left -= 8) sum = add_word(sum, at);
  // IP headers are multiples of four octets: that case is short.
  if (left >= 4) {
    std::uint32_t half = 0;
    std::memcpy(&half, at, sizeof half);
    sum += half;
    at += 4;
    left -= 4;
  }
  if (left > 0) {
    std::array<std::uint8_t, 4> tail{};
    for (std::size_t i = 0; i < left; ++i) tail[i] = at[i];
    std::uint32_t half = 0;
    std::memcpy(&half, tail.data(), sizeof half);
    sum += half;
  }
  return sum;
}

bool sums_to_zero(std::uint64_t sum) {
  return folded(sum) == 0xffff;
}

Checksum transport_checksum(const IpInfo& ip, std::uint8_t protocol, Bytes transport) {
  const auto length = static_cast<std::uint32_t>(transport.size());
  const std::array<std::uint8_t, 8> pseudo{static_cast<std::uint8_t>(length >> 24),
                                           static_cast<std::uint8_t>(length >> 16),
                                           static_cast<std::uint8_t>(length >> 8),
                                           static_cast<std::uint8_t>(length),
                                           0,
                                           0,
                                           0,
                                           protocol};
  std::uint64_t sum = add_words(0, ip.src.bytes());
  sum = add_words(sum, ip.dst.bytes());
  sum = add_words(sum, pseudo);
  if (sums_to_zero(add_words(sum, transport))) return Checksum::good;
  return left_to_the_card(sum, protocol, transport) ? Checksum::unknown : Checksum::bad;
}

}  // namespace mxw::decode
