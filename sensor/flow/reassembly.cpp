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

// Segments with a bad checksum kept until the peer's acknowledgement tells: enough for one window
// of a dialogue in clear.
constexpr std::size_t kAside = 32;

// Octets that come this long after their acknowledgement were not delayed by the tap: what the
// receiver read is something else, which the capture does not hold.
constexpr std::int64_t kLateOctets = 10 * kMillisecond;

}  // namespace

bool FlowTable::gate_open(const Flow& flow, Dir dir, bool has_ack, Seq ack) const {
  const HalfStream& peer = flow.of(other(dir));
  if (!has_ack || !peer.started() || flow.conn.tcp.packets[index(other(dir))] == 0) return true;
  const std::int32_t ahead = distance(ack, peer.next());
  return ahead <= 0 || ahead > kBelievable;
}

void FlowTable::deliver(Flow& flow, Dir dir, Bytes bytes, std::uint32_t missing, bool fin,
                        const FrameRef& at) {
  HalfStream& half = flow.of(dir);
  if (half.finished()) return;  // behind a FIN there is nothing (RFC 9293 section 3.10.7.4)
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
  if (!fin) return;
  half.finish();
  flow.conn.tcp.fin[index(dir)] = true;
  buffered_ -= std::min(buffered_, half.buffered());
  half.drop_waiting();
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
  const bool probe = s.payload_length == 1 && seq + 1 == half.next();
  if (half.presumed_fin() && s.payload_length > 0 && !probe &&
      !before(seq + s.payload_length, half.next())) {
    half.reopen();
    flow.conn.tcp.fin[index(dir)] = false;
  }
  const std::int32_t early = distance(seq, half.next());
  if (early > kBelievable) {
    ++counters_.out_of_window;
    return;
  }
  if (early < 0) {
    counters_.late_octets += half.in_last_gap(seq, s.payload_length);
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
  if (came_too_late(flow, dir, s.at.time)) {
    ++counters_.late_segments;
    ++flow.conn.tcp.gaps;
    flow.conn.tcp.gap[index(dir)] = true;
  }
  const bool has_ack = (s.flags & decode::kAck) != 0;
  const bool nothing = half.finished() || (bytes.empty() && missing == 0 && !fin);
  const bool in_order = seq == half.next() && half.waiting().empty();
  if (!nothing && in_order && gate_open(flow, dir, has_ack, s.ack)) {
    deliver(flow, dir, bytes, missing, fin, s.at);
  } else if (!nothing) {
    hold(flow, dir, Waiting{seq, s.ack, has_ack, fin, {bytes.begin(), bytes.end()}, missing, s.at});
  }
  if (flow.waiting() > 0) drain(flow);
  check_holes(flow, s.at);
}

bool FlowTable::came_too_late(const Flow& flow, Dir dir, Time now) const {
  const Flow::Blocked& blocked = flow.blocked[index(dir)];
  if (!blocked.set || blocked.at != flow.of(dir).next() || !flow.acknowledged_hole(dir))
    return false;
  return now - blocked.since > kLateOctets;
}

void FlowTable::keep_aside(Flow& flow, Dir dir, const decode::Segment& s) {
  std::vector<Waiting>& aside = flow.aside[index(dir)];
  if (aside.size() >= kAside) aside.erase(aside.begin());
  aside.push_back(
      Waiting{.seq = s.seq,
              .ack = s.ack,
              .has_ack = (s.flags & decode::kAck) != 0,
              .fin = (s.flags & decode::kFin) != 0,
              .data = {s.payload.begin(), s.payload.end()},
              .missing = s.payload_length - static_cast<std::uint32_t>(s.payload.size()),
              .at = s.at});
}

// The peer acknowledged octets of which only a copy with a bad sum was captured: it read that copy,
// the capture was edited afterwards. A receiver never acknowledges a segment that it dropped, so a
// forged one cannot come in this way.
bool FlowTable::take_from_aside(Flow& flow, Dir dir) {
  HalfStream& half = flow.of(dir);
  std::vector<Waiting>& aside = flow.aside[index(dir)];
  const auto covers = [&half](const Waiting& w) {
    return !before(half.next(), w.seq) &&
           before(half.next(), w.seq + static_cast<Seq>(w.data.size()));
  };
  const auto found = std::find_if(aside.begin(), aside.end(), covers);
  if (found == aside.end()) return false;
  const Waiting w = std::move(*found);
  aside.erase(found);
  ++counters_.bad_checksum_taken;
  const auto old = static_cast<std::size_t>(distance(half.next(), w.seq));
  deliver(flow, dir, Bytes(w.data).subspan(old), w.missing, w.fin, w.at);
  return true;
}

// Octets nobody wants: only the end of the direction matters.
void FlowTable::skip_payload(Flow& flow, Dir dir, Seq end, bool fin) {
  HalfStream& half = flow.of(dir);
  if (half.finished()) return;
  if (distance(end, half.next()) <= kBelievable) half.skip_to(end);
  if (!fin) return;
  half.finish();
  flow.conn.tcp.fin[index(dir)] = true;
}

void FlowTable::skip_waiting(Flow& flow) {
  for (const Dir dir : kDirs) {
    HalfStream& half = flow.of(dir);
    buffered_ -= std::min(buffered_, half.buffered());
    for (const Waiting& w : half.waiting())
      skip_payload(flow, dir, w.end() - (w.fin ? 1U : 0U), w.fin);
    half.drop_waiting();
  }
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
  deliver(flow, dir, bytes, w.missing, w.fin, w.at);
  return true;
}

void FlowTable::drain(Flow& flow) {
  // The client first: with nothing to choose, words come before answers.
  while (flow.handler->wants_data() &&
         (drain_one(flow, Dir::client) || drain_one(flow, Dir::server))) {
  }
  if (!flow.handler->wants_data()) skip_waiting(flow);
}

// True when this direction has stood at the same place for too long.
bool FlowTable::out_of_patience(Flow& flow, Dir dir, Time now) const {
  const HalfStream& half = flow.of(dir);
  Flow::Blocked& blocked = flow.blocked[index(dir)];
  if (half.waiting().empty() && !flow.acknowledged_hole(dir)) {
    blocked.set = false;
    return false;
  }
  if (!blocked.set || blocked.at != half.next()) {
    blocked = {.set = true, .at = half.next(), .since = now, .packets = 0};
    return false;
  }
  ++blocked.packets;
  const std::int64_t patience = flow.conn.one_sided() ? kOneSidedWait : limits::kReorderWait;
  return now - blocked.since >= patience || blocked.packets >= limits::kReorderPackets;
}

void FlowTable::check_holes(Flow& flow, const FrameRef& now) {
  for (const Dir dir : kDirs) {
    if (!out_of_patience(flow, dir, now.time)) continue;
    if (give_up_hole(flow, dir, !flow.conn.one_sided(), now) || force_front(flow, dir)) drain(flow);
  }
}

// The next octets are here, but acknowledge what the other side never said: forged, or each side's
// wait for the other's. Delivers them. False when they are not here, or the other side's are only
// missing.
bool FlowTable::force_front(Flow& flow, Dir dir) {
  HalfStream& half = flow.of(dir);
  if (half.waiting().empty() || before(half.next(), half.waiting().front().seq)) return false;
  if (flow.acknowledged_hole(other(dir))) return false;
  const Waiting w = half.take_front();
  buffered_ -= std::min(buffered_, w.data.size());
  deliver(flow, dir, w.data, w.missing, w.fin, w.at);
  return true;
}

// Turns the hole in front of this direction into a gap. With `acknowledged_only`, only octets the
// peer has; others will be sent again. False when there is none.
bool FlowTable::give_up_hole(Flow& flow, Dir dir, bool acknowledged_only, const FrameRef& now) {
  HalfStream& half = flow.of(dir);
  const bool acknowledged = flow.acknowledged_hole(dir);
  const bool hole = !half.waiting().empty() && before(half.next(), half.waiting().front().seq);
  if (!acknowledged && (acknowledged_only || !hole)) return false;
  if (acknowledged && take_from_aside(flow, dir)) return true;
  Seq until = acknowledged ? flow.acked[index(dir)] : half.waiting().front().seq;
  if (hole && before(half.waiting().front().seq, until)) until = half.waiting().front().seq;
  const auto length = static_cast<std::uint32_t>(distance(until, half.next()));
  if (length == 1 && half.waiting().empty()) {
    half.presume_fin();
    flow.conn.tcp.fin[index(dir)] = true;
    return true;
  }
  report_gap(flow, dir, length, now);
  return true;
}

void FlowTable::report_gap(Flow& flow, Dir dir, std::uint32_t length, const FrameRef& now) {
  HalfStream& half = flow.of(dir);
  const std::uint64_t offset = half.offset();
  half.give_up(length);
  ++counters_.gaps;
  counters_.gap_octets += length;
  ++flow.conn.tcp.gaps;
  flow.conn.tcp.gap[index(dir)] = true;
  flow.handler->on_gap(dir, offset, length, false, now);
}

// Nothing more will come: deliver what is there, gaps between.
void FlowTable::flush(Flow& flow) {
  const FrameRef now = flow.conn.last;
  drain(flow);
  while (flow.waiting() > 0) {
    const bool moved = give_up_hole(flow, Dir::client, false, now) ||
                       give_up_hole(flow, Dir::server, false, now) ||
                       force_front(flow, Dir::client) || force_front(flow, Dir::server);
    if (!moved) break;
    drain(flow);
  }
  for (const Dir dir : kDirs)
    if (flow.handler->wants_data() && flow.acknowledged_hole(dir))
      give_up_hole(flow, dir, true, now);
}

}  // namespace mxw::flow
