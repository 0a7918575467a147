#include "sensor/tls/records.hpp"

#include <algorithm>

#include "core/base/limits.hpp"
#include "sensor/tls/parser.hpp"

namespace mxw::tls {
namespace {

constexpr std::uint8_t kSsl2Flag = 0x80;      // two-octet header, no padding
constexpr std::uint8_t kSsl2ClientHello = 1;  // message type
constexpr std::size_t kSsl2HeaderOctets = 2;  // the other three of ours are type and version

bool is_ssl2(Bytes header) {
  return (header[0] & kSsl2Flag) != 0;
}

std::size_t u16_at(Bytes bytes, std::size_t at) {
  return std::size_t{bytes[at]} << 8 | bytes[at + 1];
}

}  // namespace

bool looks_like_tls(Bytes first_bytes) {
  if (first_bytes.empty()) return true;
  if (is_ssl2(first_bytes)) return first_bytes.size() < 3 || first_bytes[2] == kSsl2ClientHello;
  if (first_bytes[0] < 20 || first_bytes[0] > 23) return false;
  return first_bytes.size() < 2 || first_bytes[1] == 3;
}

// Judges as much of a header as there is, so that the answer does not hang on where a packet ends.
bool RecordReader::header_possible() const {
  const Bytes header = Bytes(header_).first(header_size_);
  if (!looks_like_tls(header)) return false;
  if (is_ssl2(header)) {
    if (opened_) return false;  // only the first message may be one
    if (header.size() >= 4 && header[3] != 3 && header[3] != 0) return false;
    if (header.size() < 5) return true;
    const std::size_t length = u16_at(header, 0) & 0x7fff;
    return (header[3] == 3 || header[4] == 2) && length >= 9;
  }
  return header.size() < 5 || u16_at(header, 3) <= limits::kTlsRecordBytes;
}

void RecordReader::open() {
  const Bytes header(header_);
  if (is_ssl2(header)) {
    record_.type = RecordType::ssl2_client_hello;
    record_.version = static_cast<std::uint16_t>(u16_at(header, 3));
    record_.length = (u16_at(header, 0) & 0x7fff) - (header.size() - kSsl2HeaderOctets);
  } else {
    record_.type = static_cast<RecordType>(header[0]);
    record_.version = static_cast<std::uint16_t>(u16_at(header, 1));
    record_.length = u16_at(header, 3);
  }
  left_ = record_.length;
  header_size_ = 0;
  inside_ = opened_ = true;
}

RecordReader::Step RecordReader::next(Bytes& bytes, Bytes& body) {
  if (broken_) return Step::broken;
  if (inside_ && left_ == 0) {
    inside_ = false;
    return Step::closed;
  }
  if (bytes.empty()) return Step::more;
  if (inside_) {
    body = bytes.first(std::min(bytes.size(), left_));
    bytes = bytes.subspan(body.size());
    left_ -= body.size();
    return Step::body;
  }
  while (!bytes.empty() && header_size_ < header_.size()) {
    header_[header_size_++] = bytes[0];
    bytes = bytes.subspan(1);
    if (!header_possible()) {
      broken_ = true;
      return Step::broken;
    }
  }
  if (header_size_ < header_.size()) return Step::more;
  open();
  return Step::opened;
}

bool RecordReader::skip(std::uint64_t length) {
  const bool inside = inside_ && record_.type == RecordType::application_data && length <= left_;
  if (broken_ || !inside) {
    broken_ = true;
    return false;
  }
  left_ -= static_cast<std::size_t>(length);
  return true;
}

}  // namespace mxw::tls
