#include "tests/bench/packet_writer.hpp"

#include <initializer_list>

namespace mxw::bench {
namespace {

constexpr std::size_t kPiece = 4 << 20;

void put_little(std::vector<std::uint8_t>& to, std::uint32_t value) {
  for (int i = 0; i < 4; ++i) to.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
}

}  // namespace

PacketWriter::PacketWriter(const std::string& path)
    : file_(path, std::ios::binary | std::ios::trunc) {
  constexpr std::uint32_t kMagic = 0xa1b2'c3d4, kVersion = 2 | 4 << 16, kSnapLength = 262'144,
                          kEthernetLink = 1;
  for (const std::uint32_t field : {kMagic, kVersion, 0U, 0U, kSnapLength, kEthernetLink})
    put_little(buffer_, field);
  octets_ = buffer_.size();
}

void PacketWriter::write(Time time, Bytes frame) {
  const auto length = static_cast<std::uint32_t>(frame.size());
  put_little(buffer_, static_cast<std::uint32_t>(time.ns / kSecond));
  put_little(buffer_, static_cast<std::uint32_t>(time.ns % kSecond / kMicrosecond));
  put_little(buffer_, length);
  put_little(buffer_, length);
  buffer_.insert(buffer_.end(), frame.begin(), frame.end());
  octets_ += 16 + frame.size();
  ++packets_;
  if (buffer_.size() >= kPiece) flush();
}

void PacketWriter::flush() {
  file_.write(reinterpret_cast<const char*>(buffer_.data()),
              static_cast<std::streamsize>(buffer_.size()));
  buffer_.clear();
}

bool PacketWriter::finish() {
  flush();
  file_.flush();
  return file_.good();
}

}  // namespace mxw::bench
