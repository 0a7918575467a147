// Fragments: pieces of IPv4 (RFC 791 section 3.2) and IPv6 (RFC 8200 section 4.5) datagrams until
// they are whole. The result does not depend on the order in which the pieces came.
//
// Overlap. IPv6: the datagram is dropped and stays dropped until its time is over (RFC 5722); an
// exact repetition of a piece is no overlap. IPv4: the octets that came first win, and a piece that
// says otherwise is counted as conflicting.
//
// Limits: limits::kFragmentDatagrams, kFragmentBytes, kFragmentPieces, kFragmentTimeout by packet
// time. Where there is no room the oldest datagram goes, so a flood costs an honest datagram its
// place only when it fills the table within the time the honest one takes to arrive. Keys are
// hashed with a secret. Internal to sensor/decode.
#pragma once

#include <array>
#include <cstdint>
#include <list>
#include <optional>
#include <unordered_map>
#include <vector>

#include "core/base/siphash.hpp"
#include "core/base/time.hpp"
#include "sensor/decode/cursor.hpp"

namespace mxw::decode {

struct Counters;

class Fragments {
 public:
  Fragments(HashKey key, Counters& counters);
  Fragments(const Fragments&) = delete;  // holds a reference to the decoder's counters
  Fragments& operator=(const Fragments&) = delete;

  // Takes the piece in hand. Layer::protocol when the datagram is whole: the cursor then stands on
  // its octets, valid until the next call. Else Layer::done: the piece waits or was counted as
  // dropped.
  [[nodiscard]] Layer add(Cursor& cursor);

 private:
  struct Key {
    IpAddress src, dst;
    std::uint32_t tenant = 0;
    std::uint32_t id = 0;
    std::uint8_t protocol = 0;  // IPv4 only: RFC 8200 leaves it out
    friend bool operator==(const Key&, const Key&) = default;
  };
  struct KeyHash {
    HashKey secret;
    std::size_t operator()(const Key& key) const;
  };
  struct Piece {
    std::uint32_t begin = 0;
    std::vector<std::uint8_t> bytes;
    [[nodiscard]] std::uint32_t end() const {
      return begin + static_cast<std::uint32_t>(bytes.size());
    }
  };
  struct Datagram {
    Key key;
    Time first;
    std::vector<Piece> pieces;         // by offset, without overlap
    std::size_t cost = 0;              // what it counts for against limits::kFragmentBytes
    std::uint32_t received = 0;        // octets in pieces
    std::optional<std::uint32_t> end;  // known from the last piece
    bool bad_header = false;           // of any piece
    bool dead = false;                 // refused; kept so that late pieces do not start it anew
    // Of the piece at offset 0 (RFC 8200 section 4.5).
    std::uint8_t protocol = 0, ttl = 0;
    std::uint16_t vlan = 0;
  };
  using Order = std::list<Datagram>;  // oldest first

  static Key key_of(const Cursor& cursor);
  [[nodiscard]] bool acceptable(const Cursor& cursor) const;
  void give_up_oldest();
  void make_room(Time now, std::size_t cost);
  Order::iterator find_or_add(const Cursor& cursor);
  void remove(Order::iterator it);
  void refuse(Datagram& datagram);
  bool place(Datagram& datagram, const Cursor& cursor);
  bool fits_end(Datagram& datagram, const Cursor& cursor) const;
  void fill_holes(Datagram& datagram, std::uint32_t begin, Bytes bytes);
  void insert(Datagram& datagram, std::size_t index, std::uint32_t begin, Bytes bytes);
  void assemble(const Datagram& datagram, Cursor& cursor);

  Counters& counters_;
  Order order_;
  std::unordered_map<Key, Order::iterator, KeyHash> table_;
  std::size_t bytes_ = 0;
  std::vector<std::uint8_t> assembled_;
};

}  // namespace mxw::decode
