#include "core/feed/row_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>
#include <variant>

namespace mxw::feed {

std::string row_file_header(rows::Sequence seq) {
  return "{\"v\":1,\"seq\":" + std::to_string(seq) +
         ",\"op\":\"cache\",\"schema\":" + std::to_string(std::variant_size_v<rows::Change>) + '}';
}

std::string row_file_trailer(rows::Sequence seq, const Sha256& digest) {
  return "{\"v\":1,\"seq\":" + std::to_string(seq) + ",\"op\":\"end\",\"sha256\":\"" + hex(digest) +
         "\"}";
}

RowFileWriter::RowFileWriter(std::string path, rows::Sequence seq, Fd fd)
    : path_(std::move(path)), beside_(path_ + ".new"), seq_(seq), fd_(std::move(fd)) {
  buffer_ = row_file_header(seq_) + '\n';
}

Result<RowFileWriter> RowFileWriter::create(const std::string& path, rows::Sequence seq) {
  const std::string beside = path + ".new";
  ::unlink(beside.c_str());
  Fd fd(::open(beside.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!fd) return fail(ErrorKind::environment, beside + ": " + std::strerror(errno));
  return RowFileWriter(path, seq, std::move(fd));
}

RowFileWriter::~RowFileWriter() {
  if (fd_) ::unlink(beside_.c_str());
}

bool RowFileWriter::write_all(std::string_view octets) {
  while (!octets.empty()) {
    const ssize_t count = ::write(fd_.get(), octets.data(), octets.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) {
      error_ = "write to " + beside_ + ": " + std::strerror(errno);
      return false;
    }
    octets.remove_prefix(static_cast<std::size_t>(count));
  }
  return true;
}

bool RowFileWriter::flush() {
  digest_.update(as_bytes(buffer_));
  const bool written = write_all(buffer_);
  flushed_ += buffer_.size();
  buffer_.clear();
  return written;
}

bool RowFileWriter::sync(int fd, const std::string& what) {
  while (::fsync(fd) != 0) {
    if (errno == EINTR) continue;
    error_ = "sync of " + what + ": " + std::strerror(errno);
    return false;
  }
  return true;
}

// The name is the folder's: without this the old file may come back, or none.
void RowFileWriter::sync_folder() {
  const std::size_t slash = path_.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : path_.substr(0, slash + 1);
  const Fd fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (fd)
    sync(fd.get(), folder);
  else
    error_ = folder + ": " + std::strerror(errno);
}

Result<void> RowFileWriter::commit(bool synced) {
  if (error_.empty() && flush()) write_all(row_file_trailer(seq_, digest_.finish()) + '\n');
  if (error_.empty() && synced) sync(fd_.get(), beside_);
  if (error_.empty() && ::rename(beside_.c_str(), path_.c_str()) != 0)
    error_ = "rename to " + path_ + ": " + std::strerror(errno);
  if (!error_.empty()) return fail(ErrorKind::environment, error_);
  fd_.reset();
  if (synced) sync_folder();
  if (!error_.empty()) return fail(ErrorKind::environment, error_);
  return {};
}

}  // namespace mxw::feed
