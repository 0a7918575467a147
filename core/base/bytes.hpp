// Bytes: a borrowed run of octets, and ByteReader: a bounded cursor over it.
//
// ByteReader has a sticky error: a read past the end sets it, returns zero or an empty run, and
// every later read does the same. So a parser reads ten fields in straight lines and tests ok()
// once. Borrowed memory must outlive the reader and every run taken from it. Not thread-safe, never
// throws.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace mxw {

using Bytes = std::span<const std::uint8_t>;

[[nodiscard]] inline std::string_view as_text(Bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

[[nodiscard]] inline Bytes as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

class ByteReader {
 public:
  explicit ByteReader(Bytes bytes) : bytes_(bytes) {}

  [[nodiscard]] bool ok() const { return ok_; }
  [[nodiscard]] std::size_t offset() const { return at_; }
  [[nodiscard]] std::size_t left() const { return ok_ ? bytes_.size() - at_ : 0; }

  std::uint8_t u8() { return need(1) ? bytes_[at_++] : std::uint8_t{0}; }
  std::uint16_t u16() { return static_cast<std::uint16_t>(big_endian(2)); }
  std::uint32_t u24() { return static_cast<std::uint32_t>(big_endian(3)); }
  std::uint32_t u32() { return static_cast<std::uint32_t>(big_endian(4)); }
  std::uint64_t u64() { return big_endian(8); }

  // The next n octets; empty and an error when fewer are left.
  Bytes take(std::size_t n) {
    if (!need(n)) return {};
    const Bytes run = bytes_.subspan(at_, n);
    at_ += n;
    return run;
  }
  void skip(std::size_t n) { (void)take(n); }
  Bytes rest() { return take(left()); }

  // Length-prefixed runs as TLS writes them (RFC 8446 section 3.4).
  Bytes take_u8() { return take(u8()); }
  Bytes take_u16() { return take(u16()); }
  Bytes take_u24() { return take(u24()); }

  void set_failed() { ok_ = false; }

 private:
  bool need(std::size_t n) {
    if (ok_ && bytes_.size() - at_ >= n) return true;
    ok_ = false;
    return false;
  }
  std::uint64_t big_endian(std::size_t n) {
    if (!need(n)) return 0;
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < n; ++i) value = value << 8 | bytes_[at_++];
    return value;
  }

  Bytes bytes_;
  std::size_t at_ = 0;
  bool ok_ = true;
};

}  // namespace mxw
