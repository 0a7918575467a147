// Packets and capture files made in a test: frames with right lengths and checksums, pcap and
// pcapng in either byte order. Bytes only, no knowledge of the code under test, so that a shared
// error cannot hide.
#pragma once

#include <arpa/inet.h>

#include <cstdint>
#include <fstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace mxw::test {

using Octets = std::vector<std::uint8_t>;

inline Octets octets(std::string_view text) {
  return {text.begin(), text.end()};
}

inline void append(Octets& to, const Octets& more) {
  to.insert(to.end(), more.begin(), more.end());
}
inline void append(Octets& to, std::string_view more) {
  append(to, octets(more));
}

// The n low octets of a value, in network order or (little) reversed.
inline void put(Octets& to, std::uint64_t value, int n, bool little = false) {
  for (int i = 0; i < n; ++i)
    to.push_back(static_cast<std::uint8_t>(value >> (8 * (little ? i : n - 1 - i))));
}

inline bool is_v6(std::string_view address) {
  return address.find(':') != std::string_view::npos;
}

inline Octets address_octets(std::string_view text) {
  Octets out(is_v6(text) ? 16 : 4);
  if (inet_pton(is_v6(text) ? AF_INET6 : AF_INET, std::string(text).c_str(), out.data()) != 1)
    throw std::invalid_argument("no address: " + std::string(text));
  return out;
}

// RFC 1071, octet pair by octet pair.
inline std::uint16_t internet_checksum(const Octets& data) {
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i < data.size(); ++i)
    sum += static_cast<std::uint32_t>(data[i]) << (i % 2 == 0 ? 8 : 0);
  while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<std::uint16_t>(~sum);
}

// The IP octets of one packet; `payload` begins with the transport or an extension header.
struct IpFields {
  std::uint8_t protocol = 6;
  std::uint8_t ttl = 64;
  std::uint16_t id = 0x1234;
  std::uint16_t fragment = 0x4000;  // IPv4 flags and offset as on the wire; default: don't fragment
  Octets options;                   // IPv4; a multiple of four octets
};

inline Octets ip_packet(std::string_view src, std::string_view dst, const Octets& payload,
                        const IpFields& fields = {}) {
  Octets out;
  if (is_v6(src)) {
    put(out, 0x6000'0000, 4);
    put(out, payload.size(), 2);
    put(out, fields.protocol, 1);
    put(out, fields.ttl, 1);
    append(out, address_octets(src));
    append(out, address_octets(dst));
  } else {
    const std::size_t length = 20 + fields.options.size();
    put(out, 0x40 | length / 4, 1);
    put(out, 0, 1);
    put(out, length + payload.size(), 2);
    put(out, fields.id, 2);
    put(out, fields.fragment, 2);
    put(out, fields.ttl, 1);
    put(out, fields.protocol, 1);
    put(out, 0, 2);
    append(out, address_octets(src));
    append(out, address_octets(dst));
    append(out, fields.options);
    const std::uint16_t sum = internet_checksum(out);
    out[10] = static_cast<std::uint8_t>(sum >> 8);
    out[11] = static_cast<std::uint8_t>(sum);
  }
  append(out, payload);
  return out;
}

// Puts the right checksum at `at` of a transport header.
inline void set_transport_checksum(Octets& transport, std::size_t at, std::string_view src,
                                   std::string_view dst, std::uint8_t protocol) {
  transport[at] = transport[at + 1] = 0;
  Octets summed = address_octets(src);
  append(summed, address_octets(dst));
  put(summed, transport.size(), 4);
  put(summed, protocol, 4);
  append(summed, transport);
  const std::uint16_t sum = internet_checksum(summed);
  transport[at] = static_cast<std::uint8_t>(sum >> 8);
  transport[at + 1] = static_cast<std::uint8_t>(sum);
}

inline Octets tcp_octets(std::string_view src, std::uint16_t sport, std::string_view dst,
                         std::uint16_t dport, std::uint32_t seq, std::uint32_t ack,
                         std::uint8_t flags, std::string_view payload, const Octets& options = {}) {
  Octets out;
  put(out, sport, 2);
  put(out, dport, 2);
  put(out, seq, 4);
  put(out, ack, 4);
  put(out, (20 + options.size()) / 4 << 4, 1);
  put(out, flags, 1);
  put(out, 64'240, 2);
  put(out, 0, 4);
  append(out, options);
  append(out, payload);
  set_transport_checksum(out, 16, src, dst, 6);
  return out;
}

inline Octets udp_octets(std::string_view src, std::uint16_t sport, std::string_view dst,
                         std::uint16_t dport, std::string_view payload) {
  Octets out;
  put(out, sport, 2);
  put(out, dport, 2);
  put(out, 8 + payload.size(), 2);
  put(out, 0, 2);
  append(out, payload);
  set_transport_checksum(out, 6, src, dst, 17);
  return out;
}

// An Ethernet frame around anything.
inline Octets ethernet(std::uint16_t type, const Octets& payload) {
  Octets out = {0x02, 0, 0, 0, 0, 0x02, 0x02, 0, 0, 0, 0, 0x01};
  put(out, type, 2);
  append(out, payload);
  return out;
}

inline Octets ethernet(const Octets& ip) {
  return ethernet(ip[0] >> 4 == 6 ? 0x86dd : 0x0800, ip);
}

// Whole frames, IPv4 or IPv6 by the form of the addresses.
inline Octets tcp_packet(std::string_view src, std::uint16_t sport, std::string_view dst,
                         std::uint16_t dport, std::uint32_t seq, std::uint32_t ack,
                         std::uint8_t flags, std::string_view payload = {},
                         const IpFields& fields = {}, const Octets& options = {}) {
  return ethernet(ip_packet(
      src, dst, tcp_octets(src, sport, dst, dport, seq, ack, flags, payload, options), fields));
}

inline Octets udp_packet(std::string_view src, std::uint16_t sport, std::string_view dst,
                         std::uint16_t dport, std::string_view payload, IpFields fields = {}) {
  fields.protocol = 17;
  return ethernet(ip_packet(src, dst, udp_octets(src, sport, dst, dport, payload), fields));
}

// One packet of a capture file.
struct Captured {
  std::int64_t ns = 0;  // since 1970
  Octets bytes;
  std::uint32_t wire_length = 0;  // 0: as many as captured
};

struct PcapFormat {
  bool big_endian = false, nanoseconds = false;
  std::uint32_t link = 1;
};

inline Octets pcap_octets(const std::vector<Captured>& packets, const PcapFormat& format = {}) {
  Octets out;
  const bool little = !format.big_endian;
  put(out, format.nanoseconds ? 0xa1b23c4d : 0xa1b2c3d4, 4, little);
  put(out, 2, 2, little);
  put(out, 4, 2, little);
  put(out, 0, 8, little);
  put(out, 262'144, 4, little);
  put(out, format.link, 4, little);
  for (const Captured& packet : packets) {
    const std::int64_t second = 1'000'000'000, unit = format.nanoseconds ? 1 : 1'000;
    put(out, static_cast<std::uint64_t>(packet.ns / second), 4, little);
    put(out, static_cast<std::uint64_t>(packet.ns % second / unit), 4, little);
    put(out, packet.bytes.size(), 4, little);
    put(out, packet.wire_length != 0 ? packet.wire_length : packet.bytes.size(), 4, little);
    append(out, packet.bytes);
  }
  return out;
}

// A pcapng file, block by block; `octets` is what a file holds.
struct PcapngBuilder {
  explicit PcapngBuilder(bool big_endian = false) : little(!big_endian) {}

  bool little;
  Octets octets;

  void number(Octets& to, std::uint64_t value, int n) const { put(to, value, n, little); }
  void block(std::uint32_t type, Octets body) {
    while (body.size() % 4 != 0) body.push_back(0);
    const std::size_t total = body.size() + 12;
    number(octets, type, 4);
    number(octets, total, 4);
    append(octets, body);
    number(octets, total, 4);
  }
  void option(Octets& to, std::uint16_t code, Octets value) const {
    number(to, code, 2);
    number(to, value.size(), 2);
    while (value.size() % 4 != 0) value.push_back(0);
    append(to, value);
  }
  void section() {
    Octets body;
    number(body, 0x1a2b3c4d, 4);
    number(body, 1, 2);
    number(body, 0, 2);
    number(body, ~std::uint64_t{0}, 8);
    block(0x0a0d0d0a, std::move(body));
  }
  void interface(std::uint16_t link, std::uint32_t snap_length = 0, const Octets& options = {}) {
    Octets body;
    number(body, link, 2);
    number(body, 0, 2);
    number(body, snap_length, 4);
    append(body, options);
    block(1, std::move(body));
  }
  // if_tsresol and if_tsoffset.
  Octets time_options(std::uint8_t resolution, std::int64_t offset = 0) const {
    Octets options, value;
    option(options, 9, {resolution});
    number(value, static_cast<std::uint64_t>(offset), 8);
    if (offset != 0) option(options, 14, value);
    number(options, 0, 4);
    return options;
  }
  void enhanced(std::uint32_t interface, std::uint64_t units, const Octets& bytes,
                std::uint32_t wire_length = 0) {
    Octets body;
    number(body, interface, 4);
    number(body, units >> 32, 4);
    number(body, units & 0xffff'ffff, 4);
    number(body, bytes.size(), 4);
    number(body, wire_length != 0 ? wire_length : bytes.size(), 4);
    append(body, bytes);
    block(6, std::move(body));
  }
  void simple(const Octets& bytes, std::uint32_t wire_length = 0) {
    Octets body;
    number(body, wire_length != 0 ? wire_length : bytes.size(), 4);
    append(body, bytes);
    block(3, std::move(body));
  }
  void obsolete(std::uint16_t interface, std::uint64_t units, const Octets& bytes) {
    Octets body;
    number(body, interface, 2);
    number(body, 0, 2);
    number(body, units >> 32, 4);
    number(body, units & 0xffff'ffff, 4);
    number(body, bytes.size(), 4);
    number(body, bytes.size(), 4);
    append(body, bytes);
    block(2, std::move(body));
  }
  void statistics(std::uint32_t interface, std::uint64_t interface_drops,
                  std::uint64_t system_drops) {
    Octets body, value;
    number(body, interface, 4);
    number(body, 0, 8);
    number(value, interface_drops, 8);
    option(body, 5, value);
    value.clear();
    number(value, system_drops, 8);
    option(body, 7, value);
    number(body, 0, 4);
    block(5, std::move(body));
  }
  void secrets(std::uint32_t type, std::string_view data) {
    Octets body;
    number(body, type, 4);
    number(body, data.size(), 4);
    append(body, data);
    block(10, std::move(body));
  }
};

inline void write_file(const std::string& path, const Octets& bytes) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file.write(reinterpret_cast<const char*>(bytes.data()),
             static_cast<std::streamsize>(bytes.size()));
  if (!file.flush()) throw std::runtime_error("cannot write " + path);
}

inline void write_pcap(const std::string& path, const std::vector<Captured>& packets,
                       const PcapFormat& format = {}) {
  write_file(path, pcap_octets(packets, format));
}

}  // namespace mxw::test
