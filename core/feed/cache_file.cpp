// The cache file of a Replica (core/feed/row_file.hpp). A file of another schema is taken with
// sequence 0: its rows hold until the owner has told all.
#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <utility>

#include "core/base/check.hpp"
#include "core/base/digest.hpp"
#include "core/base/fd.hpp"
#include "core/feed/codec.hpp"
#include "core/feed/replica.hpp"
#include "core/feed/row_file.hpp"
#include "core/feed/saving.hpp"
#include "core/ipc/line_stream.hpp"

namespace mxw::feed {
namespace {

constexpr std::size_t kPiece = std::size_t{256} << 10;

}  // namespace

Result<void> Replica::save(const std::string& path) {
  auto saving = Saving::begin(*this, path);
  if (!saving) return std::unexpected(std::move(saving.error()));
  for (;;) {
    auto step = (*saving)->step();
    if (!step) return std::unexpected(std::move(step.error()));
    if (*step == Saving::Step::done) return {};
  }
}

// Takes the lines of one file. A line may come to the replica before the file is known to be whole:
// who reads drops everything if it is not.
class Replica::Loader {
 public:
  explicit Loader(Replica& into) : into_(into) {}

  [[nodiscard]] bool take(std::string_view text) {
    if (ended_) return false;
    Line line = decode(text);
    if (!begun_) return begin(text, line);
    if (line.skip == Skip::none && line.op == Op::end) return end(text, line.seq);
    digest_.update(as_bytes(text));
    digest_.update(as_bytes(std::string_view("\n")));
    if (line.skip == Skip::unknown_table) {
      sequence_ = 0;
      return true;
    }
    if (line.skip != Skip::none || line.op != Op::put) return false;
    std::visit([this](auto& row) { into_.put(std::move(row)); }, *line.change);
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
    const std::string ours = row_file_header(line.seq);
    sequence_ = text == ours ? line.seq : 0;
    const std::string_view other = std::string_view(ours).substr(0, ours.rfind(':') + 1);
    return line.skip == Skip::unknown_op && text.starts_with(other);
  }
  bool end(std::string_view text, rows::Sequence seq) {
    ended_ = seq == told_ && text == row_file_trailer(seq, digest_.finish());
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
  loading_ = true;
  const bool whole = fd && read_file(fd.get(), loader);
  loading_ = false;
  if (!whole) {
    clear();
    changed_ = false;
    ++counters_.bad_files;
    return false;
  }
  sequence_ = loader.sequence();
  complete_ = true;
  changed_ = false;
  tell_all();
  return true;
}

}  // namespace mxw::feed
