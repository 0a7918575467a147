// LineFile: lines for later readers, bounded on disk: `PATH`, and `PATH.1`, which is the one
// before. Each has at most `max_bytes`. A full disk, or anything else that fails, is counted and
// what was to be appended is dropped; a line is never left half written. Mode 0600. Not
// thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace mxw {

class LineFile {
 public:
  struct Counters {
    std::uint64_t written = 0, dropped = 0, rotations = 0;  // written, dropped: calls of append()
  };

  // Nothing is opened before the first append().
  LineFile(std::string path, std::size_t max_bytes);
  ~LineFile();
  LineFile(const LineFile&) = delete;
  LineFile& operator=(const LineFile&) = delete;

  // Whole lines; all of them are kept or none.
  bool append(std::string_view lines);
  [[nodiscard]] const Counters& counters() const { return counters_; }

 private:
  bool open();
  void close();
  bool rotate();
  bool write_all(std::string_view lines);

  std::string path_;
  std::size_t max_bytes_, size_ = 0;
  int fd_ = -1;
  Counters counters_;
};

}  // namespace mxw
