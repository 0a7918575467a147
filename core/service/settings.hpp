// The settings a daemon runs with, and the copy of the last ones that were good.
//
// A mistake in any table of `mxwarden.toml` is refused by a reload; it must not keep a program mail
// waits for from its next start either. Such a program (Daemon::keeps_settings) keeps the text of
// the file it runs with as `settings.toml` in the folder the service manager gives it
// (STATE_DIRECTORY; `paths.state` stands in the file that may be wrong), and starts from that when
// the file is refused or missing. Without STATE_DIRECTORY nothing is kept. A program that never
// ran with a good file has no copy and refuses. A copy without text stands for no file at all.
//
// Errors are usage: FILE:LINE:COLUMN and the mistake.
#pragma once

#include <atomic>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include "core/base/result.hpp"
#include "core/config/config.hpp"

namespace mxw::service {

// The path of the copy; empty where none is kept.
[[nodiscard]] std::string settings_copy_path();

struct Settings {
  config::Config config;
  std::string text;     // they were read from; empty: no file
  std::string refused;  // why the file does not count and the copy does; empty: it counts
  std::optional<std::string> kept;  // what the copy says
};

// The settings of `file`, or the defaults where it is missing and need not be there; `copy` (may be
// empty) stands in for a file that is refused or missing. Blocks for the disk.
[[nodiscard]] Result<Settings> read_settings(const std::string& file, bool must_be_there,
                                             const std::string& copy);

// Writes the copy: whole or not at all, also when the power fails (beside it, synced, renamed; mode
// 0600). In a thread of its own, since a disk may hang and the caller answers questions; what goes
// wrong is logged. One writing at a time: the next, and the end, wait for the one before.
class SettingsKeeper {
 public:
  // `kept`: what the copy says now. With an empty path nothing is kept.
  SettingsKeeper(std::string path, std::optional<std::string> kept)
      : path_(std::move(path)), kept_(std::move(kept)) {}

  void keep(const std::string& text);

 private:
  std::string path_;
  std::optional<std::string> kept_;
  std::atomic<bool> failed_ = false;
  std::jthread writing_;
};

// Error (environment).
[[nodiscard]] Result<void> write_settings_copy(const std::string& path, std::string_view text);

}  // namespace mxw::service
