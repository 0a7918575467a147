#include "core/service/settings.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <system_error>

#include "core/base/fd.hpp"
#include "core/config/load.hpp"
#include "core/service/log.hpp"

namespace mxw::service {
namespace {

constexpr std::string_view kName = "/settings.toml";

bool is_there(const std::string& path) {
  return ::access(path.c_str(), F_OK) == 0 || errno != ENOENT;
}

// From the text of the file; without a text it is not there.
Result<config::Config> parsed(const Result<std::string>& text, const std::string& file) {
  if (!text) return std::unexpected(text.error());
  return config::parse(*text, file);
}

std::unexpected<Error> cannot(const std::string& path) {
  return fail(ErrorKind::environment, path + ": " + std::strerror(errno));
}

bool write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t count = ::write(fd, text.data(), text.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return false;
    text.remove_prefix(static_cast<std::size_t>(count));
  }
  return ::fsync(fd) == 0;
}

}  // namespace

std::string settings_copy_path() {
  const char* const folders = std::getenv("STATE_DIRECTORY");
  if (folders == nullptr) return {};
  const std::string_view all = folders;  // several are divided by colons
  const std::string first(all.substr(0, all.find(':')));
  return first.starts_with('/') ? first + std::string(kName) : std::string();
}

Result<Settings> read_settings(const std::string& file, bool must_be_there,
                               const std::string& copy) {
  Settings settings;
  if (!copy.empty() && is_there(copy)) {
    if (auto kept = config::read_file(copy)) settings.kept = std::move(*kept);
  }
  if (!must_be_there && !is_there(file) && (!settings.kept || settings.kept->empty())) {
    return settings;
  }
  const auto text = config::read_file(file);
  auto config = parsed(text, file);
  if (config) {
    settings.config = std::move(*config);
    settings.text = *text;
    return settings;
  }
  if (!settings.kept) return std::unexpected(std::move(config.error()));
  auto before = config::parse(*settings.kept, copy);
  if (!before) {
    return fail(ErrorKind::usage, config.error().message +
                                      "; nor can the copy of the last good "
                                      "settings be used: " +
                                      before.error().message);
  }
  settings.config = std::move(*before);
  settings.text = *settings.kept;
  settings.refused = std::move(config.error().message);
  return settings;
}

Result<void> write_settings_copy(const std::string& path, std::string_view text) {
  const std::string beside = path + ".new";
  ::unlink(beside.c_str());
  const Fd fd(::open(beside.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!fd) return cannot(beside);
  if (!write_all(fd.get(), text) || ::rename(beside.c_str(), path.c_str()) != 0) {
    auto error = cannot(path);
    ::unlink(beside.c_str());
    return error;
  }
  const std::string folder = path.substr(0, path.rfind('/'));
  const Fd opened(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!opened || ::fsync(opened.get()) != 0) return cannot(folder);
  return {};
}

void SettingsKeeper::keep(const std::string& text) {
  if (path_.empty() || (kept_ == text && !failed_)) return;
  kept_ = text;
  try {
    writing_ = std::jthread([this, text] {
      const auto written = write_settings_copy(path_, text);
      failed_ = !written;
      if (!written) {
        log_warning("no copy of the settings is kept: " + written.error().message);
      }
    });
  } catch (const std::system_error& error) {
    failed_ = true;
    log_warning(std::string("no copy of the settings is kept: ") + error.what());
  }
}

}  // namespace mxw::service
