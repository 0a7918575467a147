// The settings a daemon runs with, and the copy of the last ones that were good.
//
// A mistake in any table of `mxwarden.toml` is refused by a reload; it must not keep a program mail
// waits for from its next start either. Such a program (Daemon::keeps_settings) keeps the text of
// the file it runs with as `settings.toml` in the folder the service manager gives it
// (STATE_DIRECTORY; `paths.state` stands in the file that may be wrong), and starts from that when
// the file is refused or missing. Without STATE_DIRECTORY nothing is kept. A program that never
// ran with a good file has no copy and refuses. A copy without text stands for no file at all.
//
// At a start, a mistake in a table the program does not read is a note and no refusal.
//
// Errors are usage: FILE:LINE:COLUMN and the mistake.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.hpp"
#include "core/base/time.hpp"
#include "core/config/config.hpp"

namespace mxw::service {

// The path of the copy; empty where none is kept.
[[nodiscard]] std::string settings_copy_path();

struct Settings {
  config::Config config;
  std::string text;     // they were read from; empty: no file
  std::string refused;  // why the file does not count and the copy does; empty: it counts
  std::optional<std::string> kept;  // what the copy says
  std::vector<std::string> notes;   // of what was read: see config::parse()
};

// The settings of `file`, or the defaults where it is missing and need not be there; `copy` (may be
// empty) stands in for a file that is refused or missing. `tables`: those the program reads; none:
// all are judged. Blocks for the disk.
[[nodiscard]] Result<Settings> read_settings(const std::string& file, bool must_be_there,
                                             const std::string& copy,
                                             std::span<const std::string_view> tables = {});

// The copy, written whole or not at all, also when the power fails (beside it, synced, renamed;
// mode 0600). Error (environment).
[[nodiscard]] Result<void> write_settings_copy(const std::string& path, std::string_view text);

// Writes the copy in a thread of its own, since a disk may hang and the caller answers questions:
// keep() never waits. What comes while a text is being written takes the place of what has not
// begun; the end waits for both, but no longer than `patience` (a thread that hangs is left to the
// end of the process). What goes wrong is logged. Belongs to one thread.
class SettingsKeeper {
 public:
  using Write = std::function<Result<void>(const std::string& path, std::string_view text)>;
  static constexpr std::int64_t kPatience = 1 * kSecond;  // as a daemon's kQuitTime

  // `kept`: what the copy says now. With an empty path nothing is kept.
  SettingsKeeper(std::string path, std::optional<std::string> kept,
                 Write write = write_settings_copy, std::int64_t patience = kPatience);
  ~SettingsKeeper();
  SettingsKeeper(const SettingsKeeper&) = delete;
  SettingsKeeper& operator=(const SettingsKeeper&) = delete;

  void keep(const std::string& text);

 private:
  struct Desk;  // what the two threads share; the writer's thread owns it too

  std::optional<std::string> kept_;
  std::int64_t patience_;
  std::shared_ptr<Desk> desk_;
};

}  // namespace mxw::service
