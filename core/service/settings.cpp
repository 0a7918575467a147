#include "core/service/settings.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>

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
Result<config::Config> parsed(const Result<std::string>& text, const std::string& file,
                              config::Notes& notes, std::span<const std::string_view> tables) {
  if (!text) return std::unexpected(text.error());
  return config::parse(*text, file, notes, tables);
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

Result<Settings> read_settings(const std::string& file, bool must_be_there, const std::string& copy,
                               std::span<const std::string_view> tables) {
  Settings settings;
  if (!copy.empty() && is_there(copy)) {
    if (auto kept = config::read_file(copy)) settings.kept = std::move(*kept);
  }
  if (!must_be_there && !is_there(file) && (!settings.kept || settings.kept->empty())) {
    return settings;
  }
  const auto text = config::read_file(file);
  auto config = parsed(text, file, settings.notes, tables);
  if (config) {
    settings.config = std::move(*config);
    settings.text = *text;
    return settings;
  }
  if (!settings.kept) return std::unexpected(std::move(config.error()));
  settings.notes.clear();
  auto before = config::parse(*settings.kept, copy, settings.notes, tables);
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

struct SettingsKeeper::Desk {
  const std::string path;
  const Write write;
  std::mutex mutex;
  std::condition_variable idle;
  std::optional<std::string> next;  // to be written, by the writer that runs
  bool running = false;
  bool failed = false;

  Desk(std::string where, Write how) : path(std::move(where)), write(std::move(how)) {}

  // The writer's thread: until nothing is left.
  void work() {
    std::unique_lock lock(mutex);
    while (next) {
      const std::string text = *std::exchange(next, std::nullopt);
      lock.unlock();
      const auto written = write(path, text);
      if (!written) {
        log_warning("no copy of the settings is kept: " + written.error().message);
      }
      lock.lock();
      failed = !written;
    }
    running = false;
    idle.notify_all();
  }
};

SettingsKeeper::SettingsKeeper(std::string path, std::optional<std::string> kept, Write write,
                               std::int64_t patience)
    : kept_(std::move(kept)),
      patience_(patience),
      desk_(std::make_shared<Desk>(std::move(path), std::move(write))) {}

SettingsKeeper::~SettingsKeeper() {
  std::unique_lock lock(desk_->mutex);
  desk_->idle.wait_for(lock, std::chrono::nanoseconds(patience_),
                       [this] { return !desk_->running; });
}

void SettingsKeeper::keep(const std::string& text) {
  if (desk_->path.empty()) return;
  const std::lock_guard lock(desk_->mutex);
  if (kept_ == text && !desk_->failed) return;
  kept_ = text;
  desk_->next = text;
  if (desk_->running) return;
  try {
    std::thread([desk = desk_] { desk->work(); }).detach();
    desk_->running = true;
  } catch (const std::system_error& error) {
    desk_->failed = true;
    log_warning(std::string("no copy of the settings is kept: ") + error.what());
  }
}

}  // namespace mxw::service
