#include "sensor/capture/source.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>
#include <utility>

#include "core/base/digest.hpp"
#include "sensor/capture/buffer_source.hpp"
#include "sensor/capture/inflate_source.hpp"

namespace mxw::capture {
namespace {

// How far a map is hashed ahead of the reader: what was hashed is still in the second-level cache
// when it is read.
constexpr std::size_t kHashAhead = 256 << 10;

std::string system_message(int error) {
  return std::system_category().message(error);
}

class Descriptor {
 public:
  Descriptor(int fd, bool owned) : fd_(fd), owned_(owned) {}
  Descriptor(Descriptor&& other) noexcept
      : fd_(std::exchange(other.fd_, -1)), owned_(other.owned_) {}
  Descriptor& operator=(Descriptor&&) = delete;
  ~Descriptor() {
    if (owned_ && fd_ >= 0) ::close(fd_);
  }
  [[nodiscard]] int get() const { return fd_; }

 private:
  int fd_;
  bool owned_;
};

// The digest of the stored octets, where one was asked for.
class Hasher {
 public:
  explicit Hasher(bool wanted) : wanted_(wanted) {}
  [[nodiscard]] bool wanted() const { return wanted_; }
  void update(Bytes bytes) {
    if (wanted_) stream_.update(bytes);
  }
  void finish() {
    if (wanted_ && text_.empty()) text_ = hex(stream_.finish());
  }
  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  bool wanted_;
  Sha256Stream stream_;
  std::string text_;
};

class MappedSource final : public Source {
 public:
  // REQUIRES: `map` is a private read-only mapping of `size` octets, ours to unmap.
  MappedSource(const std::uint8_t* map, std::size_t size, bool hash)
      : map_(map), size_(size), hash_(hash) {
    stable_ = true;
    at_ = end_ = map;
    if (!hash) widen(size);
  }
  ~MappedSource() override { ::munmap(const_cast<std::uint8_t*>(map_), size_); }

  void finish() override {
    widen(size_ - shown_);
    hash_.finish();
  }
  [[nodiscard]] std::uint64_t size() const override { return size_; }
  [[nodiscard]] const std::string& sha256() const override { return hash_.text(); }

 private:
  bool fill(std::size_t n) override {
    widen(std::min<std::size_t>(std::max(n - available(), kHashAhead), size_ - shown_));
    return available() >= n;
  }
  void widen(std::size_t n) {
    hash_.update({end_, n});
    end_ += n;
    shown_ += n;
  }

  const std::uint8_t* map_;
  std::size_t size_;
  Hasher hash_;
};

class DescriptorSource final : public BufferSource {
 public:
  DescriptorSource(Descriptor descriptor, bool hash)
      : descriptor_(std::move(descriptor)), hash_(hash) {}

  void finish() override {
    std::array<std::uint8_t, 64 << 10> room;
    while (hash_.wanted() && produce(room) > 0) continue;
    hash_.finish();
  }
  [[nodiscard]] std::uint64_t size() const override { return size_; }
  [[nodiscard]] const std::string& sha256() const override { return hash_.text(); }

 private:
  std::size_t produce(std::span<std::uint8_t> room) override {
    while (true) {
      const ssize_t got = ::read(descriptor_.get(), room.data(), room.size());
      if (got >= 0) {
        const auto count = static_cast<std::size_t>(got);
        hash_.update(room.first(count));
        size_ += count;
        return count;
      }
      if (errno == EAGAIN) {  // a standard input that its owner made non-blocking
        pollfd wait{descriptor_.get(), POLLIN, 0};
        (void)::poll(&wait, 1, -1);
      } else if (errno != EINTR) {
        trouble_ = "cannot be read: " + system_message(errno);
        return 0;
      }
    }
  }

  Descriptor descriptor_;
  Hasher hash_;
  std::uint64_t size_ = 0;
};

std::unexpected<Error> refuse(const std::string& path, const std::string& why) {
  return fail(ErrorKind::input, path + ": " + why);
}

Result<std::unique_ptr<Source>> open_file(const std::string& path, bool hash) {
  // O_NONBLOCK: a FIFO without a writer must not hold us before we know that it is one.
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (fd < 0) return refuse(path, "cannot be opened: " + system_message(errno));
  Descriptor descriptor(fd, true);
  struct stat info{};
  if (::fstat(fd, &info) != 0) return refuse(path, "cannot be read: " + system_message(errno));
  if (S_ISDIR(info.st_mode)) return refuse(path, "is a directory, not a capture file");
  if (!S_ISREG(info.st_mode))
    return refuse(path, "is a FIFO, device or socket; pipe it to standard input and name it '-'");
  if (info.st_size == 0) return refuse(path, "is empty");
  const auto size = static_cast<std::size_t>(info.st_size);
  void* map = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd, 0);
  if (map == MAP_FAILED) return std::make_unique<DescriptorSource>(std::move(descriptor), hash);
  (void)::madvise(map, size, MADV_SEQUENTIAL);
  return std::make_unique<MappedSource>(static_cast<const std::uint8_t*>(map), size, hash);
}

Result<std::unique_ptr<Source>> open_standard_input(bool hash) {
  if (::isatty(STDIN_FILENO) == 1)
    return refuse("-", "standard input is a terminal; pipe a capture into it");
  return std::make_unique<DescriptorSource>(Descriptor(STDIN_FILENO, false), hash);
}

}  // namespace

Result<std::unique_ptr<Source>> open_source(const std::string& path, bool hash) {
  auto source = path == "-" ? open_standard_input(hash) : open_file(path, hash);
  if (!source) return source;
  if ((*source)->need(2)) {
    const Bytes magic = (*source)->peek(2);
    if (magic[0] == 0x1f && magic[1] == 0x8b)  // RFC 1952 section 2.3.1
      return std::make_unique<InflateSource>(std::move(*source));
  }
  return source;
}

}  // namespace mxw::capture
