// LineStream: lines out of pieces of any size, each at most `line_bytes` long.
//
// A longer line is passed over up to its end and counted: hostile input is data. Any split of the
// same octets gives the same lines. Not thread-safe; total on any octets.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace mxw::ipc {

class LineStream {
 public:
  explicit LineStream(std::size_t line_bytes) : line_bytes_(line_bytes) {}

  // Keeps a copy of the octets. Call next() until it has none before feeding again: what is kept
  // is bounded by one line and one piece then.
  void feed(std::string_view octets);

  // The next whole line without its LF, good until the next call; nullopt: feed more.
  [[nodiscard]] std::optional<std::string_view> next();

  [[nodiscard]] std::uint64_t too_long() const { return too_long_; }
  // Octets of a line that has no end yet; those of a line being passed over are not kept.
  [[nodiscard]] std::size_t unfinished() const { return buffer_.size() - begin_; }
  [[nodiscard]] bool passing_over() const { return passing_over_; }
  void clear();  // forgets what is unfinished, for another stream

 private:
  std::size_t line_bytes_;
  std::string buffer_;
  std::size_t begin_ = 0;    // of the first line not given out
  std::size_t scanned_ = 0;  // no LF before this
  bool passing_over_ = false;
  std::uint64_t too_long_ = 0;
};

}  // namespace mxw::ipc
