#include "core/dns/tlsa.hpp"

#include <algorithm>

namespace mxw::dns {
namespace {

constexpr std::uint8_t kDaneTa = 2, kDaneEe = 3;
constexpr std::uint8_t kFull = 0, kSha256 = 1, kSha512 = 2;

// X.690: the tag of a SEQUENCE and a definite length that leaves nothing over.
bool is_one_sequence(Bytes data) {
  ByteReader reader(data);
  if (reader.u8() != 0x30) return false;
  std::size_t length = reader.u8();
  if (length >= 0x80) {
    const std::size_t octets = length & 0x7f;
    if (octets == 0 || octets > 3) return false;
    length = 0;
    for (std::size_t i = 0; i < octets; ++i) length = length << 8 | reader.u8();
  }
  return reader.ok() && length > 0 && reader.left() == length;
}

}  // namespace

std::optional<Tlsa> parse_tlsa(Bytes rdata) {
  ByteReader reader(rdata);
  Tlsa record;
  record.usage = reader.u8();
  record.selector = reader.u8();
  record.matching = reader.u8();
  if (!reader.ok()) return std::nullopt;
  const Bytes data = reader.rest();
  record.data.assign(data.begin(), data.end());
  return record;
}

std::vector<std::uint8_t> tlsa_rdata(const Tlsa& record) {
  std::vector<std::uint8_t> rdata = {record.usage, record.selector, record.matching};
  rdata.insert(rdata.end(), record.data.begin(), record.data.end());
  return rdata;
}

bool is_usable(const Tlsa& record) {
  if (record.usage != kDaneTa && record.usage != kDaneEe) return false;
  if (record.selector > 1) return false;
  switch (record.matching) {
    case kFull:
      return is_one_sequence(record.data);
    case kSha256:
      return record.data.size() == 32;
    case kSha512:
      return record.data.size() == 64;
    default:
      return false;
  }
}

std::vector<std::size_t> applicable(std::span<const Tlsa> records) {
  const auto stronger_beside = [&records](const Tlsa& record) {
    return record.matching == kSha256 && std::ranges::any_of(records, [&](const Tlsa& other) {
             return other.matching == kSha512 && other.usage == record.usage &&
                    other.selector == record.selector && is_usable(other);
           });
  };
  std::vector<std::size_t> out;
  for (std::size_t i = 0; i < records.size(); ++i) {
    if (is_usable(records[i]) && !stronger_beside(records[i])) out.push_back(i);
  }
  return out;
}

}  // namespace mxw::dns
