#include "sensor/tls/handshake.hpp"

#include <algorithm>

#include "core/base/limits.hpp"

namespace mxw::tls {
namespace {

bool worth_reading(MessageType type) {
  return type == MessageType::client_hello || type == MessageType::server_hello ||
         type == MessageType::certificate;
}

}  // namespace

void MessageReader::open() {
  left_ = std::size_t{header_[1]} << 16 | std::size_t{header_[2]} << 8 | header_[3];
  buffer_.clear();
  keep_ = worth_reading(static_cast<MessageType>(header_[0])) &&
          left_ <= limits::kTlsHandshakeBytes - kept_;
  if (keep_) kept_ += left_;
}

std::optional<Message> MessageReader::next(Bytes& body) {
  if (header_size_ < header_.size()) {
    const std::size_t n = std::min(header_.size() - header_size_, body.size());
    std::ranges::copy(body.first(n), header_.begin() + static_cast<std::ptrdiff_t>(header_size_));
    header_size_ += n;
    body = body.subspan(n);
    if (header_size_ < header_.size()) return std::nullopt;
    open();
  }
  const Bytes piece = body.first(std::min(left_, body.size()));
  if (keep_) buffer_.insert(buffer_.end(), piece.begin(), piece.end());
  left_ -= piece.size();
  body = body.subspan(piece.size());
  if (left_ > 0) return std::nullopt;
  header_size_ = 0;
  return Message{static_cast<MessageType>(header_[0]), keep_ ? Bytes(buffer_) : Bytes{}, keep_};
}

void MessageReader::release() {
  std::vector<std::uint8_t>().swap(buffer_);
}

std::vector<std::vector<std::uint8_t>> parse_certificates(Bytes body) {
  ByteReader message(body);
  ByteReader list(message.take_u24());
  if (!message.ok() || message.left() != 0) return {};
  std::vector<std::vector<std::uint8_t>> chain;
  while (list.left() > 0) {
    const Bytes der = list.take_u24();
    if (!list.ok()) return {};
    if (chain.size() < limits::kTlsCertificates) chain.emplace_back(der.begin(), der.end());
  }
  return chain;
}

}  // namespace mxw::tls
