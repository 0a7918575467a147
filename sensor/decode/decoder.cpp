#include "sensor/decode/decoder.hpp"

#include "core/base/limits.hpp"
#include "sensor/decode/cursor.hpp"
#include "sensor/decode/duplicates.hpp"
#include "sensor/decode/fragments.hpp"
#include "sensor/decode/ip.hpp"
#include "sensor/decode/link.hpp"
#include "sensor/decode/transport.hpp"

namespace mxw::decode {

Counters& Counters::operator+=(const Counters& o) {
  static_assert(sizeof(Counters) == 19 * sizeof(std::uint64_t), "a counter is missing below");
  packets += o.packets;
  bytes += o.bytes;
  ipv4 += o.ipv4;
  ipv6 += o.ipv6;
  tcp += o.tcp;
  udp += o.udp;
  duplicates += o.duplicates;
  bad_ip_checksums += o.bad_ip_checksums;
  malformed += o.malformed;
  not_ip += o.not_ip;
  other_protocol += o.other_protocol;
  unsupported_tunnel += o.unsupported_tunnel;
  too_deep += o.too_deep;
  cut += o.cut;
  fragments += o.fragments;
  fragments_dropped += o.fragments_dropped;
  fragments_conflicting += o.fragments_conflicting;
  fragments_reassembled += o.fragments_reassembled;
  fragments_expired += o.fragments_expired;
  return *this;
}

struct Decoder::Impl {
  explicit Impl(const Options& options) : fragments(options.hash_key, counters) {}

  void decode(const capture::PacketView& packet, Visitor& visitor);
  Layer open_layers(Layer layer, Cursor& cursor, Visitor& visitor);
  Layer open_ip(Layer layer, Cursor& cursor);
  Layer deliver_segment(const Cursor& cursor, Visitor& visitor);
  Layer deliver_datagram(const Cursor& cursor, Visitor& visitor);
  void count_end(Layer end);

  Counters counters;
  Duplicates duplicates;
  Fragments fragments;
};

// The IP header, then the test for duplicates: before reassembly, which would see their pieces
// twice.
Layer Decoder::Impl::open_ip(Layer layer, Cursor& cursor) {
  const bool v4 = layer == Layer::ipv4;
  const Layer next = v4 ? open_ipv4(cursor) : open_ipv6(cursor);
  if (next != Layer::protocol && next != Layer::fragment) return next;
  ++(v4 ? counters.ipv4 : counters.ipv6);
  if (cursor.ip.bad_header) {
    // Never compared: it must not make the right packet that follows a duplicate.
    ++counters.bad_ip_checksums;
    return next;
  }
  if (duplicates.seen(cursor.datagram, cursor.header_length, cursor.at.time, cursor.stable)) {
    ++counters.duplicates;
    return Layer::done;
  }
  return next;
}

Layer Decoder::Impl::deliver_segment(const Cursor& cursor, Visitor& visitor) {
  Segment segment;
  const Layer end = read_tcp(cursor, segment);
  if (end != Layer::done) return end;
  ++counters.tcp;
  visitor.on_segment(segment);
  return end;
}

Layer Decoder::Impl::deliver_datagram(const Cursor& cursor, Visitor& visitor) {
  Datagram datagram;
  const Layer end = read_udp(cursor, datagram);
  if (end != Layer::done) return end;
  ++counters.udp;
  visitor.on_datagram(datagram);
  return end;
}

// Opens layer after layer; returns the end that was reached.
Layer Decoder::Impl::open_layers(Layer layer, Cursor& cursor, Visitor& visitor) {
  for (std::size_t depth = 0; depth < limits::kDecodeDepth; ++depth) {
    switch (layer) {
      case Layer::ethertype:
        layer = open_ethertype(cursor);
        break;
      case Layer::ipv4:
      case Layer::ipv6:
        layer = open_ip(layer, cursor);
        break;
      case Layer::protocol:
        layer = open_protocol(cursor);
        break;
      case Layer::fragment:
        layer = fragments.add(cursor);
        break;
      case Layer::tcp:
        return deliver_segment(cursor, visitor);
      case Layer::udp:
        return deliver_datagram(cursor, visitor);
      default:
        return layer;
    }
  }
  ++counters.too_deep;
  return Layer::done;
}

void Decoder::Impl::count_end(Layer end) {
  switch (end) {
    case Layer::malformed:
      ++counters.malformed;
      break;
    case Layer::not_ip:
      ++counters.not_ip;
      break;
    case Layer::other_protocol:
      ++counters.other_protocol;
      break;
    case Layer::tunnel:
      ++counters.unsupported_tunnel;
      break;
    default:
      break;
  }
}

void Decoder::Impl::decode(const capture::PacketView& packet, Visitor& visitor) {
  ++counters.packets;
  counters.bytes += packet.bytes.size();
  Cursor cursor;
  cursor.bytes = packet.bytes;
  cursor.wire = std::max(packet.wire_length, static_cast<std::uint32_t>(packet.bytes.size()));
  cursor.stable = packet.stable;
  cursor.at = packet.at;
  const bool cut_frame = cursor.bytes.size() < cursor.wire;
  const Layer first = open_link(packet.link, cursor);
  count_end(open_layers(first, cursor, visitor));
  if (cut_frame || cursor.bytes.size() < cursor.wire) ++counters.cut;
}

Decoder::Decoder(const Options& options) : impl_(std::make_unique<Impl>(options)) {}
Decoder::~Decoder() = default;
Decoder::Decoder(Decoder&&) noexcept = default;
Decoder& Decoder::operator=(Decoder&&) noexcept = default;

void Decoder::decode(const capture::PacketView& packet, Visitor& visitor) {
  impl_->decode(packet, visitor);
}

const Counters& Decoder::counters() const {
  return impl_->counters;
}

}  // namespace mxw::decode
