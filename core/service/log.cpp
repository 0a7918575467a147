#include "core/service/log.hpp"

#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <cstdlib>
#include <ctime>
#include <mutex>
#include <unordered_map>

#include "core/base/event_loop.hpp"
#include "core/base/utf8.hpp"

namespace mxw::service {
namespace {

spdlog::level::level_enum spd_level(config::LogLevel level) {
  switch (level) {
    case config::LogLevel::error:
      return spdlog::level::err;
    case config::LogLevel::warning:
      return spdlog::level::warn;
    case config::LogLevel::info:
      return spdlog::level::info;
    case config::LogLevel::debug:
      return spdlog::level::debug;
  }
  return spdlog::level::info;
}

// `<4>`: the numbers of syslog(3), as sd-daemon(3) has them.
class Priority final : public spdlog::custom_flag_formatter {
 public:
  void format(const spdlog::details::log_msg& message, const std::tm& /*time*/,
              spdlog::memory_buf_t& out) override {
    std::string_view text = "<6>";
    if (message.level == spdlog::level::err) text = "<3>";
    if (message.level == spdlog::level::warn) text = "<4>";
    if (message.level == spdlog::level::debug) text = "<7>";
    out.append(text.data(), text.data() + text.size());
  }
  [[nodiscard]] std::unique_ptr<custom_flag_formatter> clone() const override {
    return std::make_unique<Priority>();
  }
};

std::unique_ptr<spdlog::logger> make_logger() {
  auto made = std::make_unique<spdlog::logger>("mxwarden",
                                               std::make_shared<spdlog::sinks::stderr_sink_mt>());
  auto format = std::make_unique<spdlog::pattern_formatter>(spdlog::pattern_time_type::utc);
  format->add_flag<Priority>('*');
  format->set_pattern(std::getenv("JOURNAL_STREAM") != nullptr ? "%*%v"
                                                               : "%Y-%m-%dT%H:%M:%S.%eZ %l: %v");
  made->set_formatter(std::move(format));
  made->set_error_handler([](const std::string&) {});  // stderr is gone: nobody to tell
  return made;
}

spdlog::logger& logger() {
  static const std::unique_ptr<spdlog::logger> one = make_logger();
  return *one;
}

void say(config::LogLevel level, std::string_view message) {
  const auto at = spd_level(level);
  if (!logger().should_log(at)) return;
  logger().log(at, spdlog::string_view_t(escaped(message)));
}

bool control(std::string_view sequence) {
  const auto first = static_cast<unsigned char>(sequence[0]);
  if (sequence.size() == 1) return first < 0x20 || first == 0x7f || first == '\\';
  // C1 control characters: terminals take U+009B as the start of a command.
  return first == 0xc2 && static_cast<unsigned char>(sequence[1]) < 0xa0;
}

struct Rarely {
  std::mutex mutex;
  RarelyRule rule;
};

}  // namespace

std::string escaped(std::string_view text) {
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string out;
  while (!text.empty()) {
    const std::size_t valid = utf8::sequence_length(text);
    const std::string_view piece = text.substr(0, valid == 0 ? 1 : valid);
    text.remove_prefix(piece.size());
    std::string shown(piece);
    if (valid == 0 || control(piece)) {
      shown.clear();
      for (const char c : piece) {
        const auto octet = static_cast<unsigned char>(c);
        shown += {'\\', 'x', kHex[octet >> 4], kHex[octet & 15]};
      }
    }
    if (out.size() + shown.size() > kLogLine) return out + "...";
    out += shown;
  }
  return out;
}

void start_log(config::LogLevel level) {
  logger().set_level(spd_level(level));
}

void log_error(std::string_view message) {
  say(config::LogLevel::error, message);
}
void log_warning(std::string_view message) {
  say(config::LogLevel::warning, message);
}
void log_info(std::string_view message) {
  say(config::LogLevel::info, message);
}
void log_debug(std::string_view message) {
  say(config::LogLevel::debug, message);
}

void log_rarely(config::LogLevel level, std::string_view key, std::string_view message) {
  static Rarely rarely;
  RarelyRule::Verdict verdict;
  {
    const std::lock_guard lock(rarely.mutex);
    verdict = rarely.rule.ask(key, EventLoop::now());
  }
  if (!verdict.print) return;
  std::string line(message);
  if (verdict.left_out > 0) {
    line += " (and " + std::to_string(verdict.left_out) + " more like this)";
  }
  say(level, line);
}

struct RarelyRule::Keys {
  struct Seen {
    std::int64_t printed = 0;
    std::uint64_t left_out = 0;
  };
  std::unordered_map<std::string, Seen> seen;
};

RarelyRule::RarelyRule() : keys_(std::make_unique<Keys>()) {}
RarelyRule::~RarelyRule() = default;

RarelyRule::Verdict RarelyRule::ask(std::string_view key, std::int64_t now) {
  auto& seen = keys_->seen;
  auto at = seen.find(std::string(key));
  if (at == seen.end() && seen.size() >= kLogKeys) at = seen.find(std::string());
  if (at == seen.end()) {
    seen.emplace(seen.size() + 1 < kLogKeys ? std::string(key) : std::string(), Keys::Seen{now, 0});
    return {true, 0};
  }
  Keys::Seen& one = at->second;
  if (now - one.printed < kInterval) {
    ++one.left_out;
    return {};
  }
  const Verdict verdict{true, one.left_out};
  one = {now, 0};
  return verdict;
}

}  // namespace mxw::service
