// FlowTable::Flow: the state of one connection inside the table. Private to sensor/flow.
#pragma once

#include "sensor/flow/flow_table.hpp"

namespace mxw::flow {

struct FlowTable::Flow {
  Key key;
  Connection conn;
  std::unique_ptr<StreamHandler> handler;
  std::array<HalfStream, 2> half;
  // Highest acknowledgement of this direction's octets, sent by the other side.
  std::array<Seq, 2> acked{};
  std::array<bool, 2> has_acked{};
  std::array<bool, 2> good_checksum{};
  std::array<std::uint8_t, 2> last_ttl{};
  std::array<std::array<std::uint8_t, 4>, 2> ttl_set{};
  Seq reset_seq = 0;
  bool ended = false;
  FrameRef blocked_since;
  std::uint32_t blocked_packets = 0;
  bool blocked = false;
  std::uint64_t order = 0;
  FlowList::iterator place;

  [[nodiscard]] HalfStream& of(Dir dir) { return half[evidence::index(dir)]; }
  [[nodiscard]] const HalfStream& of(Dir dir) const { return half[evidence::index(dir)]; }
  [[nodiscard]] std::size_t waiting() const {
    return half[0].waiting().size() + half[1].waiting().size();
  }
  // Octets of this direction that the peer has and we have not.
  [[nodiscard]] bool acknowledged_hole(Dir dir) const {
    const auto i = evidence::index(dir);
    if (!has_acked[i] || !half[i].started() || !before(half[i].next(), acked[i])) return false;
    return half[i].waiting().empty() || half[i].waiting().front().seq != half[i].next();
  }
};

}  // namespace mxw::flow
