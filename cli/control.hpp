// Asking policyd what policyd/control.hpp lists.
#pragma once

#include <string>

#include "cli/daemon_control.hpp"
#include "core/base/result.hpp"
#include "core/feed/codec.hpp"

namespace mxw::cli {

inline constexpr Option kSocketOption{
    "socket", "PATH", "policyd's control socket (default: <paths.run>/policyd/control.sock)"};

class Control {
 public:
  // By `--socket`, else by the settings. Error (usage): the settings.
  [[nodiscard]] static Result<Control> of(const Given& given);

  // As DaemonControl::ask().
  using Members = DaemonControl::Members;
  [[nodiscard]] Result<ipc::JsonMessage> ask(std::string_view cmd, const Members& members) const {
    return daemon_.ask(cmd, members);
  }

  // The text of a policy as served; `at` nullopt: the current one.
  [[nodiscard]] Result<std::string> body(const std::string& domain, std::optional<Time> at) const;

 private:
  explicit Control(DaemonControl daemon) : daemon_(std::move(daemon)) {}
  DaemonControl daemon_;
};

// The rows of an answer, in its order; what is no row is left out.
[[nodiscard]] std::vector<rows::Change> rows_of(const ipc::JsonMessage& answer);

}  // namespace mxw::cli
