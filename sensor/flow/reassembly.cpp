// Reassembly: segments of one connection to bytes, gaps and conflicts in causal order.
#include <algorithm>

#include "core/base/limits.hpp"
#include "sensor/flow/flow.hpp"

namespace mxw::flow {
namespace {

using evidence::index;
using evidence::other;

constexpr Dir kDirs[] = {Dir::client, Dir::server};

// Without the other direction nothing tells loss from reordering; a retransmission takes seconds.
constexpr std::int64_t kOneSidedWait = 3 * kSecond;

}  // namespace

bool FlowTable::gate_open(const Flow& flow, Dir dir, bool has_ack, Seq ack) const {
  const HalfStream& peer = flow.of(other(dir));
  if (!has_ack || !peer.started() || flow.conn.tcp.packets[index(other(dir))] == 0) return true;
  const std::int32_t ahead = distance(ack, peer.next());
  return ahead <= 0 || ahead > (16 << 20);
}

void FlowTable::deliver(Flow& flow, Dir dir, Bytes bytes, std::uint32_t missing, bool fin,
                        const FrameRef& at) {
  HalfStream& half = flow.of(dir);
  if (!bytes.empty()) {
    const std::uint64_t offset = half.offset();
    half.deliver(bytes, flow.handler->wants_conflicts());
    flow.handler->on_data(dir, bytes, offset, at);
  }
  if (missing > 0) {
    const std::uint64_t offset = half.offset();
    half.pass_missing(missing);
    flow.conn.cut = true;
    flow.handler->on_gap(dir, offset, missing, true, at);
  }
  if (fin && !half.finished()) {
    half.finish();
    flow.conn.tcp.fin[index(dir)] = true;
  }
}

void FlowTable::conflict(Flow& flow, Dir dir, const Conflict& what, const FrameRef& at) {
  ++counters_.conflicts;
  if (flow.conn.tcp.overlap_conflicts++ == 0) flow.conn.tcp.conflict_at = at;
  flow.handler->on_conflict(dir, what.offset, what.kept, what.other, at);
}

// The segment's octets that are not delivered yet, after comparing the ones that are.
void FlowTable::on_payload(Flow& flow, Dir dir, const decode::Segment& s) {
  HalfStream& half = flow.of(dir);
  Seq seq = s.seq + ((s.flags & decode::kSyn) != 0 ? 1U : 0U);
  Bytes bytes = s.payload;
  std::uint32_t missing = s.payload_length - static_cast<std::uint32_t>(bytes.size());
  const bool fin = (s.flags & decode::kFin) != 0;
  const std::int32_t early = distance(seq, half.next());
  if (early < 0) {
    Conflict found;
    if (bytes.size() > 1 && flow.handler->wants_conflicts() &&
        half.conflicts_with_retained(seq, bytes, found))
      conflict(flow, dir, found, s.at);
    const auto old = static_cast<std::uint32_t>(-early);
    const std::size_t drop = std::min<std::size_t>(old, bytes.size());
    bytes = bytes.subspan(drop);
    missing -= std::min(missing, static_cast<std::uint32_t>(old - drop));
    if (old > s.payload_length) {  // wholly old, the FIN too
      check_holes(flow, s.at);
      return;
    }
    seq = half.next();
  }
  const bool has_ack = (s.flags & decode::kAck) != 0;
  const bool nothing = bytes.empty() && missing == 0 && !fin;
  const bool in_order = seq == half.next() && half.waiting().empty();
  if (!nothing && in_order && gate_open(flow, dir, has_ack, s.ack)) {
    deliver(flow, dir, bytes, missing, fin, s.at);
  } else if (!nothing) {
    hold(flow, dir,
         Waiting{seq, s.ack, has_ack, fin, {bytes.begin(), bytes.end()}, missing, s.at});
  }
  if (flow.waiting() > 0) drain(flow);
  check_holes(flow, s.at);
}

void FlowTable::skip_payload(Flow& flow, Dir dir, const decode::Segment& s) {
  HalfStream& half = flow.of(dir);
  for (HalfStream& h : flow.half) {
    buffered_ -= std::min(buffered_, h.buffered());
    h.drop_waiting();
  }
  half.skip_to(s.seq + s.payload_length);
  if ((s.flags & decode::kFin) == 0 || half.finished()) return;
  half.finish();
  flow.conn.tcp.fin[index(dir)] = true;
}

void FlowTable::hold(Flow& flow, Dir dir, Waiting segment) {
  HalfStream& half = flow.of(dir);
  const std::size_t before_hold = half.buffered();
  const FrameRef at = segment.at;
  const bool probe = segment.data.size() == 1;
  Conflict found;
  if (half.hold(std::move(segment), found) && !probe && flow.handler->wants_conflicts())
    conflict(flow, dir, found, at);
  buffered_ += half.buffered() - before_hold;
  const bool full = half.buffered() > limits::kFlowBufferBytes ||
                    half.waiting().size() > limits::kFlowSegments ||
                    buffered_ > limits::kAllFlowBufferBytes;
  if (!full) return;
  ++counters_.buffer_limit;
  flush(flow);
}

bool FlowTable::drain_one(Flow& flow, Dir dir) {
  HalfStream& half = flow.of(dir);
  if (half.waiting().empty()) return false;
  const Waiting& front = half.waiting().front();
  const std::int32_t early = distance(front.seq, half.next());
  if (early > 0 || !gate_open(flow, dir, front.has_ack, front.ack)) return false;
  const Waiting w = half.take_front();
  buffered_ -= std::min(buffered_, w.data.size());
  const auto old = static_cast<std::size_t>(-early);
  const Bytes bytes = Bytes(w.data).subspan(std::min(old, w.data.size()));
  if (flow.handler->wants_data()) deliver(flow, dir, bytes, w.missing, w.fin, w.at);
  return true;
}

void FlowTable::drain(Flow& flow) {
  // The client first: with nothing to choose, words come before answers.
  while (drain_one(flow, Dir::client) || drain_one(flow, Dir::server)) {
  }
  if (flow.waiting() == 0 && !flow.acknowledged_hole(Dir::client) &&
      !flow.acknowledged_hole(Dir::server))
    flow.blocked = false;
}

void FlowTable::check_holes(Flow& flow, const FrameRef& now) {
  const bool acknowledged =
      flow.acknowledged_hole(Dir::client) || flow.acknowledged_hole(Dir::server);
  if (!acknowledged && flow.waiting() == 0) {
    flow.blocked = false;
    return;
  }
  if (!flow.blocked) {
    flow.blocked = true;
    flow.blocked_since = now;
    flow.blocked_packets = 0;
    return;
  }
  ++flow.blocked_packets;
  const bool one_sided = flow.conn.one_sided();
  const std::int64_t patience = one_sided ? kOneSidedWait : limits::kReorderWait;
  if (now.time - flow.blocked_since.time < patience &&
      flow.blocked_packets < limits::kReorderPackets)
    return;
  if (give_up_hole(flow, !one_sided, now)) {
    drain(flow);
    flow.blocked_packets = 0;
    flow.blocked_since = now;
  }
}

// Turns the first hole into a gap. With `acknowledged_only`, only octets the peer has; others will be sent
// again. False when there was none.
bool FlowTable::give_up_hole(Flow& flow, bool acknowledged_only, const FrameRef& now) {
  for (const Dir dir : kDirs) {
    HalfStream& half = flow.of(dir);
    const bool acknowledged = flow.acknowledged_hole(dir);
    const bool hole = !half.waiting().empty() && before(half.next(), half.waiting().front().seq);
    if (!acknowledged && (acknowledged_only || !hole)) continue;
    Seq until = acknowledged ? flow.acked[index(dir)] : half.waiting().front().seq;
    if (hole && before(half.waiting().front().seq, until)) until = half.waiting().front().seq;
    auto length = static_cast<std::uint32_t>(distance(until, half.next()));
    // The peer acknowledged a FIN we did not see: one number is no octet.
    const std::uint64_t offset = half.offset();
    half.pass_missing(length);
    ++counters_.gaps;
    counters_.gap_octets += length;
    ++flow.conn.tcp.gaps;
    flow.conn.tcp.gap[index(dir)] = true;
    flow.handler->on_gap(dir, offset, length, false, now);
    return true;
  }
  return false;
}

// Nothing more will come: deliver what is there, gaps between.
void FlowTable::flush(Flow& flow) {
  const FrameRef now = flow.conn.last;
  drain(flow);
  while (flow.waiting() > 0 && flow.handler->wants_data()) {
    if (!give_up_hole(flow, false, now)) {
      // Both fronts are in place but wait for each other's acknowledgement: forged or impossible ones.
      for (HalfStream& half : flow.half) {
        if (half.waiting().empty()) continue;
        const Dir dir = &half == &flow.half[0] ? Dir::client : Dir::server;
        const Waiting w = half.take_front();
        buffered_ -= std::min(buffered_, w.data.size());
        deliver(flow, dir, w.data, w.missing, w.fin, w.at);
        break;
      }
    }
    drain(flow);
  }
  for (const Dir dir : kDirs)
    while (flow.handler->wants_data() && flow.acknowledged_hole(dir))
      if (!give_up_hole(flow, true, now)) break;
}

}  // namespace mxw::flow
