// The record layer of one direction (RFC 8446 section 5.1): cuts a byte stream at record boundaries
// and passes the bodies through. Nothing is buffered but the five octets of a header.
//
// A pull parser: call next() until it says `more`, then come back with further bytes. The same
// stream in any pieces gives the same records; only the pieces of a body differ. Not thread-safe.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "core/base/bytes.hpp"

namespace mxw::tls {

enum class RecordType : std::uint8_t {
  change_cipher_spec = 20,
  alert = 21,
  handshake = 22,
  application_data = 23,
  ssl2_client_hello = 128,  // not on the wire: an SSL 2.0 ClientHello (RFC 6101 appendix E)
};

struct Record {
  RecordType type = RecordType::handshake;
  std::uint16_t version = 0;  // as written; for an SSL 2.0 ClientHello the version it offers
  std::size_t length = 0;     // of the body
};

class RecordReader {
 public:
  enum class Step : std::uint8_t {
    more,    // all bytes consumed
    opened,  // a header is complete: see record()
    body,    // some octets of its body
    closed,  // the body is complete
    broken,  // no TLS record here; the reader stays so
  };

  // Consumes from the front of `bytes`; `body` is set with Step::body and points into `bytes`.
  Step next(Bytes& bytes, Bytes& body);

  // Walks over `length` missing octets: only inside an application data record that they do not
  // leave. Otherwise false, and the reader is broken.
  bool skip(std::uint64_t length);

  // The record opened last.
  [[nodiscard]] const Record& record() const { return record_; }
  // No record was opened yet: what is broken now never was TLS.
  [[nodiscard]] bool at_first() const { return !opened_; }

 private:
  [[nodiscard]] bool header_possible() const;
  void open();

  std::array<std::uint8_t, 5> header_{};
  std::size_t header_size_ = 0;
  Record record_;
  std::size_t left_ = 0;  // of the body
  bool inside_ = false;   // between opened and closed
  bool opened_ = false;
  bool broken_ = false;
};

}  // namespace mxw::tls
