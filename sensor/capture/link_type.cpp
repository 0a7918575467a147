#include <array>
#include <string_view>

#include "sensor/capture/packet.hpp"

namespace mxw::capture {
namespace {

struct LinkName {
  LinkType link;
  std::string_view name;
};

// Those that capture tools write most (tcpdump.org/linktypes.html).
constexpr std::array<LinkName, 29> kLinkNames{{
    {0, "NULL"},
    {1, "ETHERNET"},
    {6, "IEEE802_5"},
    {8, "SLIP"},
    {9, "PPP"},
    {10, "FDDI"},
    {50, "PPP_HDLC"},
    {51, "PPP_ETHER"},
    {100, "ATM_RFC1483"},
    {101, "RAW"},
    {104, "C_HDLC"},
    {105, "IEEE802_11"},
    {107, "FRELAY"},
    {108, "LOOP"},
    {113, "LINUX_SLL"},
    {117, "PFLOG"},
    {127, "IEEE802_11_RADIOTAP"},
    {187, "BLUETOOTH_HCI_H4"},
    {189, "USB_LINUX"},
    {192, "PPI"},
    {195, "IEEE802_15_4_WITHFCS"},
    {220, "USB_LINUX_MMAPPED"},
    {228, "IPV4"},
    {229, "IPV6"},
    {239, "NFLOG"},
    {249, "USBPCAP"},
    {252, "WIRESHARK_UPPER_PDU"},
    {258, "PKTAP"},
    {276, "LINUX_SLL2"},
}};

}  // namespace

bool link_supported(LinkType link) {
  switch (link) {
    case kLinkNull:
    case kLinkEthernet:
    case kLinkPpp:
    case kLinkPppHdlc:
    case kLinkRawOld:
    case kLinkRawOpenBsd:
    case kLinkRaw:
    case kLinkLoop:
    case kLinkSll:
    case kLinkIpv4:
    case kLinkIpv6:
    case kLinkSll2:
      return true;
    default:
      return false;
  }
}

std::string link_text(LinkType link) {
  std::string text = "link type " + std::to_string(link);
  for (const LinkName& known : kLinkNames)
    if (known.link == link) text.append(" (").append(known.name).append(")");
  return text;
}

}  // namespace mxw::capture
