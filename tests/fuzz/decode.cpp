// Packets to segments. Each record is one packet: the control octet chooses the link type, the
// argument how many octets the snap length cut off; 10 ms pass between packets.
#include "sensor/decode/decoder.hpp"

#include <array>

#include "core/base/check.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace {

using namespace mxw;
using namespace mxw::decode;

constexpr std::array kLinks{capture::kLinkEthernet, capture::kLinkNull,    capture::kLinkPpp,
                            capture::kLinkPppHdlc,  capture::kLinkRaw,     capture::kLinkLoop,
                            capture::kLinkSll,      capture::kLinkIpv4,    capture::kLinkIpv6,
                            capture::kLinkSll2,     capture::LinkType{999}};

class Reader final : public Visitor {
 public:
  void on_segment(const Segment& s) override {
    MXW_CHECK(s.payload_length >= s.payload.size());
    MXW_CHECK(s.payload.size() <= s.tcp.size());
    fuzz::use(s.payload);
    fuzz::use(s.options());
    (void)s.checksum();
  }
  void on_datagram(const Datagram& d) override {
    MXW_CHECK(d.payload_length >= d.payload.size());
    fuzz::use(d.payload);
  }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  ByteReader input({data, size});
  Decoder decoder({});
  Reader reader;
  fuzz::Record record;
  capture::PacketView packet;
  while (fuzz::next_record(input, record)) {
    packet.bytes = record.bytes;
    packet.wire_length = static_cast<std::uint32_t>(record.bytes.size()) + record.argument;
    packet.link = kLinks[record.control % kLinks.size()];
    ++packet.at.frame;
    packet.at.time.ns += 10 * kMillisecond;
    decoder.decode(packet, reader);
  }
  return 0;
}
