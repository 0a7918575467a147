// The table: which connection a segment belongs to, when one begins and when it ends.
#include "sensor/flow/flow_table.hpp"

#include <algorithm>
#include <cstring>
#include <vector>

#include "core/base/limits.hpp"
#include "sensor/flow/flow.hpp"

namespace mxw::flow {
namespace {

using decode::kAck;
using decode::kFin;
using decode::kRst;
using decode::kSyn;

// Ports whose listener is the server when the start of a connection was not seen.
bool is_service_port(std::uint16_t port) {
  return port == 25 || port == 465 || port == 587 || port == 2525 || port == 53;
}

bool destination_is_server(const decode::Segment& s) {
  if ((s.flags & kSyn) != 0) return (s.flags & kAck) == 0;
  const bool src = is_service_port(s.src_port);
  const bool dst = is_service_port(s.dst_port);
  if (src != dst) return dst;
  return s.dst_port <= s.src_port;  // ephemeral ports are the high ones
}

// How far from the next octet a reset may lie. A host takes none but the exact one (RFC 5961
// section 3.2); we cannot know what the host had received or sent out of our sight.
constexpr std::int32_t kResetWindow = 64 << 10;

}  // namespace

Counters& Counters::operator+=(const Counters& o) {
  static_assert(sizeof(Counters) == 17 * sizeof(std::uint64_t), "a counter is missing below");
  connections += o.connections;
  active += o.active;
  midstream += o.midstream;
  bad_checksum_ignored += o.bad_checksum_ignored;
  bad_checksum_accepted += o.bad_checksum_accepted;
  gaps += o.gaps;
  gap_octets += o.gap_octets;
  conflicts += o.conflicts;
  bad_checksum_taken += o.bad_checksum_taken;
  late_octets += o.late_octets;
  late_segments += o.late_segments;
  resets_ignored += o.resets_ignored;
  syn_ignored += o.syn_ignored;
  out_of_window += o.out_of_window;
  buffer_limit += o.buffer_limit;
  flow_limit += o.flow_limit;
  timeouts += o.timeouts;
  return *this;
}

std::size_t FlowTable::KeyHash::operator()(const Key& k) const {
  return siphash(key, Bytes(reinterpret_cast<const std::uint8_t*>(k.words.data()), sizeof k.words));
}

FlowTable::FlowTable(HandlerFactory& factory, HashKey hash_key)
    : factory_(factory), flows_(0, KeyHash{hash_key}) {}

FlowTable::~FlowTable() = default;

FlowTable::Key FlowTable::key_of(const decode::Segment& s, bool& from_low) {
  std::array<std::uint64_t, 2> src{};
  std::array<std::uint64_t, 2> dst{};
  std::memcpy(src.data(), s.ip.src.octets.data(), sizeof src);
  std::memcpy(dst.data(), s.ip.dst.octets.data(), sizeof dst);
  from_low = src != dst ? src < dst : s.src_port < s.dst_port;
  const std::uint64_t low_port = from_low ? s.src_port : s.dst_port;
  const std::uint64_t high_port = from_low ? s.dst_port : s.src_port;
  const std::uint64_t family = s.ip.src.family;
  const std::uint64_t rest = std::uint64_t{s.ip.tenant} << 32 | low_port << 16 | high_port;
  const auto& low = from_low ? src : dst;
  const auto& high = from_low ? dst : src;
  // The family only has to keep an IPv4 pair apart from the same octets as IPv6: tenants are few.
  return {{low[0], low[1], high[0], high[1], rest ^ family << 56}};
}

Dir FlowTable::direction(const Flow& flow, bool from_low) {
  return from_low == flow.client_is_low ? Dir::client : Dir::server;
}

FlowTable::Flow* FlowTable::create(const Key& key, bool from_low, const decode::Segment& s) {
  Connection conn;
  conn.tenant = s.ip.tenant;
  conn.vlan = s.ip.vlan;
  const Endpoint src{s.ip.src, s.src_port};
  const Endpoint dst{s.ip.dst, s.dst_port};
  const bool forward = destination_is_server(s);
  conn.client = forward ? src : dst;
  conn.server = forward ? dst : src;
  conn.start = conn.last = s.at;
  conn.midstream = (s.flags & kSyn) == 0;
  // Each packet of a connection nobody wants comes by here: its Flow is used again.
  auto flow = spare_ ? std::move(spare_) : std::make_unique<Flow>();
  flow->key = key;
  flow->conn = std::move(conn);
  flow->client_is_low = forward == from_low;
  flow->touched = s.at.time;
  flow->handler = factory_.make(flow->conn, s.payload);
  if (!flow->handler) {
    spare_ = std::move(flow);
    return nullptr;
  }
  make_room();
  flow->order = next_order_++;
  Flow* const raw = flow.get();
  raw->place = open_.insert(open_.end(), raw);
  flows_.emplace(key, std::move(flow));
  ++counters_.connections;
  ++counters_.active;
  if (raw->conn.midstream) ++counters_.midstream;
  return raw;
}

void FlowTable::make_room() {
  if (flows_.size() < limits::kFlows) return;
  ++counters_.flow_limit;
  Flow& oldest = *(closed_.empty() ? open_ : closed_).front();
  if (!oldest.ended) end(oldest, evidence::Ended::timeout);
  remove(oldest);
}

// A SYN for a connection we know: a new one when the old has ended or slept, else ignored as a host
// does.
bool FlowTable::starts_anew(Flow& flow, Dir dir, const decode::Segment& s) {
  if ((s.flags & (kSyn | kAck | kRst)) != kSyn) return false;
  // The same SYN again, or captured behind its SYN-ACK.
  if (dir == Dir::client && flow.of(dir).started() && flow.of(dir).first() == s.seq + 1)
    return false;
  if (flow.ended || s.at.time - flow.conn.last.time > limits::kPortReuseIdle) return true;
  ++counters_.syn_ignored;
  return false;
}

FlowTable::Flow* FlowTable::find_or_create(const decode::Segment& s, Dir& dir) {
  bool from_low = false;
  const Key key = key_of(s, from_low);
  const auto found = flows_.find(key);
  if (found == flows_.end()) {
    if ((s.flags & kRst) != 0) return nullptr;  // a reset of nothing we saw
    Flow* const fresh = create(key, from_low, s);
    if (fresh == nullptr) return nullptr;
    dir = direction(*fresh, from_low);
    (void)checksum_accepts(*fresh, dir, s);
    return fresh;
  }
  Flow& flow = *found->second;
  dir = direction(flow, from_low);
  const bool plain = (s.flags & (kFin | kRst | kSyn)) == 0;
  if (flow.settled && !flow.ended && plain) return &flow;
  take_over_quiet(flow);
  if (!checksum_accepts(flow, dir, s)) return nullptr;
  if (!starts_anew(flow, dir, s)) return &flow;
  if (!flow.ended) end(flow, evidence::Ended::timeout);
  remove(flow);
  Flow* const fresh = create(key, from_low, s);
  if (fresh != nullptr) dir = direction(*fresh, from_low);
  return fresh;
}

// docs/decisions/0003: a segment with a bad sum counts only where no good one was seen so far.
bool FlowTable::checksum_accepts(Flow& flow, Dir dir, const decode::Segment& s) {
  if (flow.settled && (s.flags & (kFin | kRst | kSyn)) == 0) return true;
  bool& good = flow.good_checksum[evidence::index(dir)];
  switch (s.checksum()) {
    case decode::Checksum::good:
      good = true;
      return true;
    case decode::Checksum::unknown:
      return true;
    case decode::Checksum::bad:
      break;
  }
  if (!good) {
    ++counters_.bad_checksum_accepted;
    return true;
  }
  ++counters_.bad_checksum_ignored;
  if (s.payload_length > 0 && !flow.ended && !flow.settled) keep_aside(flow, dir, s);
  return false;
}

void FlowTable::note_packet(Flow& flow, Dir dir, const decode::Segment& s) {
  const auto i = evidence::index(dir);
  Connection& conn = flow.conn;
  evidence::TcpEvidence& tcp = conn.tcp;
  conn.last = s.at;
  ++tcp.packets[i];
  tcp.bytes[i] += s.payload_length;
  tcp.flags[i] = static_cast<std::uint8_t>(tcp.flags[i] | s.flags);
  if (flow.settled) return;
  if (s.payload.size() < s.payload_length) conn.cut = true;
  if ((s.flags & kRst) != 0) return;
  if (tcp.packets[i] == 1) tcp.ttl[i] = s.ip.ttl;
  auto& set = flow.ttl_set[i];
  const auto known = set.begin() + std::min<int>(tcp.ttl_values[i], 4);
  if (known != set.end() && std::find(set.begin(), known, s.ip.ttl) == known) {
    *known = s.ip.ttl;
    ++tcp.ttl_values[i];
  }
  if ((s.flags & kAck) == 0) return;
  note_ack(flow, dir, s);
  if (dir == Dir::client && (s.flags & kSyn) == 0 && tcp.syn && tcp.synack && !tcp.handshake) {
    tcp.handshake = true;
    tcp.rtt_ns = s.at.time - conn.start.time;
  }
}

// Keeps the highest acknowledgement. A lower one takes its place when it comes with later octets:
// no host takes an acknowledgement back, so the higher one was forged.
void FlowTable::note_ack(Flow& flow, Dir dir, const decode::Segment& s) {
  const auto o = evidence::index(evidence::other(dir));
  HalfStream& acknowledged = flow.half[o];
  // The SYN-ACK is missing: the client's first acknowledgement says where the server's octets
  // begin.
  if (!acknowledged.started() && dir == Dir::client && flow.conn.tcp.syn && (s.flags & kSyn) == 0)
    acknowledged.start(s.ack);
  if (acknowledged.started() && std::abs(distance(s.ack, acknowledged.next())) > kBelievable)
    return;
  const Seq behind = s.seq + s.payload_length;
  const bool higher = !flow.has_acked[o] || before(flow.acked[o], s.ack);
  const bool taken_back = !higher && s.ack != flow.acked[o] && before(flow.acked_by[o], behind) &&
                          distance(behind, flow.of(dir).next()) <= kBelievable;
  if (!higher && !taken_back) return;
  flow.acked[o] = s.ack;
  flow.acked_by[o] = behind;
  flow.has_acked[o] = true;
}

void FlowTable::on_syn(Flow& flow, Dir dir, const decode::Segment& s) {
  HalfStream& half = flow.of(dir);
  if (dir == Dir::client) {
    flow.conn.tcp.syn = true;
  } else {
    flow.conn.tcp.synack = true;
    if (!flow.of(Dir::client).started()) flow.of(Dir::client).start(s.ack);
  }
  if (!half.started()) half.start(s.seq + 1);
}

void FlowTable::on_reset(Flow& flow, Dir dir, const decode::Segment& s) {
  HalfStream& half = flow.of(dir);
  // A refused connection answers with sequence number 0; no other reset may lie outside the window.
  if (half.started() && std::abs(distance(s.seq, half.next())) > kResetWindow) {
    ++counters_.resets_ignored;
    return;
  }
  evidence::TcpEvidence& tcp = flow.conn.tcp;
  // Compared with the handshake's packet: in a race the last one before may be the forged one.
  const std::uint8_t usual_ttl = tcp.ttl[evidence::index(dir)];
  if (tcp.rst) return;
  tcp.rst = true;
  tcp.rst_from = dir;
  tcp.rst_at = s.at;
  if (usual_ttl != 0) tcp.rst_ttl_delta = int{s.ip.ttl} - int{usual_ttl};
  flow.reset_seq = s.seq;
  // Octets that only the reset acknowledges were lost to the capture.
  if ((s.flags & kAck) != 0) note_ack(flow, dir, s);
  flush(flow);
  flow.handler->on_reset(dir, s.at);
  if (!flow.ended) end(flow, evidence::Ended::rst);
}

void FlowTable::after_end(Flow& flow, Dir dir, const decode::Segment& s) {
  closed_.splice(closed_.end(), closed_, flow.place);
  evidence::TcpEvidence& tcp = flow.conn.tcp;
  if (!tcp.rst || tcp.rst_then_data || dir != tcp.rst_from || s.payload_length == 0) return;
  if (before(s.seq, flow.reset_seq)) return;  // sent before the reset
  tcp.rst_then_data = true;
  tcp.data_after_rst_at = s.at;
  flow.handler->on_data_after_reset(dir, s.at);
}

void FlowTable::on_segment(const decode::Segment& s) {
  advance(s.at.time);
  Dir dir{};
  Flow* const found = find_or_create(s, dir);
  if (found == nullptr) return;
  Flow& flow = *found;
  if (flow.settled && !flow.ended && (s.flags & (kFin | kRst | kSyn)) == 0) {
    count_quietly(flow, dir, s);
    touch(flow, s.at.time);
    return;
  }
  note_packet(flow, dir, s);
  if (flow.ended) {
    after_end(flow, dir, s);
    return;
  }
  touch(flow, s.at.time);
  if ((s.flags & kRst) != 0) {
    on_reset(flow, dir, s);
    return;
  }
  if ((s.flags & kSyn) != 0) on_syn(flow, dir, s);
  if (!flow.of(dir).started()) flow.of(dir).start(s.seq);
  if (flow.settled) {
    skip_payload(flow, dir, s.seq + s.payload_length, (s.flags & kFin) != 0);
  } else {
    on_payload(flow, dir, s);
    if (!flow.handler->wants_connection()) {
      remove(flow);
      return;
    }
    flow.settled = !flow.handler->wants_data();
    if (flow.settled && flow.waiting() > 0) skip_waiting(flow);
  }
  if (!flow.ended && flow.half[0].finished() && flow.half[1].finished())
    end(flow, evidence::Ended::fin);
}

// Order by last packet, to the second: an idle limit of minutes needs no more, and moving a node
// for every packet costs three cold cache lines.
void FlowTable::touch(Flow& flow, Time now) {
  if (now - flow.touched < kSecond) return;
  flow.touched = now;
  open_.splice(open_.end(), open_, flow.place);
}

void FlowTable::count_quietly(Flow& flow, Dir dir, const decode::Segment& s) {
  const auto i = evidence::index(dir);
  Flow::Quiet& quiet = flow.quiet;
  if (!quiet.any) {
    quiet.any = true;
    for (std::size_t d = 0; d < 2; ++d) quiet.base[d] = quiet.next[d] = flow.half[d].next();
  }
  quiet.last = s.at;
  ++quiet.packets[i];
  quiet.bytes[i] += s.payload_length;
  quiet.flags[i] = static_cast<std::uint8_t>(quiet.flags[i] | s.flags);
  const Seq end = s.seq + s.payload_length;
  if (before(quiet.next[i], end) && distance(end, quiet.next[i]) <= kBelievable)
    quiet.next[i] = end;
  // Sequence space is compared within half its size: take over long before.
  constexpr std::int32_t kFar = 1 << 30;
  if (distance(quiet.next[i], quiet.base[i]) > kFar) take_over_quiet(flow);
}

void FlowTable::take_over_quiet(Flow& flow) {
  Flow::Quiet& quiet = flow.quiet;
  if (!quiet.any) return;
  evidence::TcpEvidence& tcp = flow.conn.tcp;
  flow.conn.last = quiet.last;
  for (std::size_t i = 0; i < 2; ++i) {
    tcp.packets[i] += quiet.packets[i];
    tcp.bytes[i] += quiet.bytes[i];
    tcp.flags[i] = static_cast<std::uint8_t>(tcp.flags[i] | quiet.flags[i]);
    if (flow.half[i].started() && !flow.half[i].finished()) flow.half[i].skip_to(quiet.next[i]);
  }
  quiet = {};
}

void FlowTable::end(Flow& flow, evidence::Ended how) {
  take_over_quiet(flow);
  flush(flow);
  // What waited may have held both FINs.
  if (how != evidence::Ended::rst && flow.half[0].finished() && flow.half[1].finished())
    how = evidence::Ended::fin;
  flow.ended = true;
  closed_.splice(closed_.end(), open_, flow.place);
  flow.handler->on_end(how, flow.conn.last);
}

void FlowTable::remove(Flow& flow) {
  if (flow.ended) flow.handler->on_removed(flow.conn.last);
  (flow.ended ? closed_ : open_).erase(flow.place);
  buffered_ -= std::min(buffered_, flow.half[0].buffered() + flow.half[1].buffered());
  --counters_.active;
  flows_.erase(Key(flow.key));
}

void FlowTable::advance(Time now) {
  if (now <= now_) return;
  now_ = now;
  while (!closed_.empty() && now - closed_.front()->conn.last.time > limits::kFlowLinger)
    remove(*closed_.front());
  if (!open_.empty() && now - open_.front()->touched > limits::kFlowIdle) end_idle(now);
}

// Ends what slept too long, in the order of the last packet. The list knows it only to the second.
void FlowTable::end_idle(Time now) {
  FlowList idle;
  while (!open_.empty() && now - open_.front()->touched > limits::kFlowIdle) {
    Flow& flow = *open_.front();
    take_over_quiet(flow);
    const bool slept = now - flow.conn.last.time > limits::kFlowIdle;
    if (!slept) flow.touched = flow.conn.last.time;
    FlowList& to = slept ? idle : open_;
    to.splice(to.end(), open_, flow.place);
  }
  idle.sort([](const Flow* a, const Flow* b) {
    return a->conn.last.time != b->conn.last.time ? a->conn.last.time < b->conn.last.time
                                                  : a->order < b->order;
  });
  while (!idle.empty()) {
    Flow& flow = *idle.front();
    open_.splice(open_.end(), idle, flow.place);
    ++counters_.timeouts;
    end(flow, evidence::Ended::timeout);
    remove(flow);
  }
}

void FlowTable::finish() {
  std::vector<Flow*> all;
  all.reserve(flows_.size());
  for (const auto& [key, flow] : flows_) all.push_back(flow.get());
  std::sort(all.begin(), all.end(),
            [](const Flow* a, const Flow* b) { return a->order < b->order; });
  for (Flow* flow : all) {
    if (!flow->ended) end(*flow, evidence::Ended::input_end);
    remove(*flow);
  }
}

}  // namespace mxw::flow
