// Player: one copy of a script on its way, packet by packet, with addresses, ports and sequence
// numbers of its own, right lengths and right checksums.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "core/base/time.hpp"
#include "tests/bench/script.hpp"

namespace mxw::bench {

// What makes one copy differ from another.
struct Copy {
  const Script* script = nullptr;
  Time start;
  Octets client, server;  // as wide as those of the script
  std::uint16_t client_port = 0;
  std::uint16_t query = 0;  // added to DNS ids and the resolver's client ports
  std::array<std::uint32_t, 2> first_sequence{};     // of client and server
  const std::vector<std::uint8_t>* chain = nullptr;  // body of its Certificate message, or as is
  Octets more;             // octets put into the message (whole records or whole lines)
  bool one_query = false;  // only the first DNS question and its answer are played
};

class Player {
 public:
  // The script and the chain outlive the player.
  explicit Player(Copy copy);

  [[nodiscard]] bool done() const { return step_ == copy_.script->steps.size(); }
  [[nodiscard]] Time time() const { return time_; }  // of the next packet; REQUIRES: !done()
  // The next packet; `carries_message`: its payload is part of the write that holds the message.
  // Valid until the next call. REQUIRES: !done().
  struct Packet {
    Bytes frame;
    bool carries_message = false;
  };
  Packet next();

 private:
  void enter_step();
  void advance();
  void play_segment(const Octets& head, bool from_client, std::uint8_t flags, Bytes payload);
  void play_datagram(const Step& step);
  void put_addresses();
  void set_checksums(std::size_t transport);

  Copy copy_;
  std::size_t step_ = 0;
  Time time_;
  Octets payload_;              // of the step, with chain and message put in
  std::size_t sent_ = 0;        // octets of payload_ played
  std::size_t unanswered_ = 0;  // full segments since the last acknowledgement
  std::int64_t later_ = 0;      // what the longer message delays the steps after it
  std::size_t datagrams_ = 0;
  std::array<std::uint32_t, 2> sequence_;
  Octets frame_;
};

}  // namespace mxw::bench
