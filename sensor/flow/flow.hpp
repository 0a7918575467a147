// FlowTable::Flow: the state of one connection inside the table. Private to sensor/flow.
#pragma once

#include <vector>

#include "sensor/flow/flow_table.hpp"

namespace mxw::flow {

struct FlowTable::Flow {
  // What every packet of a settled connection touches comes first.
  bool ended = false;
  bool settled = false;        // nobody wants its octets any more
  bool client_is_low = false;  // in the key
  Time touched;                // when it was last put in order
  FlowList::iterator place;
  // What passed since the connection settled; taken over before anybody looks at the rest. So a
  // packet of a long TLS or mail stream costs two cold cache lines here instead of six.
  struct Quiet {
    FrameRef last;
    std::array<std::uint64_t, 2> packets{}, bytes{};
    std::array<std::uint8_t, 2> flags{};
    std::array<Seq, 2> base{}, next{};  // sequence numbers, from the last taking over on
    bool any = false;
  };
  Quiet quiet;
  Connection conn;
  Key key;
  std::unique_ptr<StreamHandler> handler;
  std::array<HalfStream, 2> half;
  // Highest acknowledgement of this direction's octets, sent by the other side, and the sequence
  // number behind the segment that carried it (compare SND.WL1 of RFC 9293 section 3.3.1).
  std::array<Seq, 2> acked{}, acked_by{};
  std::array<bool, 2> has_acked{};
  std::array<bool, 2> good_checksum{};
  // Octets with a bad checksum where good ones were seen: dropped by the receiver, unless it
  // acknowledges them.
  std::array<std::vector<Waiting>, 2> aside;
  std::array<std::array<std::uint8_t, 4>, 2> ttl_set{};
  Seq reset_seq = 0;
  // A direction that cannot go on: since when it stands at which place.
  struct Blocked {
    bool set = false;
    Seq at = 0;
    Time since;
    std::uint32_t packets = 0;
  };
  std::array<Blocked, 2> blocked;
  std::uint64_t order = 0;

  [[nodiscard]] HalfStream& of(Dir dir) { return half[evidence::index(dir)]; }
  [[nodiscard]] const HalfStream& of(Dir dir) const { return half[evidence::index(dir)]; }
  [[nodiscard]] std::size_t waiting() const {
    return half[0].waiting().size() + half[1].waiting().size();
  }
  // Octets of this direction that the peer has and we have not. A direction of which the capture
  // holds no packet at all has no holes: it is not there.
  [[nodiscard]] bool acknowledged_hole(Dir dir) const {
    const auto i = evidence::index(dir);
    const HalfStream& h = half[i];
    if (!has_acked[i] || conn.tcp.packets[i] == 0 || !h.started() || h.finished() ||
        !before(h.next(), acked[i]))
      return false;
    return h.waiting().empty() || h.waiting().front().seq != h.next();
  }
};

}  // namespace mxw::flow
