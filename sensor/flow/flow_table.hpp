// FlowTable: TCP segments to ordered byte streams per connection (RFC 9293), bounded in every
// direction.
//
// Causal order: a segment is delivered only after the octets it acknowledges. So a reply is never
// read before the command it answers, however the tap reordered the packets. Loss: octets are
// missing when the peer acknowledged them and they do not come within limits::kReorderWait or
// kReorderPackets of the connection; octets nobody acknowledged are waited for, since they will be
// sent again. A hole is a typed gap, never bytes. Overlap: the first data wins; a different copy is
// reported as a conflict (but not for one octet: keep-alive and zero-window probes). Output never
// depends on the hash key: connections end in the order of their last packet, and at the end of the
// input in the order of their first. Not thread-safe.
#pragma once

#include <array>
#include <cstdint>
#include <list>
#include <memory>
#include <unordered_map>

#include "core/base/siphash.hpp"
#include "sensor/decode/segment.hpp"
#include "sensor/flow/connection.hpp"
#include "sensor/flow/half_stream.hpp"

namespace mxw::flow {

struct Counters {
  std::uint64_t connections = 0, active = 0;
  std::uint64_t midstream = 0;
  std::uint64_t bad_checksum_ignored = 0, bad_checksum_accepted = 0;
  std::uint64_t gaps = 0, gap_octets = 0;
  std::uint64_t conflicts = 0;
  std::uint64_t bad_checksum_taken =
      0;  // of the ignored ones: the peer acknowledged them, no good copy came
  std::uint64_t late_octets = 0;  // came after their gap had been given up
  std::uint64_t late_segments =
      0;  // came long after their acknowledgement: perhaps not what was read
  std::uint64_t resets_ignored = 0;  // outside the window (RFC 5961)
  std::uint64_t syn_ignored = 0;     // for a connection that is open
  std::uint64_t out_of_window = 0;   // segments too far ahead to be of their connection
  std::uint64_t buffer_limit = 0;    // a direction's or the whole table's waiting octets
  std::uint64_t flow_limit = 0;      // connections ended early to make room
  std::uint64_t timeouts = 0;

  // Of several runs (inputs kept apart): sums.
  Counters& operator+=(const Counters& other);
};

class FlowTable {
 public:
  FlowTable(HandlerFactory& factory, HashKey hash_key);
  ~FlowTable();
  FlowTable(const FlowTable&) = delete;
  FlowTable& operator=(const FlowTable&) = delete;

  void on_segment(const decode::Segment& segment);
  // The clock of the run moved to `now`: idle connections end. Never runs backwards.
  void advance(Time now);
  // End of input: everything that waits is delivered or given up, every connection ends.
  void finish();

  [[nodiscard]] const Counters& counters() const { return counters_; }

 private:
  // Both ends in one fixed order, as words: each packet builds, hashes and compares one.
  struct Key {
    std::array<std::uint64_t, 5> words{};
    friend bool operator==(const Key&, const Key&) = default;
  };
  struct KeyHash {
    HashKey key;
    std::size_t operator()(const Key& k) const;
  };
  struct Flow;
  using FlowList = std::list<Flow*>;

  // `from_low`: the segment was sent by the end that comes first in the key.
  static Key key_of(const decode::Segment& segment, bool& from_low);
  static Dir direction(const Flow& flow, bool from_low);
  Flow* find_or_create(const decode::Segment& segment, Dir& dir);
  Flow* create(const Key& key, bool from_low, const decode::Segment& segment);
  void make_room();
  bool starts_anew(Flow& flow, Dir dir, const decode::Segment& segment);
  bool checksum_accepts(Flow& flow, Dir dir, const decode::Segment& segment);
  void keep_aside(Flow& flow, Dir dir, const decode::Segment& segment);
  bool take_from_aside(Flow& flow, Dir dir);
  void note_packet(Flow& flow, Dir dir, const decode::Segment& segment);
  void note_ack(Flow& flow, Dir dir, const decode::Segment& segment);
  void on_syn(Flow& flow, Dir dir, const decode::Segment& segment);
  void on_reset(Flow& flow, Dir dir, const decode::Segment& segment);
  void on_payload(Flow& flow, Dir dir, const decode::Segment& segment);
  void skip_payload(Flow& flow, Dir dir, Seq end, bool fin);
  void skip_waiting(Flow& flow);
  void after_end(Flow& flow, Dir dir, const decode::Segment& segment);

  [[nodiscard]] bool came_too_late(const Flow& flow, Dir dir, Time now) const;
  bool gate_open(const Flow& flow, Dir dir, bool has_ack, Seq ack) const;
  void deliver(Flow& flow, Dir dir, Bytes bytes, std::uint32_t missing, bool fin,
               const FrameRef& at);
  void hold(Flow& flow, Dir dir, Waiting segment);
  bool drain_one(Flow& flow, Dir dir);
  void drain(Flow& flow);
  void check_holes(Flow& flow, const FrameRef& now);
  [[nodiscard]] bool out_of_patience(Flow& flow, Dir dir, Time now) const;
  bool give_up_hole(Flow& flow, Dir dir, bool acknowledged_only, const FrameRef& now);
  bool force_front(Flow& flow, Dir dir);
  void report_gap(Flow& flow, Dir dir, std::uint32_t length, const FrameRef& now);
  void flush(Flow& flow);
  void conflict(Flow& flow, Dir dir, const Conflict& what, const FrameRef& at);

  void touch(Flow& flow, Time now);
  void count_quietly(Flow& flow, Dir dir, const decode::Segment& segment);
  void take_over_quiet(Flow& flow);
  void end_idle(Time now);
  void end(Flow& flow, evidence::Ended how);
  void remove(Flow& flow);

  HandlerFactory& factory_;
  std::unordered_map<Key, std::unique_ptr<Flow>, KeyHash> flows_;
  std::unique_ptr<Flow> spare_;  // made for a connection that nobody wanted
  FlowList open_, closed_;       // by last packet, oldest first
  std::size_t buffered_ = 0;
  Time now_;
  std::uint64_t next_order_ = 0;
  Counters counters_;
};

}  // namespace mxw::flow
