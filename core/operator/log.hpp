// operator.log: who braked what, when and why. Append only, mode 0660, one JSON object a line,
// {time, who, action, domain, until, mx, reason}; nothing names the host. Where it cannot be
// written, brakes still work; what makes enforcement stricter is refused (semantics 11).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/base/result.hpp"
#include "core/base/time.hpp"

namespace mxw::operators {

struct LogEntry {
  Time time;
  std::string who;
  std::string
      action;  // `enforcement-off`, `enforcement-on`, `bypass`, `pin`, `report_only`, `release`
  std::string domain;  // empty: all
  std::optional<Time> until;
  std::vector<std::string> mx;
  std::string reason;
};

// Appends the line and waits for the disk. Error (environment) when it is not there for certain.
[[nodiscard]] Result<void> append_log(const std::string& dir, const LogEntry& entry);

[[nodiscard]] std::string log_line(const LogEntry& entry);  // with its LF

// Whose call this is: SUDO_USER (of root only) or the login name, and the uid: `alice (uid 1000)`.
[[nodiscard]] std::string who_calls();

}  // namespace mxw::operators
