// BufferSource: the part that sources without a memory map share: a window that is a buffer of our
// own, moved together when it is filled again.
#pragma once

#include <span>
#include <vector>

#include "sensor/capture/source.hpp"

namespace mxw::capture {

class BufferSource : public Source {
 protected:
  // Puts up to room.size() octets into room and returns how many; 0 at the end or with trouble_
  // set. May give less than asked for: a pipe is handed on as it comes.
  virtual std::size_t produce(std::span<std::uint8_t> room) = 0;

  bool fill(std::size_t n) final;

 private:
  std::vector<std::uint8_t> buffer_;
};

}  // namespace mxw::capture
