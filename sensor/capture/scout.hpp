// Scout: walks the records some way ahead of the reader and has their first octets fetched.
//
// Where each record tells where the next one starts, the processor cannot fetch ahead by itself: it
// waits for memory twice a packet, which is most of the time of reading. The scout reads one record
// header per packet, of a record whose fetch it asked for one packet earlier. It changes nothing
// and believes nothing: a wrong length only fetches octets nobody needs. Internal to
// sensor/capture.
#pragma once

#include <cstddef>
#include <cstdint>

#include "sensor/capture/source.hpp"

namespace mxw::capture {

class Scout {
 public:
  // To be called when a record of `taken` octets was taken. `length_at(header)` gives the length of
  // the whole record whose first `header_size` octets stand at `header`; one that is shorter than
  // that, or beyond the window, holds the scout until the reader has passed it.
  template <typename LengthAt>
  [[gnu::always_inline]] void advance(const Source& source, std::size_t taken,
                                      std::size_t header_size, LengthAt length_at) {
    if (records_ == 0 || taken > at_) {
      at_ = 0;
      records_ = 0;
    } else {
      at_ -= taken;
      --records_;
    }
    // Twice at most, so that the first call does not run far ahead into memory not fetched yet.
    for (int step = 0; step < 2 && records_ < kRecords; ++step) {
      const std::uint8_t* const header = source.glimpse(at_, header_size);
      if (header == nullptr) return;
      const std::size_t length = length_at(header);
      if (length < header_size || source.glimpse(at_ + length, kFetched) == nullptr) return;
      at_ += length;
      ++records_;
      const std::uint8_t* const next = source.glimpse(at_, kFetched);
      for (std::size_t i = 0; i < kFetched; i += kLine) __builtin_prefetch(next + i);
    }
  }

 private:
  static constexpr std::size_t kLine = 64;
  static constexpr std::size_t kFetched = 3 * kLine;  // headers down to TCP's options
  static constexpr std::size_t kRecords = 8;          // enough to hide one wait for memory

  std::size_t at_ = 0;       // octets from the next one to take to the record fetched last
  std::size_t records_ = 0;  // records between
};

}  // namespace mxw::capture
