// HalfStream: one direction's octets put in order. Holds back what came early, trims what came twice, and
// compares the copies. It decides nothing about time: the FlowTable says when a hole is given up.
#pragma once

#include <cstdint>
#include <deque>
#include <vector>

#include "core/base/bytes.hpp"
#include "sensor/flow/connection.hpp"
#include "sensor/flow/sequence.hpp"

namespace mxw::flow {

// A segment waiting for its turn.
struct Waiting {
  Seq seq = 0, ack = 0;
  bool has_ack = false, fin = false;
  std::vector<std::uint8_t> data;
  std::uint32_t missing = 0;  // octets cut off behind data by the snap length
  FrameRef at;
  [[nodiscard]] Seq end() const {
    return seq + static_cast<Seq>(data.size()) + missing + (fin ? 1U : 0U);
  }
};

// Where two copies of the same octets differ.
struct Conflict {
  std::uint64_t offset = 0;
  Bytes kept, other;  // the differing stretch, borrowed
};

class HalfStream {
 public:
  [[nodiscard]] bool started() const { return started_; }
  [[nodiscard]] Seq next() const { return next_; }
  [[nodiscard]] std::uint64_t offset() const { return offset_; }
  [[nodiscard]] bool finished() const { return finished_; }
  [[nodiscard]] const std::deque<Waiting>& waiting() const { return waiting_; }
  [[nodiscard]] std::size_t buffered() const { return buffered_; }

  void start(Seq first);
  // Sequence space moves on without octets being kept (payload nobody wants).
  void skip_to(Seq next);

  // Marks octets as delivered: they are retained (bounded) when `retain`.
  void deliver(Bytes bytes, bool retain);
  void pass_missing(std::uint32_t length);
  void finish();

  // The part of the octets at `seq` that was delivered before, compared with what is retained.
  // False when no difference is known.
  bool conflicts_with_retained(Seq seq, Bytes bytes, Conflict& conflict) const;

  // Puts a segment among the waiting ones, trimmed so that nothing waits twice; first data wins.
  // True when an overlapping waiting copy differs (then `conflict` tells where).
  bool hold(Waiting segment, Conflict& conflict);
  Waiting take_front();
  void drop_waiting();

 private:
  bool started_ = false, finished_ = false;
  Seq next_ = 0;
  std::uint64_t offset_ = 0;
  std::size_t buffered_ = 0;
  std::deque<Waiting> waiting_;  // by sequence number, not overlapping
  std::vector<std::uint8_t> retained_;  // the last octets before next_
};

}  // namespace mxw::flow
