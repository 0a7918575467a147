#include "core/service/key_file.hpp"

#include <fcntl.h>
#include <sys/random.h>
#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <system_error>

#include "core/base/fd.hpp"

namespace mxw::service {
namespace {

constexpr std::size_t kKeyBytes = 32;  // as the digest (RFC 2104 section 3)
constexpr mode_t kPrivate = 0600;

std::unexpected<Error> cannot(const std::string& path, std::string_view what, int number) {
  return fail(ErrorKind::environment,
              path + ": " + std::string(what) + ": " + std::generic_category().message(number));
}

// Written beside and linked into place, so that a key file is never half a key, and of two
// processes that start together one makes it and both use it.
Result<void> make(const std::string& path) {
  std::array<std::uint8_t, kKeyBytes> key{};
  if (getrandom(key.data(), key.size(), 0) != static_cast<ssize_t>(key.size()))
    return cannot(path, "no random octets", errno);
  const std::string beside = path + "." + std::to_string(getpid());
  ::unlink(beside.c_str());
  const Fd fd(
      ::open(beside.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, kPrivate));
  if (!fd) return cannot(beside, "cannot be made", errno);
  const bool written =
      ::write(fd.get(), key.data(), key.size()) == ssize_t{kKeyBytes} && ::fsync(fd.get()) == 0;
  const int write_error = errno;
  const bool linked = written && (::link(beside.c_str(), path.c_str()) == 0 || errno == EEXIST);
  const int link_error = errno;
  ::unlink(beside.c_str());
  if (!written) return cannot(beside, "cannot be written", write_error);
  if (!linked) return cannot(path, "cannot be made", link_error);
  return {};
}

Result<std::vector<std::uint8_t>> read(const std::string& path, const Fd& fd) {
  struct stat status{};
  if (::fstat(fd.get(), &status) != 0) return cannot(path, "cannot be read", errno);
  const bool ours = status.st_uid == ::geteuid() || status.st_uid == 0;
  if (!S_ISREG(status.st_mode) || !ours || (status.st_mode & 077) != 0)
    return fail(ErrorKind::environment,
                path + ": is not a file of this user alone (mode 0600), so it is not used");
  std::vector<std::uint8_t> key(kKeyBytes + 1);
  const ssize_t got = ::read(fd.get(), key.data(), key.size());
  if (got < 0) return cannot(path, "cannot be read", errno);
  if (got != ssize_t{kKeyBytes})
    return fail(ErrorKind::environment, path + ": has not the 32 octets of a key");
  key.resize(kKeyBytes);
  return key;
}

}  // namespace

Result<std::vector<std::uint8_t>> key_file(const std::string& path) {
  for (const bool again : {false, true}) {
    const Fd fd(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    if (fd) return read(path, fd);
    if (errno != ENOENT || again) return cannot(path, "cannot be read", errno);
    if (auto made = make(path); !made) return std::unexpected(made.error());
  }
  return cannot(path, "cannot be read", ENOENT);
}

}  // namespace mxw::service
