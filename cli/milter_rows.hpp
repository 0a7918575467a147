// What the milter tells of its decisions (milter/control.hpp), and that in words. Pure but for
// MilterControl, which asks.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "cli/daemon_control.hpp"
#include "core/base/time.hpp"

namespace mxw::cli {

struct MilterDecision {
  Time time;
  std::string session, queue_id, listener, role, domain, verdict_id, action, code, reason;
  bool dry_run = false;
  Time began;        // of the transaction (MAIL); 0: not known
  std::string rule;  // of the verdict
};

struct MilterTally {
  std::string role, action, reason;
  bool dry_run = false;
  std::uint64_t count = 0, domains = 0;
};

inline constexpr Option kMilterSocketOption{
    "milter-socket", "PATH",
    "the milter's control socket (default: <paths.run>/milter/control.sock)"};

inline constexpr Option kMilterInstanceOption{"instance", "NAME",
                                              "the milter that was started with this --instance"};

class MilterControl {
 public:
  // By `--milter-socket`, else by the settings and `--instance`. Error (usage): the settings, both
  // options, no name of an instance.
  [[nodiscard]] static Result<MilterControl> of(const Given& given);

  struct Decisions {
    std::vector<MilterDecision> rows;  // oldest first
    bool cut = false;                  // there are more
    // By queue id: how many other mails had it, and when the newest of them began.
    std::uint64_t others = 0;
    std::vector<Time> starts;
  };
  // Of the newest mail that had begun by `at`; nullptr: of the newest.
  // Error: environment (the milter does not run, or we may not ask it), usage (what it says).
  [[nodiscard]] Result<Decisions> by_queue_id(const std::string& id, const Time* at) const;
  // In [from, to); without times the newest.
  struct Span {
    Time from, to;
  };
  [[nodiscard]] Result<Decisions> by_domain(const std::string& domain, const Span* span) const;
  [[nodiscard]] Result<std::vector<MilterTally>> tally(Time from) const;

 private:
  explicit MilterControl(DaemonControl daemon) : daemon_(std::move(daemon)) {}
  [[nodiscard]] Result<Decisions> decisions(const DaemonControl::Members& members) const;
  DaemonControl daemon_;
};

// One paragraph that can be sent to a customer as it is: when, what happened to the mail and why,
// and what comes next.
[[nodiscard]] std::string decision_text(const MilterDecision& decision);
[[nodiscard]] std::string decision_json(const MilterDecision& decision);

// That other mails had the same queue id, and how to ask for them. Empty: none had.
[[nodiscard]] std::string others_text(const MilterControl::Decisions& decisions);

// The milter's part of `mxwarden impact`. Empty without decisions.
[[nodiscard]] std::string tally_text(const std::vector<MilterTally>& tally);
void append_tally(JsonWriter& json, const std::vector<MilterTally>& tally);  // an array

}  // namespace mxw::cli
