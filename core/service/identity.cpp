#include "core/service/identity.hpp"

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <optional>

#include "core/base/fd.hpp"

namespace mxw::service {
namespace {

struct User {
  std::string name;  // empty: known by number alone
  uid_t uid = 0;
  gid_t gid = 0;
};

std::optional<User> find(const std::string& user) {
  if (const passwd* const found = ::getpwnam(user.c_str()))
    return User{found->pw_name, found->pw_uid, found->pw_gid};
  std::uint32_t number = 0;
  const char* const end = user.data() + user.size();
  const auto read = std::from_chars(user.data(), end, number);
  if (read.ec != std::errc{} || read.ptr != end || number == UINT32_MAX) return std::nullopt;
  if (const passwd* const found = ::getpwuid(number))
    return User{found->pw_name, found->pw_uid, found->pw_gid};
  return User{{}, number, number};
}

std::unexpected<Error> cannot(const std::string& what) {
  return fail(ErrorKind::environment, what + ": " + std::strerror(errno));
}

// A folder that is somebody else's already is not taken away.
Result<void> give(const OwnFolder& folder, const User& user) {
  const char* const path = folder.path.c_str();
  if (::mkdir(path, folder.mode) != 0) {
    if (errno == EEXIST) return {};
    return cannot(folder.path);
  }
  if (::chmod(path, folder.mode) != 0 || ::chown(path, user.uid, user.gid) != 0)
    return cannot(folder.path);
  return {};
}

}  // namespace

Result<void> become(const std::string& name, std::span<const OwnFolder> folders) {
  const auto user = find(name);
  if (!user) return fail(ErrorKind::usage, "there is no user " + name);
  if (::geteuid() == user->uid && ::getuid() == user->uid) return {};
  for (const OwnFolder& folder : folders)
    if (auto given = give(folder, *user); !given) return given;
  const bool groups = user->name.empty() ? ::setgroups(0, nullptr) == 0
                                         : ::initgroups(user->name.c_str(), user->gid) == 0;
  if (!groups || ::setgid(user->gid) != 0 || ::setuid(user->uid) != 0)
    return cannot("cannot become user " + name);
  return {};
}

Result<void> PidFile::write(const std::string& path) {
  const Fd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644));
  if (!fd) return cannot(path);
  const std::string text = std::to_string(::getpid()) + '\n';
  if (::write(fd.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()))
    return cannot(path);
  (void)::fchmod(fd.get(), 0644);  // whatever the umask: it is read by others
  path_ = path;
  return {};
}

PidFile::~PidFile() {
  if (!path_.empty()) (void)::unlink(path_.c_str());
}

}  // namespace mxw::service
