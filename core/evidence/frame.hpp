// Provenance: where in the input a piece of evidence stands, so that anybody can look it up.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/base/time.hpp"

namespace mxw::evidence {

// The two directions of a connection. The client is the side that opened it (or, when the start was
// not seen, the side that speaks as a client); `src` of every output is the client.
enum class Dir : std::uint8_t { client = 0, server = 1 };

[[nodiscard]] constexpr Dir other(Dir d) {
  return d == Dir::client ? Dir::server : Dir::client;
}
[[nodiscard]] constexpr std::size_t index(Dir d) {
  return static_cast<std::size_t>(d);
}

struct FrameRef {
  std::uint64_t frame = 0;  // number in its file, from 1 as in Wireshark; 0 = none
  std::uint16_t file = 0;   // index into the run's list of inputs
  Time time;
  // Number of the packet among all inputs of the run, from 1: unlike `frame` the same however the
  // input is split over files.
  std::uint64_t ordinal = 0;
};

// How much of a session the capture holds, as of one moment. Any of them true before a decision
// point makes the decision "not judged", with the first true one as the reason (semantics 4).
struct Quality {
  bool midstream = false;  // the start was not seen
  bool one_sided = false;  // one direction carried no packet
  bool gap = false;        // bytes known to be missing
  bool cut = false;        // packets shorter than on the wire (snap length)
  bool ambiguous = false;  // two different contents for the same sequence numbers
  [[nodiscard]] bool poor() const { return midstream || one_sided || gap || cut || ambiguous; }
};

}  // namespace mxw::evidence
