#include "net/https/routable.hpp"

#include <span>

namespace mxw::https {
namespace {

struct Block {
  Cidr prefix;
  bool global;
};

Block block(const char* prefix, bool global) {
  return {Cidr::parse(prefix).value(), global};
}

// IANA IPv4 Special-Purpose Address Registry, and class D (RFC 5771). The first that contains the
// address decides, so the exceptions of a block stand before it. 192.88.99.0/24, once the 6to4
// relays' anycast, is given as not applicable: refused.
std::span<const Block> v4_blocks() {
  static const Block blocks[] = {
      block("0.0.0.0/8", false),        // RFC 791: this network
      block("10.0.0.0/8", false),       // RFC 1918
      block("100.64.0.0/10", false),    // RFC 6598: shared address space
      block("127.0.0.0/8", false),      // RFC 1122: loopback
      block("169.254.0.0/16", false),   // RFC 3927: link-local
      block("172.16.0.0/12", false),    // RFC 1918
      block("192.0.0.9/32", true),      // RFC 7723: port control anycast
      block("192.0.0.10/32", true),     // RFC 8155: TURN anycast
      block("192.0.0.0/24", false),     // RFC 6890: IETF protocol assignments
      block("192.0.2.0/24", false),     // RFC 5737: documentation
      block("192.88.99.0/24", false),   // RFC 7526: 6to4 relay anycast
      block("192.168.0.0/16", false),   // RFC 1918
      block("198.18.0.0/15", false),    // RFC 2544: benchmarking
      block("198.51.100.0/24", false),  // RFC 5737
      block("203.0.113.0/24", false),   // RFC 5737
      block("224.0.0.0/4", false),      // RFC 5771: multicast
      block("240.0.0.0/4", false),      // RFC 1112: reserved; RFC 8190: broadcast
      block("0.0.0.0/0", true),
  };
  return blocks;
}

// IANA IPv6 Special-Purpose Address Registry. Only 2000::/3 is given out as global unicast (RFC
// 4291 section 2.4): everything outside is refused.
std::span<const Block> v6_blocks() {
  static const Block blocks[] = {
      block("2001:1::1/128", true),    // RFC 7723: port control anycast
      block("2001:1::2/128", true),    // RFC 8155: TURN anycast
      block("2001:1::3/128", true),    // RFC 9665: service registration anycast
      block("2001:3::/32", true),      // RFC 7450: AMT
      block("2001:4:112::/48", true),  // RFC 7535: AS112
      block("2001:20::/28", true),     // RFC 7343: ORCHIDv2
      block("2001:30::/28", true),     // RFC 9374: drone remote identification
      block("2001::/23", false),       // RFC 2928: IETF protocol assignments, with Teredo
      block("2001:db8::/32", false),   // RFC 3849: documentation
      block("2002::/16", false),       // RFC 3056: 6to4
      block("3fff::/20", false),       // RFC 9637: documentation
      block("2000::/3", true),
  };
  return blocks;
}

bool decide(std::span<const Block> blocks, const IpAddress& address) {
  for (const Block& one : blocks) {
    if (one.prefix.contains(address)) return one.global;
  }
  return false;
}

}  // namespace

bool is_globally_routable(const IpAddress& address) {
  static const Cidr kNat64 = Cidr::parse("64:ff9b::/96").value();
  if (address.v4()) return decide(v4_blocks(), address);
  if (address.family != 6) return false;
  if (kNat64.contains(address)) {
    return is_globally_routable(IpAddress::from_v4(address.bytes().last(4)));
  }
  return decide(v6_blocks(), address);
}

}  // namespace mxw::https
