// A classic pcap file (Ethernet, microseconds), written in large pieces.
#pragma once

#include <cstdint>
#include <fstream>
#include <string>
#include <vector>

#include "core/base/bytes.hpp"
#include "core/base/time.hpp"

namespace mxw::bench {

class PacketWriter {
 public:
  explicit PacketWriter(const std::string& path);

  void write(Time time, Bytes frame);
  // False: something could not be written.
  [[nodiscard]] bool finish();
  [[nodiscard]] std::uint64_t octets() const { return octets_; }
  [[nodiscard]] std::uint64_t packets() const { return packets_; }

 private:
  void flush();

  std::ofstream file_;
  std::vector<std::uint8_t> buffer_;
  std::uint64_t octets_ = 0, packets_ = 0;
};

}  // namespace mxw::bench
