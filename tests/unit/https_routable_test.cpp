// Which addresses net/https lets a stranger's domain lead us to: both ends of every block of the
// IANA registries, and what lies beside them.
#include "net/https/routable.hpp"

#include <gtest/gtest.h>

namespace mxw::https {
namespace {

bool routable(const char* text) {
  const auto address = IpAddress::parse(text);
  EXPECT_TRUE(address) << text;
  return address && is_globally_routable(*address);
}

TEST(HttpsRoutable, RefusesSpecialV4) {
  for (const char* text :
       {"0.0.0.0",        "0.255.255.255",   "10.0.0.0",        "10.255.255.255",
        "100.64.0.0",     "100.127.255.255", "127.0.0.1",       "127.255.255.255",
        "169.254.0.0",    "169.254.169.254", "169.254.255.255", "172.16.0.0",
        "172.31.255.255", "192.0.0.0",       "192.0.0.8",       "192.0.0.11",
        "192.0.0.170",    "192.0.0.255",     "192.0.2.0",       "192.0.2.255",
        "192.88.99.0",    "192.88.99.255",   "192.168.0.0",     "192.168.255.255",
        "198.18.0.0",     "198.19.255.255",  "198.51.100.0",    "198.51.100.255",
        "203.0.113.0",    "203.0.113.255",   "224.0.0.0",       "239.255.255.255",
        "240.0.0.0",      "255.255.255.255"}) {
    EXPECT_FALSE(routable(text)) << text;
  }
}

TEST(HttpsRoutable, TakesV4BesideThem) {
  for (const char* text :
       {"1.0.0.0",         "9.255.255.255",   "11.0.0.0",        "100.63.255.255", "100.128.0.0",
        "126.255.255.255", "128.0.0.0",       "169.253.255.255", "169.255.0.0",    "172.15.255.255",
        "172.32.0.0",      "191.255.255.255", "192.0.0.9",       "192.0.0.10",     "192.0.1.0",
        "192.0.1.255",     "192.0.3.0",       "192.31.196.1",    "192.52.193.1",   "192.88.98.255",
        "192.88.100.0",    "192.167.255.255", "192.169.0.0",     "192.175.48.1",   "198.17.255.255",
        "198.20.0.0",      "198.51.99.255",   "198.51.101.0",    "203.0.112.255",  "203.0.114.0",
        "223.255.255.255"}) {
    EXPECT_TRUE(routable(text)) << text;
  }
}

TEST(HttpsRoutable, RefusesSpecialV6) {
  for (const char* text : {"::",
                           "::1",
                           "::192.0.2.1",
                           "::8.8.8.8",       // IPv4-compatible, deprecated
                           "::ffff:8.8.8.8",  // IPv4-mapped, whatever is in it
                           "::ffff:127.0.0.1",
                           "64:ff9b::7f00:1",          // NAT64 of 127.0.0.1
                           "64:ff9b::a00:1",           // NAT64 of 10.0.0.1
                           "64:ff9b:0:0:0:1:808:808",  // beside the /96
                           "64:ff9b:1::808:808",       // RFC 8215
                           "100::1",                   // discard-only
                           "1fff:ffff::",
                           "2001::1",  // Teredo
                           "2001:1::",
                           "2001:1::4",
                           "2001:2::1",  // benchmarking
                           "2001:4:111::1",
                           "2001:10::1",  // ORCHID, ended
                           "2001:1ff:ffff::1",
                           "2001:db8::",
                           "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff",
                           "2002:808:808::1",  // 6to4
                           "3fff::",
                           "3fff:fff:ffff::1",
                           "4000::",
                           "5f00::1",  // SRv6 SIDs
                           "fc00::1",
                           "fdff::1",
                           "fe80::1",
                           "febf::1",
                           "fec0::1",
                           "ff02::1"}) {
    EXPECT_FALSE(routable(text)) << text;
  }
}

TEST(HttpsRoutable, TakesV6BesideThem) {
  for (const char* text :
       {"2000::1", "2001:1::1", "2001:1::2", "2001:1::3", "2001:3::1", "2001:4:112::1",
        "2001:20::1", "2001:2f::1", "2001:30::1", "2001:3f::1", "2001:200::1", "2001:db7:ffff::1",
        "2001:db9::1", "2003::1", "2620:4f:8000::1", "2a00::1", "3ffe:ffff::1", "3fff:1000::1",
        "64:ff9b::808:808"}) {
    EXPECT_TRUE(routable(text)) << text;
  }
}

TEST(HttpsRoutable, RefusesNoAddress) {
  EXPECT_FALSE(is_globally_routable(IpAddress{}));
}

}  // namespace
}  // namespace mxw::https
