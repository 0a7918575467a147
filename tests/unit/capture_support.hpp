// Helpers of the capture tests: a folder that goes away, and a reader run to its end.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <string>
#include <vector>

#include "sensor/capture/reader.hpp"
#include "tests/support/packet_builder.hpp"

namespace mxw::capture {

inline bool operator==(const PacketView& a, const PacketView& b) {
  return as_text(a.bytes) == as_text(b.bytes) && a.wire_length == b.wire_length &&
         a.link == b.link && a.interface == b.interface && a.at.frame == b.at.frame &&
         a.at.file == b.at.file && a.at.time == b.at.time;
}

class CaptureTest : public testing::Test {
 protected:
  CaptureTest()
      : folder_(std::filesystem::temp_directory_path() /
                ("mxw-capture-" + std::to_string(::getpid()))) {
    std::filesystem::create_directories(folder_);
  }
  ~CaptureTest() override { std::filesystem::remove_all(folder_); }

  std::string path(const std::string& name) const { return (folder_ / name).string(); }
  std::string file(const test::Octets& bytes, const std::string& name = "capture.pcap") const {
    test::write_file(path(name), bytes);
    return path(name);
  }

  // What one input gave; the packets' bytes are copied, so that any source can be compared.
  struct Read {
    std::string error;  // of open()
    std::vector<PacketView> packets;
    std::vector<test::Octets> bytes;
    FileFacts facts;

    std::string damage() const { return facts.damage.value_or(""); }
  };

  static Read read(const std::string& name, bool hash = false, std::uint16_t index = 0) {
    Read result;
    auto reader = Reader::open(name, index, hash);
    if (!reader) {
      EXPECT_EQ(reader.error().kind, ErrorKind::input);
      result.error = reader.error().message;
      return result;
    }
    while (const auto packet = (*reader)->next()) {
      result.packets.push_back(*packet);
      result.bytes.emplace_back(packet->bytes.begin(), packet->bytes.end());
    }
    EXPECT_FALSE((*reader)->next().has_value()) << "the end is not the end";
    (*reader)->finish();
    for (std::size_t i = 0; i < result.packets.size(); ++i)
      result.packets[i].bytes = result.bytes[i];
    result.facts = (*reader)->facts();
    EXPECT_EQ(result.facts.packets, result.packets.size() + result.facts.unknown_link_packets);
    return result;
  }

 private:
  std::filesystem::path folder_;
};

}  // namespace mxw::capture
