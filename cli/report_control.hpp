// Asking reportd what reportd/control.hpp lists.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/daemon_control.hpp"
#include "core/base/result.hpp"

namespace mxw::cli {

inline constexpr Option kReportSocketOption{
    "reportd-socket", "PATH",
    "reportd's control socket (default: <paths.run>/reportd/control.sock)"};

class ReportControl {
 public:
  // By `--reportd-socket`, else by the settings. Error (usage): the settings.
  [[nodiscard]] static Result<ReportControl> of(const Given& given);

  // As DaemonControl::ask().
  using Members = DaemonControl::Members;
  [[nodiscard]] Result<ipc::JsonMessage> ask(std::string_view cmd, const Members& members) const {
    return daemon_.ask(cmd, members);
  }

  // A text that comes in pieces: `report`, `build`, `fetcher`. `first` (may be empty) sees the
  // first answer.
  using First = std::function<void(const ipc::JsonMessage&)>;
  [[nodiscard]] Result<std::string> text(std::string_view what, const std::string& day,
                                         const std::string& domain, const First& first = {}) const;

  // The elements of a list that comes in pages by `after`: `list`, `domains`.
  using Each = std::function<std::string(const std::string& element)>;  // gives its domain
  [[nodiscard]] Result<void> pages(std::string_view cmd, const char* list, const std::string& day,
                                   const Each& each) const;

  // Sends the octets of a report somebody sent; the answer of the last piece.
  [[nodiscard]] Result<ipc::JsonMessage> import(std::string_view octets, bool dry_run,
                                                bool quarantine) const;

 private:
  explicit ReportControl(DaemonControl daemon) : daemon_(std::move(daemon)) {}
  DaemonControl daemon_;
};

// The operand `at` as a UTC day, `YYYY-MM-DD`. Error (usage).
[[nodiscard]] Result<std::string> day_operand(const Given& given, std::size_t at);
// The operand `at` as an A-label. Error (usage).
[[nodiscard]] Result<std::string> domain_at(const Given& given, std::size_t at);

}  // namespace mxw::cli
