// Handshake messages of one direction (RFC 8446 section 4, RFC 5246 section 7.4): taken out of
// record bodies, over any number of records. Only the messages worth reading are kept; the rest is
// walked over by length. Not thread-safe.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "core/base/bytes.hpp"

namespace mxw::tls {

enum class MessageType : std::uint8_t {
  client_hello = 1,
  server_hello = 2,
  certificate = 11,
  server_key_exchange = 12,
  server_hello_done = 14,
};

struct Message {
  MessageType type = MessageType::client_hello;  // any octet of the wire, not only those named
  Bytes body;                                    // of a kept message; valid until the next call
  bool kept = false;  // else walked over: not asked for, or beyond the limit
};

class MessageReader {
 public:
  // Consumes from the front of `body`; the next message that is complete. Keeps ClientHello,
  // ServerHello and Certificate, together at most limits::kTlsHandshakeBytes.
  std::optional<Message> next(Bytes& body);

  // Frees what was kept. Nothing may be fed after that.
  void release();

 private:
  void open();

  std::array<std::uint8_t, 4> header_{};
  std::size_t header_size_ = 0;
  std::size_t left_ = 0;  // of the message
  bool keep_ = false;     // the message under way
  std::size_t kept_ = 0;  // octets of all messages kept
  std::vector<std::uint8_t> buffer_;
};

// The certificates of a Certificate message of TLS <= 1.2 (RFC 5246 section 7.4.2), leaf first, at
// most limits::kTlsCertificates. Empty when the list is empty or its lengths do not add up.
[[nodiscard]] std::vector<std::vector<std::uint8_t>> parse_certificates(Bytes body);

}  // namespace mxw::tls
