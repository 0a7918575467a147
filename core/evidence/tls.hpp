// TlsEvidence: what one TLS handshake showed in clear (RFC 5246, RFC 8446). Filled by sensor/tls; a
// value type without pointers into packets.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/evidence/frame.hpp"

namespace mxw::evidence {

enum class FailStage : std::uint8_t { no_hello, client_hello, server_hello, finished };

// Where the server's certificate can be seen (semantics 3).
enum class CertVisibility : std::uint8_t { not_seen, clear, hidden, anonymous, resumed };

// The certificates of one Certificate message as DER, leaf first, bounded by
// limits::kTlsHandshakeBytes and kTlsCertificates. Shared: the same chain comes in many sessions.
using DerChain = std::vector<std::vector<std::uint8_t>>;

struct TlsAlert {
  Dir from = Dir::client;
  std::uint8_t level = 0, description = 0;
  FrameRef at;
};

struct TlsEvidence {
  bool client_hello = false;
  bool server_hello = false;
  bool hello_retry = false;  // a HelloRetryRequest came first (RFC 8446 section 4.1.4)
  bool completed = false;    // semantics 1, "Handshake completed"
  bool resumed = false;      // TLS <= 1.2 session id or ticket accepted, or TLS 1.3 PSK selected
  bool anonymous = false;    // the selected suite carries no certificate (RFC 5246 A.5, RFC 4492)
  bool downgrade_sentinel = false;  // RFC 8446 section 4.1.3 in ServerHello.random
  bool offered_13 = false;          // supported_versions of the ClientHello holds 0x0304
  bool client_not_tls = false;  // bytes that start no TLS record where one was due, by direction
  bool server_not_tls = false;
  bool certificate_seen = false;

  std::uint16_t version = 0;         // selected: 0x0301 .. 0x0304 (0x0300 = SSL 3.0)
  std::uint16_t client_version = 0;  // highest offered
  std::uint16_t cipher = 0;          // selected suite
  std::array<std::uint8_t, 32> client_random{};
  std::array<std::uint8_t, 32> server_random{};
  std::string sni;  // lower case, as sent
  std::vector<std::string> client_alpns;
  std::string server_alpn;
  std::string ja3, ja3_string, ja3s, ja3s_string, ja4;

  std::shared_ptr<const DerChain> chain;       // only when certificate_seen
  std::vector<TlsAlert> alerts;                // in clear, at most 4
  FailStage fail_stage = FailStage::no_hello;  // how far it came; meaningful while not completed

  FrameRef client_hello_at, server_hello_at, certificate_at, completed_at;

  [[nodiscard]] CertVisibility visibility() const {
    if (certificate_seen) return CertVisibility::clear;
    if (!server_hello) return CertVisibility::not_seen;
    if (version >= 0x0304) return CertVisibility::hidden;
    if (resumed) return CertVisibility::resumed;
    return anonymous ? CertVisibility::anonymous : CertVisibility::not_seen;
  }
};

}  // namespace mxw::evidence
