#include "tests/bench/script.hpp"

#include <algorithm>
#include <array>
#include <string_view>

#include "sensor/capture/reader.hpp"
#include "tests/bench/wire.hpp"

namespace mxw::bench {
namespace {

constexpr std::uint8_t kTcp = 6, kUdp = 17;
constexpr std::uint8_t kTlsHandshake = 22, kTlsApplicationData = 23, kCertificate = 11;
constexpr std::size_t kRecordHeader = 5, kHandshakeHeader = 4;

// Where the parts of a frame stand; nullopt: not Ethernet with IPv4 or IPv6 and TCP or UDP.
struct Layout {
  bool ipv6 = false;
  std::uint8_t protocol = 0;
  std::size_t transport = 0, payload = 0, end = 0;
};

std::optional<Layout> layout_of(Bytes frame) {
  if (frame.size() < kEthernet + kIpv4 + kUdpHeader) return std::nullopt;
  Layout l;
  l.ipv6 = get16(frame, 12) == 0x86dd;
  if (!l.ipv6 && (get16(frame, 12) != 0x0800 || frame[kEthernet] != 0x45)) return std::nullopt;
  if (l.ipv6 && frame.size() < kEthernet + kIpv6 + kUdpHeader) return std::nullopt;
  l.protocol = frame[kEthernet + (l.ipv6 ? 6 : 9)];
  l.transport = kEthernet + (l.ipv6 ? kIpv6 : kIpv4);
  l.end =
      l.ipv6 ? l.transport + get16(frame, kEthernet + 4) : kEthernet + get16(frame, kEthernet + 2);
  if (l.protocol == kUdp) {
    l.payload = l.transport + kUdpHeader;
  } else if (l.protocol == kTcp && frame.size() >= l.transport + kTcpHeader) {
    l.payload = l.transport + std::size_t{frame[l.transport + 12]} / 16 * 4;
  } else {
    return std::nullopt;
  }
  if (l.payload > l.end || l.end > frame.size()) return std::nullopt;
  return l;
}

class ScriptBuilder {
 public:
  explicit ScriptBuilder(std::string name) { script_.name = std::move(name); }

  // False: the capture cannot be played again; trouble() tells why.
  bool add(const capture::PacketView& packet) {
    const auto layout = layout_of(packet.bytes);
    if (!layout || packet.bytes.size() < packet.wire_length) return true;  // ARP, ICMPv6
    if (!first_) first_ = packet.at.time;
    Step step;
    step.offset = packet.at.time - *first_;
    step.head.assign(packet.bytes.begin(), at(packet.bytes, layout->payload));
    step.payload.assign(at(packet.bytes, layout->payload), at(packet.bytes, layout->end));
    step.tcp = layout->protocol == kTcp;
    if (step.tcp && !place(step, *layout)) return false;
    if (!join(step)) script_.steps.push_back(std::move(step));
    return true;
  }

  Result<Script> finish() {
    if (trouble_.empty() && script_.client.empty()) trouble_ = "no TCP connection";
    if (!trouble_.empty())
      return fail(ErrorKind::input, script_.name + ": cannot be played again: " + trouble_);
    find_acknowledgements();
    find_body();
    find_certificate();
    return std::move(script_);
  }

 private:
  static Bytes::iterator at(Bytes bytes, std::size_t offset) {
    return bytes.begin() + static_cast<std::ptrdiff_t>(offset);
  }

  bool refuse(const char* why) {
    trouble_ = why;
    return false;
  }

  // Direction, flags, and that the segment is the next of its side.
  bool place(Step& step, const Layout& layout) {
    const Bytes head = step.head;
    const std::size_t width = layout.ipv6 ? 16 : 4;
    const Bytes source = head.subspan(layout.transport - 2 * width, width);
    const Bytes destination = head.subspan(layout.transport - width, width);
    step.flags = head[layout.transport + 13];
    const std::uint32_t ports = get32(head, layout.transport);
    if (script_.client.empty()) {
      if (step.flags != kSyn) return refuse("it does not begin with a SYN");
      script_.client.assign(source.begin(), source.end());
      script_.server.assign(destination.begin(), destination.end());
      script_.ipv6 = layout.ipv6;
      ports_ = ports;
    }
    step.from_client = ports == ports_;
    if (!step.from_client && ports != (ports_ << 16 | ports_ >> 16))
      return refuse("more than one TCP connection");
    std::optional<std::uint32_t>& next = next_[step.from_client ? 0 : 1];
    const std::uint32_t sequence = get32(head, layout.transport + 4);
    if (next && sequence != *next) return refuse("a lost, repeated or reordered segment");
    next = sequence + static_cast<std::uint32_t>(step.payload.size()) +
           ((step.flags & kSyn) != 0 ? 1U : 0U) + ((step.flags & kFin) != 0 ? 1U : 0U);
    return true;
  }

  // Adds the octets to the write before, if it is one.
  bool join(const Step& step) {
    if (script_.steps.empty() || !step.tcp || step.payload.empty()) return false;
    Step& before = script_.steps.back();
    if (!before.tcp || before.from_client != step.from_client || before.payload.empty() ||
        (before.flags & kFin) != 0)
      return false;
    before.payload.insert(before.payload.end(), step.payload.begin(), step.payload.end());
    before.flags |= step.flags;
    return true;
  }

  void find_acknowledgements() {
    for (const Step& step : script_.steps)
      if (step.tcp && step.flags == kAck && step.payload.empty())
        (step.from_client ? script_.client_ack : script_.server_ack) = step.head;
  }

  // The message: the longest record of application data of the client, or the write that ends DATA.
  void find_body() {
    constexpr std::string_view kEnd = "\r\n.\r\n";
    std::size_t longest = 0;
    for (std::size_t i = 0; i < script_.steps.size(); ++i) {
      const Step& step = script_.steps[i];
      if (!step.tcp || !step.from_client || step.payload.empty()) continue;
      const std::size_t end = as_text(step.payload).find(kEnd);
      if (step.payload[0] == kTlsApplicationData && step.payload.size() > longest) {
        longest = step.payload.size();
        script_.body = Body::tls;
        script_.body_step = i;
        script_.body_at = step.payload.size();
      } else if (script_.body == Body::none && end != std::string_view::npos) {
        script_.body = Body::data;
        script_.body_step = i;
        script_.body_at = end + 2;
      }
    }
  }

  // A record that holds a whole TLS 1.2 Certificate message and nothing else.
  void find_certificate() {
    for (std::size_t i = 0; i < script_.steps.size(); ++i) {
      const Step& step = script_.steps[i];
      const Bytes octets = step.payload;
      if (!step.tcp || step.from_client) continue;
      std::size_t from = 0;
      while (from + kRecordHeader + kHandshakeHeader <= octets.size()) {
        if (octets[from] != kTlsHandshake) break;
        const std::size_t length = get16(octets, from + 3);
        if (octets[from + kRecordHeader] == kCertificate &&
            get24(octets, from + kRecordHeader + 1) + kHandshakeHeader == length) {
          script_.certificate_step = i;
          script_.certificate_at = from;
          script_.certificate_length = kRecordHeader + length;
          return;
        }
        from += kRecordHeader + length;
      }
    }
  }

  Script script_;
  std::string trouble_;
  std::optional<Time> first_;
  std::uint32_t ports_ = 0;
  std::array<std::optional<std::uint32_t>, 2> next_;  // sequence number due, of client and server
};

}  // namespace

Result<Script> read_script(const std::string& path) {
  auto reader = capture::Reader::open(path, 0, false);
  if (!reader) return std::unexpected(reader.error());
  ScriptBuilder builder(path);
  while (const auto packet = (*reader)->next())
    if (!builder.add(*packet)) break;
  return builder.finish();
}

}  // namespace mxw::bench
