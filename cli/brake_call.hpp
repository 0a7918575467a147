// What the verbs that write operator files share: the call as given, and its line in operator.log.
#pragma once

#include <optional>
#include <string>

#include "cli/options.hpp"
#include "core/base/result.hpp"
#include "core/base/time.hpp"
#include "core/operator/log.hpp"

namespace mxw::cli {

inline constexpr Option kForOption{"for", "TIME",
                                   "how long, as 90s, 15m, 4h or 7d; at most 7d (default: 4h)"};
inline constexpr Option kReasonOption{"reason", "TEXT", "why; is logged and shown to others"};

struct BrakeCall {
  std::string dir;
  Time now;
  std::optional<Time> until;
  std::string who, reason;
};

enum class End : std::uint8_t {
  needed,   // 4 hours unless given, at most 7 days
  allowed,  // none unless given
  none,     // there is no --for
};
// Error (usage): no directory, no reason, or a text that is too long; a time that is none or too
// far.
[[nodiscard]] Result<BrakeCall> brake_call(const Given& given, End end);

[[nodiscard]] operators::LogEntry log_entry(const BrakeCall& call, std::string action,
                                            std::string domain = {});

// A brake that holds is worth more than its line: a log that cannot be written is a warning.
void log_brake(const BrakeCall& call, const operators::LogEntry& entry);

// What makes enforcement stricter is written down first. Error (environment): it must not happen.
[[nodiscard]] Result<void> log_first(const BrakeCall& call, const operators::LogEntry& entry);

}  // namespace mxw::cli
