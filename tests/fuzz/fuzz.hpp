// What the fuzz targets share: the entry point's name, use(), and records cut from the input.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "core/base/bytes.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace mxw::fuzz {

// Reads every octet, so that a sanitizer sees a view that does not hold.
inline void use(Bytes bytes) {
  [[maybe_unused]] static volatile std::uint8_t sink;
  std::uint8_t sum = 0;
  for (const std::uint8_t octet : bytes) sum = static_cast<std::uint8_t>(sum + octet);
  sink = sum;
}
inline void use(std::string_view text) {
  use(as_bytes(text));
}

// An input of several parts: each record is a control octet, an argument octet, a length of two
// octets (network order) and that many octets, fewer where the input ends. tests/fuzz/seeds.py
// writes these.
struct Record {
  std::uint8_t control = 0, argument = 0;
  Bytes bytes;
};

inline bool next_record(ByteReader& input, Record& record) {
  if (input.left() < 4) return false;
  record.control = input.u8();
  record.argument = input.u8();
  const std::size_t length = input.u16();
  record.bytes = input.take(length < input.left() ? length : input.left());
  return true;
}

}  // namespace mxw::fuzz
