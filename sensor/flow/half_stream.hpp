// HalfStream: one direction's octets put in order. Holds back what came early, trims what came
// twice, and compares the copies. It decides nothing about time: the FlowTable says when a hole is
// given up.
#pragma once

#include <cstdint>
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
  [[nodiscard]] Seq first() const { return first_; }
  [[nodiscard]] bool finished() const { return finished_; }
  // A FIN was taken from the peer's acknowledgement alone.
  [[nodiscard]] bool presumed_fin() const { return presumed_fin_; }
  [[nodiscard]] const std::vector<Waiting>& waiting() const { return waiting_; }
  [[nodiscard]] std::size_t buffered() const { return buffered_; }

  void start(Seq first);
  // Sequence space moves on without octets being kept (payload nobody wants).
  void skip_to(Seq next);

  // Marks octets as delivered: they are retained (bounded) when `retain`.
  void deliver(Bytes bytes, bool retain);
  // `length` octets will never come: cut by the snap length, or (give_up) lost.
  void pass_missing(std::uint32_t length);
  void give_up(std::uint32_t length);
  void finish();
  // The peer acknowledged one number behind all octets that we saw: a FIN, as far as anyone can
  // tell.
  void presume_fin();
  // It was an octet after all: back to before it.
  void reopen();
  // How many of the octets [seq, seq + length) were last given up.
  [[nodiscard]] std::uint32_t in_last_gap(Seq seq, std::uint32_t length) const;

  // The part of the octets at `seq` that was delivered before, compared with what is retained.
  // False when no difference is known.
  bool conflicts_with_retained(Seq seq, Bytes bytes, Conflict& conflict) const;

  // Puts a segment among the waiting ones, trimmed so that nothing waits twice; first data wins.
  // True when an overlapping waiting copy differs (then `conflict` tells where).
  bool hold(Waiting segment, Conflict& conflict);
  Waiting take_front();
  void drop_waiting();

 private:
  void forget_retained();

  bool started_ = false, finished_ = false, presumed_fin_ = false;
  Seq first_ = 0, next_ = 0;
  Seq gap_begin_ = 0, gap_end_ = 0;  // given up last
  std::uint64_t offset_ = 0;
  std::size_t buffered_ = 0;
  // By sequence number, not overlapping. No deque: an empty one owns half a KiB, and most stay
  // empty.
  std::vector<Waiting> waiting_;
  std::vector<std::uint8_t> retained_;  // the last octets before next_
};

}  // namespace mxw::flow
