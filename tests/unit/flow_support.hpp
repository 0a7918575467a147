// Helpers of the flow and session tests: frames through the decoder into a FlowTable, and a handler
// that writes down what it is told.
#pragma once

#include <list>
#include <memory>
#include <string>
#include <vector>

#include "sensor/decode/decoder.hpp"
#include "sensor/flow/flow_table.hpp"
#include "tests/support/dialogue.hpp"

namespace mxw::flow {

// What one connection's handler was told, in order.
struct Told {
  std::vector<std::string> log;       // `C "text"`, `S gap 4@12`, `end fin`, ...
  std::array<std::string, 2> stream;  // octets at their offsets, '?' for those of a gap
  std::array<std::uint64_t, 2> gap_octets{};
  bool contiguous = true;  // offsets never jumped
  std::uint64_t conflicts = 0;
};

struct Wishes {
  bool data = true, connection = true, conflicts = true, taken = true;
};

class Recorder final : public StreamHandler {
 public:
  Recorder(Told& told, const Wishes& wishes) : told_(told), wishes_(wishes) {}
  void on_data(Dir dir, Bytes bytes, std::uint64_t offset, const FrameRef&) override {
    std::string& stream = told_.stream[evidence::index(dir)];
    told_.contiguous = told_.contiguous && offset == stream.size();
    stream += as_text(bytes);
    told_.log.push_back(letter(dir) + " \"" + std::string(as_text(bytes)) + '"');
  }
  void on_gap(Dir dir, std::uint64_t offset, std::uint64_t length, bool cut,
              const FrameRef&) override {
    std::string& stream = told_.stream[evidence::index(dir)];
    told_.contiguous = told_.contiguous && offset == stream.size();
    if (length < 1 << 20) stream.append(length, '?');
    told_.gap_octets[evidence::index(dir)] += length;
    told_.log.push_back(letter(dir) + (cut ? " cut " : " gap ") + std::to_string(length) + '@' +
                        std::to_string(offset));
  }
  void on_conflict(Dir dir, std::uint64_t offset, Bytes, Bytes, const FrameRef&) override {
    ++told_.conflicts;
    told_.log.push_back(letter(dir) + " conflict @" + std::to_string(offset));
  }
  void on_reset(Dir dir, const FrameRef&) override { told_.log.push_back(letter(dir) + " reset"); }
  void on_data_after_reset(Dir dir, const FrameRef&) override {
    told_.log.push_back(letter(dir) + " data after reset");
  }
  void on_end(evidence::Ended how, const FrameRef&) override {
    told_.log.push_back("end " + std::string(evidence::name(how)));
  }
  void on_removed(const FrameRef&) override { told_.log.emplace_back("removed"); }
  [[nodiscard]] bool wants_data() const override { return wishes_.data; }
  [[nodiscard]] bool wants_connection() const override { return wishes_.connection; }
  [[nodiscard]] bool wants_conflicts() const override { return wishes_.conflicts; }

 private:
  static std::string letter(Dir dir) { return dir == Dir::client ? "C" : "S"; }
  Told& told_;
  const Wishes& wishes_;
};

// Frames in, notes out. One Told for each connection in the order of their making.
struct Bench final : HandlerFactory, decode::Visitor {
  explicit Bench(HashKey key = {1, 2}) : table(*this, key), decoder(decode::Options{key}) {}

  std::unique_ptr<StreamHandler> make(const Connection& connection, Bytes) override {
    ++asked;
    if (!wishes.taken) return nullptr;
    connections.push_back(&connection);
    return std::make_unique<Recorder>(told.emplace_back(), wishes);
  }
  void on_segment(const decode::Segment& s) override { table.on_segment(s); }
  void on_datagram(const decode::Datagram&) override {}

  void give(const test::Captured& packet) {
    capture::PacketView view;
    view.bytes = packet.bytes;
    view.wire_length =
        std::max(packet.wire_length, static_cast<std::uint32_t>(packet.bytes.size()));
    view.link = capture::kLinkEthernet;
    view.at = {++frame, 0, Time{packet.ns}};
    decoder.decode(view, *this);
  }
  void give(const std::vector<test::Captured>& packets) {
    for (const test::Captured& packet : packets) give(packet);
  }
  // All of a capture; what the first connection's handler was told.
  Told& play(const std::vector<test::Captured>& packets) {
    give(packets);
    table.finish();
    return told.front();
  }

  Wishes wishes;
  std::list<Told> told;
  std::vector<const Connection*> connections;
  std::uint64_t asked = 0, frame = 0;
  FlowTable table;
  decode::Decoder decoder;
};

}  // namespace mxw::flow
