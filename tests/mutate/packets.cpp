#include "packets.hpp"

#include <map>
#include <set>
#include <stdexcept>
#include <utility>

#include "sensor/capture/reader.hpp"

namespace mxw::mutate {
namespace {

constexpr std::uint8_t kTcp = 6, kUdp = 17;
constexpr std::size_t kEthernetHeader = 14, kIpv6Header = 40;

std::size_t number(Bytes octets) {
  std::size_t value = 0;
  for (const std::uint8_t octet : octets) value = value << 8 | octet;
  return value;
}

Endpoint endpoint(Bytes address, Bytes port) {
  return {address.size() == 4 ? IpAddress::from_v4(address) : IpAddress::from_v6(address),
          static_cast<std::uint16_t>(number(port))};
}

std::optional<Layout> layout_of(Bytes frame) {
  if (frame.size() < kEthernetHeader + kIpv6Header) return std::nullopt;
  const std::size_t type = number(frame.subspan(12, 2));
  if (type != 0x0800 && type != 0x86dd) return std::nullopt;
  Layout l;
  l.ip = kEthernetHeader;
  l.v4 = type == 0x0800;
  const Bytes ip = frame.subspan(l.ip);
  const std::uint8_t protocol = l.v4 ? ip[9] : ip[6];
  if (protocol != kTcp && protocol != kUdp) return std::nullopt;
  l.tcp = protocol == kTcp;
  const std::size_t header = l.v4 ? (ip[0] & 0x0fU) * 4U : kIpv6Header;
  l.transport = l.ip + header;
  if (frame.size() < l.transport + (l.tcp ? 20 : 8)) return std::nullopt;
  const std::size_t size = l.v4 ? 4 : 16;
  const std::size_t source = l.v4 ? 12 : 8;
  const Bytes ports = frame.subspan(l.transport, 4);
  l.from = endpoint(ip.subspan(source, size), ports.first(2));
  l.to = endpoint(ip.subspan(source + size, size), ports.last(2));
  if (l.tcp) {
    const std::uint8_t flags = frame[l.transport + 13];
    l.syn = (flags & 0x02) != 0;
    l.ack = (flags & 0x10) != 0;
    l.rst = (flags & 0x04) != 0;
    l.sequence = static_cast<std::uint32_t>(number(frame.subspan(l.transport + 4, 4)));
    const std::size_t tcp_header = (frame[l.transport + 12] >> 4U) * 4U;
    const std::size_t ip_length =
        l.v4 ? number(ip.subspan(2, 2)) : kIpv6Header + number(ip.subspan(4, 2));
    l.payload = ip_length - header - tcp_header;
  }
  return l;
}

// Numbers the 5-tuples; the first packet of one is the client's (the lab's captures hold every
// start).
void name_connections(Packets& packets) {
  std::map<std::tuple<bool, Endpoint, Endpoint>, std::uint32_t> numbers;
  std::map<std::uint32_t, Endpoint> clients;
  for (Packet& packet : packets) {
    if (!packet.layout) continue;
    Layout& l = *packet.layout;
    const auto key = std::make_tuple(l.tcp, std::min(l.from, l.to), std::max(l.from, l.to));
    const auto number = static_cast<std::uint32_t>(numbers.size());
    l.connection = numbers.try_emplace(key, number).first->second;
    l.of_client = clients.try_emplace(l.connection, l.from).first->second == l.from;
  }
}

}  // namespace

Packets read_packets(const std::string& path) {
  auto reader = capture::Reader::open(path, 0, false);
  if (!reader) throw std::runtime_error(reader.error().message);
  Packets packets;
  while (const auto view = (*reader)->next()) {
    Packet packet{.bytes = {view->bytes.begin(), view->bytes.end()},
                  .wire_length = view->wire_length,
                  .link = view->link,
                  .time = view->at.time,
                  .layout = layout_of(view->bytes)};
    packets.push_back(std::move(packet));
  }
  if ((*reader)->facts().damage) throw std::runtime_error(*(*reader)->facts().damage);
  name_connections(packets);
  return packets;
}

}  // namespace mxw::mutate
