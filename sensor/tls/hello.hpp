// ClientHello and ServerHello (RFC 8446 section 4.1, RFC 5246 section 7.4.1) as values, and the
// extensions something here asks for. Pure functions over one whole message body.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/base/bytes.hpp"

namespace mxw::tls {

// A longer list of suites, extensions, groups or algorithms than IANA has ever assigned is cut
// here.
inline constexpr std::size_t kHelloValues = 1'024;
inline constexpr std::size_t kHelloAlpns = 16;

using Random = std::array<std::uint8_t, 32>;

namespace extension {
inline constexpr std::uint16_t kServerName = 0;
inline constexpr std::uint16_t kSupportedGroups = 10;
inline constexpr std::uint16_t kPointFormats = 11;
inline constexpr std::uint16_t kSignatureAlgorithms = 13;
inline constexpr std::uint16_t kAlpn = 16;
inline constexpr std::uint16_t kPreSharedKey = 41;
inline constexpr std::uint16_t kEarlyData = 42;
inline constexpr std::uint16_t kSupportedVersions = 43;
}  // namespace extension

struct ClientHello {
  std::uint16_t legacy_version = 0;
  Random random{};
  std::vector<std::uint16_t> suites;  // all lists in the order sent, GREASE included
  std::vector<std::uint16_t> extensions;
  std::vector<std::uint16_t> groups;
  std::vector<std::uint8_t> point_formats;
  std::vector<std::uint16_t> signature_algorithms;
  std::vector<std::uint16_t> versions;  // supported_versions; empty without the extension
  std::string server_name;              // lower case, at most 255 octets
  std::vector<std::string> alpns;       // at most kHelloAlpns

  [[nodiscard]] bool has_extension(std::uint16_t type) const;
  // The highest version it would take, GREASE and drafts aside.
  [[nodiscard]] std::uint16_t highest_version() const;
};

struct ServerHello {
  std::uint16_t legacy_version = 0;
  std::uint16_t version = 0;  // selected: supported_versions, else legacy_version
  Random random{};
  std::uint16_t suite = 0;
  std::vector<std::uint16_t> extensions;
  std::string alpn;

  [[nodiscard]] bool has_extension(std::uint16_t type) const;
  // RFC 8446 section 4.1.3: the special random of a HelloRetryRequest.
  [[nodiscard]] bool is_retry_request() const;
  // RFC 8446 section 4.1.3: a server that knows better negotiated less than TLS 1.3.
  [[nodiscard]] bool has_downgrade_sentinel() const;
};

// Empty when the lengths do not add up. An extension whose own content is damaged is listed, not
// read.
[[nodiscard]] std::optional<ClientHello> parse_client_hello(Bytes body);
[[nodiscard]] std::optional<ServerHello> parse_server_hello(Bytes body);

// RFC 8701: 0x0a0a, 0x1a1a .. 0xfafa.
[[nodiscard]] constexpr bool is_grease(std::uint16_t value) {
  return (value & 0x0f0f) == 0x0a0a && value >> 8 == (value & 0xff);
}

}  // namespace mxw::tls
