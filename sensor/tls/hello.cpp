#include "sensor/tls/hello.hpp"

#include <algorithm>

#include "core/base/ascii.hpp"
#include "core/base/limits.hpp"

namespace mxw::tls {
namespace {

constexpr std::uint16_t kSsl3 = 0x0300;
constexpr std::uint16_t kTls13 = 0x0304;

// SHA-256 of "HelloRetryRequest".
constexpr Random kRetryRequest = {0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c,
                                  0x02, 0x1e, 0x65, 0xb8, 0x91, 0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb,
                                  0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c};

bool contains(const std::vector<std::uint16_t>& list, std::uint16_t value) {
  return std::ranges::find(list, value) != list.end();
}

std::vector<std::uint16_t> u16_list(Bytes octets) {
  ByteReader reader(octets);
  std::vector<std::uint16_t> out;
  while (reader.left() >= 2 && out.size() < kHelloValues) out.push_back(reader.u16());
  return out;
}

Random read_random(ByteReader& reader) {
  Random random{};
  std::ranges::copy(reader.take(random.size()), random.begin());
  return random;
}

// RFC 6066 section 3: the first name of type host_name.
std::string read_server_name(Bytes content) {
  ByteReader outer(content);
  ByteReader list(outer.take_u16());
  while (list.left() > 0) {
    const bool host_name = list.u8() == 0;
    const Bytes name = list.take_u16();
    if (!list.ok()) return {};
    if (host_name) {
      return ascii::to_lower(as_text(name.first(std::min(name.size(), limits::kDnsNameBytes))));
    }
  }
  return {};
}

// RFC 7301 section 3.1.
std::vector<std::string> read_alpns(Bytes content) {
  ByteReader outer(content);
  ByteReader list(outer.take_u16());
  std::vector<std::string> out;
  while (list.left() > 0 && out.size() < kHelloAlpns) {
    const Bytes name = list.take_u8();
    if (!list.ok()) break;
    out.emplace_back(as_text(name));
  }
  return out;
}

// Calls `visit(type, content)` for each extension. False when the lengths do not add up. A hello
// may end before the extensions (TLS 1.2 and below).
template <typename Visit>
bool for_each_extension(ByteReader& hello, Visit visit) {
  if (hello.left() == 0) return hello.ok();
  ByteReader block(hello.take_u16());
  if (!hello.ok() || hello.left() != 0) return false;
  while (block.left() > 0) {
    const std::uint16_t type = block.u16();
    const Bytes content = block.take_u16();
    if (!block.ok()) return false;
    visit(type, content);
  }
  return true;
}

void read_extension(ClientHello& hello, std::uint16_t type, Bytes content) {
  if (hello.extensions.size() < kHelloValues) hello.extensions.push_back(type);
  ByteReader reader(content);
  switch (type) {
    case extension::kServerName:
      hello.server_name = read_server_name(content);
      break;
    case extension::kSupportedGroups:
      hello.groups = u16_list(reader.take_u16());
      break;
    case extension::kPointFormats: {
      const Bytes formats = reader.take_u8();
      hello.point_formats.assign(formats.begin(), formats.end());
      break;
    }
    case extension::kSignatureAlgorithms:
      hello.signature_algorithms = u16_list(reader.take_u16());
      break;
    case extension::kAlpn:
      hello.alpns = read_alpns(content);
      break;
    case extension::kSupportedVersions:
      hello.versions = u16_list(reader.take_u8());
      break;
    default:
      break;
  }
}

}  // namespace

bool ClientHello::has_extension(std::uint16_t type) const {
  return contains(extensions, type);
}
bool ServerHello::has_extension(std::uint16_t type) const {
  return contains(extensions, type);
}

std::uint16_t ClientHello::highest_version() const {
  std::uint16_t highest = 0;
  for (const std::uint16_t version : versions) {
    if (version >= kSsl3 && version <= kTls13) highest = std::max(highest, version);
  }
  return highest != 0 ? highest : legacy_version;
}

bool ServerHello::is_retry_request() const {
  return random == kRetryRequest;
}

bool ServerHello::has_downgrade_sentinel() const {
  const std::string_view tail = as_text(Bytes(random).last(8));
  return version < kTls13 && tail.starts_with("DOWNGRD") && (tail[7] == 0 || tail[7] == 1);
}

std::optional<ClientHello> parse_client_hello(Bytes body) {
  ByteReader reader(body);
  ClientHello hello;
  hello.legacy_version = reader.u16();
  hello.random = read_random(reader);
  reader.take_u8();  // session id
  const Bytes suites = reader.take_u16();
  reader.take_u8();  // compression methods
  if (!reader.ok() || suites.size() % 2 != 0) return std::nullopt;
  hello.suites = u16_list(suites);
  const bool sound = for_each_extension(
      reader, [&](std::uint16_t type, Bytes content) { read_extension(hello, type, content); });
  if (!sound) return std::nullopt;
  return hello;
}

std::optional<ServerHello> parse_server_hello(Bytes body) {
  ByteReader reader(body);
  ServerHello hello;
  hello.legacy_version = hello.version = reader.u16();
  hello.random = read_random(reader);
  reader.take_u8();  // session id
  hello.suite = reader.u16();
  reader.u8();  // compression method
  if (!reader.ok() || hello.legacy_version >> 8 != kSsl3 >> 8) return std::nullopt;
  const bool sound = for_each_extension(reader, [&](std::uint16_t type, Bytes content) {
    if (hello.extensions.size() < kHelloValues) hello.extensions.push_back(type);
    if (type == extension::kSupportedVersions && content.size() == 2) {
      hello.version = ByteReader(content).u16();
    }
    if (type == extension::kAlpn) {
      std::vector<std::string> chosen = read_alpns(content);
      if (!chosen.empty()) hello.alpn = std::move(chosen.front());
    }
  });
  if (!sound) return std::nullopt;
  return hello;
}

}  // namespace mxw::tls
