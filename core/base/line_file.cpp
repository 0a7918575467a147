#include "core/base/line_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <utility>

namespace mxw {

LineFile::LineFile(std::string path, std::size_t max_bytes)
    : path_(std::move(path)), max_bytes_(max_bytes) {}

LineFile::~LineFile() {
  close();
}

bool LineFile::open() {
  if (fd_ >= 0) return true;
  fd_ = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd_ < 0) return false;
  const off_t end = ::lseek(fd_, 0, SEEK_END);
  if (end < 0) {
    close();
    return false;
  }
  size_ = static_cast<std::size_t>(end);
  return true;
}

void LineFile::close() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

bool LineFile::rotate() {
  if (::rename(path_.c_str(), (path_ + ".1").c_str()) != 0) return false;
  close();
  ++counters_.rotations;
  return open();
}

// What a full disk or a crash of the disk left of a line is cut off again.
bool LineFile::write_all(std::string_view lines) {
  std::size_t done = 0;
  while (done < lines.size()) {
    const ssize_t n = ::write(fd_, lines.data() + done, lines.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
    done += static_cast<std::size_t>(n);
  }
  if (done == lines.size()) {
    size_ += done;
    return true;
  }
  const auto before = static_cast<off_t>(size_);
  if (::ftruncate(fd_, before) != 0 || ::lseek(fd_, before, SEEK_SET) < 0) close();
  return false;
}

bool LineFile::append(std::string_view lines) {
  if (lines.empty()) return true;
  bool kept = lines.size() <= max_bytes_ && open();
  if (kept && size_ > 0 && size_ + lines.size() > max_bytes_) kept = rotate();
  kept = kept && write_all(lines);
  ++(kept ? counters_.written : counters_.dropped);
  return kept;
}

}  // namespace mxw
