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

std::size_t FlowTable::KeyHash::operator()(const Key& k) const {
  std::array<std::uint8_t, 4 + 2 * (16 + 1 + 2)> bytes{};
  std::uint8_t* out = bytes.data();
  const auto put = [&out](const void* from, std::size_t n) {
    std::memcpy(out, from, n);
    out += n;
  };
  put(&k.tenant, 4);
  for (const Endpoint* e : {&k.low, &k.high}) {
    put(e->address.octets.data(), 16);
    put(&e->address.family, 1);
    put(&e->port, 2);
  }
  return siphash(key, bytes);
}

FlowTable::FlowTable(HandlerFactory& factory, HashKey hash_key)
    : factory_(factory), flows_(0, KeyHash{hash_key}) {}

FlowTable::~FlowTable() = default;

FlowTable::Key FlowTable::key_of(const decode::Segment& s) {
  Endpoint a{s.ip.src, s.src_port};
  Endpoint b{s.ip.dst, s.dst_port};
  if (b < a) std::swap(a, b);
  return {s.ip.tenant, a, b};
}

Dir FlowTable::direction(const Flow& flow, const decode::Segment& s) {
  return Endpoint{s.ip.src, s.src_port} == flow.conn.client ? Dir::client : Dir::server;
}

FlowTable::Flow* FlowTable::create(const Key& key, const decode::Segment& s) {
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
bool FlowTable::starts_anew(Flow& flow, const decode::Segment& s) {
  if ((s.flags & (kSyn | kAck | kRst)) != kSyn) return false;
  const Dir dir = direction(flow, s);
  // The same SYN again, or captured behind its SYN-ACK.
  if (dir == Dir::client && flow.of(dir).started() && flow.of(dir).first() == s.seq + 1)
    return false;
  if (flow.ended || s.at.time - flow.conn.last.time > limits::kPortReuseIdle) return true;
  ++counters_.syn_ignored;
  return false;
}

FlowTable::Flow* FlowTable::find_or_create(const decode::Segment& s) {
  const Key key = key_of(s);
  const auto found = flows_.find(key);
  if (found == flows_.end()) {
    if ((s.flags & kRst) != 0) return nullptr;  // a reset of nothing we saw
    Flow* const fresh = create(key, s);
    if (fresh != nullptr) (void)checksum_accepts(*fresh, direction(*fresh, s), s);
    return fresh;
  }
  Flow& flow = *found->second;
  if (!checksum_accepts(flow, direction(flow, s), s)) return nullptr;
  if (!starts_anew(flow, s)) return &flow;
  if (!flow.ended) end(flow, evidence::Ended::timeout);
  remove(flow);
  return create(key, s);
}

bool FlowTable::checksum_accepts(Flow& flow, Dir dir, const decode::Segment& s) {
  const bool matters = flow.handler->wants_data() || (s.flags & (kFin | kRst | kSyn)) != 0;
  if (!matters) return true;
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
  if (good) {
    ++counters_.bad_checksum_ignored;
    return false;
  }
  ++counters_.bad_checksum_accepted;
  return true;
}

void FlowTable::note_packet(Flow& flow, Dir dir, const decode::Segment& s) {
  const auto i = evidence::index(dir);
  Connection& conn = flow.conn;
  evidence::TcpEvidence& tcp = conn.tcp;
  conn.last = s.at;
  ++tcp.packets[i];
  tcp.bytes[i] += s.payload_length;
  tcp.flags[i] = static_cast<std::uint8_t>(tcp.flags[i] | s.flags);
  if (s.payload.size() < s.payload_length) conn.cut = true;
  if ((s.flags & kRst) == 0) {
    if (tcp.packets[i] == 1) tcp.ttl[i] = s.ip.ttl;
    flow.last_ttl[i] = s.ip.ttl;
    auto& set = flow.ttl_set[i];
    const auto known = set.begin() + std::min<int>(tcp.ttl_values[i], 4);
    if (std::find(set.begin(), known, s.ip.ttl) == known && known != set.end()) {
      *known = s.ip.ttl;
      ++tcp.ttl_values[i];
    }
  }
  if ((s.flags & kAck) == 0 || (s.flags & kRst) != 0) return;
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
  const auto i = evidence::index(dir);
  if (tcp.rst) return;
  tcp.rst = true;
  tcp.rst_from = dir;
  tcp.rst_at = s.at;
  if (flow.last_ttl[i] != 0) tcp.rst_ttl_delta = int{s.ip.ttl} - int{flow.last_ttl[i]};
  flow.reset_seq = s.seq;
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
  Flow* const found = find_or_create(s);
  if (found == nullptr) return;
  Flow& flow = *found;
  const Dir dir = direction(flow, s);
  note_packet(flow, dir, s);
  if (flow.ended) {
    after_end(flow, dir, s);
    return;
  }
  touch(flow);
  if ((s.flags & kRst) != 0) {
    on_reset(flow, dir, s);
    return;
  }
  if ((s.flags & kSyn) != 0) on_syn(flow, dir, s);
  if (!flow.of(dir).started()) flow.of(dir).start(s.seq);
  if (flow.handler->wants_data()) {
    on_payload(flow, dir, s);
  } else {
    if (flow.waiting() > 0) skip_waiting(flow);
    skip_payload(flow, dir, s.seq + s.payload_length, (s.flags & kFin) != 0);
  }
  if (!flow.handler->wants_connection()) {
    remove(flow);
    return;
  }
  if (!flow.ended && flow.half[0].finished() && flow.half[1].finished())
    end(flow, evidence::Ended::fin);
}

void FlowTable::touch(Flow& flow) {
  open_.splice(open_.end(), open_, flow.place);
}

void FlowTable::end(Flow& flow, evidence::Ended how) {
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
  while (!open_.empty() && now - open_.front()->conn.last.time > limits::kFlowIdle) {
    ++counters_.timeouts;
    Flow& flow = *open_.front();
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
