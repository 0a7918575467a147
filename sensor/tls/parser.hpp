// One TLS connection read passively: from the first byte after STARTTLS's 220 (or of the
// connection, with implicit TLS) until the handshake has settled. RFC 5246, RFC 8446; SSL 2.0
// ClientHellos are recognised (RFC 6101 appendix E) and nothing more of them is read.
//
// Push parser: feed() and gap() in stream order per direction, any split of the input gives the
// same evidence. Never knows packets, never fails: what is no TLS is a field of the evidence.
// Bounded by limits::kTlsHandshakeBytes per direction. Not thread-safe. After settled() both
// directions may be skipped by the caller.
#pragma once

#include <cstdint>
#include <memory>

#include "core/base/bytes.hpp"
#include "core/evidence/frame.hpp"
#include "core/evidence/tls.hpp"

namespace mxw::tls {

class Parser {
 public:
  Parser();
  ~Parser();
  Parser(Parser&&) noexcept;
  Parser& operator=(Parser&&) noexcept;

  void feed(evidence::Dir dir, Bytes bytes, const evidence::FrameRef& at);
  // `length` bytes of this direction are missing: the direction is lost for the handshake, except
  // that a gap inside a type-23 record whose end is known is walked over.
  void gap(evidence::Dir dir, std::uint64_t length, const evidence::FrameRef& at);
  // The connection ended: a TLS 1.3 client's last record was its last (semantics 1), and what is
  // not completed by now never is.
  void finish(const evidence::FrameRef& at);

  [[nodiscard]] const evidence::TlsEvidence& evidence() const;
  // A ClientHello or ServerHello was parsed completely.
  [[nodiscard]] bool hello_seen() const;
  // Completed, a fatal alert in clear, bytes that are no TLS, or a loss that makes it undecidable.
  // With no TLS from the server, or after a loss, not before the hello and the certificate that the
  // other direction still owes have come (or finish() was called): they are evidence all the same.
  [[nodiscard]] bool settled() const;
  // Bytes the verdict needs are missing, or could not be read: completion cannot be judged. A
  // server's loss after a TLS 1.3 ServerHello is none, as only the client's records decide then.
  [[nodiscard]] bool lost() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// True when these first bytes can start a TLS record or an SSL 2.0 ClientHello: content type 20..23
// and major version 3. Needs 3 bytes to be sure; fewer are judged as far as they go.
[[nodiscard]] bool looks_like_tls(Bytes first_bytes);

}  // namespace mxw::tls
