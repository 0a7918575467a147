#include "core/operator/small_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "core/operator/descriptor.hpp"
#include "core/operator/state.hpp"

namespace mxw::operators {
namespace {

// File systems with the coarsest times keep two seconds (FAT); others tick in milliseconds.
constexpr std::int64_t kCoarsest = 2 * kSecond;

Time time_of(const timespec& t) {
  return {static_cast<std::int64_t>(t.tv_sec) * kSecond + t.tv_nsec};
}

bool is_want_of_resources(int error) {
  return error == EMFILE || error == ENFILE || error == ENOMEM || error == EINTR || error == EAGAIN;
}

SmallFile refused(std::string why, const Stamp& stamp) {
  return {ReadOutcome::refused, std::move(why), stamp};
}

// Opening failed: what stands there, as far as it can be seen.
SmallFile not_opened(int directory, const char* name, int error) {
  if (is_want_of_resources(error)) return {ReadOutcome::trouble, {}, {}};
  struct stat status{};
  if (fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) != 0)
    return {errno == ENOENT ? ReadOutcome::absent : ReadOutcome::trouble, {}, {}};
  if (!S_ISREG(status.st_mode))
    return refused(S_ISLNK(status.st_mode) ? "a link" : "no regular file", stamp_of(status));
  return refused(std::string("cannot be read: ") + std::strerror(error), stamp_of(status));
}

}  // namespace

Stamp stamp_of(const struct stat& status) {
  return {status.st_dev, status.st_ino, static_cast<std::uint64_t>(status.st_size),
          time_of(status.st_mtim), time_of(status.st_ctim)};
}

bool may_hide_a_change(const Stamp& stamp, Time taken) {
  return stamp.changed >= taken - kCoarsest;
}

SmallFile read_small_file(int directory, const char* name) {
  const Descriptor fd(
      openat(directory, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  if (!fd) return not_opened(directory, name, errno);
  struct stat status{};
  if (fstat(fd.get(), &status) != 0) return {ReadOutcome::trouble, {}, {}};
  const Stamp stamp = stamp_of(status);
  if (!S_ISREG(status.st_mode)) return refused("no regular file", stamp);

  std::string text(kFileBytes + 1, '\0');
  std::size_t size = 0;
  while (size < text.size()) {
    const ssize_t n = read(fd.get(), text.data() + size, text.size() - size);
    if (n == 0) break;
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return refused(std::string("cannot be read: ") + std::strerror(errno), stamp);
    size += static_cast<std::size_t>(n);
  }
  if (size > kFileBytes) return refused("larger than 16 KiB", stamp);
  text.resize(size);
  return {ReadOutcome::text, std::move(text), stamp};
}

}  // namespace mxw::operators
