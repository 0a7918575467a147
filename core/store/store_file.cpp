#include "core/store/store_file.hpp"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace mxw::store {
namespace {

constexpr mode_t kPrivate = S_IRUSR | S_IWUSR;

std::unexpected<StoreError> refuse(const std::string& path, int error) {
  Fault fault = Fault::cannot_open;
  if (error == ENOSPC || error == EDQUOT) fault = Fault::disk_full;
  if (error == EROFS) fault = Fault::read_only;
  if (error == EIO) fault = Fault::io;
  return std::unexpected(make_error(fault, path, std::generic_category().message(error)));
}

Result<void> rename_new(const std::string& from, const std::string& to) {
  if (renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) != 0)
    return refuse(from, errno);
  return {};
}

}  // namespace

// A file that is there is not opened: closing any descriptor of it would drop the locks that
// another Database of this process holds (POSIX record locks belong to the process).
Result<void> make_private_file(const std::string& path) {
  const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, kPrivate);
  if (fd >= 0) {
    const int error = fchmod(fd, kPrivate) == 0 ? 0 : errno;
    close(fd);
    if (error != 0) return refuse(path, error);
    return {};
  }
  if (errno != EEXIST) return refuse(path, errno);

  struct stat status{};
  if (lstat(path.c_str(), &status) != 0) return refuse(path, errno);
  if (!S_ISREG(status.st_mode))
    return std::unexpected(make_error(Fault::cannot_open, path, "not a regular file"));
  if ((status.st_mode & (S_IRWXG | S_IRWXO)) == 0) return {};
  if (chmod(path.c_str(), kPrivate) != 0) return refuse(path, errno);
  return {};
}

// The -wal goes first: were the process killed between the two renames, the file alone is found
// damaged again at the next start. The -shm holds nothing and is made anew.
Result<std::string> quarantine(const std::string& path, Time now) {
  const std::string aside = path + ".corrupt-" + format_rfc3339(now);
  if (auto moved = rename_new(path + "-wal", aside + "-wal");
      !moved && access((path + "-wal").c_str(), F_OK) == 0)
    return std::unexpected(moved.error());
  (void)unlink((path + "-shm").c_str());
  if (auto moved = rename_new(path, aside); !moved) return std::unexpected(moved.error());
  return aside;
}

}  // namespace mxw::store
