// OperatorState: what the operator said at one moment, by files outside all stores (semantics 11):
// `enforcement.json` {state, until, reason, who} and `domain/<a-label>.json` {action, until,
// reason, who, mx[]} below one directory. These brakes need no store and no daemon: a text editor
// suffices. Immutable once read, shared between threads by std::shared_ptr<const OperatorState>.
//
// Order: off > bypass > report_only > pin > DANE > MTA-STS; the last two are not the operator's.
// A brake holds before its `until`, which is wall clock: `now` comes from the caller.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/time.hpp"

namespace mxw::operators {

inline constexpr std::size_t kFileBytes = 16 << 10;        // 256 names of an `mx` are 8 KiB
inline constexpr std::size_t kDomainFiles = 100'000;       // as many as policies are kept
inline constexpr std::size_t kMxNames = 256;               // as limits::kPolicyMx
inline constexpr std::size_t kReasonBytes = 512;           // one line of a log; more is cut
inline constexpr std::size_t kWhoBytes = 128;              // more is cut
inline constexpr std::size_t kNotes = 64;                  // kept as text; all are counted
inline constexpr std::int64_t kLongestBrake = 7 * kDay;    // semantics 11; pins have no end
inline constexpr std::int64_t kUnreadableOff = 4 * kHour;  // semantics 11: after its mtime

struct Enforcement {
  bool off = false;
  bool unreadable = false;  // `off` because the file cannot be understood
  Time until;               // of `off`
  std::string reason, who;
  friend bool operator==(const Enforcement&, const Enforcement&) = default;
};

enum class Action : std::uint8_t { bypass, pin, report_only };
[[nodiscard]] std::string_view name(Action action);  // as in the files: `report_only`
[[nodiscard]] std::optional<Action> parse_action(std::string_view word);

struct DomainBrake {
  Action action = Action::bypass;
  std::optional<Time> until;  // nullopt (pins only): until it is released
  std::string reason, who;
  std::vector<std::string> mx;  // pin: the names to be met, lower-case A-labels, `*.` allowed
  [[nodiscard]] bool holds(Time now) const { return !until || now < *until; }
  friend bool operator==(const DomainBrake&, const DomainBrake&) = default;
};

// What comes first in the order above; `brake` is nullptr for `none` and `off`.
enum class Word : std::uint8_t { none, off, bypass, report_only, pin };
struct Said {
  Word word = Word::none;
  const DomainBrake* brake = nullptr;  // as long as the state lives
};

class OperatorState {
 public:
  using Brakes = std::map<std::string, std::shared_ptr<const DomainBrake>, std::less<>>;

  // What was not taken as it stands: `domain/example.org.json: action is not bypass, pin or
  // report_only`. Never a reason to ignore another file.
  struct Notes {
    std::vector<std::string> texts;  // at most kNotes, in the order of names
    std::size_t ignored = 0;         // domain files without effect: garbled, void, refused
    std::size_t over_limit = 0;      // domain files beyond kDomainFiles
    // Cannot be read now: what this state does not say may hold all the same; what was read before
    // holds on. `texts` begins with the reason.
    bool folder_unreadable = false, domains_unreadable = false;
    [[nodiscard]] bool unread() const { return folder_unreadable || domains_unreadable; }
    friend bool operator==(const Notes&, const Notes&) = default;
  };

  OperatorState() = default;
  OperatorState(Enforcement enforcement, Brakes brakes, Notes notes)
      : enforcement_(std::move(enforcement)),
        brakes_(std::move(brakes)),
        notes_(std::move(notes)) {}

  [[nodiscard]] bool enforcement_off(Time now) const {
    return enforcement_.off && now < enforcement_.until;
  }
  // The brake of this very domain (lower-case A-label) that holds now, else nullptr. Borrowed.
  [[nodiscard]] const DomainBrake* find(std::string_view domain, Time now) const;
  [[nodiscard]] Said said(std::string_view domain, Time now) const;

  [[nodiscard]] const Enforcement& enforcement() const { return enforcement_; }
  [[nodiscard]] const Brakes& brakes() const { return brakes_; }  // also those that have ended
  [[nodiscard]] const Notes& notes() const { return notes_; }

 private:
  Enforcement enforcement_;
  Brakes brakes_;
  Notes notes_;
};

}  // namespace mxw::operators
