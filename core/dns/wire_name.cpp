#include "core/dns/wire_name.hpp"

#include "core/base/ascii.hpp"
#include "core/base/limits.hpp"

namespace mxw::dns {
namespace {

constexpr unsigned kPointer = 0xc0;  // the two high bits of a length octet

void append_octet(std::string& name, std::uint8_t octet) {
  const char c = static_cast<char>(octet);
  if (c == '.' || c == '\\') {
    name += '\\';
    name += c;
  } else if (octet > 0x20 && octet < 0x7f) {
    name += ascii::lower(c);
  } else {
    name += '\\';
    name += static_cast<char>('0' + octet / 100);
    name += static_cast<char>('0' + octet / 10 % 10);
    name += static_cast<char>('0' + octet % 10);
  }
}

}  // namespace

Defect read_name(Bytes message, std::size_t& at, std::string& name) {
  name.clear();
  std::size_t cursor = at;
  std::size_t start = at;  // where the octets now read began
  std::size_t octets = 1;  // of the name uncompressed; 1 is the root
  std::size_t jumps = 0;
  // The message ended: in place that is a cut message, behind a pointer it is a lie.
  const auto ended = [&] { return jumps == 0 ? Defect::truncated : Defect::bad_name; };
  for (;;) {
    if (cursor >= message.size()) return ended();
    const std::uint8_t length = message[cursor++];
    if (length == 0) break;
    if ((length & kPointer) == kPointer) {
      if (cursor >= message.size()) return ended();
      const std::size_t target = (length & ~kPointer) << 8 | message[cursor++];
      if (jumps == 0) at = cursor;
      if (target >= start || target < kHeaderBytes) return Defect::bad_name;
      if (++jumps > limits::kDnsCompressionJumps) return Defect::bad_name;
      cursor = start = target;
      continue;
    }
    if ((length & kPointer) != 0)
      return Defect::bad_name;  // extended label types: RFC 6891 section 5
    if (message.size() - cursor < length) return ended();
    octets += length + std::size_t{1};
    if (octets > limits::kDnsNameBytes) return Defect::bad_name;
    if (!name.empty()) name += '.';
    for (const std::uint8_t octet : message.subspan(cursor, length)) append_octet(name, octet);
    cursor += length;
  }
  if (jumps == 0) at = cursor;
  if (name.empty()) name = ".";
  return Defect::none;
}

}  // namespace mxw::dns
