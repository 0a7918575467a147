#include "core/operator/log.hpp"

#include <fcntl.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "core/base/json_writer.hpp"
#include "core/operator/descriptor.hpp"

namespace mxw::operators {
namespace {

std::unexpected<Error> cannot(const std::string& path, const char* what, int error) {
  return fail(ErrorKind::environment, path + ": " + what + ": " + std::strerror(error));
}

std::string user_name(uid_t uid) {
  std::string buffer(16 << 10, '\0');
  passwd entry{};
  passwd* found = nullptr;
  if (getpwuid_r(uid, &entry, buffer.data(), buffer.size(), &found) != 0 || found == nullptr)
    return "";
  return found->pw_name;
}

}  // namespace

std::string log_line(const LogEntry& entry) {
  std::string line;
  JsonWriter json(line);
  json.begin_object().member("time", format_rfc3339(entry.time)).member("who", entry.who);
  json.member("action", entry.action);
  if (!entry.domain.empty()) json.member("domain", entry.domain);
  if (entry.until) json.member("until", format_rfc3339(*entry.until));
  if (!entry.mx.empty()) {
    json.key("mx").begin_array();
    for (const std::string& name : entry.mx) json.string(name);
    json.end_array();
  }
  json.member("reason", entry.reason).end_object();
  return line + '\n';
}

Result<void> append_log(const std::string& dir, const LogEntry& entry) {
  const std::string path = dir + "/operator.log";
  // Without O_NONBLOCK a pipe put in its place would hold us.
  const Descriptor fd(open(
      path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0660));
  if (!fd) return cannot(path, "cannot be written", errno);
  struct stat status{};
  if (fstat(fd.get(), &status) != 0) return cannot(path, "cannot be written", errno);
  // Made by this call: the group may write whatever the umask says, else the first operator would
  // lock the others out (docs/decisions/0009).
  if (S_ISREG(status.st_mode) && status.st_size == 0 && status.st_uid == ::geteuid())
    (void)::fchmod(fd.get(), 0660);
  if (!S_ISREG(status.st_mode))
    return fail(ErrorKind::environment, path + ": cannot be written: no regular file");
  // One write, so that lines of two calls never mix. Of a disk that was full the line is cut: an LF
  // of its own ends it, and readers skip what is no object.
  std::string line = log_line(entry);
  const ssize_t n = write(fd.get(), line.data(), line.size());
  if (n != static_cast<ssize_t>(line.size())) {
    const int error = n < 0 ? errno : ENOSPC;
    if (n > 0) static_cast<void>(!write(fd.get(), "\n", 1));
    return cannot(path, "cannot be written", error);
  }
  if (fsync(fd.get()) != 0) return cannot(path, "cannot be written", errno);
  return {};
}

std::string who_calls() {
  const uid_t uid = getuid();
  std::string name = user_name(uid);
  if (const char* const sudo = std::getenv("SUDO_USER"); uid == 0 && sudo != nullptr && *sudo != 0)
    name = std::string(sudo) + " as root";
  return (name.empty() ? "" : name + ' ') + "(uid " + std::to_string(uid) + ')';
}

}  // namespace mxw::operators
