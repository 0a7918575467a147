// FileReader: what the pcap and the pcapng reader have in common. Internal to sensor/capture.
#pragma once

#include <algorithm>
#include <bit>
#include <cstring>
#include <string_view>
#include <utility>

#include "core/base/limits.hpp"
#include "sensor/capture/reader.hpp"
#include "sensor/capture/scout.hpp"
#include "sensor/capture/source.hpp"

namespace mxw::capture {

// A value as the file stores it: unaligned, in the host's byte order or (swap) the other one.
template <typename T>
[[nodiscard]] T load(const std::uint8_t* at, bool swap) {
  T value;
  std::memcpy(&value, at, sizeof value);
  return swap ? std::byteswap(value) : value;
}

class FileReader : public Reader {
 public:
  [[nodiscard]] const FileFacts& facts() const final { return facts_; }
  void finish() final;

 protected:
  FileReader(std::unique_ptr<Source> source, FileFacts facts, std::uint16_t index)
      : source_(std::move(source)), facts_(std::move(facts)), index_(index) {}

  // Ends the file: `<name>: frame <number>: <what> at offset <offset>`.
  void damaged(const std::string& what, std::uint64_t offset);
  // Ends the file where need() failed: cleanly at a boundary, else with damage. `what` is the thing
  // that goes beyond the end, such as "packet of 70000 bytes". Always false.
  bool ended(const std::string& what, std::uint64_t offset, bool at_boundary);

  // Counts the packet and completes its view. REQUIRES: view.bytes and view.wire_length are set.
  void count(PacketView& view, std::optional<Time> time) {
    view.wire_length = std::max(view.wire_length, static_cast<std::uint32_t>(view.bytes.size()));
    view.stable = source_->stable();
    view.at.file = index_;
    view.at.frame = ++facts_.packets;
    if (view.bytes.size() < view.wire_length) ++facts_.cut_packets;
    if (time) {
      last_time_ = *time;
      if (!facts_.first || *time < *facts_.first) facts_.first = time;
      if (!facts_.last || *time > *facts_.last) facts_.last = time;
    }
    view.at.time = last_time_;
  }

  std::unique_ptr<Source> source_;
  Scout scout_;
  FileFacts facts_;
  bool done_ = false;

 private:
  std::uint16_t index_;
  Time last_time_;
};

// REQUIRES: the source stands at its first octet and need(4) was true. Errors as Reader::open.
Result<std::unique_ptr<Reader>> open_pcap(std::unique_ptr<Source> source, FileFacts facts,
                                          std::uint16_t index);
Result<std::unique_ptr<Reader>> open_pcapng(std::unique_ptr<Source> source, FileFacts facts,
                                            std::uint16_t index);
[[nodiscard]] bool is_pcapng(Bytes magic);  // REQUIRES: four octets

}  // namespace mxw::capture
