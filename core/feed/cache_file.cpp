// The cache file of a Replica.
//
//   {"v":1,"seq":N,"op":"cache","schema":S}       S: row types of rows::Change, as this build has
//   them
//   {"v":1,"seq":..,"op":"put",...}               the feed's own lines
//   {"v":1,"seq":N,"op":"end","sha256":"..."}     of all octets before this line
//
// A file of another schema is taken with sequence 0: its rows hold until the owner has told all.
#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>

#include "core/base/check.hpp"
#include "core/base/digest.hpp"
#include "core/base/fd.hpp"
#include "core/feed/codec.hpp"
#include "core/feed/replica.hpp"
#include "core/ipc/line_stream.hpp"

namespace mxw::feed {
namespace {

constexpr std::size_t kPiece = std::size_t{256} << 10;

std::string header(rows::Sequence seq) {
  return "{\"v\":1,\"seq\":" + std::to_string(seq) +
         ",\"op\":\"cache\",\"schema\":" + std::to_string(std::variant_size_v<rows::Change>) + '}';
}
std::string trailer(rows::Sequence seq, const Sha256& digest) {
  return "{\"v\":1,\"seq\":" + std::to_string(seq) + ",\"op\":\"end\",\"sha256\":\"" + hex(digest) +
         "\"}";
}

// Writes in pieces and keeps the digest of what was written. The first trouble stays in errno.
class Writer {
 public:
  explicit Writer(int fd) : fd_(fd) {}

  [[nodiscard]] std::string& buffer() { return buffer_; }
  bool spill() { return buffer_.size() < kPiece || flush(); }
  bool flush() {
    digest_.update(as_bytes(buffer_));
    std::string_view left = buffer_;
    while (!left.empty()) {
      const ssize_t count = ::write(fd_, left.data(), left.size());
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) return false;
      left.remove_prefix(static_cast<std::size_t>(count));
    }
    buffer_.clear();
    return true;
  }
  [[nodiscard]] Sha256 digest() { return digest_.finish(); }  // REQUIRES: once, then only flush

 private:
  int fd_;
  std::string buffer_;
  Sha256Stream digest_;
};

}  // namespace

template <typename Out>
bool Replica::write_rows(Out& out) const {
  const auto put = [&](const auto* row) {
    if (row != nullptr) append_line(out.buffer(), *row);
    return out.spill();
  };
  for (const auto& [name, entry] : domains_) {
    if (!put(entry.domain()) || !put(entry.policy()) || !put(entry.tlsrpt()) ||
        !put(entry.reread()))
      return false;
    for (const rows::RouteRow& row : entry.routes_.rows) {
      if (!put(&row)) return false;
    }
  }
  for (const auto& [name, set] : tlsa_) {
    for (const rows::TlsaRow& row : set.rows) {
      if (!put(&row)) return false;
    }
  }
  return true;
}

bool Replica::write_file(int fd) const {
  Writer out(fd);
  out.buffer() = header(sequence()) + '\n';
  if (!write_rows(out) || !out.flush()) return false;
  const std::string end = trailer(sequence(), out.digest()) + '\n';
  return ::write(fd, end.data(), end.size()) == static_cast<ssize_t>(end.size());
}

Result<void> Replica::save(const std::string& path) {
  const std::string beside = path + ".new";
  const auto failed = [&](const std::string& what) {
    const int error = errno;
    ::unlink(beside.c_str());
    return fail(ErrorKind::environment, what + ": " + std::strerror(error));
  };
  ::unlink(beside.c_str());
  Fd fd(::open(beside.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!fd) return failed(beside);
  if (!write_file(fd.get())) return failed("write to " + beside);
  fd.reset();
  if (::rename(beside.c_str(), path.c_str()) != 0) return failed("rename to " + path);
  changed_ = false;
  return {};
}

// Takes the lines of one file. A line may come to the replica before the file is known to be whole:
// who reads drops everything if it is not.
class Replica::Loader {
 public:
  explicit Loader(Replica& into) : into_(into) {}

  [[nodiscard]] bool take(std::string_view text) {
    if (ended_) return false;
    const Line line = decode(text);
    if (!begun_) return begin(text, line);
    if (line.skip == Skip::none && line.op == Op::end) return end(text, line.seq);
    digest_.update(as_bytes(text));
    digest_.update(as_bytes(std::string_view("\n")));
    if (line.skip == Skip::unknown_table) {
      sequence_ = 0;
      return true;
    }
    if (line.skip != Skip::none || line.op != Op::put) return false;
    std::visit([this](const auto& row) { into_.put(row); }, *line.change);
    return true;
  }
  [[nodiscard]] bool whole() const { return ended_; }
  [[nodiscard]] rows::Sequence sequence() const { return sequence_; }

 private:
  bool begin(std::string_view text, const Line& line) {
    begun_ = true;
    digest_.update(as_bytes(text));
    digest_.update(as_bytes(std::string_view("\n")));
    told_ = line.seq;
    const std::string ours = header(line.seq);
    sequence_ = text == ours ? line.seq : 0;
    const std::string_view other = std::string_view(ours).substr(0, ours.rfind(':') + 1);
    return line.skip == Skip::unknown_op && text.starts_with(other);
  }
  bool end(std::string_view text, rows::Sequence seq) {
    ended_ = seq == told_ && text == trailer(seq, digest_.finish());
    return ended_;
  }

  Replica& into_;
  Sha256Stream digest_;
  bool begun_ = false, ended_ = false;
  rows::Sequence told_ = 0, sequence_ = 0;
};

bool Replica::read_file(int fd, Loader& loader) {
  struct stat there{};
  if (::fstat(fd, &there) != 0 || !S_ISREG(there.st_mode)) return false;
  ipc::LineStream lines(kLineBytes);
  std::string piece(kPiece, '\0');
  for (;;) {
    const ssize_t count = ::read(fd, piece.data(), piece.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return false;
    if (count == 0) break;
    lines.feed(std::string_view(piece).substr(0, static_cast<std::size_t>(count)));
    while (const auto line = lines.next()) {
      if (!loader.take(*line)) return false;
    }
    if (lines.too_long() > 0) return false;
  }
  return loader.whole() && lines.unfinished() == 0;
}

bool Replica::load(const std::string& path) {
  MXW_CHECK(domains_.empty() && tlsa_.empty() && !resetting_);
  // Not to be held up by what is no file: opening a pipe would wait for its other end.
  const Fd fd(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!fd && errno == ENOENT) return false;
  Loader loader(*this);
  if (!fd || !read_file(fd.get(), loader)) {
    clear();
    changed_ = false;
    ++counters_.bad_files;
    return false;
  }
  sequence_ = loader.sequence();
  complete_ = true;
  changed_ = false;
  tell();
  return true;
}

}  // namespace mxw::feed
