#include "net/resolve/query.hpp"

#include <sys/random.h>

#include <string_view>

#include "core/base/bytes.hpp"
#include "core/base/check.hpp"

namespace mxw::resolve {
namespace {

constexpr unsigned kRecursionDesired = 0x0100, kAuthenticData = 0x0020, kCheckingDisabled = 0x0010;
constexpr unsigned kClassIn = 1;

class Writer {
 public:
  void u8(unsigned value) { bytes_.push_back(static_cast<std::uint8_t>(value)); }
  void u16(unsigned value) {
    u8(value >> 8 & 0xff);
    u8(value & 0xff);
  }
  void text(std::string_view text) {
    const Bytes octets = as_bytes(text);
    bytes_.insert(bytes_.end(), octets.begin(), octets.end());
  }
  // A DnsName has labels of 1 to 63 letters, digits, hyphens and underscores: no escapes.
  void name(std::string_view name) {
    while (!name.empty()) {
      const std::string_view label = name.substr(0, name.find('.'));
      u8(static_cast<unsigned>(label.size()));
      text(label);
      name.remove_prefix(label.size() == name.size() ? label.size() : label.size() + 1);
    }
    u8(0);
  }
  std::vector<std::uint8_t> take() { return std::move(bytes_); }

 private:
  std::vector<std::uint8_t> bytes_;
};

}  // namespace

std::vector<std::uint8_t> build_query(std::uint16_t id, const mail::DnsName& name, dns::Type type,
                                      QueryOptions options) {
  Writer out;
  out.u16(id);
  out.u16(kRecursionDesired | kAuthenticData |
          (options.checking_disabled ? kCheckingDisabled : 0U));
  for (const unsigned count : {1U, 0U, 0U, options.edns ? 1U : 0U}) out.u16(count);
  out.name(name.text());
  out.u16(static_cast<unsigned>(type));
  out.u16(kClassIn);
  if (options.edns) {
    out.u8(0);  // the root owns it
    out.u16(static_cast<unsigned>(dns::Type::opt));
    out.u16(kUdpBytes);
    for (int i = 0; i < 3; ++i) out.u16(0);  // extended rcode, version 0, no DO, no options
  }
  return out.take();
}

std::uint16_t random_id() {
  std::uint16_t id = 0;
  MXW_CHECK(::getrandom(&id, sizeof id, 0) == sizeof id);
  return id;
}

}  // namespace mxw::resolve
