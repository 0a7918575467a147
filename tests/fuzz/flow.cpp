// TCP flow and SMTP session. Each record is a segment of one connection, the control octet says
// what it is: bit 0 the direction, then an operation. Sequence numbers follow from what was sent
// unless the argument moves them, so that the fuzzer reaches the dialogue without having to guess
// them.
#include <array>

#include "core/base/check.hpp"
#include "core/base/limits.hpp"
#include "sensor/flow/flow_table.hpp"
#include "sensor/session/session.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace {

using namespace mxw;

enum class Op : std::uint8_t { data, moved, fin, reset, syn, cut, wait, no_ack };
constexpr std::size_t kOps = 8;
constexpr std::array<std::uint16_t, 5> kPorts{25, 465, 587, 2525, 9'999};

// Reads what a sink would read, at every update.
class Observer final : public evidence::SessionObserver {
 public:
  void on_update(const evidence::SessionEvidence& s, const evidence::EvidenceUpdate& u) override {
    fuzz::use(evidence::name(s.offered()));
    fuzz::use(evidence::name(s.outcome()));
    fuzz::use(s.banner);
    fuzz::use(s.mail_from_domain());
    for (const evidence::DialogueLine& line : s.dialogue) fuzz::use(line.text);
    MXW_CHECK(!s.counting || *s.counting < s.greetings.size());
    MXW_CHECK(s.dialogue.size() <= limits::kSmtpDialogueLines);
    if (u.change == evidence::Change::transaction || u.change == evidence::Change::recipient)
      MXW_CHECK(u.index < s.transactions.size() || s.transaction_count > s.transactions.size());
    for (const evidence::Greeting& g : s.greetings)
      MXW_CHECK(g.first_line <= g.last_line && g.last_line <= s.dialogue.size());
  }
  void on_connection_without_data() override {}
};

struct Side {
  IpAddress address;
  std::uint16_t port = 0;
  std::uint32_t next = 0;
};

class Connection {
 public:
  Connection(flow::FlowTable& flows, std::uint16_t port) : flows_(flows) {
    sides_[0] = {*IpAddress::parse("192.0.2.10"), 40'000, 0xffff'ff00};  // wraps around soon
    sides_[1] = {*IpAddress::parse("198.51.100.25"), port, 1'000};
  }

  void open() {
    send(0, {}, decode::kSyn, 0, 0);
    send(1, {}, decode::kSyn | decode::kAck, 0, 0);
    send(0, {}, decode::kAck, 0, 0);
  }

  void step(const fuzz::Record& record) {
    const std::size_t from = record.control & 1U;
    const auto moved = static_cast<std::int8_t>(record.argument);
    switch (static_cast<Op>((record.control >> 1) % kOps)) {
      case Op::data:
        return send(from, record.bytes, decode::kAck, 0, 0);
      case Op::moved:
        return send(from, record.bytes, decode::kAck, moved, 0);
      case Op::fin:
        return send(from, record.bytes, decode::kFin | decode::kAck, 0, 0);
      case Op::reset:
        return send(from, record.bytes, decode::kRst, moved, 0);
      case Op::syn:
        return send(from, record.bytes, decode::kSyn, moved, 0);
      case Op::cut:
        return send(from, record.bytes, decode::kAck, 0, record.argument);
      case Op::wait:
        at_.time.ns += record.argument * kSecond;
        return;
      case Op::no_ack:
        return send(from, record.bytes, decode::kPsh, moved, 0);
    }
  }

 private:
  void send(std::size_t from, Bytes payload, std::uint8_t flags, int moved, std::uint32_t cut) {
    Side& side = sides_[from];
    const Side& peer = sides_[1 - from];
    decode::Segment s;
    s.ip.src = side.address;
    s.ip.dst = peer.address;
    s.ip.ttl = 64;
    s.src_port = side.port;
    s.dst_port = peer.port;
    s.seq = side.next + static_cast<std::uint32_t>(moved);
    s.ack = (flags & decode::kAck) != 0 ? peer.next : 0;
    s.flags = flags;
    s.payload = payload;
    s.payload_length = static_cast<std::uint32_t>(payload.size()) + cut;
    ++at_.frame;
    at_.time.ns += kMillisecond;
    s.at = at_;
    flows_.on_segment(s);
    if (moved != 0) return;
    const std::uint32_t virtual_octet = (flags & (decode::kSyn | decode::kFin)) != 0 ? 1 : 0;
    side.next += s.payload_length + virtual_octet;
  }

  flow::FlowTable& flows_;
  std::array<Side, 2> sides_;
  evidence::FrameRef at_;
};

// Sessions only, as the pipeline makes them but for DNS.
class Factory final : public flow::HandlerFactory {
 public:
  explicit Factory(session::SessionFactory& sessions) : sessions_(sessions) {}
  std::unique_ptr<flow::StreamHandler> make(const flow::Connection& c, Bytes first) override {
    return sessions_.make(c, first);
  }

 private:
  session::SessionFactory& sessions_;
};

}  // namespace

// The first octet: the port, and whether the start of the connection is in the capture.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  ByteReader input({data, size});
  const std::uint8_t setting = input.u8();
  Observer observer;
  const Redactor redactor;
  session::SessionFactory sessions(observer, redactor);
  Factory factory(sessions);
  flow::FlowTable flows(factory, HashKey{});
  Connection connection(flows, kPorts[(setting >> 1) % kPorts.size()]);
  if ((setting & 1U) == 0) connection.open();
  fuzz::Record record;
  while (fuzz::next_record(input, record)) connection.step(record);
  flows.finish();
  return 0;
}
