// MemorySource: octets in memory as the input of a capture reader, handed out in pieces of a chosen
// size so that the window's refilling is exercised too.
#pragma once

#include <algorithm>

#include "sensor/capture/buffer_source.hpp"

namespace mxw::fuzz {

class MemorySource final : public capture::BufferSource {
 public:
  // `bytes` outlive the source.
  MemorySource(Bytes bytes, std::size_t piece) : bytes_(bytes), piece_(piece) {}

  void finish() override {}
  [[nodiscard]] std::uint64_t size() const override { return bytes_.size(); }
  [[nodiscard]] const std::string& sha256() const override { return none_; }

 private:
  std::size_t produce(std::span<std::uint8_t> room) override {
    const std::size_t n = std::min({room.size(), piece_, bytes_.size() - given_});
    std::copy_n(bytes_.begin() + static_cast<std::ptrdiff_t>(given_), n, room.begin());
    given_ += n;
    return n;
  }

  Bytes bytes_;
  std::size_t piece_;
  std::size_t given_ = 0;
  std::string none_;
};

}  // namespace mxw::fuzz
