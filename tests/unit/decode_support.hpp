// Helpers of the decode tests: a visitor that keeps copies, and packets given one by one.
#pragma once

#include <list>
#include <string>
#include <vector>

#include "sensor/decode/decoder.hpp"
#include "tests/support/packet_builder.hpp"

namespace mxw::decode {

// A decoder, what it gave, and the packets it was given (kept, so that stable ones stay valid).
struct Bench final : Visitor {
  struct Seen {
    Segment segment;
    std::string payload, options;
    Checksum checksum;
  };
  struct SeenDatagram {
    Datagram datagram;
    std::string payload;
  };

  void on_segment(const Segment& s) override {
    segments.push_back(
        {s, std::string(as_text(s.payload)), std::string(as_text(s.options())), s.checksum()});
  }
  void on_datagram(const Datagram& d) override {
    datagrams.push_back({d, std::string(as_text(d.payload))});
  }

  // Gives one frame; `wire_length` 0 = all of it was captured.
  void give(test::Octets frame, Time time = {}, capture::LinkType link = capture::kLinkEthernet,
            std::uint32_t wire_length = 0) {
    // A stable packet stays; another one is gone after the call, as a read buffer is.
    frames.push_back(std::move(frame));
    test::Octets& bytes = frames.back();
    capture::PacketView view;
    view.bytes = bytes;
    view.wire_length = wire_length != 0 ? wire_length : static_cast<std::uint32_t>(bytes.size());
    view.link = link;
    view.stable = stable;
    view.at = {++frame_number, 0, time};
    decoder.decode(view, *this);
    if (!stable) std::fill(bytes.begin(), bytes.end(), std::uint8_t{0xee});
  }
  void give_cut(test::Octets frame, std::size_t captured) {
    const auto wire = static_cast<std::uint32_t>(frame.size());
    frame.resize(captured);
    give(std::move(frame), {}, capture::kLinkEthernet, wire);
  }

  [[nodiscard]] const Counters& counters() const { return decoder.counters(); }

  Decoder decoder{Options{{1, 2}}};
  std::vector<Seen> segments;
  std::vector<SeenDatagram> datagrams;
  std::list<test::Octets> frames;
  std::uint64_t frame_number = 0;
  bool stable = true;
};

// Each packet ends in one way: nothing is dropped in silence.
inline std::uint64_t accounted(const Counters& c) {
  return c.tcp + c.udp + c.duplicates + c.malformed + c.not_ip + c.other_protocol +
         c.unsupported_tunnel + c.too_deep + (c.fragments - c.fragments_reassembled);
}

}  // namespace mxw::decode
