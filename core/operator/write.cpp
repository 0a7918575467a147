#include "core/operator/write.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "core/base/json_writer.hpp"
#include "core/mail/name.hpp"
#include "core/operator/descriptor.hpp"
#include "core/operator/read.hpp"

namespace mxw::operators {
namespace {

constexpr mode_t kFileMode = 0664;        // semantics 11: the group may end what one of it began
constexpr mode_t kDirectoryMode = 02775;  // files in it are the group's
constexpr std::size_t kFileNameBytes = 255;

std::unexpected<Error> cannot(const std::string& path, const char* what) {
  return fail(ErrorKind::environment, path + ": " + what + ": " + std::strerror(errno));
}

// A file under a name readers pass over; removed unless it got its place.
class Draft {
 public:
  explicit Draft(const std::string& folder) : path_(folder + "/.new-XXXXXX") {
    fd_ = mkostemp(path_.data(), O_CLOEXEC);
  }
  Draft(const Draft&) = delete;
  Draft& operator=(const Draft&) = delete;
  ~Draft() {
    if (fd_ >= 0) close(fd_);
    if (fd_ >= 0 && !placed_) unlink(path_.c_str());
  }

  [[nodiscard]] bool write_all(std::string_view text) const {
    while (fd_ >= 0 && !text.empty()) {
      const ssize_t n = write(fd_, text.data(), text.size());
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) return false;
      text.remove_prefix(static_cast<std::size_t>(n));
    }
    return fd_ >= 0 && fchmod(fd_, kFileMode) == 0 && fsync(fd_) == 0;
  }
  [[nodiscard]] bool place(const std::string& target) {
    placed_ = rename(path_.c_str(), target.c_str()) == 0;
    return placed_;
  }

 private:
  std::string path_;
  int fd_ = -1;
  bool placed_ = false;
};

Result<void> sync_folder(const std::string& folder) {
  const Descriptor fd(open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd || fsync(fd.get()) != 0) return cannot(folder, "cannot be synchronised");
  return {};
}

Result<void> replace(const std::string& folder, const std::string& name, const std::string& text) {
  const std::string path = folder + '/' + name;
  Draft draft(folder);
  if (!draft.write_all(text) || !draft.place(path)) return cannot(path, "cannot be written");
  return sync_folder(folder);
}

Result<bool> remove_file(const std::string& folder, const std::string& name) {
  const std::string path = folder + '/' + name;
  if (unlink(path.c_str()) != 0) {
    if (errno == ENOENT) return false;
    return cannot(path, "cannot be removed");
  }
  if (auto synced = sync_folder(folder); !synced) return std::unexpected(std::move(synced.error()));
  return true;
}

Result<std::string> file_of(std::string_view domain) {
  const auto name = mail::HostName::parse(domain);
  if (!name) return fail(ErrorKind::usage, '\'' + std::string(domain) + "' is no domain");
  std::string file = name->text() + ".json";
  if (file.size() > kFileNameBytes)
    return fail(ErrorKind::usage, name->text() + ": too long for the name of a file");
  return file;
}

}  // namespace

std::string enforcement_json(const Enforcement& off) {
  std::string text;
  JsonWriter json(text);
  json.begin_object().member("state", off.off ? "off" : "on");
  if (off.off) json.member("until", format_rfc3339(off.until));
  json.member("reason", off.reason).member("who", off.who).end_object();
  return text + '\n';
}

std::string brake_json(const DomainBrake& brake) {
  std::string text;
  JsonWriter json(text);
  json.begin_object().member("action", name(brake.action));
  if (brake.until) json.member("until", format_rfc3339(*brake.until));
  json.member("reason", brake.reason).member("who", brake.who);
  if (!brake.mx.empty()) {
    json.key("mx").begin_array();
    for (const std::string& host : brake.mx) json.string(host);
    json.end_array();
  }
  json.end_object();
  return text + '\n';
}

Result<void> write_enforcement_off(const std::string& dir, const Enforcement& off) {
  return replace(dir, "enforcement.json", enforcement_json(off));
}

Result<bool> remove_enforcement_off(const std::string& dir) {
  return remove_file(dir, "enforcement.json");
}

Result<void> write_brake(const std::string& dir, std::string_view domain,
                         const DomainBrake& brake) {
  auto file = file_of(domain);
  if (!file) return std::unexpected(std::move(file.error()));
  const std::string text = brake_json(brake);
  // What our own readers would take for void or garbled is not written. The distance of `until` is
  // the caller's to keep: only he knows the time.
  const Time far = brake.until ? *brake.until : Time{};
  if (const auto read = parse_brake(text, far, far); !read || *read != brake)
    return fail(ErrorKind::usage, read ? "a text is too long or not printable, or a name of mx is "
                                         "not in lower-case A-labels"
                                       : read.error());
  const std::string folder = dir + "/domain";
  if (mkdir(folder.c_str(), kDirectoryMode) == 0) {
    // Not the umask's matter: the group works in it.
    if (chmod(folder.c_str(), kDirectoryMode) != 0) return cannot(folder, "cannot be made");
  } else if (errno != EEXIST) {
    return cannot(folder, "cannot be made");
  }
  return replace(folder, *file, text);
}

Result<bool> remove_brake(const std::string& dir, std::string_view domain) {
  auto file = file_of(domain);
  if (!file) return std::unexpected(std::move(file.error()));
  return remove_file(dir + "/domain", *file);
}

}  // namespace mxw::operators
