// LmtpDialogue: one connection's LMTP (RFC 2033) without its socket: octets in, answers out. Any
// split of the same octets gives the same answers and mails. Total on any octets; not thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "reportd/lmtp.hpp"

namespace mxw::reportd {

// What the connections of one server share. Outlives the dialogues.
struct LmtpShared {
  std::string hello;
  LmtpHandler handler;
  LmtpLimits limits;
  LmtpCounters counters;
  std::size_t held_bytes = 0;  // of all messages being received
};

class LmtpDialogue {
 public:
  // Answers that were not taken; then nothing more is done until they are.
  static constexpr std::size_t kUnsentBytes = 65'536;

  explicit LmtpDialogue(LmtpShared& shared);
  ~LmtpDialogue() { drop_data(); }
  LmtpDialogue(const LmtpDialogue&) = delete;
  LmtpDialogue& operator=(const LmtpDialogue&) = delete;

  // Keeps a copy of the octets. Call work() before feeding again.
  void feed(std::string_view octets) { in_ += octets; }
  void work();
  void time_out();  // says so

  [[nodiscard]] std::string& answers() { return out_; }  // to be sent, and taken off
  // Nothing more is taken: to be closed once all answers are sent.
  [[nodiscard]] bool ended() const { return ending_; }

 private:
  void answer(std::string_view text);
  void bad(std::string_view text);
  [[nodiscard]] bool take_line();
  void command(const std::string& line);
  void hello(std::string_view argument);
  void mail_from(std::string_view argument);
  void rcpt_to(std::string_view argument);
  void data();
  void reset();
  [[nodiscard]] bool take_data();
  void keep(std::string_view octets);
  void finish();
  void drop_data();

  LmtpShared& shared_;
  std::string in_, out_;
  bool passing_over_ = false;  // a line without end
  bool greeted_ = false;
  bool ending_ = false;  // see ended()
  std::size_t errors_ = 0;
  std::optional<LmtpMail> mail_;  // since MAIL
  bool in_data_ = false;
  std::string data_;  // as received, empty when there is too much
  std::size_t received_ = 0;
  std::string tail_;  // the last octets before in_, where the end may have begun
  bool too_large_ = false, too_busy_ = false;
};

}  // namespace mxw::reportd
