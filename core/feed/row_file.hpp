// RowFileWriter: rows in a file, whole or not at all: the cache of a reader, the backup of an
// owner.
//
//   {"v":1,"seq":N,"op":"cache","schema":S}     S: row types of rows::Change, as this build has
//   them
//   {"v":1,"seq":..,"op":"put",...}             the feed's own lines (core/feed/codec.hpp)
//   {"v":1,"seq":N,"op":"end","sha256":"..."}   of all octets before this line
//
// Written beside the path, mode 0600, and renamed by commit(). A cache is not synced: what is lost
// with the power is learned again. A backup is, with its folder: it is what is left when the store
// is lost. Replica::load() reads it. Blocks; one thread.
#pragma once

#include <cstdint>
#include <string>

#include "core/base/digest.hpp"
#include "core/base/fd.hpp"
#include "core/base/result.hpp"
#include "core/feed/codec.hpp"

namespace mxw::feed {

// The first and last line, without LF.
[[nodiscard]] std::string row_file_header(rows::Sequence seq);
[[nodiscard]] std::string row_file_trailer(rows::Sequence seq, const Sha256& digest);

class RowFileWriter {
 public:
  // `seq`: what a reader that starts from the file asks the owner for. Error (environment).
  static Result<RowFileWriter> create(const std::string& path, rows::Sequence seq);
  RowFileWriter(RowFileWriter&&) noexcept = default;
  RowFileWriter& operator=(RowFileWriter&&) = delete;
  ~RowFileWriter();  // without commit() nothing is left

  // False: it cannot be written; commit() tells why. Rows are put lines.
  template <typename Row>
  bool add(const Row& row) {
    append_line(buffer_, row);
    return spill();
  }
  [[nodiscard]] std::uint64_t octets() const { return flushed_ + buffer_.size(); }  // so far
  [[nodiscard]] bool failed() const { return !error_.empty(); }
  // The file stands at `path` now, and with `synced` does after a power cut, too. Error
  // (environment): the first trouble; the old file stands, unless it was that the folder could not
  // be synced.
  Result<void> commit(bool synced = false);

 private:
  static constexpr std::size_t kPiece = std::size_t{256} << 10;

  RowFileWriter(std::string path, rows::Sequence seq, Fd fd);
  bool spill() { return error_.empty() && (buffer_.size() < kPiece || flush()); }
  bool flush();
  bool write_all(std::string_view octets);
  bool sync(int fd, const std::string& what);
  void sync_folder();

  std::string path_, beside_;
  rows::Sequence seq_;
  Fd fd_;
  std::string buffer_, error_;
  std::uint64_t flushed_ = 0;
  Sha256Stream digest_;
};

}  // namespace mxw::feed
