// What the programs say about themselves: lines on stderr.
//
// Under systemd (JOURNAL_STREAM is set) a line begins with its priority, `<4>`, and the journal
// adds the time; else with time and level. Control characters and octets that are not UTF-8 become
// \xNN, so that no text from outside makes a line of its own or drives a terminal; lines longer
// than kLogLine octets are cut. Messages are sentences without a full stop, as everywhere.
//
// All functions may be called from any thread. A line is one write(2) to stderr, which blocks when
// whoever reads it stalls: a thread that must never block says nothing per question.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "core/config/config.hpp"

namespace mxw::service {

inline constexpr std::size_t kLogLine =
    2'048;  // journald's LineMax is 48 KiB; a line is for people
inline constexpr std::size_t kLogKeys = 1'024;  // keys of log_rarely() remembered at a time

// Before the first line; again after a reload to change the level.
void start_log(config::LogLevel level);

void log_error(std::string_view message);
void log_warning(std::string_view message);
void log_info(std::string_view message);
void log_debug(std::string_view message);

// At most one line a minute for each key: the first at once; the next one says how many were left
// out in between. `key` is a word of ours, never text from outside. When there are more than
// kLogKeys keys, the rest share one.
void log_rarely(config::LogLevel level, std::string_view key, std::string_view message);

// `text` as it stands in a line.
[[nodiscard]] std::string escaped(std::string_view text);

// The rule behind log_rarely(), with its own clock: what a caller at `now` (nanoseconds, any
// monotonic clock) shall print. Not thread-safe.
class RarelyRule {
 public:
  RarelyRule();
  ~RarelyRule();
  RarelyRule(const RarelyRule&) = delete;
  RarelyRule& operator=(const RarelyRule&) = delete;

  static constexpr std::int64_t kInterval = 60 * kSecond;

  struct Verdict {
    bool print = false;
    std::uint64_t left_out = 0;  // since the last line printed
  };
  Verdict ask(std::string_view key, std::int64_t now);

 private:
  struct Keys;
  std::unique_ptr<Keys> keys_;
};

}  // namespace mxw::service
