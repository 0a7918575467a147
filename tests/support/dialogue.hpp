// A TCP conversation made of what each side says: frames with right sequence numbers, checksums and
// times, ready for a decoder or a capture file. Bytes only, no knowledge of the code under test.
//
//   Dialogue d;
//   d.open();
//   d.say({{'S', "220 mx.example.org ESMTP\r\n"}, {'C', "QUIT\r\n"}});
//   d.close();
//   write_pcap(path, d.packets);
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/support/packet_builder.hpp"

namespace mxw::test {

inline constexpr std::uint8_t kFinFlag = 0x01, kSynFlag = 0x02, kRstFlag = 0x04, kPshFlag = 0x08,
                              kAckFlag = 0x10;

// 'C' is the client, 'S' the server.
struct Turn {
  char who = 'C';
  std::string bytes;
};
using Turns = std::vector<Turn>;

struct Peers {
  std::string client = "192.0.2.10", server = "198.51.100.25";
  std::uint16_t client_port = 40'000, server_port = 25;
  std::uint32_t client_isn = 1'000, server_isn = 9'000;
  std::int64_t start = 1'700'000'000'000'000'000, step = 1'000'000;  // ns
};

class Dialogue {
 public:
  explicit Dialogue(Peers peers = {})
      : peers_(std::move(peers)), seq_{peers_.client_isn, peers_.server_isn}, now_(peers_.start) {}

  std::vector<Captured> packets;

  void open() {
    send('C', kSynFlag);
    send('S', kSynFlag | kAckFlag);
    send('C', kAckFlag);
  }
  // One packet for a turn, or one for each piece that `cut` (lengths of pieces; the rest is the
  // last).
  void say(const Turn& turn, const std::vector<std::size_t>& cut = {}) {
    std::string_view left = turn.bytes;
    for (const std::size_t length : cut) {
      if (length == 0 || left.size() <= length) continue;
      send(turn.who, kPshFlag | kAckFlag, left.substr(0, length));
      left.remove_prefix(length);
    }
    if (!left.empty()) send(turn.who, kPshFlag | kAckFlag, left);
  }
  void say(const Turns& turns) {
    for (const Turn& turn : turns) say(turn);
  }
  void acknowledge(char who) { send(who, kAckFlag); }
  void fin(char who) { send(who, kFinFlag | kAckFlag); }
  void reset(char who) { send(who, kRstFlag | kAckFlag); }
  void close() {
    fin('C');
    fin('S');
    acknowledge('C');
  }
  // Octets that the other side gets and the capture does not.
  void lose(const Turn& turn) {
    say(turn);
    packets.pop_back();
  }
  void wait(std::int64_t ns) { now_ += ns; }

  [[nodiscard]] std::uint32_t seq(char who) const { return seq_[side(who)]; }
  [[nodiscard]] std::int64_t now() const { return now_; }

  // Any segment, from where the conversation stands, without moving it on.
  void forge(char who, std::uint8_t flags, std::uint32_t seq, std::uint32_t ack,
             std::string_view payload = {}, IpFields fields = {}) {
    const bool client = who == 'C';
    now_ += peers_.step;
    fields.id = ++ip_id_;  // else a repeated segment would be a mirror's second copy
    packets.push_back({now_,
                       client ? tcp_packet(peers_.client, peers_.client_port, peers_.server,
                                           peers_.server_port, seq, ack, flags, payload, fields)
                              : tcp_packet(peers_.server, peers_.server_port, peers_.client,
                                           peers_.client_port, seq, ack, flags, payload, fields),
                       0});
  }

 private:
  static std::size_t side(char who) { return who == 'C' ? 0 : 1; }
  void send(char who, std::uint8_t flags, std::string_view payload = {}) {
    const std::uint32_t ack = (flags & kAckFlag) != 0 ? seq_[1 - side(who)] : 0;
    forge(who, flags, seq_[side(who)], ack, payload);
    const bool counts = (flags & (kSynFlag | kFinFlag)) != 0;
    seq_[side(who)] += static_cast<std::uint32_t>(payload.size()) + (counts ? 1 : 0);
  }

  Peers peers_;
  std::array<std::uint32_t, 2> seq_;
  std::int64_t now_;
  std::uint16_t ip_id_ = 0;
};

}  // namespace mxw::test
